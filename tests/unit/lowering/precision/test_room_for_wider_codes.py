"""What wider codes may not do: overflow, need a table, or have other formats than their codes."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np
import pytest
import torch
from middle_networks import apply, ops_of, parse
from torch import Tensor, nn
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.backend.arithmetic.bounds import accumulator_limit
from recog.backend.arithmetic.reference.stereo import correlation_bound
from recog.backend.interpreters.lns import run_lns
from recog.backend.machine import Machine
from recog.dialects import lns
from recog.dialects.functions import find_function
from recog.dialects.lns import format_of, shape_of
from recog.dialects.nn import ClampOp, LayerOp, NnOp
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.frontend.torch.importer import import_torch
from recog.lowering.check.compare_layers import sqnr_db
from recog.lowering.encode.calibrate import ActivationFormats, calibrate
from recog.lowering.encode.constants import ConstantEncoder
from recog.lowering.encode.elementwise_fusion import find_chains
from recog.lowering.encode.encode_lns import EncodeLnsPass
from recog.lowering.pipeline import ConversionOptions, Stage, convert
from recog.lowering.precision.budgets import Candidate, worth_widening
from recog.lowering.precision.coded_values import coded_values, format_groups
from recog.lowering.precision.headroom import Headroom
from recog.lowering.precision.wider_values import finer_codes, table_rows

USUAL = LnsFormat(8, 4)


def imported(net: nn.Module, *shape: int) -> tuple[ModuleOp, np.ndarray]:
    """A calibrated network, with its inputs."""
    x = np.random.default_rng(0).normal(size=(16, *shape)).astype(np.float32)
    module = import_torch(net.eval(), torch.from_numpy(x[:1]))
    calibrate(module, [x], ActivationFormats())
    return module, x


class Moves(nn.Module):
    """Values whose codes are another's."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3)
        self.c = nn.Conv2d(8, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        z = y.relu() + self.c(y)
        z = nn.functional.interpolate(z[:, :, 1:-1], scale_factor=2.0)
        return self.b(nn.functional.pad(z.relu(), (1, 2, 0, 1))).flatten(1)


def test_codes_of_an_operand_have_its_format():
    """As encode-lns gives it, wherever they move to, and without their sign where a ReLU drops it;
    calibration had a format of its own for each."""
    module, _ = imported(Moves(), 3, 12, 12)
    function = find_function(module, "main")
    expected = [
        (shape_of(value), format)
        for value, format in coded_values(function, find_chains(module)).items()
        if isinstance(value.owner, NnOp)
    ]
    apply(module, EncodeLnsPass())
    found = [
        (shape_of(op.output), format_of(op.output))
        for op in find_function(module, "main").body.block.ops
        if isinstance(op, lns.CodesOp) and not isinstance(op, lns.EncodeOp)
    ]
    assert found == expected
    assert any(format.unsigned for _, format in found)


def test_they_become_wider_together():
    module, _ = imported(Moves(), 3, 12, 12)
    function, chains = find_function(module, "main"), find_chains(module)
    groups = format_groups(coded_values(function, chains), chains)
    names = [sorted(getattr(v.owner, "name", "input") for v in group) for group in groups]
    assert ["nn.conv2d", "nn.relu"] in names
    assert ["nn.add", "nn.pad", "nn.relu", "nn.resize", "nn.slice"] in names


class Weighed(nn.Module):
    """Two softmaxes of far apart logits, as in split attention (ResNeSt)."""

    def __init__(self):
        super().__init__()
        self.logits, self.last = nn.Conv2d(3, 8, 1), nn.Conv2d(4, 2, 1)
        with torch.no_grad():
            self.logits.weight.mul_(300)

    def forward(self, x):
        y = self.logits(x)
        weights = y.mean((2, 3), keepdim=True).reshape(-1, 2, 4, 1, 1).softmax(1)
        return self.last((weights * y.reshape(-1, 2, 4, *y.shape[2:])).sum(1))


def test_a_maximum_is_one_of_the_codes_that_it_is_taken_from():
    """With codes of its own, all powers of what lies below it may vanish, and 0 / 0 is NaN."""
    torch.manual_seed(0)
    module, x = imported(Weighed(), 3, 12, 12)
    options = ConversionOptions(cluster=False, value_widths="*logits*=12")
    conversion = convert(module, [x], options=options)
    function = find_function(conversion.stages[Stage.CALIBRATED], "main")
    formats = coded_values(function, find_chains(conversion.stages[Stage.CALIBRATED]))
    (largest,) = (op for op in function.body.block.ops if op.name == "nn.max")
    assert formats[largest.results[0]] == formats[largest.operands[0]]
    assert np.isfinite(Machine(conversion.assemble()).run(x)).all()


def long_sum(inputs: int) -> tuple[ModuleOp, np.ndarray]:
    torch.manual_seed(0)
    return imported(nn.Linear(inputs, 2), inputs)


@pytest.mark.parametrize(("inputs", "fits"), [(64, True), (1 << 14, False)])
def test_accumulators_say_how_fine_codes_may_be(inputs: int, fits: bool):
    """Products of finer codes have more fraction bits, which long sums have no room for."""
    module, _ = long_sum(inputs)
    function, chains = find_function(module, "main"), find_chains(module)
    formats = coded_values(function, chains)
    encoder = ConstantEncoder(USUAL, Arithmetic(6, 32))
    sums = Headroom(function, formats, encoder)
    (layer,) = (op for op in function.body.block.ops if op.name == "nn.linear")
    assert sums.holds_finer([layer.operands[0]], 4) == fits
    assert (sums.finest([layer], USUAL, 4) == 4) == fits  # pyright: ignore[reportArgumentType]
    # Accumulators of 48 bits hold either.
    wide = Headroom(function, formats, ConstantEncoder(USUAL, Arithmetic(6, 48)))
    assert wide.holds_finer([layer.operands[0]], 4)


def test_accumulators_say_how_coarse_codes_of_weights_may_be():
    """The least code of 5 bits is half an octave above nothing, for which sums of hundreds of
    alike weights have no room, as of the squares that a normalization sums (ConvNeXt)."""
    for count, fewer in ((96, 3), (192, 2), (384, 0)):
        ones = nn.Linear(count, 1, bias=False)
        nn.init.ones_(ones.weight)
        module, _ = imported(ones, count)
        function = find_function(module, "main")
        (layer,) = (op for op in function.body.block.ops if isinstance(op, LayerOp))
        squares = {layer.input: LnsFormat(8, 4, bias=260, unsigned=True)}
        sums = Headroom(function, squares, ConstantEncoder(USUAL, Arithmetic(6, 32)))
        assert sums.coarsest([layer], USUAL, 3) == fewer
        wide = Headroom(function, squares, ConstantEncoder(USUAL, Arithmetic(6, 40)))
        assert wide.coarsest([layer], USUAL, 3) == 3


@pytest.mark.parametrize(("channels", "most"), [(4, 6), (64, 4), (256, 2)])
def test_correlations_of_wider_codes_fit_their_accumulators(channels: int, most: int):
    """The two maps that they multiply become wider one by one, or both."""
    shape = f"tensor<1x{channels}x4x8xf32>"
    module = parse(f"""
      func.func @main(%a: {shape}, %b: {shape}) -> tensor<1x4x4x8xf32> {{
        %y = nn.correlation %a, %b {{disparities = 4 : i64}}
          : ({shape}, {shape}) -> tensor<1x4x4x8xf32>
        func.return %y : tensor<1x4x4x8xf32>
      }}
    """)
    function = find_function(module, "main")
    left, right = function.body.block.args
    arithmetic = Arithmetic(6, 32)

    def held(values: Sequence[SSAValue]) -> int:
        sums = Headroom(function, dict.fromkeys((left, right), USUAL), encoder)
        return max((bits for bits in range(1, 7) if sums.holds_finer(values, bits)), default=0)

    encoder = ConstantEncoder(USUAL, arithmetic)
    assert held([left, right]) <= held([left]) == held([right])
    assert held([left, right]) == most
    sums = Headroom(function, dict.fromkeys((left, right), USUAL), encoder)
    sums.widen([left], held([left]))
    formats = USUAL.finer(held([left])), USUAL
    assert correlation_bound(*formats, channels, arithmetic) <= accumulator_limit(arithmetic)


def test_a_sum_that_leaves_no_room_is_converted_all_the_same():
    """The budget would widen the inputs and the weights of so many products."""
    module, x = long_sum(1 << 14)
    options = ConversionOptions(
        cluster=False, round_weights=False, extra_traffic=1.0, extra_weights=1.0
    )
    converted = convert(module, [x], options=options)
    assert sqnr_db(run_float(module, x), run_lns(converted.lns_module, x)[0]) > 30


def run_float(module: ModuleOp, x: np.ndarray) -> np.ndarray:
    from recog.backend.interpreters.nn_runner import run_nn

    return np.asarray(run_nn(module, x)[0])


def test_a_clamp_ends_where_its_wider_codes_do():
    """Else it would be a table of 4,096 entries."""
    module, _ = imported(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU6(), nn.Conv2d(8, 2, 3)), 3, 9, 9)
    (clamp,) = ops_of(module, ClampOp)
    usual = coded_values(find_function(module, "main"), find_chains(module))[clamp.output]
    with_six = usual.with_bias(usual.max_magnitude - round(np.log2(6) * 2**usual.frac))
    finer = finer_codes(clamp.output, with_six, 4)
    assert finer.width == 12
    largest = 2.0 ** ((finer.max_magnitude - finer.biases[0]) / 2**finer.frac)
    assert 6 * 2 ** -(1 / 2**finer.frac) < largest < 6 * 2 ** (1 / 2**finer.frac)
    # A format that ends below the clamp stays as it is.
    assert finer_codes(clamp.output, USUAL.with_bias(0), 4) == USUAL.with_bias(0).finer(4)


