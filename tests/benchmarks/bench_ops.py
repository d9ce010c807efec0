"""Import PyTorch's own operator database, one call at a time, and hold each to eager.

    make bench-ops
    python tests/benchmarks/bench_ops.py --only nn.functional sum

`op_db` is what PyTorch tests its operators with. Of every operator that takes float32, up to 12
samples are taken whose tensors are neither empty nor scalars. The float tensors of a sample are the
inputs of a network of that one call, other tensors its constants. A sample *agrees* if it is
imported and the nn interpreter gives what eager gives, *is refused* if the importer says why it
cannot be imported, and is *wrong* or *crashes* else, of which there must be none.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = 12
AGREES, REFUSED, WRONG, CRASH = "agrees", "refused", "wrong", "crash"
TOLERANCE = 1e-4
"""Of float32 results, relative to the largest element."""


@dataclass
class Row:
    """What became of one sample of an operator."""

    operator: str
    sample: int
    outcome: str
    reason: str = ""


class Call(nn.Module):
    """One call of an operator, as a network of its float tensors."""

    def __init__(self, function: Any, arguments: Any, keywords: dict[str, Any]):
        super().__init__()
        self.function = function
        leaves, self.spec = tree_flatten((arguments, keywords))
        self.leaves: list[Any] = []
        self.inputs: list[Tensor] = []
        for leaf in leaves:
            is_input = isinstance(leaf, Tensor) and leaf.dtype == torch.float32
            self.leaves.append(_Input(len(self.inputs)) if is_input else leaf)
            if is_input:
                self.inputs.append(leaf.detach())

    def forward(self, *tensors: Tensor) -> Any:
        leaves = [tensors[x.number] if isinstance(x, _Input) else x for x in self.leaves]
        arguments, keywords = tree_unflatten(leaves, self.spec)
        return self.function(*arguments, **keywords)


@dataclass(frozen=True)
class _Input:
    number: int


def calls(only: list[str]) -> Iterator[tuple[str, int, Call]]:
    """The calls of the database, by operator and number of the sample."""
    from torch.testing._internal.common_methods_invocations import op_db

    for info in op_db:
        name = info.name + (f".{info.variant_test_name}" if info.variant_test_name else "")
        if torch.float32 not in info.dtypes or (only and not any(each in name for each in only)):
            continue
        torch.manual_seed(0)
        found = 0
        for sample in info.sample_inputs("cpu", torch.float32):
            call = Call(info.op, (sample.input, *sample.args), sample.kwargs)
            tensors = [x for x in tree_leaves((sample.input, sample.args)) if isinstance(x, Tensor)]
            if call.inputs and all(x.numel() and x.ndim for x in tensors):
                yield name, found, call
                found += 1
            if found == SAMPLES:
                break


def measure(call: Call) -> tuple[str, str]:
    """The outcome of a call, and the reason if it is no agreement."""
    from recog.backend.interpreters.nn_runner import run_nn
    from recog.dialects.errors import RecogError
    from recog.frontend.torch.importer import import_torch
    from recog.frontend.torch.problems import ImportFailure

    try:
        with torch.no_grad():
            wanted = [x for x in tree_leaves(call(*call.inputs)) if isinstance(x, Tensor)]
    except Exception as error:  # not every sample is a valid call by itself
        return REFUSED, f"eager raises {type(error).__name__}"
    try:
        module = import_torch(call.eval(), tuple(call.inputs))
        with torch.no_grad():
            found = run_nn(module, *call.inputs)
    except ImportFailure as failure:
        return REFUSED, f"{failure.problems[0].operator}: {failure.problems[0].reason}"
    except RecogError as error:
        return REFUSED, error.message.splitlines()[0]
    except Exception as error:
        return CRASH, f"{type(error).__name__}: {error}".splitlines()[0]
    if len(found) != len(wanted):
        return WRONG, f"{len(found)} outputs in place of {len(wanted)}"
    for index, (ours, theirs) in enumerate(zip(found, wanted)):
        if not _agree(ours, theirs):
            return WRONG, f"output {index} differs"
    return AGREES, ""


def _agree(found: Tensor, wanted: Tensor) -> bool:
    if found.shape != wanted.shape:
        return False
    if not wanted.is_floating_point():
        return bool((found.to(torch.int64) == wanted.to(torch.int64)).all())
    a, b = found.double().numpy(), wanted.double().numpy()
    scale = np.abs(b[np.isfinite(b)]).max(initial=1e-30)
    return np.allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE * scale, equal_nan=True)


_DECIDES = re.compile(r"torch writes it with (\S+), and there ")


def why(row: Row) -> str:
    """The reason of a refusal, with the operator inside a decomposition that decides it."""
    operator, _, reason = row.reason.partition(": ")
    inside = _DECIDES.findall(reason)
    reason = _DECIDES.sub("", reason)
    if not reason:
        return operator
    if reason == "the operator is not supported":
        return f"`{inside[-1] if inside else operator}` has no form in nn"
    return re.sub(r"tensor<[^>]*>|\[[\d, ]*\]|\d+", "…", reason)


def document(rows: list[Row], counts: Counter[str]) -> str:
    """docs/operators.md: how many calls agree, and what is refused, by reason."""
    refused: dict[str, Counter[str]] = {}
    for row in rows:
        if row.outcome == REFUSED:
            refused.setdefault(why(row), Counter())[row.operator] += 1
    lines = [
        "# Operators of PyTorch",
        "",
        "<!-- made by `make bench-ops`; do not edit -->",
        "",
        "What `recog` imports of PyTorch's own operator database (`op_db`, float32, up to "
        f"{SAMPLES} samples an operator whose tensors are neither empty nor scalars): of "
        f"{len(rows):,} calls {counts[AGREES]:,} are imported and agree with eager, "
        f"{counts[REFUSED]:,} are refused with a reason, {counts[WRONG]} are wrong and "
        f"{counts[CRASH]} crash.",
        "",
        "An operator without a converter is imported as torch's own decomposition writes it;",
        "`recog check` says which. What is refused, and how many calls for that reason:",
        "",
        "| calls | reason | operators |",
        "|---:|---|---|",
    ]
    for reason, operators in sorted(refused.items(), key=lambda each: -each[1].total()):
        names = ", ".join(sorted(operators)[:6]) + (", …" if len(operators) > 6 else "")
        lines.append(f"| {operators.total()} | {reason.replace('|', '/')} | {names} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Import PyTorch's own operator database.")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="names with these")
    parser.add_argument("--out", default=str(ROOT / "build/bench/ops.json"), help="JSON to write")
    parser.add_argument("--docs", metavar="FILE", help="write the table of reasons as Markdown")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rows: list[Row] = []
    shown = time.monotonic()
    for name, number, call in calls(arguments.only):
        rows.append(Row(name, number, *measure(call)))
        if time.monotonic() - shown > 2:
            shown = time.monotonic()
            print(f"{len(rows)} samples, at {name}", file=sys.stderr, flush=True)
    counts = Counter(row.outcome for row in rows)
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"counts": counts, "rows": [asdict(r) for r in rows]}, indent=1))
    for row in rows:
        if row.outcome in (WRONG, CRASH):
            print(f"{row.outcome}: {row.operator} sample {row.sample}: {row.reason}")
    if arguments.docs is not None:
        Path(arguments.docs).write_text(document(rows, counts), encoding="utf-8")
    print(", ".join(f"{counts[each]} {each}" for each in (AGREES, REFUSED, WRONG, CRASH)))
    print(f"rows: {out}")
    return 1 if counts[WRONG] or counts[CRASH] else 0


if __name__ == "__main__":
    sys.exit(main())
