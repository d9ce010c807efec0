"""What networks return: the names of it, and what is no tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from xdsl.dialects.func import FuncOp

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function, result_names
from recog.frontend.torch.importer import import_torch
from recog.lowering.common.not_tensors import not_tensor_notes
from recog.lowering.pipeline import ConversionOptions, convert
from recog.tools.report.check_network import report_of


class Pair(NamedTuple):
    mask: Any
    boxes: Any


@dataclass
class Inner:
    box: Tensor


@dataclass
class Outer:
    score: Tensor
    count: int
    nothing: Tensor | None
    inner: Inner


class Named(nn.Module):
    def __init__(self, make: Callable[[Any], Any]):
        super().__init__()
        self.make = make

    def forward(self, x: Any) -> Any:
        return self.make(x)


def imported(make: Callable[[Any], Any], x: Any) -> FuncOp:
    return find_function(import_torch(Named(make), (x,)), "main")


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda x: {"out": x + 1, "aux": x * 2}, ["out", "aux"]),
        (lambda x: {"a": x + 1, "none": None, "number": 3, "z": x * 2, 5: x}, ["a", "z", "5"]),
        (lambda x: Pair(x + 1, x * 2), ["mask", "boxes"]),
        (
            lambda x: {"head": {"score": x + 1}, "levels": [x * 2, x * 3]},
            ["head.score", "levels.0", "levels.1"],
        ),
        (lambda x: Outer(x + 1, 3, None, Inner(x * 2)), ["score", "inner.box"]),
        (lambda x: {"a.b": x + 1, "a": {"b": x * 2}}, ["a.b", "a.b_"]),
        (lambda x: (x + 1, {"extra": x * 2}), ["output0", "1.extra"]),
        (lambda x: x.max(1), ["values", "indices"]),
        (lambda x: {"a": x.topk(2, 1), "b": [x]}, ["a.values", "a.indices", "b.0"]),
        (lambda x: Pair(Inner(x + 1), [x, x * 2]), ["mask.box", "boxes.0", "boxes.1"]),
    ],
)
def test_outputs_keep_their_names(make: Callable[[Any], Any], names: list[str]):
    function = imported(make, torch.randn(1, 3))
    assert result_names(function) == names
    assert function.res_attrs is not None


@pytest.mark.parametrize(
    ("make", "names"),
    [(lambda x: (x + 1, x * 2), ["output0", "output1"]), (lambda x: x + 1, ["output"])],
)
def test_outputs_without_names_have_numbers(make: Callable[[Any], Any], names: list[str]):
    function = imported(make, torch.randn(1, 3))
    assert result_names(function) == names
    assert function.res_attrs is None


def test_what_is_no_tensor_is_said():
    def make(x: Tensor) -> Any:
        return {"a": Outer(x.relu(), 3, None, Inner(x * 2)), "name": "n" * 99, "list": [x, None]}

    module = import_torch(Named(make), (torch.randn(1, 3),))
    values = f"a.count = 3, name = '{'n' * 39}…, list.1 = None"
    said = f"{values}: what the network returns that is no tensor is left out"
    (note,) = not_tensor_notes(module)
    assert note.line() == said
    assert said in report_of(module.clone()).notes
    images = torch.randn(2, 3).numpy()
    assert note in convert(module, [images], options=ConversionOptions(cluster=False)).notes
    assert not not_tensor_notes(import_torch(Named(lambda x: x.relu()), (torch.randn(1, 3),)))


def test_dataclasses_of_a_users_own_are_inputs_and_outputs():
    """torch.export knows none that it was not told of."""

    @dataclass
    class Frame:
        image: Tensor
        label: Inner

    @dataclass
    class Found:
        score: Tensor

    network = Named(lambda frame: Found(frame.image + frame.label.box))
    x, y = torch.randn(1, 3), torch.randn(1, 3)
    module = import_torch(network, (Frame(x, Inner(y)),))
    assert result_names(find_function(module, "main")) == ["score"]
    assert torch.equal(run_nn(module, x, y)[0], x + y)


def test_dictionaries_and_none_are_arguments():
    class Masked(nn.Module):
        def forward(self, x: dict[str, Tensor], mask: Tensor | None) -> Tensor:
            return x["image"] * 2 if mask is None else x["image"] * mask

    x = torch.randn(1, 3)
    module = import_torch(Masked(), ({"image": x}, None))
    assert torch.equal(run_nn(module, x)[0], x * 2)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_torchscript_is_refused_by_its_layer():
    model = nn.Sequential(nn.Linear(3, 3), torch.jit.script(nn.Linear(3, 3)))
    with pytest.raises(RecogError, match=r'layer "1": is TorchScript') as error:
        import_torch(model, torch.randn(1, 3))
    assert "before torch.jit.script" in str(error.value)
