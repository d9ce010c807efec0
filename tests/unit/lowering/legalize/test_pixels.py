"""Images of 8-bit pixels as inputs: moved, converted and normalized by one table on the chip."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recog.backend.arithmetic.reference.definition import encode
from recog.backend.machine import Machine
from recog.dialects import lns
from recog.dialects.errors import RecogError
from recog.dialects.lns import format_of
from recog.frontend.torch.importer import import_torch
from recog.lowering.check.compare_layers import sqnr_db
from recog.lowering.pipeline import Conversion, ConversionOptions, convert
from recog.tools.report.compare_bits import compare_bits

MEAN = torch.tensor([0.485, 0.456, 0.406])
DEVIATION = torch.tensor([0.229, 0.224, 0.225])
COLUMN = (3, 1, 1)


class Network(nn.Module):
    """A convolution of what becomes of the image."""

    def __init__(self, prepare: Callable[[Tensor], Tensor]):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.prepare = prepare

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.prepare(x))


def normalized(x: Tensor) -> Tensor:
    return (x.float() / 255 - MEAN.view(COLUMN)) / DEVIATION.view(COLUMN)


# name: what becomes of the image, and whether its channels come last
NETWORKS: dict[str, tuple[Callable[[Tensor], Tensor], bool]] = {
    "converted": (lambda x: x.float(), False),
    "scaled": (lambda x: x / 255, False),
    "uniform": (lambda x: (x.to(torch.float32) - 127.5) / 127.5, False),
    "by channel": (normalized, False),
    "multiplied": (lambda x: x * (1 / 255 / DEVIATION.view(COLUMN)) - 2.0, False),
    "channels last": (lambda x: normalized(x.permute(0, 3, 1, 2)), True),
    "normalized, channels last": (
        lambda x: ((x.float() / 255 - MEAN) / DEVIATION).permute(0, 3, 1, 2),
        True,
    ),
    "cropped": (lambda x: normalized(x[:, :, 2:10, ::2]), False),
    "with a function": (lambda x: torch.sigmoid(normalized(x)), False),
    "twice, by channel": (lambda x: (y := normalized(x)) - y, False),
}


def converted(net: nn.Module, images: np.ndarray) -> tuple[Conversion, Machine]:
    module = import_torch(net, torch.from_numpy(images[:1]))
    conversion = convert(module, [images], options=ConversionOptions(cluster=False))
    return conversion, Machine(conversion.assemble())


def pictures(channels_last: bool = False) -> np.ndarray:
    shape = (4, 12, 14, 3) if channels_last else (4, 3, 12, 14)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("name", NETWORKS)
def test_whole_on_the_chip(name: str):
    prepare, channels_last = NETWORKS[name]
    torch.manual_seed(0)
    net, images = Network(prepare).eval(), pictures(channels_last)
    conversion, machine = converted(net, images)
    assert conversion.host_part is None
    tables = [op for op in conversion.lns_module.walk() if isinstance(op, lns.TableOp)]
    assert len(tables) == 1
    assert not any(isinstance(op, lns.EncodeOp) for op in conversion.lns_module.walk())
    assert compare_bits(conversion.lns_module, conversion.chip_module, machine, [images]).elements
    with torch.no_grad():
        wanted = net(torch.from_numpy(images)).numpy()
    found = machine.run(images)
    assert isinstance(found, np.ndarray)
    assert sqnr_db(wanted, found) > 27


def test_every_pixel_becomes_the_nearest_code():
    torch.manual_seed(0)
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16).repeat(3, 1)
    conversion, _ = converted(Network(normalized).eval(), ramp)
    (table,) = (op for op in conversion.lns_module.walk() if isinstance(op, lns.TableOp))
    entries = table.table.owner.value.to_array()  # pyright: ignore
    pixels = np.arange(256, dtype=np.float64)
    for channel in range(3):
        mean, deviation = (float(each[channel]) for each in (MEAN, DEVIATION))
        wanted = encode((pixels / 255 - mean) / deviation, format_of(table.output))
        np.testing.assert_array_equal(entries[channel], wanted)


def test_two_users_of_an_image():
    torch.manual_seed(0)

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.a(normalized(x)) + self.b(x / 255)

    images = pictures()
    conversion, machine = converted(Two().eval(), images)
    assert conversion.host_part is None
    assert compare_bits(conversion.lns_module, conversion.chip_module, machine, [images]).elements


@pytest.mark.parametrize(
    "joined", [lambda x: x.relu() - 0.1 * x, lambda x: torch.cat([x, 2 * x], 1)[:, 2:5]]
)
def test_two_functions_of_a_normalized_image(joined: Callable[[Tensor], Tensor]):
    torch.manual_seed(0)
    images = pictures()
    conversion, machine = converted(Network(lambda x: joined(normalized(x))).eval(), images)
    assert conversion.host_part is None
    assert compare_bits(conversion.lns_module, conversion.chip_module, machine, [images]).elements


def test_sums_of_pixels_are_refused():
    net = Network(lambda x: (x + x).float())
    with pytest.raises(RecogError, match="of torch.uint8 is not supported"):
        import_torch(net.eval(), torch.from_numpy(pictures()[:1]))


def test_data_that_is_no_image():
    torch.manual_seed(0)
    net = Network(normalized).eval()
    module = import_torch(net, torch.from_numpy(pictures()[:1]))
    with pytest.raises(RecogError, match="whole numbers from 0 to 255"):
        convert(module, [pictures() / 255], options=ConversionOptions(cluster=False))
    _, machine = converted(net, pictures())
    assert np.array_equal(machine.run(pictures().astype(np.int64)), machine.run(pictures()))
    for wrong in (pictures() / 255, pictures().astype(np.int64) - 1):
        with pytest.raises(RecogError, match="ui8"):
            machine.run(wrong)
