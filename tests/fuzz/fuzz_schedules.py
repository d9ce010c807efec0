"""Random networks in little memory: the machine gives the bits of the whole-layer program.

    python tests/fuzz/fuzz_schedules.py --seconds 3600
    python tests/fuzz/fuzz_schedules.py --seed 1234 --networks 1    # one network again

Images of prime sizes, strides, dilation up to 4, skips that are added and joined, transposed
convolutions, resizes and pools; of each fourth seed a detector, whose decoders share maps, and of
another many pools of large windows. Each in a memory of a random share of what it takes whole, or
all in one go in strips that keep columns, in program order and in another in which the chip's
queues could take their turns.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from children import Finding, arguments_of, fuzz

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from image_networks import chip_program, divided, random_network
from random_detectors import dim_frames, random_detector
from xdsl.utils.exceptions import VerifyException

from recog.backend.assembly import assemble, memory_use
from recog.backend.machine import Machine
from recog.backend.machine.interleaving import interleaved, random_pick
from recog.dialects import chip
from recog.dialects.chip import STEP
from recog.dialects.errors import RecogError


def check(seed: int) -> tuple[str, str | None]:
    """What became of a seed's network, and what is wrong."""
    rng = np.random.default_rng([seed, 1])
    detects = seed % 4 == 3
    net, module = random_detector(seed) if detects else random_network(seed, pools=seed % 4 == 1)
    whole = chip_program(module, 1 << 28)
    memory = max(16, int(memory_use(whole)[1] * rng.uniform(0.05, 0.95)))
    rows, strips = (int(each) for each in rng.integers(1, 6, 2))
    how, program = f"{rows} rows in {strips} strips", None
    if rng.random() < 0.3:
        program = divided(module, rows, strips)
    if program is None:
        how = f"{memory} bytes"
        try:
            program = chip_program(module, memory)
        except RecogError as error:
            if "is too small" in str(error):
                return "too small", None
            return "refused", f"in {how}: {error}"
    pick = max if rng.random() < 0.3 else random_pick(seed)
    frames = dim_frames(net, 1) if detects else net.frames()
    expected = Machine(whole).run_codes(*frames)
    for order, ordered in (("program order", program), ("turns", interleaved(program, pick))):
        try:
            outputs = Machine(assemble(ordered)).run_codes(*frames)
        except (RecogError, VerifyException) as error:
            return "refused", f"in {how}, {order}: {error}"
        for wanted, output in zip(expected, outputs, strict=True):
            if not np.array_equal(wanted, output):
                differ = f"{int((wanted != output).sum())} of {wanted.size} codes differ"
                return "wrong", f"in {how}, {order}: {differ}"
    return _kind(program), None


def _kind(program: chip.ProgramOp) -> str:
    """What a schedule that gave the same bits did, for the count."""
    instructions = program.instructions
    if any(isinstance(op, chip.GatherOp) for op in instructions):
        return "same bits, with gathers"
    if any(isinstance(op, chip.SpillOp) for op in instructions):
        return "same bits, with spills"
    kept = any(isinstance(op, chip.CopyOp) and STEP not in op.attributes for op in instructions)
    return "same bits, with kept columns" if kept else "same bits"


def report(finding: Finding) -> None:
    """Print a finding."""
    print(f"seed {finding.seed}: {finding.what}", flush=True)


def main() -> int:
    arguments = arguments_of(__doc__, "networks")
    os.environ["RECOG_THREADS"] = "1"
    check(0)  # what it imports and compiles, each child has
    return fuzz(arguments, check, "networks in little memory", report)


if __name__ == "__main__":
    sys.exit(main())
