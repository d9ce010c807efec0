"""Repeated axes: the elements of NumPy's broadcast, in the rows of an image where it is one."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
import pytest
import torch
from test_encode_ops import network
from torch import Tensor, nn
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from recog.backend.arithmetic.engine import ENGINES
from recog.backend.assembly import load_program
from recog.backend.interpreters.lns import run_lns
from recog.backend.machine import Machine
from recog.dialects import nn as nn_ops
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.frontend.torch.importer import import_torch
from recog.lowering.encode.calibrate import ActivationFormats, calibrate
from recog.lowering.encode.encode_lns import encode_module
from recog.lowering.pipeline import ConversionOptions, convert
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass

Shape = tuple[int, ...]
H, W = 48, 40


def port(shape: Shape) -> Shape:
    """The shape as which an input or an output has few enough axes."""
    return shape if len(shape) < 4 else (*shape[:2], prod(shape[2:]))


def repeated(source: Shape, target: Shape, frames: np.ndarray) -> ModuleOp:
    """A broadcast on codes, for one frame."""
    module = network(
        [port(source)],
        lambda x: nn_ops.ReshapeOp(x, (1, *source)),
        lambda x: nn_ops.BroadcastOp(x, (1, *target)),
        lambda x: nn_ops.ReshapeOp(x, (1, *port(target))),
    )
    calibrate(module, [frames], ActivationFormats(output=LnsFormat(8, 4)))
    encode_module(module, LnsFormat(8, 4), Arithmetic(6, 48))
    return module


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((3, 1, 1), (3, 5, 7)),
        ((3, 1, 1), (3, 2, 2)),
        ((3, 1, 1), (3, 300, 300)),
        ((3, 1, 7), (3, 5, 7)),
        ((3, 5, 1), (3, 5, 7)),
        ((1, 5, 7), (6, 5, 7)),
        ((1, 5, 7), (3, 5, 7)),
        ((1, 1, 7), (6, 5, 7)),
        ((1, 5, 1), (6, 5, 7)),
        ((1, 1, 1), (6, 5, 7)),
        ((1, 7), (6, 7)),
        ((6, 1), (6, 7)),
        ((1,), (6,)),
        ((1, 2, 5, 7), (6, 2, 5, 7)),
        ((3, 1, 1, 1), (3, 4, 5, 7)),
        ((3, 2, 1, 7), (3, 2, 5, 7)),
    ],
)
@pytest.mark.parametrize("positive", [False, True])
def test_codes_are_those_of_a_broadcast(source: Shape, target: Shape, positive: bool):
    frames = np.random.default_rng(0).normal(0, 1, (2, *port(source))).astype(np.float32)
    frames.flat[0] = 0
    frames = np.abs(frames) if positive else frames
    module = repeated(source, target, frames)
    same = repeated(source, source, frames)
    (codes,) = run_lns(same, frames, engine="reference")
    wanted = np.broadcast_to(codes.reshape(2, *source), (2, *target)).reshape(2, *port(target))
    copy = module.clone()
    ConvertLnsToChipPass().apply(Context(), copy)
    program = load_program(copy)
    for engine in ENGINES:
        np.testing.assert_array_equal(run_lns(module, frames, engine=engine)[0], wanted)
        np.testing.assert_array_equal(Machine(program, engine).run(frames), wanted)


class Pooled(nn.Module):
    """Features beside what `repeat` makes an image of: their means, or one of their channels."""

    def __init__(self, repeat: Callable[[Tensor], Tensor]):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(16, 4, 3, padding=1)
        self.pool, self.repeat = nn.AdaptiveAvgPool2d(1), repeat

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        return self.last(torch.cat([y, self.repeat(y)], 1))


@pytest.mark.parametrize(
    "repeat",
    [
        lambda y: y.mean((2, 3), keepdim=True).expand(-1, -1, H, W),
        lambda y: y.mean((2, 3), keepdim=True).expand_as(y),
        lambda y: y.mean((2, 3), keepdim=True).repeat(1, 1, H, W),
        lambda y: y.mean(2, keepdim=True).expand(-1, -1, H, -1),
        lambda y: y.mean(3, keepdim=True).expand(-1, -1, -1, W),
        lambda y: y[:, 2:3].expand(-1, 8, -1, -1),
        lambda y: y[:, 2:3].mean(3, keepdim=True).expand(-1, 8, -1, W),
    ],
    ids=["pool", "as features", "repeat", "rows", "columns", "channels", "channels and columns"],
)
def test_a_repeated_image_is_made_row_by_row(repeat: Callable[[Tensor], Tensor]):
    torch.manual_seed(0)
    frames = torch.randn(2, 3, H, W)
    module = import_torch(Pooled(repeat).eval(), frames[:1])
    memory = H * W * 2  # of the 16 * H * W bytes of the concatenation
    options = ConversionOptions(cluster=False, activation_memory=memory)
    conversion = convert(module, [frames.numpy()], options=options)
    assert conversion.host_part is None
    (wanted,) = run_lns(conversion.lns_module, frames.numpy(), engine="reference")
    for engine in ENGINES:
        found = Machine(conversion.assemble(), engine).run(frames.numpy())
        np.testing.assert_array_equal(found, wanted)
