"""Every layer on the machine against the `lns` level's, bit for bit, whatever the schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from recog.backend.assembly.assembler import find_program
from recog.backend.interpreters.lns import run_lns
from recog.backend.machine import Machine
from recog.dialects import lns
from recog.dialects.chip import ProgramOp
from recog.dialects.chip.held_values import HOLDS
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function
from recog.lowering.common.batches import groups_of_frames
from recog.lowering.common.layer_names import label_of
from recog.lowering.select.convert_lns_to_chip import live_ops
from recog.tools.report.held_layers import (
    Found,
    Key,
    LayersAfterInstructions,
    LayersInStripes,
    concatenated,
)


@dataclass(frozen=True)
class LeftOut:
    """A layer of whose elements the program computes some or none, as no output needs the others.

    Attributes:
        computed, elements: of one frame, all results together.
    """

    layer: str
    computed: int
    elements: int

    def __str__(self) -> str:
        if not self.computed:
            return f'layer "{self.layer}" is not computed: no output needs it'
        return (
            f'layer "{self.layer}": {self.computed:,} of {self.elements:,} elements are computed, '
            "no output needs the others"
        )


@dataclass(frozen=True)
class BitsCompared:
    """What was held against the `lns` level and is equal.

    Attributes:
        elements: how many, of all labelled layers and all frames.
        left_out: layers that the program computes in part or not at all.
    """

    elements: int
    left_out: tuple[LeftOut, ...] = ()


def compare_bits(
    lns_module: ModuleOp, chip_module: ModuleOp, machine: Machine, inputs: Sequence[np.ndarray]
) -> BitsCompared:
    """Hold every labelled layer on the machine against the lns level's, bit for bit.

    Of a program in stripes, whatever is computed of a layer, in whatever parts.

    Args:
        lns_module: what was converted; its ops carry the labels.
        chip_module: the conversion's program as IR, which says after which instruction each
            layer is complete, and where in activation memory, or of what the parts are parts.
        machine: runs the program file of `chip_module`.
        inputs: arrays (N, ...), one an argument.

    Raises:
        RecogError: naming the first layer that differs, or that outputs need and the program does
            not say where it computes it; the machine's program is not that of `chip_module`.
    """
    program = find_program(chip_module)
    _check_same(program, machine.program)
    function = find_function(lns_module, "main")
    live = {label_of(op) for op in live_ops(function.body.block)}
    elements, left_out = 0, tuple[LeftOut, ...]()
    for group in groups_of_frames(function, len(inputs[0])):
        batch = _Batch(lns_module, program, machine, [x[group] for x in inputs])
        elements, left_out = elements + batch.compare(live), tuple(batch.left_out.values())
    return BitsCompared(elements, left_out)


def _check_same(ours: ProgramOp, theirs: ProgramOp) -> None:
    names = [[op.name for op in program.instructions] for program in (ours, theirs)]
    if names[0] != names[1]:
        raise RecogError(
            "the machine's program has other instructions than the chip module",
            hint="compare a program with the chip module that it was assembled from",
        )


class _Batch:
    """Some frames at both levels.

    Attributes:
        left_out: layers of which the program computes less than all, by label.
    """

    def __init__(
        self,
        lns_module: ModuleOp,
        program: ProgramOp,
        machine: Machine,
        batch: Sequence[np.ndarray],
    ):
        self.left_out: dict[str, LeftOut] = {}
        self._expected: dict[Key, np.ndarray] = {}
        self._wanted = run_lns(lns_module, *batch, observe=self._expect)
        in_stripes = HOLDS in program.attributes
        dtypes = {key: codes.dtype for key, codes in self._expected.items()}
        layers = (LayersInStripes if in_stripes else LayersAfterInstructions)(program, dtypes)
        outputs = machine.run(*batch, observe=layers)
        self._given = outputs if isinstance(outputs, tuple) else (outputs,)
        self._found = layers.found

    def _expect(self, op: Operation, results: Sequence[Any]) -> None:
        if isinstance(op, lns.ToFloatOp):
            return  # on the host: compared as outputs
        label = label_of(op)
        for number, result in enumerate(results if label is not None else ()):
            self._expected[str(label), number] = result

    def compare(self, live: set[str | None]) -> int:
        """How many elements are equal; raises RecogError where one is not."""
        total = 0
        for key, codes in self._expected.items():
            label, _ = key
            if key in self._found:
                total += len(codes) * self._compare_result(label, codes, self._found[key])
            elif label in live:
                raise RecogError(
                    "no instruction of the program completes the layer", where=_named(label)
                )
            else:
                self._note(label, 0, codes[0].size)
        given, wanted = self._given, self._wanted
        if len(given) != len(wanted) or not all(map(np.array_equal, given, wanted)):
            raise RecogError("the outputs of the machine differ from the lns level's")
        self.left_out = {k: v for k, v in self.left_out.items() if v.computed < v.elements}
        return total

    def _compare_result(self, label: str, codes: np.ndarray, chunks: Sequence[Found]) -> int:
        """How many elements of a frame were computed, all of which are equal."""
        for each in chunks:
            self._check_shape(label, each.codes.shape[1:], codes.shape[1:])
        found = concatenated(chunks)
        self._check_shape(label, found.codes.shape, codes.shape)
        if found.ambiguous.any():
            raise RecogError("parts of the layer give different bits", where=_named(label))
        computed = found.computed
        if not np.array_equal(found.codes[:, computed], codes[:, computed]):
            raise RecogError("the machine's bits differ from the lns level's", where=_named(label))
        count = int(np.count_nonzero(computed))
        self._note(label, count, computed.size)
        return count

    def _check_shape(self, label: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        if found != wanted:
            raise RecogError(
                f"the machine has shape {found}, the lns level {wanted}", where=_named(label)
            )

    def _note(self, label: str, computed: int, elements: int) -> None:
        before = self.left_out.get(label, LeftOut(label, 0, 0))
        self.left_out[label] = LeftOut(
            label, before.computed + computed, before.elements + elements
        )


def _named(label: str) -> str:
    return f'layer "{label}"'
