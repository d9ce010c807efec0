"""Random PyTorch networks: imported and folded they compute what PyTorch does, and on the machine
the bits of the lns level.

    python tests/fuzz/fuzz_graphs.py --seconds 3600
    python tests/fuzz/fuzz_graphs.py --seed 1234 --networks 1    # one network again

A network that is refused in words is counted by them.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Sequence
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")  # children share what the parent's threads hold

import numpy as np
import torch
from children import Finding, arguments_of, fuzz
from random_networks import Network, draw
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import VerifyException

from recog.backend.interpreters.lns import run_lns
from recog.backend.machine import Machine
from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_torch
from recog.lowering.pipeline import (
    Conversion,
    ConversionOptions,
    convert,
    fold_network,
    module_outputs,
)
from recog.tools.report.compare_bits import compare_bits

FRAMES = 3
TOLERANCE = 1e-4
"""Of the largest value that a network computes on the way: what roundings may change."""

CONVERTED = 3
"""One network in so many goes on to the machine, which takes longer."""


def check(seed: int) -> tuple[str, str | None]:
    """How far a seed's network came, or in which words it was refused, and what is wrong."""
    network, inputs = draw(seed, FRAMES)
    step = "import"
    try:
        module = import_torch(network, tuple(x[:1] for x in inputs))
        expected, scale = _eager(network, inputs)
        if not np.isfinite(scale):
            return "not finite", None
        folded = module.clone()
        step = "folding"
        fold_network(folded)
        arrays = [x.numpy() for x in inputs]
        for level, each in (("imported", module), ("folded", folded)):
            problem = _difference(module_outputs(each, arrays), expected, scale)
            if problem is not None:
                return "in float", f"{level}: {problem}"
        if seed % CONVERTED:
            return "in float", None
        step = "conversion"
        conversion = convert(module, arrays, options=ConversionOptions(cluster=False))
        machine = Machine(conversion.assemble())
    except RecogError as error:
        if isinstance(error.__cause__, VerifyException):
            raise  # a pass made what its own dialect refuses
        return f"refused in {step}: {_reason(error)}", None
    outputs = conversion.network(partial(_run_float, conversion.float_module))(*arrays)
    # Weights that change no code become 0, which is more than rounding.
    exact = all(note.kind != "constant-channels" for note in conversion.notes)
    problem = _difference(outputs, expected, scale) if exact else None
    problem = f"balanced: {problem}" if problem else _other_bits(conversion, machine, arrays)
    return f"on the machine{' and the host' if conversion.host_part else ''}", problem


def _eager(
    network: Network, inputs: tuple[torch.Tensor, ...]
) -> tuple[tuple[np.ndarray, ...], float]:
    """PyTorch's outputs, and the largest value that it computes on the way."""
    with torch.no_grad():
        values = network.values(*inputs)
    scale = max(float(value.abs().max()) for value in values if value.is_floating_point())
    return tuple(value.numpy() for value in network.outputs(values)), scale


def _difference(
    found: Sequence[np.ndarray], expected: Sequence[np.ndarray], scale: float
) -> str | None:
    """What differs from PyTorch's outputs by more than roundings, or None."""
    if len(found) != len(expected):
        return f"{len(found)} outputs, PyTorch has {len(expected)}"
    for number, (one, two) in enumerate(zip(found, expected)):
        if one.shape != two.shape:
            return f"output {number} has shape {one.shape}, PyTorch's {two.shape}"
        if two.dtype.kind == "i":  # of nearly equal values a rounding may choose another
            if one.dtype != two.dtype:
                return f"output {number} has dtype {one.dtype}, PyTorch's {two.dtype}"
            continue
        error = float(np.abs(one - two).max())
        if not error <= TOLERANCE * scale:
            return f"output {number} differs by {error:.3g} from PyTorch's, of {scale:.3g}"
    return None


def _other_bits(
    conversion: Conversion, machine: Machine, inputs: Sequence[np.ndarray]
) -> str | None:
    """The layer or output where the machine has other bits than the lns level, or None."""
    chip_inputs = conversion.chip_inputs(inputs)
    try:
        compare_bits(conversion.lns_module, conversion.chip_module, machine, chip_inputs)
    except RecogError as error:
        return str(error)
    found = conversion.network(machine)(*inputs)
    expected = conversion.network(partial(run_lns, conversion.lns_module))(*inputs)
    same = all(map(partial(np.array_equal, equal_nan=True), found, expected))
    same = same and [each.dtype for each in found] == [each.dtype for each in expected]
    return None if same else "with the host, the machine's outputs differ from the lns level's"


def _run_float(module: ModuleOp, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
    return module_outputs(module, inputs)


def _reason(error: RecogError) -> str:
    """The words of an error without what differs from network to network."""
    words = error.message.partition("\n  hint")[0].replace("\n", " ")
    return re.sub(r'"[^"]*"|\d[\d.,e+-]*', "_", words)[:150]


def report(finding: Finding) -> None:
    """Print a finding, and its network."""
    print(f"seed {finding.seed}: {finding.what}\n  {draw(finding.seed, FRAMES)[0]}", flush=True)


def main() -> int:
    arguments = arguments_of(__doc__, "networks")
    warnings.simplefilter("ignore")
    os.environ["RECOG_THREADS"] = "1"
    check(0)  # what it imports and compiles, each child has
    return fuzz(arguments, check, "networks beside PyTorch", report)


if __name__ == "__main__":
    sys.exit(main())
