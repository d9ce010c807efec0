"""Networks whose frames meet in a batch are refused; those that only gather them are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_exported, import_torch

Function = Callable[[Tensor], Tensor]


def attention(x: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(x, x, x)


MIXING: dict[str, Function] = {
    "centred": lambda x: x - x.mean(0),
    "largest": lambda x: x / x.abs().amax(0, keepdim=True),
    "normalized": lambda x: x - x.mean((0, 2), keepdim=True),
    "softmax": lambda x: x.softmax(0),
}
MOVED: dict[str, Function] = {
    "attention": lambda x: attention(x.transpose(0, 1)).transpose(0, 1),
    "attention of heads": lambda x: (
        attention(x.reshape(-1, 4, 2, 4).permute(2, 1, 0, 3)).permute(2, 1, 0, 3).reshape(x.shape)
    ),
    "products": lambda x: x.flatten(1) @ x.flatten(1).T @ x.flatten(1),
    "softmax": lambda x: x.permute(1, 2, 0).softmax(2).permute(2, 0, 1),
    "mean": lambda x: x - x.transpose(0, 2).mean(2, keepdim=True).transpose(0, 2),
    "norm": lambda x: F.layer_norm(x.permute(1, 0, 2), x.permute(1, 0, 2).shape[1:]).transpose(
        0, 1
    ),
}
"""They meet where frames have gone to another axis."""
VANISHING: dict[str, Function] = {
    "running": lambda x: x.cumsum(0),
    "order": lambda x: x.flip(0),
    "next": lambda x: x + x.roll(1, 0),
    "how many": lambda x: x / x.shape[0],
}
"""Of one frame they are nothing."""


def heads(x: Tensor) -> Tensor:
    """As vision transformers have it, three of one layer's results."""
    q, k, v = torch.cat([x, x + 1, x * 2], 2).reshape(-1, 4, 3, 2, 4).permute(2, 0, 3, 1, 4)
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)


APART: dict[str, Function] = {
    "heads": heads,
    "sequence first": lambda x: x.transpose(0, 1).softmax(0).transpose(0, 1),
    "windows": lambda x: x.reshape(-1, 2, 8).softmax(1).reshape(x.shape[0], 4, 8),
    "batch second": lambda x: x.permute(1, 0, 2).relu().permute(1, 0, 2),
    "own mean": lambda x: x - x.mean((1, 2), keepdim=True),
    "in a row": lambda x: x.flatten(),
    "of all": lambda x: x.mean(),
}


class Network(nn.Module):
    def __init__(self, function: Function):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def exported(function: Function) -> torch.export.ExportedProgram:
    batch = ({0: Dim("frames")},)
    return torch.export.export(Network(function), (torch.randn(3, 4, 8),), dynamic_shapes=batch)


@pytest.mark.parametrize("name", [*MIXING, *MOVED, *VANISHING])
def test_frames_of_any_batch_do_not_meet(name: str):
    program = exported((MIXING | MOVED | VANISHING)[name])
    with pytest.raises(RecogError, match="mixes the frames of a batch"):
        import_exported(program)


@pytest.mark.parametrize("name", [*MIXING, *MOVED])
def test_frames_of_an_example_do_not_meet(name: str):
    with pytest.raises(RecogError, match=r"nn\.\w+' op at .*: mixes the frames of a batch"):
        import_torch(Network((MIXING | MOVED)[name]), torch.randn(1, 4, 8))


def test_a_network_that_keeps_its_frames_apart_is_not_asked(monkeypatch: pytest.MonkeyPatch):
    """That would take as long as running it: attention within frames, however they lie."""
    heads = APART["heads"]
    monkeypatch.setattr("recog.frontend.torch.frames._depend_on_others", pytest.fail)
    module = import_torch(Network(heads), x := torch.randn(1, 4, 8))
    torch.testing.assert_close(run_nn(module, x)[0], heads(x))


@pytest.mark.parametrize("name", APART)
def test_frames_that_stay_apart_are_taken(name: str):
    x = torch.randn(1, 4, 8)
    for module in (import_torch(Network(APART[name]), x), import_exported(exported(APART[name]))):
        torch.testing.assert_close(run_nn(module, x)[0], APART[name](x))


@pytest.mark.parametrize("function", [lambda x: x / x.abs().amax(), lambda x: x * x.exp().sum()])
def test_what_one_frame_reduces_as_a_whole_is_its_own(function: Function):
    x = torch.randn(1, 4, 8)
    module = import_torch(Network(function), x)
    torch.testing.assert_close(run_nn(module, x)[0], function(x))
    with pytest.raises(RecogError, match="mixes the frames of a batch"):
        import_exported(exported(function))  # which says that it is for any batch


def test_a_batch_of_several_may_meet():
    """Its frames are one input."""
    x = torch.randn(3, 4, 8)
    module = import_torch(Network(MIXING["centred"]), x)
    torch.testing.assert_close(run_nn(module, x)[0], x - x.mean(0))


def test_a_network_for_one_frame_alone_is_taken():
    """It cannot be asked about two."""
    function: Function = lambda x: x - x.reshape(1, 32).mean(0).reshape(1, 4, 8)  # noqa: E731
    x = torch.randn(1, 4, 8)
    module = import_torch(Network(function), x)
    torch.testing.assert_close(run_nn(module, x)[0], torch.zeros(1, 4, 8))
