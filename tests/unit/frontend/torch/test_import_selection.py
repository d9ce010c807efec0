"""Functions, reductions, selections and products from torch modules, at more than one image."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from test_import_sampling import Applied, assert_imported
from torch import Tensor
from torch import nn as tnn

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_torch
from recog.lowering.pipeline import raise_torch

FUNCTIONS: dict[str, Callable[[Tensor], Tensor | tuple[Tensor, ...]]] = {
    "abs": lambda x: x.abs(),
    "neg": lambda x: -x,
    "floor": lambda x: (3 * x).floor(),
    "exp": lambda x: x.exp(),
    "log": lambda x: (x * x + 1).log(),
    "sqrt": lambda x: (x**2).sqrt(),
    "rsqrt": lambda x: (x.square() + 0.1).rsqrt(),
    "sin_cos": lambda x: x.sin() * x.cos(),
    "erf": lambda x: x.erf(),
    "softplus": lambda x: F.softplus(x, 2.0),
    "mish": lambda x: F.mish(x),
    "logsigmoid": lambda x: F.logsigmoid(x),
    "elu": lambda x: F.elu(x, 0.5),
    "pow": lambda x: (x.abs() + 0.1) ** 0.75,
    "reciprocal": lambda x: 1 / (x.abs() + 1),
    "log_softmax": lambda x: F.log_softmax(x, -1),
    "atan2": lambda x: torch.atan2(x, x.flip(1)),
    "maximum": lambda x: torch.maximum(x, x.roll(1, 2)).minimum(0.5 * x),
    "floor_divide": lambda x: torch.div(x, 0.3, rounding_mode="floor"),
    "remainder": lambda x: x % 0.3,
    "sum": lambda x: x.sum((1, -1)),
    "mean_of_all_but_batch": lambda x: x.mean((1, 2, 3)),
    "amax": lambda x: x.amax((2, 3), keepdim=True),
    "amin": lambda x: x.amin(1),
    "var": lambda x: x.var((2, 3), unbiased=False),
    "std": lambda x: x.std(1, keepdim=True),
    "norm": lambda x: F.normalize(x, dim=1),
    "norm_1": lambda x: torch.linalg.vector_norm(x, 1, dim=(1, 2)),
    "max": lambda x: x.max(1)[0] + x.max(1, keepdim=True)[1].float()[:, 0],
    "min": lambda x: x.min(-1)[1].float() * x.min(-1).values,
    "argmax": lambda x: x.argmax(1).float(),
    "argmin": lambda x: x.argmin(1, keepdim=True) * 2.5,
    "topk": lambda x: tuple(t.float() for t in x.flatten(1).topk(7)),
    "topk_smallest": lambda x: x.topk(2, dim=1, largest=False)[0],
    "sort": lambda x: x.sort(dim=2, descending=True)[0],
    "argsort": lambda x: x.argsort(dim=1).float(),
    "gather": lambda x: x.gather(1, x.argsort(dim=1)[:, :3]),
    "take_constant": lambda x: x[:, torch.tensor([2, 0, 2])],
    "index_select": lambda x: x.index_select(3, torch.tensor([1, 1, 0])),
    "take_table": lambda x: torch.arange(12.0).view(6, 2)[x.argmax(1)],
    "embedding": lambda x: F.embedding(x.argmax(1), torch.arange(12.0).view(6, 2)),
    "index_arithmetic": lambda x: ((x.argmax(1) * 7 + 3) // 4 % 3 - 1).float(),
    "true_division_of_indices": lambda x: x.argmax(1) / 4,
    "eq": lambda x: (x == x.amax(1, keepdim=True)).float(),
    "mixed_compare": lambda x: (x.argmax(1, keepdim=True) > x).float(),
    "where": lambda x: torch.where(x > 0.1, x, -0.5 * x),
    "where_scalar": lambda x: torch.where(x <= 0.0, 1.0, x),
    "masked_fill": lambda x: x.masked_fill(x.ge(0.3), -1.0),
    "expand": lambda x: x[:, :1].expand(-1, 4, -1, -1) + x[:, 1:5],
    "repeat": lambda x: x.repeat(1, 2, 1, 3),
    "repeat_pooled": lambda x: x.mean((2, 3), keepdim=True).repeat(1, 2, 5, 4),
    "repeat_rows": lambda x: x.mean(2, keepdim=True).repeat(1, 1, 7, 1),
    "repeat_indices": lambda x: x.argmax(2, keepdim=True).repeat(1, 1, 5, 1).float(),
    "tile": lambda x: torch.tile(x.mean((2, 3)).view(-1, 6, 1, 1), (5, 4)),
    "stack": lambda x: torch.stack([x, 2 * x], dim=2),
    "unbind": lambda x: x.unbind(1)[2],
    "roll": lambda x: x.roll((-1, 2), (2, 3)),
    "flip": lambda x: x.flip((1, 3)),
    "reflect": lambda x: F.pad(x, (2, 1, 3, 0), "reflect"),
    "replicate": lambda x: F.pad(x, (2, 1, 3, 0), "replicate"),
    "circular": lambda x: F.pad(x, (2, 1, 3, 0), "circular"),
    "crop": lambda x: F.pad(x, (-1, 2, 1, -3), value=0.5),
    "pad_features": lambda x: F.pad(x.flatten(1), (1, 2), value=-1.0),
    "matmul": lambda x: x @ x.transpose(-1, -2),
    "matmul_constant": lambda x: x @ torch.arange(8.0).view(4, 2),
    "bmm": lambda x: torch.bmm(x[:, 0], x[:, 1].transpose(1, 2)),
    "vector": lambda x: x.flatten(2).matmul(torch.linspace(0, 1, 20)),
    "baddbmm": lambda x: torch.baddbmm(x[:, 0, :, :1], x[:, 1], x[:, 2].mT, beta=0.5, alpha=2),
    "attention": lambda x: F.scaled_dot_product_attention(x, x + 1, 2 * x, scale=0.3),
    "causal": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
    "written_view": lambda x: ((y := x * 1).flatten(1).relu_(), y)[1] + 1,
    "written_output": lambda x: ((y := x * 1).flatten(1).relu_(), y)[1],
    "written_part": lambda x: ((y := x.sigmoid())[:, 1:3].mul_(2), y + 1)[1],
    "written_with_number": lambda x: ((y := x.sigmoid())[:, :, 1:-1].fill_(2), y + 1)[1],
    "full_like": lambda x: x + torch.full_like(x[:1], 2.0) * x.new_ones(5, 4),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name: str):
    assert_imported(Applied(FUNCTIONS[name]))


@pytest.mark.parametrize(
    "layer",
    [
        tnn.LayerNorm(4),
        tnn.LayerNorm([5, 4], elementwise_affine=False),
        tnn.GroupNorm(3, 6),
        tnn.InstanceNorm2d(6),
        tnn.InstanceNorm2d(6, affine=True, track_running_stats=True),
        tnn.PReLU(),
        tnn.PReLU(6),
        tnn.ReflectionPad2d(2),
    ],
    ids=str,
)
def test_layer(layer: tnn.Module):
    torch.manual_seed(0)
    for tensor in (*layer.parameters(), *layer.buffers()):
        if tensor.is_floating_point():
            tensor.data.uniform_(0.3, 1.5)
    assert_imported(layer)


def test_multi_head_attention():
    torch.manual_seed(0)
    layer = tnn.MultiheadAttention(8, 2, batch_first=True)
    assert_imported(SelfAttention(layer), (1, 5, 8))


class SelfAttention(tnn.Module):
    """Self-attention of a sequence."""

    def __init__(self, layer: tnn.MultiheadAttention):
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x, x, x, need_weights=False)[0]


def test_constants_are_filled_in_place():
    class Filled(tnn.Module):
        def forward(self, x: Tensor) -> Tensor:
            mask = x.new_zeros(5, 4)
            before = mask + 0
            mask[1:3] = 2.0
            mask[:, 0].fill_(-1.0)
            return x * mask + before

    assert_imported(Filled())


def correlation_by_padding(left: Tensor, right: Tensor) -> Tensor:
    planes = [(left * F.pad(right, (d, 0))[..., : right.shape[3]]).mean(1) for d in range(5)]
    return torch.stack(planes, 1)


def correlation_by_overlap(left: Tensor, right: Tensor) -> Tensor:
    planes = [(left * right).mean(1, keepdim=True)]
    for d in range(1, 5):
        overlap = (left[..., d:] * right[..., :-d]).mean(1, keepdim=True)
        planes.append(F.pad(overlap, (d, 0, 0, 0)))
    return torch.cat(planes, 1)


def correlation_by_writing(left: Tensor, right: Tensor) -> Tensor:
    volume = left.new_zeros(left.shape[0], 5, *left.shape[2:])
    for d in range(5):
        if d > 0:
            volume[:, d, :, d:] = (left[:, :, :, d:] * right[:, :, :, :-d]).mean(dim=1)
        else:
            volume[:, d, :, :] = (left * right).mean(dim=1)
    return volume.contiguous()


class Stereo(tnn.Module):
    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]):
        super().__init__()
        self.features, self.function = tnn.Conv2d(3, 8, 3), function

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.function(self.features(left), self.features(right)).relu()


@pytest.mark.parametrize(
    "function", [correlation_by_padding, correlation_by_overlap, correlation_by_writing]
)
def test_correlation_volumes_are_one_op(function: Callable[[Tensor, Tensor], Tensor]):
    left, right = torch.randn(1, 3, 6, 10), torch.randn(1, 3, 6, 10)
    model = Stereo(function)
    module = import_torch(model.eval(), (left, right))
    raise_torch(module)
    ops = [op.name for op in module.walk() if op.name.startswith("nn.")]
    assert ops == ["nn.conv2d", "nn.conv2d", "nn.correlation", "nn.relu"]
    (found,) = run_nn(module, left, right)
    torch.testing.assert_close(found, model(left, right), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: torch.cat([(a * b).mean(1, True), (a * b.roll(1, 3)).mean(1, True)], 1),
        lambda a, b: torch.stack([(a * F.pad(b, (2 * d, 0))[..., :8]).mean(1) for d in (0, 1)], 1),
        lambda a, b: torch.stack([(a * F.pad(b, (0, d))[..., d:]).mean(1) for d in (0, 1)], 1),
        lambda a, b: torch.stack(
            [(a * F.pad(b, (d, 0), value=1.0)[..., :8]).mean(1) for d in (0, 1)], 1
        ),
        lambda a, b: torch.stack([(a * F.pad(a + d, (d, 0))[..., :8]).mean(1) for d in (0, 1)], 1),
    ],
)
def test_what_is_no_correlation_volume_stays(function: Callable[[Tensor, Tensor], Tensor]):
    left, right = torch.randn(1, 3, 6, 10), torch.randn(1, 3, 6, 10)
    model = Stereo(function)
    module = import_torch(model.eval(), (left, right))
    raise_torch(module)
    assert not any(op.name == "nn.correlation" for op in module.walk())
    torch.testing.assert_close(run_nn(module, left, right)[0], model(left, right))


def test_written_parameters_are_refused():
    class Counting(tnn.Module):
        count: Tensor

        def __init__(self):
            super().__init__()
            self.register_buffer("count", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.count.add_(1)
            return x + self.count

    with pytest.raises(RecogError, match="changes count in place"):
        import_torch(Counting(), torch.randn(1, 3))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.permute(1, 0, 2, 3),
        lambda x: x.mean(0),
        lambda x: x.softmax(0),
        lambda x: torch.cat([x, x]),
        lambda x: x.reshape(3, 80),
        lambda x: x[1:],
    ],
)
def test_mixing_the_batch(function: Callable[[Tensor], Tensor]):
    """Right at the batch of the import; another one is refused unless images stay apart."""
    x = torch.randn(2, 6, 5, 4)
    module = import_torch(Applied(function), x)
    torch.testing.assert_close(run_nn(module, x)[0], function(x))
    if function(x).shape[0] != 2:
        with pytest.raises(RecogError, match="runs 2 images at once only"):
            run_nn(module, torch.cat([x, x]))


def test_mixed_batches_run_one_by_one():
    windows = Applied(lambda x: x.reshape(6, 20).softmax(0).reshape(1, 6, 5, 4))
    x = torch.randn(3, 6, 5, 4)
    (found,) = run_nn(import_torch(windows, x[:1]), x)
    torch.testing.assert_close(found, torch.cat([windows(each[None]) for each in x]))
    with pytest.raises(RecogError, match="runs 2 images"):
        run_nn(import_torch(Applied(lambda x: x.permute(1, 0, 2, 3)), x[:2]), x)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.view(torch.int32).float(), "view"),
        (lambda x: torch.div(x, 2, rounding_mode="trunc"), "rounded toward zero"),
        (lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.5), "training mode"),
        (lambda x: x.argmax(1).to(torch.float64), "torch.float64"),
    ],
)
def test_refused(function: Callable[[Tensor], Tensor], message: str):
    with pytest.raises(RecogError, match=message):
        import_torch(Applied(function), torch.randn(1, 6, 5, 4))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[x > 0],
        lambda x: x if x.sum() > 0 else -x,
        lambda x: x.nonzero().float(),
    ],
)
def test_sizes_and_branches_that_depend_on_data(function: Callable[[Tensor], Tensor]):
    with pytest.raises(RecogError) as error:
        import_torch(Applied(function), torch.randn(1, 6, 5, 4))
    message = str(error.value)
    assert "1 operator" in message or "cannot trace" in message
    assert "test_import_s" in message


def test_integer_inputs_are_refused():
    with pytest.raises(RecogError, match=r"torch.int32; the inputs of a network are float32"):
        import_torch(Applied(lambda x: x.float()), torch.zeros(1, 3, dtype=torch.int32))
