"""Example frames run in float, with every value looked at; of large frames, parts.

A convolutional network gives parts of a frame the same ranges as whole ones, if the largest and
the smallest values of the inputs lie in some of them. What follows its heads, such as decoders that
count in positions of the whole frame, runs on maps of the whole size, into which those of parts are
laid beside each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, cycle
from typing import Any, NamedTuple

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter
from xdsl.ir import Operation, SSAValue

from recog.backend.interpreters.execute import run_op
from recog.dialects import nn
from recog.dialects.errors import InputError
from recog.dialects.facts import is_parameter
from recog.dialects.functions import nn_ops
from recog.dialects.shapes import Shape
from recog.dialects.tensors import shape_of
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.common.batches import frames_at_once, groups_of_frames
from recog.lowering.common.smaller_frames import SmallerFrames, smaller_frames
from recog.lowering.encode.example_inputs import ExampleInput

SHARES = 2
"""Parts are as large as so many of them fit in memory with all their values and gradients."""
PARTS = 4
"""Parts of large frames at random places, at least; one a frame where there are more."""

Look = Callable[[SSAValue, Any], None]
"""Called with a value and what it holds for some frames, (N, ...)."""


class _Parts(NamedTuple):
    """A function up to its heads on parts of frames.

    Attributes:
        heads: what takes maps of the whole size, none where all that follows is indices.
    """

    smaller: SmallerFrames
    heads: Sequence[SSAValue]


class _Place(NamedTuple):
    """Where an image has its largest or smallest value.

    Attributes:
        frame: its number.
        place: row and column.
    """

    value: float
    frame: int
    place: tuple[int, ...]


class MeasuredFrames:
    """All example frames of a function, whose values are measured."""

    def __init__(
        self, module: ModuleOp, function: func.FuncOp, examples: Sequence[ExampleInput], count: int
    ):
        """
        Args:
            count: of the frames.
        """
        self._module, self._function = module, function
        self._examples, self._count = examples, count
        self._parts = _on_parts(module, function)

    @property
    def groups(self) -> int:
        """In how many batches they run."""
        runs, function = self._count, self._function
        if self._parts is not None:
            runs, function = self._runs(self._parts), self._parts.smaller.function
        return -(-runs // frames_at_once(function))

    def measure(self, look: Look, progress: Callable[[float], None] | None = None) -> None:
        """Look at all values, arguments among them, but not at constants.

        Args:
            progress: called with the share of the frames that are done.

        Raises:
            InputError: frames that the network does not take.
        """
        if self._parts is None:
            self._measure_whole(look, progress)
        else:
            self._measure_parts(self._parts, look, progress)

    def _measure_whole(self, look: Look, progress: Callable[[float], None] | None) -> None:
        from recog.backend.interpreters.nn_runner import run_nn

        def observe(op: Operation, results: Sequence[object]) -> None:
            for value, result in zip(op.results, results):
                look(value, result)

        name = self._function.sym_name.data
        for group in groups_of_frames(self._function, self._count):
            batch = [example.frames(group.start, group.stop) for example in self._examples]
            run_nn(self._module, *batch, entry=name, observe=observe)
            for argument, x in zip(self._function.args, batch):
                look(argument, x)
            if progress is not None:
                progress(group.stop / self._count)

    def _measure_parts(
        self, parts: _Parts, look: Look, progress: Callable[[float], None] | None
    ) -> None:
        from recog.backend.interpreters.nn_runner import run_nn

        smaller, name = parts.smaller, self._function.sym_name.data
        ours = smaller.own
        maps: list[list[np.ndarray]] = [[] for _ in parts.heads]

        def observe(op: Operation, results: Sequence[object]) -> None:
            for value, result in zip(op.results, results):
                look(ours[value], result)

        places = self._look_at_inputs(look)
        runs = self._runs(parts)
        every = chain(
            smaller.parts_of(self._frames(runs - len(places))),
            (smaller.part_around(self._frame(each.frame), each.place) for each in places),
        )
        for group in groups_of_frames(smaller.function, runs):
            taken = [next(every) for _ in range(group.start, group.stop)]
            batch = [np.concatenate(each) for each in zip(*taken)]
            outputs = run_nn(smaller.module, *batch, entry=name, observe=observe)
            for kept, output in zip(maps, outputs):
                if len(kept) < PARTS:
                    kept += [each[None].numpy() for each in output.detach()]
            if progress is not None:
                progress(group.stop / runs)
        if parts.heads:
            self._measure_rest(parts, maps, look)

    def _frames(self, count: int) -> Iterator[list[np.ndarray]]:
        """So many frames, one at a time, from the first on again where there are fewer."""
        return (self._frame(number % self._count) for number in range(count))

    def _frame(self, number: int) -> list[np.ndarray]:
        return [example.frames(number, number + 1) for example in self._examples]

    def _runs(self, parts: _Parts) -> int:
        """How many parts run: those at random places, and two for each image of a frame."""
        images = sum(len(shape_of(x)) == 4 for x in parts.smaller.function.args)
        return max(PARTS, self._count) + 2 * images

    def _look_at_inputs(self, look: Look) -> list[_Place]:
        """Look at all of the inputs, whole; where each image has its largest and smallest value."""
        from recog.backend.interpreters.nn_runner import NnRunner

        runner, found = NnRunner(self._module, self._function.sym_name.data), dict[int, _Place]()
        for number, frame in enumerate(self._frames(self._count)):
            try:
                runner.check(frame)
            except InputError:  # which all of them say with the number of the frame
                runner.check([example.frames(0, self._count) for example in self._examples])
                raise
            for argument, x in zip(self._function.args, frame):
                look(argument, x)
            for i, place in enumerate(_extremes(number, frame)):
                if i not in found or place.value > found[i].value:
                    found[i] = place
        return list(found.values())

    def _measure_rest(
        self, parts: _Parts, maps: Sequence[Sequence[np.ndarray]], look: Look
    ) -> None:
        """Look at what follows the heads, on a frame whose maps are those of parts."""
        import torch

        from recog.backend.interpreters.nn_runner import NnRunner

        values = parts.smaller.values
        laid = {
            head: torch.from_numpy(laid_beside(each, shape_of(head)))
            for head, each in zip(parts.heads, maps)
        }

        def run(interpreter: Interpreter, op: Operation, given: tuple[Any, ...]) -> tuple[Any, ...]:
            if all(result in values for result in op.results):
                return tuple(laid.get(result) for result in op.results)
            results = run_op(interpreter, op, given)
            for value, result in zip(op.results, results):
                look(value, result)
            return results

        (frame,) = self._frames(1)
        NnRunner(self._module, self._function.sym_name.data).walk(*frame, run=run)


def _extremes(number: int, frame: Sequence[np.ndarray]) -> Iterator[_Place]:
    """Where each image of a frame (1, ...) has its largest value, and the negative of its
    smallest."""
    for x in frame:
        if x.ndim == 4:
            for sign, index in ((1, x.argmax()), (-1, x.argmin())):
                place = np.unravel_index(int(index), x.shape)
                yield _Place(sign * float(x[place]), number, tuple(map(int, place[2:])))


def _on_parts(module: ModuleOp, function: func.FuncOp) -> _Parts | None:
    """The function on parts of frames, None where whole ones run: they are small, or parts would
    not do."""
    with returning_heads(module, function.sym_name.data):
        smaller, end = smaller_frames(function, SHARES), function.get_return_op()
        heads = [] if end is None else list(end.operands)
    if smaller is None:
        return None
    rest, known = _rest(function, smaller.values), {*heads, *function.args}
    for op in rest:
        known.update(op.results)
        if not all(value in known or is_parameter(value) for value in op.operands):
            return None
    if not any(nn.is_float(nn.element_type_of(value)) for op in rest for value in op.results):
        return _Parts(smaller, [])
    frames = {shape_of(argument)[:1] for argument in function.args}
    return _Parts(smaller, heads) if all(shape_of(x)[:1] in frames for x in heads) else None


def _rest(function: func.FuncOp, values: Mapping[SSAValue, SSAValue]) -> list[Operation]:
    """The ops that follow the heads."""
    return [
        op
        for op in nn_ops(function)
        if not is_parameter(op) and not all(result in values for result in op.results)
    ]


def laid_beside(parts: Sequence[np.ndarray], shape: Shape) -> np.ndarray:
    """A map of a shape, of smaller ones beside each other, from the first on again as needed."""
    axes = [i for i, (a, b) in enumerate(zip(parts[0].shape, shape)) if a != b and i]
    every = cycle(parts)

    def along(axes: Sequence[int]) -> np.ndarray:
        if not axes:
            return next(every)
        axis, *rest = axes
        count = -(-shape[axis] // parts[0].shape[axis])
        return np.concatenate([along(rest) for _ in range(count)], axis)

    whole = along(axes)
    return np.ascontiguousarray(whole[tuple(slice(size) for size in (len(whole), *shape[1:]))])
