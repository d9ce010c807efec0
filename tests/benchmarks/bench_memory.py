"""Peak memory of calibrating and converting large frames.

    make bench-memory

Converts the segmentation network at 1080x1920 with 16 frames of noise, dense and then clustered and
tuned for one epoch, and prints the largest resident set of the process on the way. Exit code 1 if
it passes the limit.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np
import torch

from recog.frontend.tasks import get_task
from recog.frontend.tasks.checkpoints import load_checkpoint
from recog.frontend.torch.importer import import_torch
from recog.lowering.pipeline import ConversionOptions, convert


def peak() -> int:
    """Bytes of the largest resident set of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def report(stage: str, share: float) -> None:
    """Print the peak after each stage."""
    if share == 1:
        print(f"{stage:<12} peak {peak() / 1e9:.2f} GB", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--size", default="1080x1920", help="rows x columns of a frame")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--limit", type=float, default=4e9, help="bytes")
    parser.add_argument("--dense", action="store_true", help="leave out clustering and tuning")
    arguments = parser.parse_args()
    rows, columns = map(int, arguments.size.split("x"))
    torch.set_num_threads(1)
    network = load_checkpoint(get_task("segmentation"))
    module = import_torch(network, (torch.zeros(1, 3, rows, columns),))
    random = np.random.default_rng(0)
    frames = random.random((arguments.frames, 3, rows, columns), np.float32)
    memory = 1 << 30
    for options in (
        ConversionOptions(cluster=False, activation_memory=memory),
        ConversionOptions(epochs=1, activation_memory=memory),
    )[: 1 if arguments.dense else 2]:
        start = time.perf_counter()
        convert(module, [frames], options=options, progress=report)
        print(f"converted in {time.perf_counter() - start:.0f} s")
    return 0 if peak() < arguments.limit else 1


if __name__ == "__main__":
    sys.exit(main())
