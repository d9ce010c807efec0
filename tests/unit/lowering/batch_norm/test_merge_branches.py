"""Parallel branches of one image merge into one convolution, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from recog.backend.interpreters.nn_runner import run_nn
from recog.backend.machine import Machine
from recog.dialects.nn import BatchNormOp, Conv2dOp
from recog.frontend.torch.importer import import_torch
from recog.lowering.pipeline import ConversionOptions, convert, fold_network
from recog.tools.report.check_network import report_of
from recog.tools.report.compare_bits import compare_bits

CHANNELS = 8


class Network(nn.Module):
    """A layer that gives the branches their image, then the branches."""

    def __init__(self, forward: Callable[..., Tensor], **modules: nn.Module):
        super().__init__()
        self.stem = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.branches = forward
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x: Tensor) -> Tensor:
        return self.branches(self, F.relu(self.stem(x)))


def network(forward: Callable[..., Tensor], **modules: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    net = Network(forward, **modules).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return net


def conv(kernel: int | tuple[int, int], **options: int) -> nn.Conv2d:
    size = (kernel, kernel) if isinstance(kernel, int) else kernel
    dilation = options.get("dilation", 1)
    padding = tuple((k - 1) * dilation // 2 for k in size)
    return nn.Conv2d(CHANNELS, CHANNELS, size, padding=padding, **options)  # pyright: ignore


def norm() -> nn.BatchNorm2d:
    return nn.BatchNorm2d(CHANNELS)


NETWORKS: dict[str, tuple[nn.Module, int, int]] = {
    # name: the network, its convolutions without the stem, the batch norms that stay
    "identity": (network(lambda m, x: m.n(m.a(x)) + m.i(x), a=conv(3), n=norm(), i=norm()), 1, 0),
    "repvgg": (
        network(
            lambda m, x: F.relu(m.n(m.a(x)) + m.o(m.b(x)) + m.i(x)),
            a=conv(3),
            b=conv(1),
            n=norm(),
            o=norm(),
            i=norm(),
        ),
        1,
        0,
    ),
    "mobileone": (
        network(
            lambda m, x: m.i(x) + m.o(m.b(x)) + (m.n(m.a(x)) + m.p(m.c(x))),
            a=conv(3, groups=CHANNELS),
            b=conv(1, groups=CHANNELS),
            c=conv(3, groups=CHANNELS),
            n=norm(),
            o=norm(),
            p=norm(),
            i=norm(),
        ),
        1,
        0,
    ),
    "fastvit": (
        network(
            lambda m, x: x + torch.linspace(-1, 1, 8).view(8, 1, 1) * (m.n(m.a(x)) - m.i(x)),
            a=conv(3, groups=CHANNELS),
            n=norm(),
            i=norm(),
        ),
        1,
        0,
    ),
    "repghost": (
        network(
            lambda m, x: F.relu(m.n(m.a(F.relu(m.b(x)))) + m.i(F.relu(m.b(x)))),
            a=conv(3, groups=CHANNELS),
            b=conv(1),
            n=norm(),
            i=norm(),
        ),
        3,
        1,
    ),
    "groups": (
        network(lambda m, x: m.a(x) - m.b(x), a=conv(3, groups=2), b=conv(3, groups=4)),
        1,
        0,
    ),
    "dilated inside": (
        network(lambda m, x: m.a(x) + m.b(x), a=conv(5), b=conv(3, dilation=2)),
        1,
        0,
    ),
    "dilated alone": (
        network(lambda m, x: m.a(x) + m.i(x), a=conv(3, dilation=2), i=norm()),
        1,
        0,
    ),
    "of one tap": (
        network(lambda m, x: m.i(x) + m.a(x), a=conv(1, groups=CHANNELS), i=norm()),
        1,
        0,
    ),
    "cross": (network(lambda m, x: m.a(x) + m.b(x), a=conv((3, 1)), b=conv((1, 3))), 2, 0),
    "dense and deep": (
        network(lambda m, x: m.a(x) + m.b(x), a=conv(1), b=conv(3, groups=CHANNELS)),
        2,
        0,
    ),
    "strides": (
        network(lambda m, x: m.a(x) + m.b(x), a=conv(3, stride=2), b=conv(1, stride=2)),
        1,
        0,
    ),
    "used twice": (
        network(lambda m, x: (lambda y: torch.cat([y + x, y], 1))(m.a(x)), a=conv(3)),
        1,
        0,
    ),
    "another image too": (
        network(
            lambda m, x: m.n(m.a(x)) + torch.sigmoid(m.b(x)) + m.i(x),
            a=conv(3),
            b=conv(1),
            n=norm(),
            i=norm(),
        ),
        2,
        0,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_merged_as_eager_computes_it(name: str):
    net, layers, kept = NETWORKS[name]
    x = torch.randn(2, 3, 9, 11)
    module = import_torch(net, x[:1])
    fold_network(module)
    found = [op for op in module.walk() if isinstance(op, Conv2dOp)]
    assert len(found) == layers + 1
    assert sum(isinstance(op, BatchNormOp) for op in module.walk()) == kept
    with torch.no_grad():
        wanted = net(x)
    torch.testing.assert_close(run_nn(module, x)[0], wanted, rtol=1e-4, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    parts=st.lists(
        st.tuples(
            st.sampled_from(["conv", "norm", "identity", "scaled"]),
            st.sampled_from([1, 3, 5, (1, 3), (3, 1)]),
            st.sampled_from([1, 2, 8]),
            st.sampled_from([1, 2]),
            st.booleans(),
        ),
        min_size=2,
        max_size=5,
    ),
)
def test_any_sum_keeps_its_value(
    seed: int, parts: list[tuple[str, int | tuple[int, int], int, int, bool]]
):
    modules: dict[str, nn.Module] = {}
    for i, (kind, kernel, groups, dilation, _) in enumerate(parts):
        if kind == "conv":
            modules[f"m{i}"] = conv(kernel, groups=groups, dilation=dilation)
        elif kind == "norm":
            modules[f"m{i}"] = norm()

    def forward(m: nn.Module, x: Tensor) -> Tensor:
        total = torch.relu(x - 0.1)
        for i, (kind, *_, minus) in enumerate(parts):
            term = x
            if kind in ("conv", "norm"):
                term = getattr(m, f"m{i}")(x)
            elif kind == "scaled":
                term = x * torch.linspace(-1, 2, CHANNELS).view(1, CHANNELS, 1, 1)
            total = total - term if minus else total + term
        return total

    net = network(forward, **modules)
    x = torch.randn(1, 3, 7, 6, generator=torch.Generator().manual_seed(seed))
    module = import_torch(net, x)
    fold_network(module)
    with torch.no_grad():
        wanted = net(x)
    torch.testing.assert_close(run_nn(module, x)[0], wanted, rtol=1e-4, atol=1e-4)


def test_check_counts_the_merged_batch_norm_as_folded():
    net, _, _ = NETWORKS["repvgg"]
    report = report_of(import_torch(net, torch.randn(1, 3, 9, 11)))
    assert "batch norms: 3, of which 3 fold into a layer" in report.notes


def test_a_merged_network_on_the_chip():
    net, _, _ = NETWORKS["mobileone"]
    frames = np.random.default_rng(0).standard_normal((4, 3, 9, 11)).astype(np.float32)
    module = import_torch(net, torch.from_numpy(frames[:1]))
    conversion = convert(module, [frames], options=ConversionOptions(cluster=False))
    machine = Machine(conversion.assemble())
    assert compare_bits(conversion.lns_module, conversion.chip_module, machine, [frames]).elements
