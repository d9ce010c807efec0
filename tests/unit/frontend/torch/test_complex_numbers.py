"""Fourier transforms and complex numbers: imported as pairs of real tensors, as eager has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_pt2, import_torch
from recog.lowering.pipeline import ConversionOptions, convert

torch.manual_seed(0)
FILTER = torch.randn(3, 8, 5, dtype=torch.complex64)
MIXER = torch.randn(3, 6, 4, 3, dtype=torch.complex64)


def filtered(x: Tensor) -> Tensor:
    """The global filter of GFNet (Rao et al. 2021)."""
    return torch.fft.irfft2(torch.fft.rfft2(x, norm="ortho") * FILTER, s=(8, 8), norm="ortho")


def mixed(x: Tensor) -> Tensor:
    """Channels mixed frequency by frequency, as in a Fourier neural operator (Li et al. 2021)."""
    low = torch.fft.rfft2(x)[:, :, :4, :3]
    return torch.fft.irfft2(torch.einsum("bixy,ioxy->boxy", low, MIXER), s=(8, 8))


def rotated(x: Tensor) -> Tensor:
    """Rotary positions: pairs of channels as complex numbers."""
    turns = torch.polar(torch.ones(4), torch.arange(4.0))
    return torch.view_as_real(torch.view_as_complex(x.reshape(1, 3, 8, 4, 2)) * turns)


def kept_low(x: Tensor) -> Tensor:
    """Low frequencies written into zeros, as a Fourier neural operator's code does."""
    spectrum = torch.fft.rfft2(x)
    low = torch.zeros_like(spectrum)
    low[:, :, :2, :3] = 2j * spectrum[:, :, :2, :3]
    return low


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "magnitudes": lambda x: torch.fft.rfft2(x).abs(),
    "global filter": filtered,
    "mixer": mixed,
    "rotary": rotated,
    "tokens": lambda x: torch.fft.fftn(x, dim=(1, 2, 3)).real,  # FNet (Lee-Thorp et al. 2021)
    "other axes": lambda x: torch.fft.fft2(x.permute(0, 2, 3, 1), dim=(1, 2)).imag,
    "there and back": lambda x: torch.fft.ifft(torch.fft.fft(x) * (1 + 2j)).real,
    "odd": lambda x: torch.fft.irfft(torch.fft.rfft(x, n=7), n=7),
    "shifted": lambda x: torch.fft.fftshift(torch.fft.fft2(x)).abs(),
    "Hermitian": lambda x: torch.fft.hfft(torch.fft.ihfft(x)),
    "quotient": lambda x: (torch.fft.rfft(x) / (torch.fft.rfft(x + 1) + 1j)).abs(),
    "conjugate": lambda x: (torch.fft.rfft(x) * torch.fft.rfft(x).conj()).real,
    "minus": lambda x: torch.view_as_real(1j - torch.fft.rfft(x) - 2 * torch.fft.rfft(x.flip(1))),
    "bordered": lambda x: torch.view_as_real(F.pad(torch.fft.rfft(x), (1, 2), value=1.5)),
    "mean": lambda x: torch.view_as_real(x.mean(-1, dtype=torch.complex64)),
    "joined": lambda x: torch.view_as_real(torch.cat([x, torch.fft.rfft(x), x], -1)),
    "stacked": lambda x: torch.view_as_real(torch.stack([x, torch.fft.fft(x)])),
    "sum": lambda x: torch.view_as_real(torch.fft.rfft(x).sum((-1, -2))),
    "chosen": lambda x: torch.view_as_real(torch.where(x > 0, torch.fft.fft(x), 1)),
    "picked": lambda x: torch.view_as_real(torch.fft.rfft(x)[:, [2, 0]]),
    "padded in front": lambda x: torch.fft.irfft2(torch.fft.fft(x), s=(5, 9), dim=(1, 2)),
    "kept low": lambda x: torch.fft.irfft2(kept_low(x)),
    "phases": lambda x: torch.atan2(torch.fft.rfft(x).imag, torch.fft.rfft(x).real),
    "spectrogram": lambda x: torch.stft(
        x.reshape(1, -1), 16, return_complex=True, window=torch.hann_window(16)
    ).abs(),
}


class Function(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_as_eager_computes_it(name: str):
    torch.manual_seed(0)  # a divisor near zero would magnify how either rounds
    network, x = Function(FUNCTIONS[name]), torch.randn(1, 3, 8, 8)
    (found,) = run_nn(import_torch(network, x), x)
    wanted = network(x).numpy()
    assert np.abs(np.asarray(found) - wanted).max() < 1e-6 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (torch.fft.rfft, "is returned as complex numbers\n  hint: return torch.view_as_real"),
        (lambda x: torch.fft.rfft(x).exp().real, "of complex numbers is not supported"),
        (lambda x: torch.fft.rfft(x).to(torch.complex32).abs(), "torch.complex32"),
        (lambda x: torch.fft.rfft(x.double()).abs(), "torch.float64"),
    ],
)
def test_refused(function: Callable[[Tensor], Tensor], message: str):
    with pytest.raises(RecogError) as error:
        import_torch(Function(function), torch.randn(1, 3, 8, 8))
    assert message in str(error.value)


def test_a_filter_between_layers_converts():
    network = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), Function(filtered), nn.Conv2d(3, 4, 1))
    frames = np.random.default_rng(0).normal(size=(4, 3, 8, 8)).astype(np.float32)
    module = import_torch(network.eval(), torch.from_numpy(frames[:1]))
    conversion = convert(module, [frames], options=ConversionOptions(cluster=False))
    assert conversion.assemble()


def test_archives_of_any_batch_may_write_to_a_spectrum(tmp_path: Path):
    """Autograd refuses to trace it, of values that depend on weights."""

    def low_pass(x: Tensor) -> Tensor:
        spectrum = torch.fft.rfft2(x)
        kept = torch.zeros_like(spectrum)
        kept[..., :4, :3] = spectrum[..., :4, :3]
        return torch.fft.irfft2(kept, s=(8, 8))

    network, x = nn.Sequential(nn.Conv2d(3, 3, 1), Function(low_pass)), torch.randn(2, 3, 8, 8)
    shapes = {"input": {0: torch.export.Dim("batch")}}
    program = torch.export.export(network.eval(), (x,), dynamic_shapes=shapes)
    torch.export.save(program.run_decompositions(), tmp_path / "net.pt2")
    (found,) = run_nn(import_pt2(tmp_path / "net.pt2"), x)
    assert np.abs(np.asarray(found) - network(x).detach().numpy()).max() < 1e-5
