"""Random PyTorch networks: imported and folded they compute what PyTorch does, and on the machine
the bits of the lns level.

    python tests/fuzz/fuzz_graphs.py --seconds 3600
    python tests/fuzz/fuzz_graphs.py --seed 1234 --networks 1    # one network again

A network that is refused in words is counted by them.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
import warnings
from collections import Counter

os.environ.setdefault("OMP_NUM_THREADS", "1")  # children share what the parent's threads hold

import torch
from children import survey
from random_networks import Network, draw

from recog.backend.interpreters.nn import run_nn
from recog.backend.machine import Machine
from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_torch
from recog.lowering.pipeline import ConversionOptions, convert, fold_network
from recog.tools.report.levels import compare_bits

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
        float_module = module.clone()
        step = "folding"
        fold_network(module)
        for level, each in (("imported", float_module), ("folded", module)):
            with torch.no_grad():
                found = run_nn(each, *(x.numpy() for x in inputs))
            problem = _difference(network, inputs, found)
            if problem is not None:
                return "in float", f"{level}: {problem}"
        if seed % CONVERTED:
            return "in float", None
        arrays = [x.numpy() for x in inputs]
        step = "conversion"
        conversion = convert(float_module, arrays, options=ConversionOptions(cluster=False))
        machine = Machine(conversion.assemble())
    except RecogError as error:
        return f"refused in {step}: {_reason(error)}", None
    try:
        compare_bits(conversion.lns_module, conversion.chip_module, machine, arrays)
    except RecogError as error:
        return "on the machine", str(error)
    return f"on the machine{'' if conversion.host_part is None else ' and the host'}", None


def _difference(
    network: Network, inputs: tuple[torch.Tensor, ...], found: tuple[torch.Tensor, ...]
) -> str | None:
    """What differs from PyTorch's outputs, or None."""
    with torch.no_grad():
        values = network.values(*inputs)
    expected = network.outputs(values)
    if len(found) != len(expected):
        return f"{len(found)} outputs, PyTorch has {len(expected)}"
    scale = max(float(value.abs().max()) for value in values if value.is_floating_point())
    for number, (one, two) in enumerate(zip(found, expected)):
        if one.shape != two.shape:
            return f"output {number} has shape {tuple(one.shape)}, of PyTorch {tuple(two.shape)}"
        error = float((one - two).abs().max())
        if not error <= TOLERANCE * scale:
            return f"output {number} differs by {error:.3g} from PyTorch's, of {scale:.3g}"
    return None


def _reason(error: RecogError) -> str:
    """The words of an error without what differs from network to network."""
    words = error.message.partition("\n  hint")[0].replace("\n", " ")
    return re.sub(r'"[^"]*"|\d[\d.,e+-]*', "_", words)[:150]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()) << 16)
    parser.add_argument("--networks", type=int, help="end after so many")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["RECOG_THREADS"] = "1"
    check(0)  # what it imports and compiles, each child has
    counts: Counter[str] = Counter()
    findings = 0
    for finding in survey(check, arguments.seed, arguments.seconds, arguments.networks, counts):
        print(f"seed {finding.seed}: {finding.what}\n  {draw(finding.seed, FRAMES)[0]}", flush=True)
        findings += 1
    print(f"{counts.total()} networks from seed {arguments.seed}: {findings} findings")
    for kind, count in sorted(counts.items()):
        print(f"  {count:8} {kind}")
    return min(1, findings)


if __name__ == "__main__":
    sys.exit(main())
