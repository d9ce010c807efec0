"""Random networks in little memory: the machine gives the bits of the whole-layer program.

    python tests/fuzz/fuzz_schedules.py --seconds 3600
    python tests/fuzz/fuzz_schedules.py --seed 1234 --networks 1    # one network again

Images of prime sizes, strides, dilation up to 4, skips that are added and joined, transposed
convolutions, resizes and pools; each in a memory of a random share of what it takes whole.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from children import Finding, arguments_of, fuzz

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from image_networks import chip_program, random_network

from recog.backend.assembly import assemble, memory_use
from recog.backend.machine import Machine
from recog.dialects import chip
from recog.dialects.errors import RecogError


def check(seed: int) -> tuple[str, str | None]:
    """What became of a seed's network, and what is wrong."""
    rng = np.random.default_rng([seed, 1])
    net, module = random_network(seed)
    whole = chip_program(module, 1 << 28)
    memory = max(16, int(memory_use(whole)[1] * rng.uniform(0.05, 0.95)))
    try:
        program = chip_program(module, memory)
    except RecogError as error:
        if "is too small" in str(error):
            return "too small", None
        return "refused", f"in {memory} bytes: {error}"
    frames = net.frames()
    try:
        outputs = Machine(assemble(program)).run_codes(*frames)
    except RecogError as error:
        return "refused", f"in {memory} bytes: {error}"
    for wanted, output in zip(Machine(whole).run_codes(*frames), outputs, strict=True):
        if not np.array_equal(wanted, output):
            differ = int((wanted != output).sum())
            return "wrong", f"in {memory} bytes {differ} of {wanted.size} codes differ"
    spills = any(isinstance(op, chip.SpillOp) for op in program.instructions)
    return "same bits, with spills" if spills else "same bits", None


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
