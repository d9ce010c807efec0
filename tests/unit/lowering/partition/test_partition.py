"""Networks divided between chip and host: where the boundary is, and that both parts make one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch import nn as tnn
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from recog.backend.interpreters.nn_runner import NnRunner, run_nn
from recog.backend.machine import Machine
from recog.backend.split_network import SplitNetwork
from recog.dialects.errors import RecogError
from recog.dialects.verification import verify_module
from recog.frontend.torch.importer import import_torch
from recog.lowering.encode.calibrate import ActivationFormats, calibrate
from recog.lowering.encode.encode_lns import EncodeLnsPass
from recog.lowering.partition.partition import partition, split_modules
from recog.lowering.partition.placement import host_reasons
from recog.lowering.partition.report import CHIP, FOLLOWS, HOST, coverage
from recog.lowering.pipeline import ConversionOptions, convert
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass


class Detector(tnn.Module):
    """A convolution, a head, and the best two positions of it."""

    def __init__(self, decode: Callable[..., Tensor | tuple[Tensor, ...]]):
        super().__init__()
        self.body = tnn.Sequential(tnn.Conv2d(3, 8, 3, padding=1), tnn.ReLU())
        self.head = tnn.Conv2d(8, 2, 1)
        self.decode = decode

    def forward(self, x: Tensor):
        features = self.body(x)
        return self.decode(x, features, self.head(features))


def best(x: Tensor, features: Tensor, scores: Tensor) -> tuple[Tensor, ...]:
    values, positions = scores.flatten(1).topk(3)
    return scores, values / 4, features.flatten(1).gather(1, positions)


DECODES = {
    "best": best,
    "first": lambda x, f, s: (x.flatten(1).argsort(1).float() + 1, s),
    "all": lambda x, f, s: s,
    "image": lambda x, f, s: torch.where(s[:, :1] > 0, x, -x),
    "constant": lambda x, f, s: s.flatten(1)[:, s.flatten(1).argmax(1) * 0] + torch.arange(2.0),
}


def imported(name: str) -> tuple[ModuleOp, Tensor]:
    torch.manual_seed(0)
    x = torch.randn(1, 3, 6, 6)
    return import_torch(Detector(DECODES[name]).eval(), x), x


@pytest.mark.parametrize("name", DECODES)
def test_the_parts_give_what_the_whole_gives(name: str) -> None:
    module, x = imported(name)
    expected = [value.detach().numpy() for value in run_nn(module, x)]
    divided = partition(module)
    verify_module(module)
    chip, host = split_modules(module)
    assert divided == (host is not None)
    runner = NnRunner(chip)

    def run_chip(*inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(value.detach().numpy() for value in runner(*inputs))

    network = SplitNetwork(run_chip, host)
    found = network(x.numpy())
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_the_machine_and_the_host_run_from_one_call() -> None:
    module, _ = imported("best")
    frames = torch.randn(4, 3, 6, 6).numpy()
    expected = [value.detach().numpy() for value in run_nn(module, frames)]
    assert partition(module)
    module, host = split_modules(module)
    assert host is not None
    calibrate(module, [frames], ActivationFormats())
    EncodeLnsPass().apply(Context(), module)
    ConvertLnsToChipPass().apply(Context(), module)
    outputs = SplitNetwork(Machine(module), host)(frames)
    scores, values, features = outputs
    assert scores.shape == (4, 2, 6, 6)
    # The host's part is exact on what the machine returns.
    flat = torch.from_numpy(scores).flatten(1)
    assert np.array_equal(values, (flat.topk(3)[0] / 4).numpy())
    noise = np.sum((scores - expected[0]) ** 2) / np.sum(expected[0] ** 2)
    assert noise < 1e-2
    assert features.shape == expected[2].shape


def test_reasons() -> None:
    module, _ = imported("best")
    reasons = {op.name: reason for op, reason in host_reasons(module).items()}
    assert reasons["nn.topk_indices"].text == "nn.topk_indices computes with indices or masks"
    assert not reasons["nn.topk_indices"].follows
    assert reasons["nn.div"].follows
    assert "which is on the host" in reasons["nn.div"].text
    assert "nn.conv2d" not in reasons
    assert "nn.relu" not in reasons


def test_coverage_counts_every_op_once() -> None:
    module, _ = imported("best")
    rows = coverage(module)
    total = sum(op.name.startswith("nn.") for op in module.walk())
    assert sum(row.count for row in rows) == total
    by_op = {(row.op, row.side): row for row in rows}
    assert by_op["nn.conv2d", CHIP].count == 2
    assert by_op["nn.gather", HOST].count == 2
    assert by_op["nn.div", HOST].reason == FOLLOWS
    assert any("head" in place for place in by_op["nn.conv2d", CHIP].places)
    # What cannot run comes first, then what follows it, then the chip's.
    order = [(row.side == CHIP, row.reason == FOLLOWS) for row in rows]
    assert order == sorted(order)


def test_an_absorbed_activation_stays_with_its_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the form of conv + relu has no instruction, neither is left on the chip."""
    from recog.dialects import lns
    from recog.lowering.select.rules import layers_and_maps as chip_patterns

    module, _ = imported("all")
    monkeypatch.delitem(chip_patterns.LOWERINGS, lns.Conv2dOp)
    reasons = {op.name: reason.text for op, reason in host_reasons(module).items()}
    assert reasons["nn.relu"] == reasons["nn.conv2d"] == "lns.conv2d has no chip instruction"
    with pytest.raises(RecogError, match="nothing of the network can run on the chip: lns.conv2d"):
        partition(module)


def test_nothing_for_the_chip_is_an_error() -> None:
    class Sorting(tnn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sort(1)[0]

    module = import_torch(Sorting(), torch.randn(1, 5))
    with pytest.raises(RecogError, match="nothing of the network can run on the chip"):
        partition(module)


@pytest.mark.parametrize("on_host", [False, True])
def test_values_of_many_axes_do_not_cross(on_host: bool) -> None:
    """Windows as Swin cuts them: 6 axes, which no output of the chip has."""

    def windows(x: Tensor, features: Tensor, scores: Tensor) -> Tensor:
        cut = scores.reshape(-1, 2, 3, 2, 3, 2).permute(0, 1, 2, 4, 3, 5)
        return cut.softmax(-1) if on_host else cut

    x = torch.randn(1, 3, 6, 6)
    module = import_torch(Detector(windows).eval(), x)
    reasons = {op.name: reason.text for op, reason in host_reasons(module).items()}
    assert "nn.conv2d" not in reasons
    assert "6 axes, where an output has 4 at most" in reasons["nn.reshape"]
    conversion = convert(module, [x.numpy()], options=ConversionOptions(cluster=False))
    network = conversion.network(Machine(conversion.assemble()).run)
    (found,) = network(x.numpy())
    assert found.shape == (1, 2, 3, 3, 2, 2)
