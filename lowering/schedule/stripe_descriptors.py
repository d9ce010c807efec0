"""Where tensors lie while a program is written in stripes, and the descriptors that say so."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from xdsl.dialects.builtin import StringAttr

from recog.dialects import chip
from recog.dialects.chip.descriptors import DescriptorOp
from recog.dialects.chip.fields import integer_field
from recog.dialects.chip.held_values import WHOLE, WholeTensor
from recog.lowering.schedule.demand import Gathering
from recog.lowering.schedule.network import Unit
from recog.lowering.schedule.plan import KEEP
from recog.lowering.select.allocation import aligned


@dataclass(frozen=True)
class Place:
    """Where a unit lies during a strip; ring 0 where it has no rows."""

    address: int
    rows: int
    held: range
    ring: int


class StripeDescriptors:
    """The descriptors of a program in stripes, and the places of units of now.

    Addresses in activation memory only say which tensors share bytes; place-tensors changes them.

    Args:
        show_whole: whether tensors say what they are rows and columns of.

    Attributes:
        ops: all that were made, after those that stay of the program.
        places: of the units, now.
        gathered: the units of which memory holds elements at indices alone, now.
    """

    def __init__(self, program: chip.ProgramOp, *, show_whole: bool = False):
        self._show_whole = show_whole
        self.ops: list[DescriptorOp] = [
            op.clone() for op in program.descriptors if not isinstance(op, chip.TensorOp)
        ]
        self.places: dict[Unit, Place] = {}
        self.gathered: Mapping[Unit, Gathering] = {}
        named = (*program.ports, *program.segments, *self.ops)
        self._names = {op.sym_name.data for op in named}
        self._dram = max(
            (aligned(op.address.value.data + op.extent) for op in program.in_dram), default=0
        )
        self._address = self._rings = 0
        self._numbers: dict[str, int] = {}
        self._views: dict[tuple[object, ...], str] = {}
        self._buffers: dict[str, str] = {}

    def forget(self, but: Collection[Unit]) -> None:
        """Forget where units lie, but for some that stay there."""
        self.places = {u: p for u, p in self.places.items() if u in but}
        self._views = {k: v for k, v in self._views.items() if k[0] in but}

    def take(self, size: int) -> int:
        """The address of so many bytes that nothing else has."""
        address = self._address
        self._address += aligned(size)
        return address

    def place_whole(self, unit: Unit) -> None:
        """Give a unit that has no rows bytes of its own, or what is gathered of one."""
        gathering = self.gathered.get(unit)
        size, held = unit.size, range(unit.width)
        if gathering is not None:
            size, held = gathering.bytes, range(gathering.count)
        self.places[unit] = Place(self.take(size), unit.height, held, 0)

    def place_rows(self, unit: Unit, rows: int, held: range) -> None:
        """Give so many rows of some columns of a unit bytes of their own."""
        address = self.take(unit.column_bytes * rows * len(held))
        self.places[unit] = Place(address, rows, held, self._next_ring())

    def _next_ring(self) -> int:
        self._rings += 1
        return self._rings

    def view(self, unit: Unit, tensor: chip.TensorOp, columns: range) -> str:
        """The descriptor of some columns of a tensor, in the place that its unit has now."""
        key = (unit, tensor.sym_name.data, columns)
        if key not in self._views:
            self._views[key] = self._new_view(unit, tensor, columns)
        return self._views[key]

    def _new_view(self, unit: Unit, tensor: chip.TensorOp, columns: range) -> str:
        place = self.places[unit]
        if unit in self.gathered:
            return self._gathered_view(unit, tensor, place)
        if not place.ring:
            offset = tensor.address.value.data - unit.start
            return self._add_view(tensor, {"address": place.address + offset})
        return self._describe(tensor, place, columns, unit.channels(tensor))

    def _gathered_view(self, unit: Unit, tensor: chip.TensorOp, place: Place) -> str:
        """The descriptor of the elements of a tensor that are gathered."""
        gathering = self.gathered[unit]
        channel = unit.channels(tensor).start - unit.channels(gathering.tensor).start
        size = gathering.count * tensor.element_bytes
        none = dict.fromkeys(("row_stride", "channel_stride", "column_stride"), 0)
        fields = {"address": place.address + channel * size, "height": 1, "width": gathering.count}
        return self._add_view(tensor, none | fields)

    def _describe(
        self, tensor: chip.TensorOp, place: Place, columns: range, channels: range
    ) -> str:
        """A new descriptor of some columns of a tensor, of channels of a place that has rows."""
        size = tensor.element_bytes
        row = len(place.held) * size
        channel = place.rows * row
        packed = columns == place.held and channels.step == 1
        fields = {
            "address": place.address
            + channels.start * channel
            + (columns.start - place.held.start) * size,
            "row_stride": 0 if packed else row,
            "channel_stride": 0 if packed else channels.step * channel,
            "column_stride": 0,
            "ring_rows": 0 if place.rows == tensor.shape[1] else place.rows,
            "first_column": columns.start,
            "columns": 0 if columns.stop == tensor.shape[2] else len(columns),
            "ring": place.ring,
        }
        return self._add_view(tensor, fields)

    def _add_view(self, tensor: chip.TensorOp, fields: dict[str, int]) -> str:
        view, name = tensor.clone(), self._unique(tensor.sym_name.data)
        view.attributes.pop(KEEP, None)
        if self._show_whole:
            whole = WholeTensor(tensor.address.value.data, tensor.strides)
            view.attributes[WHOLE] = whole.attribute
        view.properties |= {key: integer_field(value) for key, value in fields.items()}
        view.properties["sym_name"] = StringAttr(name)
        self.ops.append(view)
        return name

    def edge(self, tensor: chip.TensorOp, address: int, columns: range, width: int) -> str:
        """A new descriptor of all rows of some columns, where there is room for `width`."""
        held = range(columns.start, columns.start + width)
        place = Place(address, tensor.shape[1], held, self._next_ring())
        return self._describe(tensor, place, columns, range(tensor.shape[0]))

    def buffer(self, tensor: chip.TensorOp) -> str:
        """Where a tensor lies in DRAM while it is put aside."""
        name = tensor.sym_name.data
        if name not in self._buffers:
            shared = chip.BufferOp.get_irdl_definition().properties
            fields = {key: value for key, value in tensor.properties.items() if key in shared}
            fields["sym_name"] = StringAttr(self._unique(f"{name}.aside"))
            fields["address"] = integer_field(self._dram)
            buffer = chip.BufferOp.build(properties=fields)
            self._dram = aligned(self._dram + buffer.extent)
            self.ops.append(buffer)
            self._buffers[name] = buffer.sym_name.data
        return self._buffers[name]

    def _unique(self, wanted: str) -> str:
        """A symbol that resembles `wanted`: the first takes the name of the tensor itself."""
        if wanted not in self._names:
            self._names.add(wanted)
            return wanted
        number = self._numbers.get(wanted, 1)
        while f"{wanted}.{number}" in self._names:
            number += 1
        self._numbers[wanted] = number + 1
        self._names.add(f"{wanted}.{number}")
        return f"{wanted}.{number}"
