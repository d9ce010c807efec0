"""`recog check` and `recog convert` refuse the same networks in the same words, and no others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch import nn as tnn

from recog.backend.chips import load_chip
from recog.backend.machine import Machine
from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_torch
from recog.lowering.partition.rehearsal import rehearse
from recog.lowering.pipeline import ConversionOptions, convert, fold_network
from recog.tools.report.check_network import check_network
from recog.tools.report.compare_bits import compare_bits

Forward = Callable[..., Any]


class Network(tnn.Module):
    """A convolution, a volume's and a vector's layer, and what `forward` makes of them."""

    def __init__(self, forward: Forward):
        super().__init__()
        torch.manual_seed(0)
        self.c, self.l = tnn.Conv2d(3, 4, 3, padding=1), tnn.Linear(4, 3)
        self.d = tnn.Conv3d(2, 4, 3, padding=1)
        self.constant = tnn.Buffer(torch.arange(4.0))
        self._forward = forward

    def forward(self, *inputs: Tensor) -> Any:
        return self._forward(self, *inputs)


IMAGE = (1, 3, 8, 8)
LARGE = (1, 3, 1100, 1100)
REFUSED: dict[str, tuple[Forward, list[tuple[int, ...]], str]] = {
    "vector": (
        lambda m, x: m.l(x),
        [(4,)],
        "the network takes [4]: a chip's program runs one frame",
    ),
    "unbatched": (lambda m, x: m.c(x[None])[0], [IMAGE[1:]], "mixes the batch with other axes"),
    "identity": (lambda m, x: x, [IMAGE], "it computes nothing"),
    "sorting": (lambda m, x: x.sort(1)[0], [IMAGE], "nothing of the network can run on the chip"),
    "large": (
        lambda m, x: m.c(x).relu().transpose(2, 3),
        [LARGE],
        "activation memory of 4,194,304 bytes",
    ),
}
CONVERTED: dict[str, Forward] = {
    "plain": lambda m, x: m.c(x).relu(),
    "input": lambda m, x: [x, m.c(x)],
    "input only moved": lambda m, x: (x[:, :1], m.c(x)),
    "input through a ReLU": lambda m, x: (x.relu(), m.c(x)),
    "constant": lambda m, x: (m.c(x), m.constant),
    "twice": lambda m, x: (lambda y: (y, y))(m.c(x)),
    "scalar": lambda m, x: m.c(x).mean(),
    "flat": lambda m, x: m.c(x).flatten(),
    "softmax": lambda m, x: m.c(x).softmax(1),
    "input to the host": lambda m, x: (m.c(x), x.softmax(1)),
}


def both(
    forward: Forward, shapes: list[tuple[int, ...]]
) -> tuple[RecogError | None, RecogError | None]:
    """What check says, and how converting ends."""
    inputs = [torch.randn(shape) for shape in shapes]
    module = import_torch(Network(forward).eval(), inputs)
    folded = module.clone()
    fold_network(folded)
    before = str(folded)
    said = rehearse(folded).refusal
    assert str(folded) == before
    try:
        options = ConversionOptions(cluster=False)
        convert(module, [x.numpy() for x in inputs], options=options)
    except RecogError as error:
        return said, error
    return said, None


@pytest.mark.parametrize("name", REFUSED)
def test_what_convert_refuses_check_says_in_the_same_words(name: str) -> None:
    forward, shapes, words = REFUSED[name]
    said, ended = both(forward, shapes)
    assert said is not None
    assert words in str(said)
    assert str(said) == str(ended)


@pytest.mark.parametrize("name", CONVERTED)
def test_what_check_lets_pass_is_converted_bit_for_bit(name: str) -> None:
    torch.manual_seed(1)
    x = torch.rand(1, *IMAGE[1:])
    network = Network(CONVERTED[name]).eval()
    module = import_torch(network, x)
    folded = module.clone()
    fold_network(folded)
    assert rehearse(folded).refusal is None
    conversion = convert(module, [x.numpy()], options=ConversionOptions(cluster=False))
    machine = Machine(conversion.assemble())
    compare_bits(conversion.lns_module, conversion.chip_module, machine, [x.numpy()])
    found = conversion.network(machine)(x.numpy())
    wanted = network(x)
    wanted = [wanted] if isinstance(wanted, Tensor) else list(wanted)
    assert len(found) == len(wanted)
    for value, exact in zip(found, wanted):
        assert np.abs(value - exact.detach().numpy()).max() < 0.2


@pytest.mark.parametrize(
    "forward", [lambda m, x: m.c(x).mean((2, 3)), lambda m, x: m.c(x).view(-1, 4 * 64)]
)
def test_a_network_of_two_frames_runs_one_at_a_time(forward: Forward) -> None:
    """Example inputs of two frames, and a view that takes any number of them."""
    torch.manual_seed(1)
    x = torch.randn(4, *IMAGE[1:])
    network = Network(forward).eval()
    module = import_torch(network, x[:2])
    folded = module.clone()
    fold_network(folded)
    assert rehearse(folded).refusal is None
    conversion = convert(module, [x.numpy()], options=ConversionOptions(cluster=False))
    assert conversion.host_part is None
    found = Machine(conversion.assemble()).run(x.numpy())
    with torch.no_grad():
        assert np.abs(found - network(x).numpy()).max() < 0.2


def test_inputs_and_constants_are_passed_on_as_they_are() -> None:
    x = torch.randn(IMAGE)
    module = import_torch(Network(lambda m, x: (x, m.c(x), m.constant)).eval(), x)
    conversion = convert(module, [x.numpy()], options=ConversionOptions(cluster=False))
    first, _, last = conversion.network(Machine(conversion.assemble()))(x.numpy())
    assert np.array_equal(first, x.numpy())
    assert np.array_equal(last, np.arange(4, dtype=np.float32))


def test_memory_is_that_of_the_chip_named(tmp_path: Path) -> None:
    """16 channels of 256x256, turned around, must be there whole: a small chip has 1 MiB."""
    path = tmp_path / "net.mlir"
    torch.manual_seed(0)
    layer = tnn.Conv2d(3, 16, 3, padding=1)
    network = Network(lambda _, x: layer(x).transpose(2, 3)).eval()
    module = import_torch(network, torch.randn(1, 3, 256, 256))
    path.write_text(str(module))
    assert check_network(str(path)).refusal is None
    refusal = check_network(str(path), load_chip("recog-edge")).refusal
    assert "activation memory of 1,048,576 bytes is too small" in str(refusal)
    x = torch.randn(1, 3, 256, 256).numpy()
    options = ConversionOptions(cluster=False, target="recog-edge")
    with pytest.raises(RecogError, match="activation memory of 1,048,576 bytes is too small"):
        convert(module, [x], options=options)
