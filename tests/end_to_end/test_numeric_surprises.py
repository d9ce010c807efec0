"""Networks and data whose numbers surprise: what their programs keep, or what is said of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from recog.backend.interpreters.lns import run_lns
from recog.backend.machine import Machine
from recog.backend.machine.host import Saturated
from recog.frontend.torch.importer import import_torch
from recog.lowering.common.notes import Note
from recog.lowering.pipeline import Conversion, ConversionOptions, convert

GOOD_DB = 28.0
"""What 8-bit codes keep of a small network, about."""


def noise(count: int = 16, seed: int = 0) -> np.ndarray:
    """Frames of standard normal noise (N, 3, 8, 8)."""
    return np.random.default_rng(seed).standard_normal((count, 3, 8, 8), np.float32)


class Body(nn.Module):
    """Two convolutions, and what a function makes of them."""

    def __init__(self, forward: Callable[[Body, torch.Tensor], torch.Tensor] | None = None):
        super().__init__()
        torch.manual_seed(0)
        self.c, self.d = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 1)
        self.f = forward or Body.body

    def body(self, x: torch.Tensor) -> torch.Tensor:
        return self.d(F.relu(self.c(x)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.f(self, x)


def converted(module: nn.Module, calibration: np.ndarray, *, cluster: bool = False) -> Conversion:
    example = (torch.from_numpy(calibration[:1]),)
    options = ConversionOptions(cluster=cluster, extra_traffic=0.0, extra_weights=0.0)
    return convert(import_torch(module.eval(), example), [calibration], options=options)


def kept(conversion: Conversion, module: nn.Module, x: np.ndarray) -> np.ndarray:
    """The signal-to-error ratio of each output channel on the machine, in dB."""
    found = Machine(conversion.assemble()).run(x)
    assert isinstance(found, np.ndarray)
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)).double().numpy()
    axes = tuple(axis for axis in range(wanted.ndim) if axis != 1)
    errors = ((wanted - found) ** 2).sum(axis=axes)
    return 10 * np.log10((wanted**2).sum(axis=axes) / np.maximum(errors, 1e-300))


def note(conversion: Conversion, kind: str) -> Note:
    """The one note of a kind."""
    (found,) = [each for each in conversion.notes if each.kind == kind]
    return found


def test_ordinary_data_is_nothing_to_speak_of():
    module = Body()
    conversion = converted(module, noise())
    assert conversion.notes == []
    assert kept(conversion, module, noise()).min() > GOOD_DB


def test_calibrated_on_zeros():
    module = Body()
    conversion = converted(module, noise() * 0)
    assert note(conversion, "zero-input").places == ("input @x",)
    assert kept(conversion, module, noise()).min() > GOOD_DB


def test_calibrated_on_bright_frames():
    module = Body()
    conversion = converted(module, np.abs(noise(4)))
    line = note(conversion, "never-negative-input").line()
    assert "input @x: never negative in the calibration frames" in line
    assert "calibrate with some" in line


def depths_with_an_invalid_pixel() -> tuple[np.ndarray, np.ndarray]:
    """Depths up to 8 (N, 3, 8, 8), and the same with one 65535."""
    depths = np.random.default_rng(0).random((16, 3, 8, 8)).astype(np.float32) * 8
    broken = depths.copy()
    broken[0, 0, 0, 0] = 65535
    return depths, broken


def test_one_invalid_pixel():
    """It does not take the digits of all others."""
    depths, broken = depths_with_an_invalid_pixel()
    module = Body()
    conversion = converted(module, broken)
    assert note(conversion, "outliers").places == ("input @x (1 of 3,072 values, up to 6.554e+04)",)
    assert kept(conversion, module, depths).min() > GOOD_DB


def test_tuning_on_an_invalid_pixel():
    """It is not what centroids are moved for, as no code holds it."""
    depths, broken = depths_with_an_invalid_pixel()
    module = Body()
    with_it, without = (converted(module, x, cluster=True) for x in (broken, depths))
    assert (kept(with_it, module, depths) > kept(without, module, depths) - 0.5).all()


def test_a_branch_that_no_input_wakes():
    module = Body(lambda m, x: m.d(F.relu(m.c(x) - 99)))
    found = note(converted(module, noise()), "never-seen")
    assert len(found.places) == 1
    assert "zero in every calibration frame" in found.line()


def test_outputs_between_0_and_1_have_no_sign():
    """Signed codes keep 5 dB less."""
    module = Body(lambda m, x: m.body(x).sigmoid())
    assert kept(converted(module, noise()), module, noise()).min() > 41


@pytest.mark.parametrize("cluster", [False, True])
def test_quotients_rounded_down_convert(cluster: bool):
    """No gradient flows through them, to tune by or to choose formats by."""
    module = Body(lambda m, x: m.d(F.relu(m.c(x)) // 0.25))
    network = import_torch(module.eval(), (torch.from_numpy(noise()[:1]),))
    conversion = convert(network, [noise()], options=ConversionOptions(cluster=cluster))
    assert kept(conversion, module, noise()).min() > 8


def test_channels_of_another_unit_at_an_input_are_named():
    x = noise()
    x[:, 2] *= 4096
    found = note(converted(Body(), x), "uneven-channels")
    assert found.places == ("input @x (channels 0-1)",)


def boxes_and_scores(m: Body, x: torch.Tensor) -> torch.Tensor:
    scores = (m.d(F.relu(m.c(x))) - 3).sigmoid()
    return torch.cat([m.body(x).sigmoid() * 640, scores], 1)


def boxes_and_scores_of_one_head(m: Body, x: torch.Tensor) -> torch.Tensor:
    return m.body(x) * torch.tensor([640.0, -500, 1, 0.5]).view(1, 4, 1, 1)


def boxes_and_scores_pooled(m: Body, x: torch.Tensor) -> torch.Tensor:
    return boxes_and_scores(m, x).mean((2, 3))


@pytest.mark.parametrize(
    "forward", [boxes_and_scores, boxes_and_scores_of_one_head, boxes_and_scores_pooled]
)
def test_channels_of_different_units_in_one_output(forward: Callable):
    """Each keeps what it would alone; the host decodes it with a bias of its own."""
    module = Body(forward)
    conversion = converted(module, noise())
    assert kept(conversion, module, noise()).min() > GOOD_DB
    assert not conversion.notes
    (lns_outputs,) = run_lns(conversion.lns_module, noise())
    assert np.array_equal(lns_outputs, Machine(conversion.assemble()).run(noise()))


def test_branches_of_different_ranges_in_a_concatenation():
    """They meet before a convolution, 2^8 apart."""
    factors = torch.tensor([2.0**-8] * 4 + [1.0] * 4).view(1, 8, 1, 1)

    def forward(m: Body, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(m.c(x))
        return m.d(torch.cat([y[:, :4] * 2.0**8, y[:, 4:]], 1) * factors)

    module = Body(forward)
    assert kept(converted(module, noise()), module, noise()).min() > GOOD_DB


def separable(octaves: int) -> nn.Module:
    """Channels of a depthwise layer over some octaves, undone by its weights."""
    torch.manual_seed(0)
    first, depthwise = nn.Conv2d(3, 32, 1), nn.Conv2d(32, 32, 3, 1, 1, groups=32)
    factors = torch.logspace(-octaves / 2, octaves / 2, 32, base=2.0)
    with torch.no_grad():
        first.weight.mul_(factors.view(-1, 1, 1, 1))
        assert first.bias is not None
        first.bias.mul_(factors)
        depthwise.weight.div_(factors.view(-1, 1, 1, 1))
    return nn.Sequential(first, nn.ReLU(), depthwise, nn.ReLU(), nn.Conv2d(32, 8, 1))


@pytest.mark.parametrize("octaves", [12, 20])
def test_channels_of_a_depthwise_layer_of_different_ranges(octaves: int):
    """Within 3 dB of what is kept where all channels have one range."""
    even, uneven = separable(0), separable(octaves)
    alone = kept(converted(even, noise()), even, noise())
    assert (kept(converted(uneven, noise()), uneven, noise()) > alone - 3).all()
    assert alone.mean() > GOOD_DB


@pytest.mark.parametrize("cluster", [False, True])
@pytest.mark.parametrize("gamma", [1.0, 1e-2, 7e-4, 2e-4, 1e-8, 1e-20, 0.0])
def test_a_channel_whose_bias_dwarfs_its_weights(gamma: float, cluster: bool):
    """It needs no wider accumulators than the others."""
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1)
    module = nn.Sequential(*layers)
    with torch.no_grad():
        layers[1].bias.fill_(0.3)
        layers[1].weight[5] = gamma
    example = import_torch(module.eval(), (torch.zeros(1, 3, 8, 8),))
    options = ConversionOptions(cluster=cluster, tune=False)
    conversion = convert(example, [noise()], options=options)
    assert Machine(conversion.assemble()).program.target.data.accumulator == 32
    assert kept(conversion, module, noise()).min() > (20 if cluster else GOOD_DB)
    chosen = {"wider-values", "wider-weights", "narrower-weights"}
    said = [each.kind for each in conversion.notes if each.kind not in chosen]
    assert said == ["constant-channels"] * (0 < gamma < 9e-4)


def palettized(norm: bool) -> nn.Module:
    """A convolution of 16 distinct weights, perhaps with a batch norm after it."""
    torch.manual_seed(0)
    conv = nn.Conv2d(32, 64, 3, bias=False)
    conv.weight.data = (torch.randn(16) * 0.1)[torch.randint(0, 16, conv.weight.shape)]
    after = nn.BatchNorm2d(64)
    nn.init.uniform_(after.weight, -2, 2)
    return nn.Sequential(conv, after) if norm else nn.Sequential(conv)


@pytest.mark.parametrize("norm,least", [(False, GOOD_DB), (True, GOOD_DB - 2)])
def test_weights_of_few_values_are_kept(norm: bool, least: float):
    """Blocks of weights would keep 7 dB. Channels that a batch norm scales have scales of 4 bits
    an octave, a little off."""
    module = palettized(norm)
    x = np.random.default_rng(0).standard_normal((8, 32, 6, 6), np.float32)
    options = ConversionOptions(tune=False)
    conversion = convert(
        import_torch(module.eval(), (torch.zeros(1, 32, 6, 6),)), [x], options=options
    )
    assert "values)" in note(conversion, "palette").places[0]
    assert kept(conversion, module, x).min() > least


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e6])
def test_the_machine_counts_what_saturates(scale: float):
    module = Body()
    machine = Machine(converted(module, noise() * np.float32(scale)).assemble())
    machine.run(noise(2) * np.float32(scale))
    assert not [each for each in machine.saturated if each.is_input and each.count > 4]
    machine.run(noise(2) * np.float32(scale * 100))
    x, y = machine.saturated
    assert (x.port, x.is_input, y.is_input) == ("x", True, False)
    assert x.total == 2 * 3 * 8 * 8
    assert x.count > 0.9 * x.total
    assert "input @x: " in x.line()
    assert "were clipped" in x.line()
    assert "may be larger" in y.line()


@pytest.mark.parametrize("count, share", [(1, "0.1"), (987, "99"), (996, "99.6"), (1000, "100")])
def test_shares_of_what_saturates_are_plain_numbers(count: int, share: str):
    assert f": {share} % ({count:,} of 1,000 values)" in Saturated("y", count, 1000, False).line()


def test_negative_values_of_an_input_without_sign_are_counted():
    machine = Machine(converted(Body(), np.abs(noise())).assemble())
    machine.run(-np.abs(noise(1)))
    assert machine.saturated[0].count > 150


FAR_APART: dict[str, Callable[[Body, torch.Tensor], torch.Tensor]] = {
    "sum": lambda m, x: F.relu(m.body(x)) + F.relu(m.d(F.relu(m.c(-x)))) * 1e-9,
    "difference": lambda m, x: m.body(x).sigmoid() - m.d(F.relu(m.c(-x))) * 1e6,
    "choice": lambda m, x: torch.where(
        torch.arange(8) < 4, F.relu(m.body(x)), F.relu(m.d(F.relu(m.c(-x)))) * 1e-7
    ),
}


@pytest.mark.parametrize("name", FAR_APART)
def test_terms_that_lie_far_apart_fit_an_accumulator(name: str):
    """The small one in codes that end where its digits are none of the sum's."""
    module = Body(FAR_APART[name])
    conversion = converted(module, noise())
    machine = Machine(conversion.assemble())
    assert machine.program.target.data.accumulator == 32
    (lns_outputs,) = run_lns(conversion.lns_module, noise())
    assert np.array_equal(lns_outputs, machine.run(noise()))
    with torch.no_grad():
        wanted = module(torch.from_numpy(noise())).numpy()
    assert ((wanted - lns_outputs) ** 2).sum() < 1e-3 * (wanted**2).sum()


@pytest.mark.parametrize("scale", [1e-30, 1e-10, 1e10, 1e30])
def test_inputs_of_any_size(scale: float):
    module, x = nn.Conv2d(3, 8, 3, bias=False), noise() * np.float32(scale)
    assert kept(converted(module, x), module, x).min() > GOOD_DB
