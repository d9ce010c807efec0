"""Formats by need: what is widened or narrowed, to which budget, and what users say by name."""

from __future__ import annotations

import re
from itertools import product
from math import prod

import numpy as np
import pytest
from calibrated_networks import calibrated, sqnr
from middle_networks import apply, images, ops_of, parse
from xdsl.dialects.builtin import ModuleOp

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn
from recog.dialects.functions import find_function
from recog.dialects.lns import NumberType, format_of
from recog.dialects.number_format import LnsFormat
from recog.lowering.common.options import OptionError
from recog.lowering.encode.calibrate import FORMAT, ActivationFormats, calibrate
from recog.lowering.encode.constants import WEIGHT_FORMAT
from recog.lowering.encode.elementwise_fusion import find_chains
from recog.lowering.encode.encode_lns import EncodeLnsPass
from recog.lowering.precision.budgets import WeightBits, weight_bits
from recog.lowering.precision.choose_formats import FormatOptions, choose_formats
from recog.lowering.precision.coded_values import coded_values
from recog.lowering.precision.named_widths import widths_of


def weight_formats(module: ModuleOp) -> list[LnsFormat]:
    """Of the layers that have one of their own."""
    found = (op.attributes.get(WEIGHT_FORMAT) for op in ops_of(module, nn.LayerOp))
    return [each.format for each in found if isinstance(each, NumberType)]


def noise_of(weights: list[WeightBits], bits: tuple[int, ...]) -> float:
    return sum(each.noise * 4.0**-more for each, more in zip(weights, bits))


@pytest.mark.parametrize("seed", range(6))
def test_no_other_bits_make_less_noise(seed: int):
    """Held to all choices there are of at most as many bytes."""
    random = np.random.default_rng(seed)
    weights = [
        WeightBits(int(random.integers(1, 50)), 10 ** random.uniform(-4, -1), range(-2, 3))
        for _ in range(4)
    ]
    budget = float(random.integers(0, 40))
    chosen = weight_bits(weights, budget)
    used = sum(each.size * more for each, more in zip(weights, chosen))
    assert used <= budget
    best = min(
        noise_of(weights, bits)
        for bits in product(range(-2, 3), repeat=4)
        if sum(each.size * more for each, more in zip(weights, bits)) <= used
    )
    assert noise_of(weights, tuple(chosen)) == pytest.approx(best)


def test_narrower_weights_pay_for_wider_ones():
    """At next to no bytes more, the outputs come closer."""
    x = images(32)
    module = calibrated(x)
    wanted = np.asarray(run_nn(module, x)[0])
    before = sqnr(module, x, wanted)
    options = FormatOptions(extra_traffic=0.0, extra_weights=1e-6)
    notes = choose_formats(module, [x], options, LnsFormat(8, 4))
    assert {note.kind for note in notes} == {"wider-weights", "narrower-weights"}
    assert {each.width for each in weight_formats(module)} & set(range(5, 8))
    sizes = {
        op: (prod(nn.shape_of(op.weight)), op.attributes.get(WEIGHT_FORMAT))
        for op in ops_of(module, nn.LayerOp)
    }
    more = sum(n * (f.format.width - 8) for n, f in sizes.values() if isinstance(f, NumberType))
    assert more <= 0
    assert sqnr(module, x, wanted) > before


EXACT = """
func.func @main(%x: tensor<1x1x8x8xf32>) -> tensor<1x1x8x8xf32> {
  %v = data.constant dense<[[[[0.31, 0.7, 0.43]]]]> : tensor<1x1x1x3xf32>
  %y = nn.conv2d %x, %v {padding = array<i64: 0, 1, 0, 1>}
    : (tensor<1x1x8x8xf32>, tensor<1x1x1x3xf32>) -> tensor<1x1x8x8xf32>
  %w = data.constant dense<[[[[0.917004, 0.840896, 0.5]]]]> : tensor<1x1x1x3xf32>
  %z = nn.conv2d %y, %w {padding = array<i64: 0, 1, 0, 1>}
    : (tensor<1x1x8x8xf32>, tensor<1x1x1x3xf32>) -> tensor<1x1x8x8xf32>
  func.return %z : tensor<1x1x8x8xf32>
}
"""


def test_weights_without_noise_get_no_bits():
    """As zeros, however many bytes are left."""
    weights = [WeightBits(10, 0.0, range(-3, 5)), WeightBits(10, 10.0, range(-3, 5))]
    assert weight_bits(weights, 1000.0) == [0, 4]


def test_weights_that_are_codes_stay_exact():
    """Rounding makes no noise to them, which says nothing about codes of fewer bits."""
    module = parse(EXACT)
    x = np.random.default_rng(0).normal(0, 1, (8, 1, 8, 8)).astype(np.float32)
    calibrate(module, [x], ActivationFormats())
    choose_formats(module, [x], FormatOptions(extra_weights=0.5), LnsFormat(8, 4))
    _, exact = ops_of(module, nn.LayerOp)
    found = exact.attributes.get(WEIGHT_FORMAT)
    assert found is None or (isinstance(found, NumberType) and found.format.width >= 8)


