"""Operators that are imported by way of torch's own decompositions, aliases, and several ops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recog.backend.interpreters.nn_runner import run_nn
from recog.backend.machine import Machine
from recog.dialects import nn as nn_dialect
from recog.frontend.torch.importer import import_pt2, import_torch
from recog.lowering.check.compare_layers import sqnr_db
from recog.lowering.pipeline import ConversionOptions, convert
from recog.tools.report.check_network import report_of
from recog.tools.report.levels import measure_levels

IMAGE = (2, 4, 6, 8)
DENSE = ConversionOptions(cluster=False)
K = torch.linspace(0.5, 2, 4).view(4, 1, 1)
INDEX = torch.tensor([[0, 2, 1], [3, 0, 0]])


class Net(nn.Module):
    def __init__(self, forward: Callable[..., Tensor], **modules: nn.Module):
        super().__init__()
        self.function = forward
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, *x: Tensor) -> Tensor:
        return self.function(self, *x) if self._modules else self.function(*x)


OPERATORS: dict[str, Callable[[Tensor], Tensor]] = {
    # aliases
    "clip": lambda x: torch.clip(x, -1, 1),
    "absolute": torch.absolute,
    "multiply": lambda x: torch.multiply(x, K),
    "divide": lambda x: torch.divide(x, K),
    "subtract": lambda x: torch.subtract(x, K),
    "concat": lambda x: torch.concat([x, x], 1),
    "movedim": lambda x: torch.movedim(x, 1, 3),
    "swapaxes": lambda x: torch.swapaxes(x, 1, 2),
    "vstack": lambda x: torch.hstack([x, x]),
    # with others
    "addcmul": lambda x: torch.addcmul(x, x, x, value=0.5),
    "addcdiv": lambda x: torch.addcdiv(x, x, x.abs() + 1),
    "lerp": lambda x: torch.lerp(x, x * 2, 0.3),
    "sign": torch.sign,
    "log1p": lambda x: torch.log1p(x.abs()),
    "expm1": torch.expm1,
    "logsumexp": lambda x: torch.logsumexp(x, 1),
    "pow of a constant": lambda x: x.abs().pow(K),
    "power of two": lambda x: 2**x,
    "clamp by tensors": lambda x: torch.clamp(x, -K, K),
    "clamp of nothing": lambda x: torch.clamp(x, 1, -1),
    "tile": lambda x: torch.tile(x, (1, 2, 1, 1)),
    "repeat_interleave": lambda x: torch.repeat_interleave(x, 2, 3),
    "var_mean": lambda x: torch.cat(torch.var_mean(x, 1), 1),
    "linalg.norm": lambda x: torch.linalg.norm(x, dim=(2, 3)),
    "norm of order 3": lambda x: x.norm(3, dim=1),
    "largest norm": lambda x: torch.linalg.vector_norm(x, torch.inf, dim=(1, 2)),
    "cosine_similarity": lambda x: F.cosine_similarity(x, x.flip(1), dim=1),
    "einsum": lambda x: torch.einsum("nchw,ndhw->ncd", x, x),
    "view_as": lambda x: x.view_as(x.reshape(IMAGE)),
    "two tensors of indices": lambda x: x[:, torch.tensor([0, 3]), torch.tensor([1, 5])],
    "computed positions": lambda x: x[torch.arange(2)[:, None, None], x.argmax(1)],
    "sign of NaN": lambda x: torch.sign(x.clamp_min(0).masked_fill(x < 0, torch.inf) * 0),
    "pixels of large numbers": lambda x: (x.argmax(1) * 100).to(torch.uint8).float(),
    "round": lambda x: torch.round(x * 2),
    "trunc": torch.trunc,
    "ceil": torch.ceil,
    "fmod": lambda x: torch.fmod(x, 0.7),
    "atan": torch.atan,
    "asin": lambda x: torch.asin(x.clamp(-1, 1)),
    "glu": lambda x: F.glu(x, 1),
    "selu": F.selu,
    "celu": lambda x: F.celu(x, 0.7),
    "threshold": lambda x: F.threshold(x, 0.1, -2),
    "softshrink": F.softshrink,
    "hardshrink": F.hardshrink,
    "rrelu": F.rrelu,
    "softsign": F.softsign,
    "logsigmoid": F.logsigmoid,
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "local_response_norm": lambda x: F.local_response_norm(x, 3),
    "rms_norm": lambda x: F.rms_norm(x, (8,)),
    "unfold": lambda x: F.unfold(x, 3, padding=1),
    "windows": lambda x: x.unfold(2, 3, 1),
    "cumsum": lambda x: torch.cumsum(x, 1),
    "cumprod": lambda x: torch.cumprod(x, 3),
    "prod": lambda x: x.prod(2),
    "diagonal": lambda x: x.diagonal(0, 2, 3),
    "linear": lambda x: F.interpolate(x.flatten(2), 30, mode="linear"),
    "bicubic": lambda x: F.interpolate(x, (9, 5), mode="bicubic"),
    "nearest-exact": lambda x: F.interpolate(x, (9, 5), mode="nearest-exact"),
    "uneven pool": lambda x: F.adaptive_avg_pool2d(x, (4, 3)),
    "growing pool": lambda x: F.adaptive_avg_pool2d(x, (7, 8)),
    "largest of windows": lambda x: F.adaptive_max_pool2d(x, (4, 3)),
    "pool of signals": lambda x: F.adaptive_avg_pool1d(x.flatten(2), 5),
    "volume pool": lambda x: F.max_pool3d(x[:, None], 3, 2, 1),
    "volume mean": lambda x: F.avg_pool3d(x[:, None], (2, 3, 3), (2, 1, 1), (0, 1, 1)),
    "volume bins": lambda x: F.adaptive_avg_pool3d(x[:, None], (3, 2, 3)),
    "dist": lambda x: F.pairwise_distance(x, x * 0.5),
    # truth values
    "count": lambda x: (x > 0).sum((2, 3)).float(),
    "any": lambda x: (x > 1).any(1).float(),
    "all": lambda x: (x > -1).all(1).float(),
    "logic": lambda x: ((x > 0) & ~(x > 1) | (x < -1)).float(),
    "isnan": lambda x: torch.isnan(x).float() + torch.isinf(x).float(),
    "argmax of all": lambda x: x.argmax().float() + x,
    # writes at known places
    "scatter": lambda x: x.flatten(1)[:, :4].scatter(1, INDEX, x.flatten(1)[:, :3]),
    "scatter_add": lambda x: x.flatten(1)[:, :4].scatter_add(1, INDEX, x.flatten(1)[:, :3]),
    "index_put": lambda x: x.index_put((torch.tensor([0, 1]), torch.tensor([2, 2])), x[:, 0]),
    "index_add": lambda x: x.index_add(1, torch.tensor([0, 0]), x[:, 1:3]),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_as_eager_computes_it(name: str):
    torch.manual_seed(0)
    x = torch.randn(IMAGE)
    net = Net(OPERATORS[name]).eval()
    (found,) = run_nn(import_torch(net, x), x)
    with torch.no_grad():
        torch.testing.assert_close(found, net(x), rtol=1e-4, atol=1e-5)


def added_parts(x: Tensor) -> Tensor:
    first, second = x.clone().chunk(2, 1)
    first += second
    return first


def of_one_operand(x: Tensor) -> Tensor:
    y = x.clone()
    view = torch.einsum("nchw->nchw", y)
    y.zero_()
    return view + y


def broadcast(x: Tensor) -> Tensor:
    y = x.clone()
    first, second = torch.broadcast_tensors(y, x[:1])
    y.mul_(2)
    return first + second


def on_a_grid(x: Tensor) -> Tensor:
    y = x.clone()
    rows, columns = torch.meshgrid(y[0, 0, 0], x[0, 0, 1], indexing="ij")
    y.zero_()
    return rows + columns


PARTS: dict[str, Callable[[Tensor], Tensor]] = {
    "chunk": added_parts,
    "first channel": lambda x: x.clone().index_fill_(1, torch.tensor([0]), 0.0),
    "select": lambda x: (lambda y: (y[:, 0].zero_(), y)[1])(x.clone()),
    "slice": lambda x: (lambda y: (y[:, 1:3].mul_(2), y)[1])(x * 1),
    "split": lambda x: (lambda y: (y.split(2, 1)[1].relu_(), y)[1])(x + 0),
    "einsum": of_one_operand,
    "broadcast_tensors": broadcast,
    "meshgrid": on_a_grid,
    "empty": lambda x: (lambda y: (y[:, :4].copy_(x), y[:, 4:].copy_(x * 2), y)[2])(
        x.new_empty(2, 8, 6, 8)
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_writes_to_parts(name: str):
    torch.manual_seed(0)
    x = torch.randn(IMAGE)
    net = Net(PARTS[name]).eval()
    (found,) = run_nn(import_torch(net, x), x)
    with torch.no_grad():
        torch.testing.assert_close(found, net(x))


LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "lstm": (Net(lambda m, x: m.rnn(x)[0], rnn=nn.LSTM(5, 4, 2, batch_first=True)), (2, 6, 5)),
    "lstm backward": (
        Net(lambda m, x: m.rnn(x)[1][0], rnn=nn.LSTM(5, 4, bidirectional=True, batch_first=True)),
        (2, 6, 5),
    ),
    "gru": (
        Net(lambda m, x: m.rnn(x)[0], rnn=nn.GRU(5, 4, bidirectional=True, batch_first=True)),
        (2, 6, 5),
    ),
    "rms_norm": (nn.RMSNorm(8), (2, 6, 8)),
    "image alone": (nn.Conv2d(3, 4, 3), (3, 6, 6)),
    "pool alone": (nn.MaxPool2d(2), (3, 6, 6)),
    "vector alone": (nn.Linear(4, 3), (4,)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str):
    torch.manual_seed(0)
    net, shape = LAYERS[name]
    x = torch.randn(shape)
    (found,) = run_nn(import_torch(net.eval(), x), x)
    with torch.no_grad():
        torch.testing.assert_close(found, net(x), rtol=1e-4, atol=1e-5)


def test_an_lstm_runs_on_the_chip():
    """The product of its first state, which is zero, is no op that is left over."""
    net = Net(lambda m, x: m.rnn(x)[0], rnn=nn.LSTM(5, 4, batch_first=True)).eval()
    x = torch.randn(4, 6, 5)
    conversion = convert(import_torch(net, x[:1]), [x.numpy()], options=DENSE)
    machine = Machine(conversion.assemble())
    (found,) = conversion.network(machine)(x.numpy())
    with torch.no_grad():
        assert sqnr_db(net(x).numpy(), found) > 20


def test_levels_of_a_network_without_weights():
    x = torch.randn(IMAGE)
    conversion = convert(import_torch(Net(F.relu), x[:1]), [x.numpy()], options=DENSE)
    rows = measure_levels(conversion, Machine(conversion.assemble()), [x.numpy()])
    assert rows[-1].sqnr_db == rows[-2].sqnr_db


class Everything(nn.Module):
    """Layers that `run_decompositions` takes apart."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.groups, self.last = nn.GroupNorm(2, 4), nn.LayerNorm(12)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        y = F.mish(self.pool(self.norm(self.conv(x))))
        y = F.rrelu(F.softplus(self.groups(self.up(y))) - 1)
        y = y[:, torch.tensor([3, 1, 0, 2])] * torch.tensor([2.0, 0.5, 1.0, 1.0]).view(4, 1, 1)
        return F.log_softmax(self.last(F.instance_norm(y)), 1)


@pytest.mark.parametrize("decompose", [False, True])
def test_archives(decompose: bool, tmp_path: Path):
    torch.manual_seed(0)
    net, x = Everything().eval(), torch.randn(3, 3, 12, 12)
    batch = torch.export.Dim("batch")
    program = torch.export.export(net, (x,), dynamic_shapes=({0: batch},))
    if decompose:
        program = program.run_decompositions()
    torch.export.save(program, tmp_path / "net.pt2")
    (found,) = run_nn(import_pt2(str(tmp_path / "net.pt2")), x)
    with torch.no_grad():
        torch.testing.assert_close(found, net(x), rtol=1e-4, atol=1e-5)


def test_check_says_what_was_decomposed():
    net = Net(lambda x: F.glu(F.glu(x, 1), 1)).eval()
    module = import_torch(net, torch.randn(IMAGE))
    assert nn_dialect.DECOMPOSED in module.attributes
    assert "by torch's own decomposition: aten.glu.default (2)" in report_of(module).notes
