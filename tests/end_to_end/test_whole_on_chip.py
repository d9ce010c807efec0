"""Networks in every spelling of what the chip has ops for: none of it stays on the host.

Machine and `lns` level agree on every bit, and the values are those of eager PyTorch as well as
codes of 8 bits show them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recog.backend.machine import Machine
from recog.frontend.torch.importer import import_torch
from recog.lowering.pipeline import ConversionOptions, convert
from recog.tools.report.compare_bits import compare_bits

IMAGE, SEQUENCE, TOKENS = (3, 16, 16), (4, 16), (6, 8)
FRAMES = 8
LEAST_SQNR = 27.0
"""dB: a few roundings to 8-bit codes, of 31 to 37 dB each."""

Forward = Callable[[Any, Tensor], Tensor]
CASES: dict[str, tuple[Forward, tuple[int, ...], dict[str, Any]]] = {}


def case(*shape: int, **modules: Any) -> Callable[[Forward], Forward]:
    """Register a forward function of a network with the convolution `c` and these modules."""

    def register(forward: Forward) -> Forward:
        CASES[forward.__name__] = (forward, shape or IMAGE, modules)
        return forward

    return register


class Network(nn.Module):
    """A forward function with its modules."""

    def __init__(self, forward: Forward, modules: dict[str, Any]):
        super().__init__()
        self.c = nn.Conv2d(3, 8, 3, padding=1)
        self.function = forward
        for name, module in modules.items():
            setattr(self, name, module() if callable(module) else module)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def conv(inputs: int, outputs: int, size: int = 1) -> Callable[[], nn.Module]:
    return lambda: nn.Conv2d(inputs, outputs, size)


def conv1d(inputs: int, outputs: int, size: int = 1) -> Callable[[], nn.Module]:
    return lambda: nn.Conv1d(inputs, outputs, size)


def linear(inputs: int, outputs: int) -> Callable[[], nn.Module]:
    return lambda: nn.Linear(inputs, outputs)


# Constants beside what the network computes


@case()
def letterbox(m: Any, x: Tensor) -> Tensor:
    return m.c(F.pad(x, (0, 0, 2, 2), value=114 / 255))


@case(d=conv(8, 4, 3))
def pad_value(m: Any, x: Tensor) -> Tensor:
    return m.d(F.pad(m.c(x), (1, 2, 0, 1), value=-1.5))


@case(d=conv(8, 4))
def concat_zeros(m: Any, x: Tensor) -> Tensor:
    return m.d(torch.cat([m.c(x)[:, :4], torch.zeros(x.shape[0], 4, 16, 16)], 1))


@case(d=conv(9, 4))
def coord_conv(m: Any, x: Tensor) -> Tensor:
    columns = torch.linspace(-1, 1, 16).view(1, 1, 1, 16).expand(x.shape[0], 1, 16, 16)
    return m.d(torch.cat([m.c(x), columns], 1))


@case(d=conv(8, 4))
def zero_channel(m: Any, x: Tensor) -> Tensor:
    y = m.c(x).clone()
    y[:, 0] = 0
    return m.d(y)


@case(*SEQUENCE, d=conv1d(4, 4, 3))
def causal_pad(m: Any, x: Tensor) -> Tensor:
    return m.d(F.pad(x, (2, 0)))


@case(*SEQUENCE, d=conv1d(4, 4, 3), p=lambda: nn.ConstantPad1d(1, 0.0))
def pad1d_zero(m: Any, x: Tensor) -> Tensor:
    return m.d(m.p(x))


@case(3, 4, l=linear(12, 8))
def hidden_state(m: Any, x: Tensor) -> Tensor:
    h = torch.zeros(x.shape[0], 8)
    for t in range(3):
        h = torch.tanh(m.l(torch.cat([x[:, t], h], 1)))
    return h


@case(d=conv(8, 16))
def padded_shortcut(m: Any, x: Tensor) -> Tensor:
    y = m.c(x)
    return F.relu(m.d(y)[:, :, ::2, ::2] + F.pad(y[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4)))


# Repetition


@case()
def grey_mean(m: Any, x: Tensor) -> Tensor:
    return m.c(x.mean(1, keepdim=True).expand(-1, 3, -1, -1))


@case()
def broadcast_to(m: Any, x: Tensor) -> Tensor:
    return m.c(x) * m.c(x).mean((2, 3), keepdim=True).expand(-1, -1, 16, 16)


@case(g=conv(3, 3), d=conv(3, 4))
def se_expand_as(m: Any, x: Tensor) -> Tensor:
    return m.d(x * m.g(x.mean((2, 3), keepdim=True)).sigmoid().expand_as(x))


@case(d=conv(16, 4))
def global_context(m: Any, x: Tensor) -> Tensor:
    y = m.c(x)
    return m.d(torch.cat([y, y.mean((2, 3), keepdim=True).expand(-1, -1, 16, 16)], 1))


@case(d=conv(16, 4))
def row_context(m: Any, x: Tensor) -> Tensor:
    y = m.c(x)
    return m.d(torch.cat([y, y.mean(2, keepdim=True).expand(-1, -1, 16, -1)], 1))


# Reductions


@case()
def sum_channel(m: Any, x: Tensor) -> Tensor:
    return m.c(x).sum(1, keepdim=True)


@case()
def mean_channel(m: Any, x: Tensor) -> Tensor:
    return m.c(x).mean(1, keepdim=True)


@case()
def sum_pair(m: Any, x: Tensor) -> Tensor:
    return m.c(x).view(x.shape[0], 2, 4, 16, 16).sum(1)


@case(*SEQUENCE, d=conv1d(4, 4))
def mean_1d(m: Any, x: Tensor) -> Tensor:
    return m.d(x).mean(2)


@case()
def mean_h(m: Any, x: Tensor) -> Tensor:
    return m.c(x).mean(2)


@case(*SEQUENCE, d=conv1d(4, 4))
def max_1d(m: Any, x: Tensor) -> Tensor:
    return m.d(x).amax(2)


@case()
def max_channel(m: Any, x: Tensor) -> Tensor:
    return m.c(x).amax(1, keepdim=True)


@case()
def max_spatial(m: Any, x: Tensor) -> Tensor:
    return m.c(x).amax((2, 3), keepdim=True)


@case()
def min_width(m: Any, x: Tensor) -> Tensor:
    return m.c(x).amin(3)


@case()
def mean_apart(m: Any, x: Tensor) -> Tensor:
    return m.c(x).mean((1, 3))


@case()
def sum_apart(m: Any, x: Tensor) -> Tensor:
    return m.c(x).relu().sum((1, 3), keepdim=True)


@case()
def sum_all(m: Any, x: Tensor) -> Tensor:
    return m.c(x).relu().sum((1, 2, 3))


@case()
def l2_normalise(m: Any, x: Tensor) -> Tensor:
    return F.normalize(m.c(x), dim=1)


@case(w=lambda: nn.Parameter(torch.ones(1, 8, 1, 1)), b=lambda: nn.Parameter(torch.zeros(8, 1, 1)))
def grn_by_hand(m: Any, x: Tensor) -> Tensor:
    y = m.c(x)
    g = y.norm(p=2, dim=(2, 3), keepdim=True)
    return y + m.b + m.w * (y * (g / (g.mean(1, keepdim=True) + 1e-6)))


@case(s=conv(2, 1, 3), a=conv(8, 2), b=conv(2, 8))
def cbam(m: Any, x: Tensor) -> Tensor:
    y = m.c(x)
    mean, largest = y.mean((2, 3), keepdim=True), y.amax((2, 3), keepdim=True)
    y = y * (m.b(m.a(mean).relu()) + m.b(m.a(largest).relu())).sigmoid()
    maps = torch.cat([y.mean(1, keepdim=True), y.max(1, keepdim=True)[0]], 1)
    return y * m.s(F.pad(maps, (1, 1, 1, 1))).sigmoid()


@case(k=lambda: nn.Conv1d(1, 1, 3, padding=1, bias=False))
def eca(m: Any, x: Tensor) -> Tensor:
    y = m.c(x)
    weights = m.k(y.mean((2, 3)).view(y.shape[0], 1, -1)).sigmoid()
    return y * weights.view(y.shape[0], -1, 1, 1).expand_as(y)


@case(w=lambda: nn.Parameter(torch.ones(1, 8, 1, 1)), b=lambda: nn.Parameter(torch.zeros(8, 1, 1)))
def grn(m: Any, x: Tensor) -> Tensor:
    y = m.c(x)
    g = y.norm(p=2, dim=(2, 3), keepdim=True)
    return y + torch.addcmul(m.b, m.w, y * (g / (g.mean(1, keepdim=True) + 1e-6)))


@case(p=lambda: nn.Parameter(torch.ones(1) * 3))
def gem(m: Any, x: Tensor) -> Tensor:
    return F.avg_pool2d(m.c(x).clamp(min=1e-6).pow(m.p), 16).pow(1 / m.p)


@case()
def adaptive_uneven(m: Any, x: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(m.c(x), 3)


@case()
def adaptive_max(m: Any, x: Tensor) -> Tensor:
    return F.adaptive_max_pool2d(m.c(x), 1)


@case(*SEQUENCE, d=conv1d(4, 4, 3))
def adaptive_1d(m: Any, x: Tensor) -> Tensor:
    return F.adaptive_avg_pool1d(m.d(x), 1)


@case()
def clip_alias(m: Any, x: Tensor) -> Tensor:
    return torch.clip(m.c(x), 0, 6)


# Elements at constant places, and masks


@case()
def bgr_index(m: Any, x: Tensor) -> Tensor:
    return m.c(x[:, [2, 1, 0]])


@case()
def bgr_flip(m: Any, x: Tensor) -> Tensor:
    return m.c(x.flip(1))


@case()
def flip_image(m: Any, x: Tensor) -> Tensor:
    return m.c(x).flip((2, 3))


@case()
def picked(m: Any, x: Tensor) -> Tensor:
    return m.c(x).index_select(1, torch.tensor([6, 0, 2, 4, 7, 7]))


@case(d=conv(8, 4))
def stack_sum(m: Any, x: Tensor) -> Tensor:
    y = m.c(x)
    return m.d(torch.stack([y, y.relu()]).sum(0))


@case(k=lambda: nn.Buffer(torch.ones(16, 16).tril().bool()))
def where_const(m: Any, x: Tensor) -> Tensor:
    return torch.where(m.k, m.c(x), 0.0)


@case(k=lambda: nn.Buffer(torch.ones(16, 16).tril().bool()))
def where_const_both(m: Any, x: Tensor) -> Tensor:
    return torch.where(m.k, m.c(x), m.c(x) * 0.5)


@case(k=lambda: nn.Buffer(torch.ones(16, 16).tril().bool()))
def masked_fill(m: Any, x: Tensor) -> Tensor:
    return m.c(x).masked_fill(m.k, -1.0)


@case()
def masked_relu(m: Any, x: Tensor) -> Tensor:
    y = m.c(x)
    return torch.where(y > 0, y, torch.zeros_like(y))


@case()
def own_activation(m: Any, x: Tensor) -> Tensor:
    y = m.c(x)
    return torch.where(y > 1, y * y, (y > 0).float() * y)


@case(d=conv(8, 32), e=conv(32, 8, 3))
def pool_then_relu(m: Any, x: Tensor) -> Tensor:
    return m.e(F.relu(F.max_pool2d(m.d(m.c(x)), 2)))


# Sums of very many products


@case(64, 14, 14, l=linear(64 * 14 * 14, 2))
def whole_map(m: Any, x: Tensor) -> Tensor:
    return m.l(x.relu().flatten(1))


# Branches that a softmax weighs


@case(a=conv(8, 16), d=conv(8, 4))
def split_attention(m: Any, x: Tensor) -> Tensor:
    y = m.c(x)
    parts = torch.stack([y, y.relu()], 1)
    weights = m.a(parts.sum(1).mean((2, 3), keepdim=True)).view(-1, 2, 8, 1, 1).softmax(1)
    return m.d((parts * weights).sum(1))


# Tokens


@case(*TOKENS, l=linear(8, 8), n=lambda: nn.LayerNorm(8))
def layer_norm_tokens(m: Any, x: Tensor) -> Tensor:
    return m.n(m.l(x))


@case(*TOKENS, n=lambda: nn.LayerNorm(8), a=linear(8, 16), b=linear(16, 8))
def token_mlp(m: Any, x: Tensor) -> Tensor:
    return x + m.b(F.gelu(m.a(m.n(x))))


@case(*TOKENS, n=lambda: nn.LayerNorm(8), t=linear(6, 6), a=linear(8, 8))
def mixer(m: Any, x: Tensor) -> Tensor:
    x = x + m.t(m.n(x).transpose(1, 2)).transpose(1, 2)
    return m.a(m.n(x)).mean(1)


@case(5, n=lambda: nn.LayerNorm(5))
def layer_norm_vector(m: Any, x: Tensor) -> Tensor:
    return m.n(x)


@pytest.mark.parametrize("name", CASES)
def test_all_of_it_runs_on_the_chip(name: str) -> None:
    forward, shape, modules = CASES[name]
    torch.manual_seed(0)
    network = Network(forward, modules).eval()
    frames = torch.randn(FRAMES, *shape)
    module = import_torch(network, frames[:1])
    conversion = convert(module, [frames.numpy()], options=ConversionOptions(cluster=False))
    assert conversion.host_part is None
    machine = Machine(conversion.assemble())
    inputs = [frames.numpy()]
    assert compare_bits(conversion.lns_module, conversion.chip_module, machine, inputs).elements > 0
    found = machine.run(*inputs)
    assert isinstance(found, np.ndarray)
    with torch.no_grad():
        wanted = network(frames).numpy()
    assert found.shape == wanted.shape
    sqnr = 10 * np.log10(np.square(wanted).sum() / np.square(found - wanted).sum())
    assert sqnr > LEAST_SQNR
