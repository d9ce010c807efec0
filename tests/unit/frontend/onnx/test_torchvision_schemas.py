"""torchvision beside a torch that its compiled part loads in, and one that it does not."""

import subprocess
import sys

import pytest

OWN_OPS = """
import sys
import torch

libraries = []

def load(path):
    if libraries or "torchvision" not in path:
        raise OSError(path)
    libraries.append(library := torch.library.Library("torchvision", "DEF"))
    boxes = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    library.define("nms" + boxes)
    library.define("qnms" + boxes)
    library.define(
        "roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, "
        "int pooled_width, int sampling_ratio, bool aligned) -> Tensor"
    )

def refuse(path):
    raise OSError(f"{path}: libcudart.so.13: cannot open shared object file")

torch.ops.load_library = load if sys.argv[1] == "loads" else refuse
from recog.frontend.onnx import torchvision_schemas
for _ in range(2):
    torchvision_schemas.load_torchvision().models.resnet18()
print(len(libraries), len(torchvision_schemas._LIBRARIES))
"""


@pytest.mark.parametrize(("compiled", "declared"), [("loads", "1 0"), ("fails", "0 1")])
def test_ops_are_declared_where_torchvision_does_not_load_its_own(compiled: str, declared: str):
    """Declared twice they end the process: "Tried to register an operator ... multiple times"."""
    command = [sys.executable, "-c", OWN_OPS, compiled]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.split()) == (0, declared.split()), run.stderr
