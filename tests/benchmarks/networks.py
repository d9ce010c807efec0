"""The networks that recog must take as they are, each a function for `recog check`.

    recog check tests/benchmarks/networks.py:resnet50

Definitions come unmodified from torchvision, timm and segmentation-models-pytorch (the extra
`networks`), or stand in the files beside this one where these have none. Weights are random; so are
the statistics of batch norm, after those that the weights themselves give, so that no layer dies or
explodes and about one scale in ten is negative. They are the same whatever the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from recog.backend.threads import fixed_threads
from recog.frontend.onnx.torchvision_schemas import load_torchvision

Network = tuple[nn.Module, tuple[Tensor, ...]]


def images(*shape: int, seed: int = 0) -> Tensor:
    """Random frames with the smoothness of photographs, of about unit variance."""
    generator = torch.Generator().manual_seed(seed)
    batch, channels, height, width = shape
    frame = torch.zeros(shape)
    for scale in (1, 4, 16, 64):
        size = (-(-height // scale), -(-width // scale))
        noise = torch.randn(batch, channels, *size, generator=generator)
        frame += nn.functional.interpolate(noise, size=(height, width), mode="bilinear")
    return frame / frame.std()


def frames_like(inputs: tuple[Tensor, ...], seeds: Iterable[int]) -> list[Tensor]:
    """Frames for a network's inputs, of these seeds, (N, ...) each; those of several inputs see
    much the same, as two cameras do."""
    parts: list[list[Tensor]] = [[] for _ in inputs]
    for seed in seeds:
        first = images(*inputs[0].shape, seed=seed)
        for number, (part, x) in enumerate(zip(parts, inputs)):
            other = images(*x.shape, seed=seed + 10_000 * number)
            part.append(0.7 * first.roll(-8 * number, 3) + 0.3 * other if number else first)
    return [torch.cat(part) for part in parts]


def randomised(model: nn.Module, *inputs: Tensor, seed: int = 0) -> Network:
    """A network with random parameters and statistics, and the inputs it was made for."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(like: Tensor, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(like.shape, generator=generator)

    with torch.no_grad():
        for parameter in model.parameters():
            # Weights that start at (almost) zero would hide a whole branch.
            if parameter.abs().max() <= 1e-4 and parameter.numel() > 1:
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
        norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
        for norm in norms:
            if norm.affine:
                sign = torch.where(uniform(norm.weight, 0, 1) < 0.1, -1.0, 1.0)
                norm.weight.copy_(sign * uniform(norm.weight, 0.5, 1.5))
                norm.bias.copy_(uniform(norm.bias, -0.3, 0.3))
        _measure_statistics(model.eval(), norms, inputs)
        for norm in norms:
            mean, variance = norm.running_mean, norm.running_var
            assert mean is not None
            assert variance is not None
            mean.add_(variance.sqrt() * uniform(mean, -0.3, 0.3))
            variance.mul_(uniform(variance, 0.7, 1.4))
    return model.eval(), inputs


@fixed_threads()
def _measure_statistics(
    model: nn.Module, norms: list[_BatchNorm], inputs: tuple[Tensor, ...]
) -> None:
    """The mean and variance of what reaches each batch norm become its statistics."""
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    model(*(torch.cat([x, x.flip(-1)]) for x in inputs))
    for norm in norms:
        norm.eval()
        norm.momentum = 0.1


def classifier(name: str, size: int = 224) -> Network:
    """A classifier of torchvision by name, on one image."""
    torch.manual_seed(0)
    model = load_torchvision().models.get_model(name, weights=None)
    return randomised(model, images(1, 3, size, size))


def resnet18() -> Network:
    return classifier("resnet18")


def resnet50() -> Network:
    return classifier("resnet50")


def resnext50() -> Network:
    return classifier("resnext50_32x4d")


def densenet121() -> Network:
    return classifier("densenet121")


def mobilenet_v2() -> Network:
    return classifier("mobilenet_v2")


def mobilenet_v3_large() -> Network:
    return classifier("mobilenet_v3_large")


def efficientnet_b0() -> Network:
    return classifier("efficientnet_b0")


def regnet_y_400mf() -> Network:
    return classifier("regnet_y_400mf")


def convnext_tiny() -> Network:
    return classifier("convnext_tiny")


def vit_b_16() -> Network:
    return classifier("vit_b_16")


def swin_t() -> Network:
    return classifier("swin_t")


def timm_network(name: str, size: int = 224) -> Network:
    """A classifier of timm by name, on one image."""
    load_torchvision()
    torch.manual_seed(0)
    return randomised(import_module("timm").create_model(name), images(1, 3, size, size))