def test_outputs_that_are_few_are_wide():
    """Two classes nearly as large as each other are told apart only by finer codes."""
    x = images(16)
    module = calibrated(x)
    choose_formats(module, [x], FormatOptions(), LnsFormat(8, 4))
    apply(module, EncodeLnsPass())
    (output,) = find_function(module, "main").body.block.last_op.operands  # pyright: ignore
    given = output.owner.operands[0]  # pyright: ignore
    assert format_of(given).width == 12


def test_wider_formats_where_they_pay():
    """The input is coded with most noise a byte; what was chosen is written and said."""
    x = images(32)
    module = calibrated(x)
    wanted = np.asarray(run_nn(module, x)[0])
    before = sqnr(module, x, wanted)
    options = FormatOptions(extra_traffic=0.6, extra_weights=0.5)
    notes = choose_formats(module, [x], options, LnsFormat(8, 4))
    assert {note.kind for note in notes} == {"wider-values", "wider-weights"}
    assert sqnr(module, x, wanted) > before + 2
    assert any(is_wide(op) for op in ops_of(module, nn.NnOp))
    untouched = calibrated(x)
    assert (
        choose_formats(
            untouched, [x], FormatOptions(extra_traffic=0.0, extra_weights=0.0), LnsFormat()
        )
        == []
    )
    assert str(untouched) == str(calibrated(x))


def is_wide(op: nn.NnOp) -> bool:
    return "number<12" in str(op.attributes.get(FORMAT))


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_the_budget_holds(share: float):
    x = images(8)
    module = calibrated(x)
    options = FormatOptions(extra_traffic=share, extra_weights=0.0)
    choose_formats(module, [x], options, LnsFormat())
    sizes = {op: prod(nn.shape_of(op.output)) for op in ops_of(module, nn.NnOp)}
    more = sum(size for op, size in sizes.items() if is_wide(op))
    assert more <= share * (sum(sizes.values()) + x[0].size)


@pytest.mark.parametrize("kind", ["value_widths", "weight_widths"])
def test_widths_by_name(kind: str):
    """A later pattern counts more; nothing else is touched without a budget."""
    x = images(8)
    module = calibrated(x)
    budget = {"extra_traffic": 0.0, "extra_weights": 0.0}
    options = FormatOptions(**budget, **{kind: "*=10,fc=6"})  # pyright: ignore
    choose_formats(module, [x], options, LnsFormat(8, 4))
    if kind == "weight_widths":
        widths = [each.width for each in weight_formats(module)]
        assert set(widths) == {10, 6}
        assert len(widths) == len(ops_of(module, nn.LayerOp))
    else:
        formats = coded_values(find_function(module, "main"), find_chains(module)).values()
        assert sorted({each.width for each in formats}) == [6, 10]
    apply(module, EncodeLnsPass())


@pytest.mark.parametrize("name", ["x", "@x", "input @x", "@?"])
def test_an_input_by_name(name: str):
    x = images(8)
    module = calibrated(x)
    options = FormatOptions(extra_traffic=0.0, extra_weights=0.0, value_widths=f"{name}=12")
    (note,) = choose_formats(module, [x], options, LnsFormat(8, 4))
    assert note.kind == "named-values"
    function = find_function(module, "main")
    assert coded_values(function, find_chains(module))[function.args[0]].width == 12


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("conv", "takes NAME=BITS"),
        ("=8", "takes NAME=BITS"),
        ("conv2d=x", "takes NAME=BITS"),
        ("conv2d=20", "4 to 16 bits, got 20"),
        ("conv2d=8,", "takes NAME=BITS"),
    ],
)
def test_widths_that_are_none(text: str, words: str):
    with pytest.raises(OptionError, match=words):
        FormatOptions(value_widths=text)


def test_a_layer_comes_before_an_input_of_its_name():
    names = {"layer": ["x"], "image": ["input @x"]}
    assert widths_of("value_widths", "x=12", names) == {"layer": 12}
    assert widths_of("value_widths", "@x=12", names) == {"image": 12}


def test_an_input_that_is_not_there():
    x = images(8)
    options = FormatOptions(value_widths="@y=8")
    with pytest.raises(OptionError, match="names no layer or input with '@y'; .*input @x"):
        choose_formats(calibrated(x), [x], options, LnsFormat(8, 4))


def test_a_name_of_nothing():
    x = images(8)
    options = FormatOptions(weight_widths="stemconv=8")
    with pytest.raises(OptionError, match="weight-widths names no layer .*; like it are stem.conv"):
        choose_formats(calibrated(x), [x], options, LnsFormat(8, 4))


def test_bits_that_a_user_gives_are_said_as_such():
    """They have a price, and no reason of the compiler's."""
    x = images(32)
    module = calibrated(x)
    first, *_ = ops_of(module, nn.LayerOp)
    name, size = "stem.conv", prod(nn.shape_of(first.weight))
    options = FormatOptions(
        extra_traffic=0.0,
        extra_weights=0.0,
        value_widths=f"{name}=12",
        weight_widths=f"{name}=10",
    )
    notes = choose_formats(module, [x], options, LnsFormat(8, 4))
    assert [each.kind for each in notes] == ["named-values", "named-weights"]
    assert notes[1].places == (f"{name} (10 bits, {size / 4:+,.0f} bytes)",)
    (place,) = notes[0].places
    assert re.fullmatch(rf"{name}.* \(1[12] bits, \+[1-9][\d,]* bytes\)", place)
