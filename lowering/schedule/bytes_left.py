"""What cascades that are still to come load from DRAM at least, whichever they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from recog.dialects import chip
from recog.lowering.schedule.columns import needed_steps, read_columns
from recog.lowering.schedule.demand import Cascade, rows_in_the_end
from recog.lowering.schedule.network import Network, Read, Unit
from recog.lowering.schedule.plan import crosses


class BytesLeft:
    """A bound that a search needs to give up what cannot become the cheapest plan.

    Behind a cut some cascade loads every input that is still read, and every tensor from before it
    that is not kept: of each as much as one of the steps behind the cut needs, of those the one
    that needs least. No cascade computes less of a step than the outputs of the whole network need.
    """

    def __init__(self, network: Network):
        self._network = network
        self._cascade = Cascade(network, 0, len(network.steps))
        self._rows = rows_in_the_end(self._cascade).steps
        self._columns = needed_steps(self._cascade)
        end = len(network.steps)
        self._inputs = [self._of_inputs(place) for place in range(end + 1)]
        self._crossing = [self._of_crossing(place) for place in range(end + 1)]

    def behind(self, place: int, kept: Collection[Unit]) -> int:
        """Bytes that the cascades behind a cut load, where these units are kept across it."""
        loads: Mapping[Unit, int] = self._crossing[place]
        return self._inputs[place] + sum(size for unit, size in loads.items() if unit not in kept)

    def _of_inputs(self, place: int) -> int:
        return sum(
            self._least(unit, tensor, place)
            for unit in self._network.units
            for tensor in unit.loads
        )

    def _of_crossing(self, place: int) -> dict[Unit, int]:
        steps = self._network.steps
        loads = dict[Unit, int]()
        for unit in self._network.units:
            if unit in self._network.with_rows and crosses(unit, place):
                earlier = [
                    tensor
                    for number in unit.writers
                    if number < place
                    for each, tensor in steps[number].writes
                    if each is unit
                ]
                loads[unit] = sum(self._least(unit, tensor, place) for tensor in earlier)
        return loads

    def _least(self, unit: Unit, tensor: chip.TensorOp, place: int) -> int:
        """Bytes of a tensor that the step behind a cut needs which needs least of it."""
        readers = [each for each in self._cascade.meeting_readers(unit, tensor) if each[0] >= place]
        if any(read.picked for _, read in readers):
            return 0  # elements at indices alone may take less
        channels, height, width = tensor.shape
        if unit not in self._network.with_rows:
            return channels * height * width * tensor.element_bytes if readers else 0
        positions = (self._positions(width, *each) for each in readers)
        return channels * tensor.element_bytes * min(positions, default=0)

    def _positions(self, width: int, number: int, read: Read) -> int:
        """Rows times columns that a step needs of what it reads."""
        rows = int(self._rows[number][-1])
        if not rows:
            return 0
        columns = read_columns(width, [(self._columns[number], read.columns)])
        return int(read.rows.high(rows)) * int(np.count_nonzero(columns))


class BytesPutAside:
    """What a cascade puts aside for later ones: known before anything else of it is."""

    def __init__(self, network: Network):
        numbers = {unit: number for number, unit in enumerate(network.units)}
        self._numbers = numbers
        writes = [
            (place, numbers[unit], max(unit.readers, default=-1), bytes_aside(unit, tensor))
            for place, step in enumerate(network.steps)
            for unit, tensor in step.writes
        ]
        self._places, self._units, self._until, self._sizes = np.array(
            writes or [(0, 0, -1, 0)], np.int64
        ).T

    def of(self, first: int, last: int, kept: Collection[Unit]) -> int:
        """Bytes that steps `first` to `last` write, later ones read and memory does not keep."""
        begin, end = np.searchsorted(self._places, (first, last))
        part = slice(begin, end)
        aside = self._until[part] >= last
        if kept and aside.any():
            aside &= ~np.isin(self._units[part], [self._numbers[unit] for unit in kept])
        return int(self._sizes[part][aside].sum())


def bytes_aside(unit: Unit, tensor: chip.TensorOp) -> int:
    """What a tensor takes in DRAM that is put aside."""
    return unit.height * unit.width * tensor.shape[0] * tensor.element_bytes
