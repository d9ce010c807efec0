"""Weights that two branches share stay one constant through folding, clustering and tuning."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from torch import Tensor
from torch import nn as tnn
from xdsl.context import Context
from xdsl.dialects.builtin import FileLineColLoc, IntAttr, ModuleOp, StringAttr, f32

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.frontend.torch.importer import import_torch
from recog.lowering.legalize.share_constants import ShareConstantsPass
from recog.lowering.pipeline import ConversionOptions, Stage, convert, fold_network


class Siamese(tnn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = tnn.Sequential(
            tnn.Conv2d(3, 32, 3, bias=False), tnn.BatchNorm2d(32), tnn.ReLU(), tnn.Conv2d(32, 32, 3)
        )

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.body(left) - self.body(right)


def inputs() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.normal(size=(6, 3, 10, 10)).astype(np.float32) for _ in range(2)]


def imported() -> ModuleOp:
    model = Siamese().eval()
    tnn.init.normal_(model.body[1].bias)  # pyright: ignore[reportArgumentType]
    return import_torch(model, (torch.zeros(1, 3, 10, 10), torch.zeros(1, 3, 10, 10)))


def weights_of(module: ModuleOp) -> list[int]:
    """How many layers use each weight, and each bias."""
    layers = [op for op in module.walk() if isinstance(op, nn.Conv2dOp)]
    values = [value for op in layers for value in op.operands[1:]]
    return list(Counter(values).values())


def test_folding_keeps_shared_weights_shared():
    module = imported()
    (expected,) = run_nn(module, *inputs())
    fold_network(module)
    assert weights_of(module) == [2, 2, 2, 2]
    torch.testing.assert_close(run_nn(module, *inputs())[0], expected, rtol=1e-4, atol=1e-4)


def test_tuning_changes_both_branches_alike():
    options = ConversionOptions(epochs=1)
    result = convert(imported(), inputs(), options=options)
    assert weights_of(result.stages[Stage.TUNED]) == [2, 2, 2, 2]


def constant(value: float, line: int) -> ConstantOp:
    op = ConstantOp.from_array(np.full(3, value, np.float32), f32)
    if line:
        op.location = FileLineColLoc(StringAttr("net.py"), IntAttr(line), IntAttr(0))
    return op


def test_only_equal_constants_of_one_place_become_one():
    places = [(1.0, 1), (1.0, 1), (2.0, 1), (1.0, 2), (1.0, 0), (1.0, 0)]
    ops = [constant(*place) for place in places]
    user = nn.ConcatOp([op.output for op in ops], 0)
    module = ModuleOp([*ops, user])
    ShareConstantsPass().apply(Context(), module)
    owners = [value.owner for value in user.inputs]
    assert owners == [ops[0], ops[0], *ops[2:]]
    assert [op for op in module.body.block.ops if isinstance(op, ConstantOp)] == [ops[0], *ops[2:]]
