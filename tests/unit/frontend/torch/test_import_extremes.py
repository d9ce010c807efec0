"""Integers at the ends of their type, NaN, infinities and huge numbers: as eager computes them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recog.backend.interpreters.nn_runner import run_nn
from recog.backend.machine import Machine
from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_torch
from recog.lowering.check.compare_layers import sqnr_db
from recog.lowering.pipeline import ConversionOptions, convert

INF, NAN = float("inf"), float("nan")


class Network(nn.Module):
    def __init__(self, function: Callable[..., Any]):
        super().__init__()
        self.function = function

    def forward(self, *x: Tensor) -> Any:
        return self.function(*x)


def whole(x: Tensor) -> Tensor:
    return x.to(torch.int32)


def with_nan(x: Tensor) -> Tensor:
    return torch.where(x == 2, NAN, x)


def with_infinity(x: Tensor) -> Tensor:
    return torch.where(x == 2, INF, x)


X = torch.tensor([[1.0, 2.0, 3.0, 4.0]])

EXACT: dict[str, Callable[[Tensor], Any]] = {
    # int32 wraps, as in two's complement
    "product": lambda x: (whole(x) * 1_000_000_000).float(),
    "sum": lambda x: (whole(x) + 2_147_483_647).float(),
    "difference": lambda x: (whole(-x) - 2_147_483_647).float(),
    "from": lambda x: (-2_147_483_648 - whole(x)).float(),
    "square": lambda x: ((whole(x) * 20_000) ** 2).float(),
    "with alpha": lambda x: torch.add(whole(x), whole(x), alpha=1_000_000_000).float(),
    "narrowed": lambda x: (x.long() * 3_000_000_000).to(torch.int32).float(),
    "running": lambda x: (whole(x) * 500_000_000).cumsum(1, dtype=torch.int32).float(),
    "least": lambda x: (-(whole(x) - 1 - 2_147_483_647)).abs().float(),
    "sums are of 64 bits": lambda x: (whole(x) * torch.tensor(2_000_000_000)).sum(1).float(),
    # NaN is larger than all numbers
    "median": lambda x: with_nan(x).median(1),
    "median without": lambda x: x.median(1),
    "argmax": lambda x: with_nan(x).argmax(1),
    "argmin": lambda x: with_nan(x).argmin(1),
    "max": lambda x: with_nan(x).max(1),
    "min": lambda x: with_nan(x).min(1),
    # infinities
    "cumsum": lambda x: with_infinity(x).cumsum(1),
    "cumsum of both": lambda x: torch.cat([with_infinity(x), -with_infinity(x)], 1).cumsum(1),
    "xlogy": lambda x: torch.xlogy(torch.tensor([0.0, 1.0, 0.0, 2.0]), x - 1),
    "kl_div": lambda x: F.kl_div(torch.tensor([[-1.0, -2.0, -0.5, -0.1]]), x - 1, reduction="sum"),
    # integers and truth values where others are floats
    "truth max": lambda x: (x > 2).max(1),
    "truth amax": lambda x: (x > 2).amax(1),
    "clamp": lambda x: x.long().clamp(2, 3),
    "clamp from": lambda x: (x.long() - 3).clamp(min=0),
    "clamp by fractions": lambda x: x.long().clamp(1.5, 2.5),
    "abs": lambda x: (x.long() - 3).abs(),
    "neg": lambda x: -x.long(),
    "relu": lambda x: (x.long() - 3).relu(),
    "pad": lambda x: F.pad(x.long(), (1, 2), value=7),
    "pad images": lambda x: F.pad(x.long()[:, None, None], (1, 1, 1, 0)),
    "pad truth": lambda x: F.pad(x > 2, (1, 1), value=True),
    "integer max": lambda x: (x.long() * 3 % 5).max(1),
    "integer min": lambda x: (x.long() * 3 % 5).amin(1),
    "integer order": lambda x: (x.long() * 3 % 5).sort(1, descending=True),
    "integer cumsum": lambda x: x.long().cumsum(1),
}


def outputs(result: Any) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else list(result)


@pytest.mark.parametrize("name", EXACT)
def test_as_eager(name: str):
    module = import_torch(Network(EXACT[name]), X)
    for found, wanted in zip(run_nn(module, X), outputs(EXACT[name](X)), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=0, equal_nan=True)


VALUES = [0.0, -0.0, 1.0, -1.0, 1e-45, 1e-38, 3e38, -3e38, 7.3, -2.5, 1e20, -1e-30, 16777217.0]


@pytest.mark.parametrize(
    "function", [torch.fmod, torch.remainder, torch.hypot, torch.xlogy, torch.atan2, torch.pow]
)
def test_functions_of_two_extremes(function: Callable[[Tensor, Tensor], Tensor]):
    x, y = torch.tensor(list(product(VALUES, VALUES))).T[:, :, None]
    module = import_torch(Network(function), (x[:1], y[:1]))
    (found,) = run_nn(module, x, y)
    torch.testing.assert_close(found, function(x, y), rtol=3e-6, atol=0, equal_nan=True)


def test_hypot_is_whole_on_the_chip():
    torch.manual_seed(0)
    a, b = (nn.Conv2d(3, 8, 3, padding=1) for _ in range(2))
    network = Network(lambda x: torch.hypot(a(x), b(x)))
    network.add_module("a", a)
    network.add_module("b", b)
    x = np.random.default_rng(0).standard_normal((8, 3, 8, 8), np.float32)
    module = import_torch(network, torch.from_numpy(x[:1]))
    conversion = convert(module, [x], options=ConversionOptions(cluster=False))
    assert conversion.host_part is None
    found = Machine(conversion.assemble()).run(x)
    with torch.no_grad():
        wanted = network(torch.from_numpy(x)).numpy()
    assert isinstance(found, np.ndarray)
    assert sqnr_db(wanted, found) > 27


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: whole(x) ** 31,
            r"aten.pow.Tensor_Scalar at .*: of torch.int32 is not supported",
        ),
        (lambda x: x.long().softmax(1), "of torch.int64 is not supported, only of torch.float32"),
    ],
)
def test_what_is_of_floats_alone_says_so(function: Callable[[Tensor], Tensor], message: str):
    with pytest.raises(RecogError, match=message) as error:
        import_torch(Network(function), X)
    assert "nn." not in str(error.value)