def test_tables_of_wider_codes_are_paid_for():
    """An index becomes wider where the budget of its table allows it."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 64, 3), nn.SiLU(), nn.Conv2d(64, 32, 3), nn.Flatten())
    module, x = imported(net, 3, 9, 9)
    wanted = run_float(module, x)
    rows = table_rows(find_chains(module).values())
    assert list(rows.values()) == [1]
    scores = {}
    for weights in (0.005, 0.5):
        options = ConversionOptions(cluster=False, extra_traffic=1.0, extra_weights=weights)
        encoded = convert(module.clone(), [x], options=options).lns_module
        (table,) = ops_of(encoded, lns.TableOp)
        scores[table.input_width] = sqnr_db(wanted, run_lns(encoded, x)[0])
    assert sorted(scores) == [8, 10]
    assert scores[10] > scores[8] + 1


def test_each_budget_is_kept():
    offers = [
        Candidate((), 4, traffic, table, 0, noise)
        for traffic, table, noise in [(10, 0, 1.0), (4, 8, 1.0), (6, 1, 0.5), (50, 0, 2.0)]
    ]
    taken = worth_widening(offers, 20, 8, lambda values, bits: True)
    assert [(each.bytes, each.table_bytes) for each in taken] == [(10, 0), (4, 8)]
    assert worth_widening(offers, 20, 8, lambda values, bits: False) == []


def test_entries_of_tables_that_give_wider_codes_have_a_budget_too():
    offers = [Candidate((), 4, 1, 0, entries, 1.0) for entries in (256, 512, 256)]
    for entries, taken in ((inf, 3), (600, 2), (255, 0)):
        found = worth_widening(offers, 20, 8, lambda values, bits: True, entries)
        assert len(found) == taken


@pytest.mark.parametrize("left,more", [(1e-4, []), (2e-3, [(15, 0), (5, 0)])])
def test_noisy_networks_may_spend_twice_as_much_on_values(left: float, more: list[tuple[int, int]]):
    """Those of which more than a thousandth, 30 dB, is left; tables have no more than before."""
    offers = [
        Candidate((), 4, traffic, table, 0, noise)
        for traffic, table, noise in [
            (20, 0, 0.1), (5, 0, left / 4), (4, 9, left), (15, 0, left)
        ]
    ]  # fmt: skip
    taken = worth_widening(offers, 20, 8, lambda values, bits: True)
    assert [(each.bytes, each.table_bytes) for each in taken] == [(20, 0), *more]


def test_a_root_of_zeros_does_not_keep_others_from_becoming_wider():
    """Its derivative there is infinite, and what rounding 0 changes is 0."""
    x = np.random.default_rng(0).normal(size=(8, 3, 8, 8)).astype(np.float32)

    class Rooted(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(torch.relu(self.first(x)).sqrt())

    torch.manual_seed(0)
    module = import_torch(Rooted().eval(), torch.zeros(1, 3, 8, 8))
    conversion = convert(module, [x], options=ConversionOptions(cluster=False))
    assert "wider-values" in {note.kind for note in conversion.notes}
