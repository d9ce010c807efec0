"""A frame of 8 megapixels, segmented by the chip: what it costs, what is kept, what it looks like.

    python examples/eight_megapixels.py                    # some minutes
    python examples/eight_megapixels.py --size 192x512     # half a minute
    python examples/eight_megapixels.py --one-scene        # rendered at full size, in a minute

The network is the one that ships, with the clusters that it was tuned with. It knows frames of
96x256, so the large one is laid out of many scenes of that size; of one scene, whose cars are
larger than any that it has seen, it makes little, in float as on the chip. The program runs a strip
of the frame after the other in a few MiB of activation memory.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
import torch

from recog import ConversionOptions, Machine, convert, import_torch
from recog.backend.assembly import load_program, memory_use
from recog.backend.cost import program_cost
from recog.dialects.chip.target import ACTIVATION_MEMORY
from recog.frontend.scenes.dataset import SPLITS, load_scenes, scene
from recog.frontend.scenes.geometry import Camera
from recog.frontend.tasks import get_task
from recog.frontend.tasks.base import as_float
from recog.frontend.tasks.checkpoints import load_checkpoint
from recog.lowering.pipeline import Stage, fold_network, module_outputs
from recog.tools.console import stage, staged_progress
from recog.tools.pictures import write_pictures
from recog.tools.report.task_scores import task_levels
from recog.tools.report.task_tuning import copy_clusters, tune_options

TASK = get_task("segmentation")
RATIO = 29.0
STEP = 8
"""Rows and columns of its deepest maps are this part of the frame's."""
SHOWN = (288, 512)
"""Rows and columns of the pictures: part of many scenes, and every so many pixels of one."""


def size(text: str) -> tuple[int, int]:
    """Rows and columns of a frame, as the network takes them."""
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if found is None or any(int(each) % STEP for each in found.groups()):
        raise argparse.ArgumentTypeError(f"expected HxW, multiples of {STEP}, got {text}")
    return int(found[1]), int(found[2])


def rendered(
    split: str, height: int, width: int, *, one_scene: bool
) -> tuple[np.ndarray, np.ndarray]:
    """An image (1, 3, H, W), float32 in [0, 1], and the class of each of its pixels (1, H, W)."""
    if one_scene:
        camera = Camera(height, width, focal=0.23 * width, cu=width / 2, cv=0.4 * height)
        found = scene(SPLITS[split], 1, camera)
        return as_float(found.left[None]), found.classes[None]
    usual = Camera()
    rows, columns = -(-height // usual.height), -(-width // usual.width)
    scenes = load_scenes(SPLITS[split], rows * columns, folder="build/scenes")
    places = np.arange(rows * columns).reshape(rows, columns) % len(scenes)
    image = np.concatenate([np.concatenate(scenes.left[row], 2) for row in places], 1)
    classes = np.concatenate([np.concatenate(scenes.classes[row], 1) for row in places])
    return as_float(image[None, :, :height, :width]), classes[None, :height, :width]


def converted(network: torch.nn.Module, example: np.ndarray, target: str, out: Path) -> bytes:
    """The program for frames of the example's size, with the clusters that ship."""
    levels = task_levels(TASK, None, "build/scenes", out, "fast", tune_options(TASK, ratio=RATIO))
    module = import_torch(network, (torch.from_numpy(example),))
    fold_network(module)
    copy_clusters(levels.tuned, module)
    options = ConversionOptions(cluster=False, target=target)
    stages = sum(step.reaches is not None for step in options.steps())
    with staged_progress("convert", stages) as report:
        return convert(module, [example], options=options, progress=report).assemble()


def print_cost(content: bytes) -> None:
    """What a frame of a program takes."""
    program = load_program(content)
    cost, memory = program_cost(program), program.target.data.size(ACTIVATION_MEMORY)
    ends = sum(port.extent for port in program.ports)
    print(f"instructions       {len(program.instructions):,}")
    print(f"activation memory  {memory_use(program)[1]:,} of {memory:,} bytes")
    print(f"DRAM a frame       {cost.moved('dram'):,} bytes, of inputs and outputs {ends:,}")
    print(f"a frame takes      {cost.milliseconds(cost.latency):.1f} ms")


def main() -> None:
    """Render, convert, run and draw."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--size", default="2160x3840", type=size, metavar="HxW", help=f"multiples of {STEP}"
    )
    parser.add_argument("--target", default="recog-1", help="name or TOML file of a chip")
    parser.add_argument("--one-scene", action="store_true", help="in place of many")
    parser.add_argument(
        "--out", type=Path, default=Path("build/eight-megapixels"), help="folder of what is written"
    )
    given = parser.parse_args()
    height, width = given.size

    with stage("render two frames"):
        example, _ = rendered("calibration", height, width, one_scene=given.one_scene)
        image, classes = rendered("test", height, width, one_scene=given.one_scene)
    network = load_checkpoint(TASK)
    content = converted(network, example, given.target, given.out)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "program.recog").write_bytes(content)
    print_cost(content)

    with stage("run the frame on the machine"):
        ours = np.asarray(Machine(content).run(image))
    with stage("run the float network"):
        wanted = module_outputs(import_torch(network, (torch.from_numpy(example),)), [image])[0]
    scores = {
        level.value: TASK.metric([found], list(classes))
        for level, found in ((Stage.FLOAT, wanted), (Stage.MACHINE, ours))
    }
    for level, found in scores.items():
        print(f"{level:18} {found['mIoU']:.2f} mIoU")
    print(f"both agree         on {100 * np.mean(ours == wanted):.2f} % of the pixels")

    step = max(1, width // SHOWN[1]) if given.one_scene else 1
    image, classes, wanted, ours = (
        each[..., : step * SHOWN[0] : step, : step * SHOWN[1] : step]
        for each in (image, classes, wanted, ours)
    )
    pixels = (255 * image).round().astype(np.uint8)
    page = write_pictures(
        TASK, (pixels,), list(classes), [wanted], [ours], given.out / "pictures", scores=scores
    )
    print(f"pictures           {page}")


if __name__ == "__main__":
    main()