def smp_network(name: str, size: int = 256) -> Network:
    """A segmentation network of segmentation-models-pytorch by name, on a ResNet-18."""
    load_torchvision()
    torch.manual_seed(0)
    make = getattr(import_module("segmentation_models_pytorch"), name)
    model = make("resnet18", encoder_weights=None, classes=21)
    return randomised(model, images(1, 3, size, size))


def deeplabv3_resnet50() -> Network:
    """DeepLabv3 (Chen et al. 2017) with its auxiliary head: two outputs, named."""
    torch.manual_seed(0)
    make = load_torchvision().models.segmentation.deeplabv3_resnet50
    model = make(weights=None, weights_backbone=None, aux_loss=True)
    return randomised(model, images(1, 3, 512, 512))


def fpn_resnet50() -> Network:
    from segmentation import SemanticFpn

    torch.manual_seed(0)
    return randomised(SemanticFpn(load_torchvision()), images(1, 3, 512, 512))


def unet() -> Network:
    from segmentation import UNet

    torch.manual_seed(0)
    return randomised(UNet(), images(1, 3, 512, 512))


def unet_bilinear() -> Network:
    from segmentation import UNet

    torch.manual_seed(0)
    return randomised(UNet(bilinear=True), images(1, 3, 512, 512))


def centernet_resnet18() -> Network:
    from detectors import CenterNet

    torch.manual_seed(0)
    return randomised(CenterNet(load_torchvision()), images(1, 3, 512, 512))


def fcos_resnet50() -> Network:
    from detectors import FcosDetector

    torch.manual_seed(0)
    return randomised(FcosDetector(load_torchvision(), (512, 640)), images(1, 3, 512, 640))


def yolov8n() -> Network:
    from detectors import YoloV8

    torch.manual_seed(0)
    return randomised(YoloV8(), images(1, 3, 640, 640))


def stereo3d() -> Network:
    from stereo import Stereo3dDetector

    torch.manual_seed(0)
    left, right = images(1, 3, 384, 1248), images(1, 3, 384, 1248, seed=1)
    right = 0.7 * left.roll(-8, 3) + 0.3 * right
    return randomised(Stereo3dDetector(load_torchvision()), left, right)


def yolo_stereo() -> Network:
    from recog.frontend.tasks.yolostereo import HEIGHT, WIDTH, YoloStereo3d

    torch.manual_seed(0)
    left, right = images(1, 3, HEIGHT, WIDTH), images(1, 3, HEIGHT, WIDTH, seed=1)
    right = 0.7 * left.roll(-8, 3) + 0.3 * right
    return randomised(YoloStereo3d(), left, right)


TIMM = (
    "eca_resnet33ts",
    "resnest14d",
    "skresnet18",
    "mixer_s32_224",
    "repvgg_a0",
    "repghostnet_050",
    "mobileone_s0",
    "fastvit_t8",
    "edgenext_xx_small",
    "mobilevit_xxs",
    "levit_128s",
    "ghostnet_100",
    "hrnet_w18_small",
    "convnextv2_atto",
    "poolformer_s12",
    # What plain rounding cost most, of some sixty tried.
    "tinynet_e",
    "mixnet_s",
    "regnetz_b16",
    "tresnet_m",
    "tf_efficientnetv2_s",
)
SMP = ("FPN", "PSPNet", "UPerNet", "MAnet", "UnetPlusPlus", "Linknet")

NETWORKS: dict[str, Callable[[], Network]] = {
    make.__name__: make
    for make in (
        resnet18,
        resnet50,
        resnext50,
        densenet121,
        mobilenet_v2,
        mobilenet_v3_large,
        efficientnet_b0,
        regnet_y_400mf,
        convnext_tiny,
        deeplabv3_resnet50,
        fpn_resnet50,
        unet,
        unet_bilinear,
        centernet_resnet18,
        fcos_resnet50,
        yolov8n,
        stereo3d,
        yolo_stereo,
        vit_b_16,
        swin_t,
    )
}
NETWORKS |= {name: partial(timm_network, name) for name in TIMM}
NETWORKS |= {f"smp_{name.lower()}": partial(smp_network, name) for name in SMP}
"""By name, in the order of `make bench-networks`."""


def __getattr__(name: str) -> Callable[[], Network]:
    """The networks of the libraries are found as `networks.py:NAME` too."""
    if name in NETWORKS:
        return NETWORKS[name]
    raise AttributeError(f"no network {name}; there are: {', '.join(NETWORKS)}")
