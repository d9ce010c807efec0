"""emit-stripes: write planned cascades as instructions for some rows each, in a straight line."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, SymbolRefAttr, i64
from xdsl.passes import ModulePass

from recog.dialects import chip
from recog.dialects.chip.descriptors import DescriptorOp
from recog.dialects.chip.held_values import HOLDS
from recog.dialects.chip.program import MAX_INSTRUCTIONS
from recog.dialects.errors import fail
from recog.lowering.schedule.demand import Cascade, Rows, Strip, strips_of
from recog.lowering.schedule.network import Network, Step, Unit
from recog.lowering.schedule.plan import (
    CASCADE,
    CASCADES,
    KEEP,
    CascadePlan,
    Plan,
    read_plan,
)
from recog.lowering.schedule.unplaced import unplaced_programs
from recog.lowering.select.allocation import aligned


@dataclass(frozen=True, kw_only=True)
class EmitStripesPass(ModulePass):
    """Replace every instruction of a planned program by those for a few rows each.

    Cascades follow each other, in each its strips, in each strip the rows: loads from DRAM, then
    what can be computed of them, step by step, and spills. Tensors become rings, to which
    place-tensors gives their places.
    """

    name = "emit-stripes"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for program in unplaced_programs(op):
            network = Network(program)
            _Emitter(program, network, read_plan(program, network)).run()


class _Emitter:
    """Writes the instructions and descriptors of one program anew."""

    def __init__(self, program: chip.ProgramOp, network: Network, plan: Plan):
        self.program, self.network, self.plan = program, network, plan
        self.descriptors: list[DescriptorOp] = [
            op.clone() for op in program.descriptors if not isinstance(op, chip.TensorOp)
        ]
        self.instructions: list[chip.InstructionOp] = []
        named = (*program.ports, *program.segments, *self.descriptors)
        self._names = {op.sym_name.data for op in named}
        self._dram = max(
            (aligned(op.address.value.data + op.extent) for op in program.in_dram), default=0
        )
        self._address = 0
        self._rings = 0
        self._places: dict[Unit, _Place] = {}
        self._numbers: dict[str, int] = {}
        self._views: dict[tuple[object, ...], str] = {}
        self._buffers: dict[str, str] = {}
        self._loaded = set[str]()

    def run(self) -> None:
        loads = [op for op in self.network.other if isinstance(op, chip.LdwOp)]
        rest = [op for op in self.network.other if not isinstance(op, chip.LdwOp)]
        self.instructions += [op.clone() for op in loads]
        for number, each in enumerate(self.plan.cascades):
            self._cascade(each, number)
        self.instructions += [op.clone() for op in rest]
        if len(self.instructions) > MAX_INSTRUCTIONS:
            fail(
                self.program,
                f"the schedule takes {len(self.instructions):,} instructions, a program has at "
                f"most {MAX_INSTRUCTIONS:,}",
                hint="let cascades advance by more `rows`, or give the chip more activation memory",
            )
        block = self.program.body.block
        for op in list(block.ops):
            if isinstance(op, chip.InstructionOp) or (
                isinstance(op, DescriptorOp) and not isinstance(op, chip.PortOp)
            ):
                op.detach()
                op.erase()
        block.add_ops([*self.descriptors, *self.instructions])
        self.program.attributes.pop(CASCADES, None)

    def _cascade(self, each: CascadePlan, number: int) -> None:
        cascade = Cascade(self.network, each.first, each.last)
        if each.strips > 1 and cascade.all_at_once:
            fail(self.program, f"cascade {number} takes whole tensors: it has no strips")
        rows = Rows(cascade, each.rows)
        for strip in strips_of(cascade, each.strips):
            self._strip(each, cascade, rows, strip)
        for load in cascade.loads:
            if load.unit in self.plan.kept:
                self._loaded.add(load.tensor.sym_name.data)

    def _strip(self, each: CascadePlan, cascade: Cascade, rows: Rows, strip: Strip) -> None:
        self._places = {u: p for u, p in self._places.items() if u in self.plan.kept}
        self._views = {k: v for k, v in self._views.items() if k[0] in self.plan.kept}
        for unit in cascade.units:
            if unit not in self._places:
                self._place(each, unit, strip)
        for time in range(rows.times):
            for load in cascade.loads:
                name = load.tensor.sym_name.data
                if name in strip.loads and not self._is_there(load.unit, name):
                    done = rows.loads[name]
                    part = range(int(done[time]), int(done[time + 1]))
                    self._load(load.unit, load.tensor, part, strip.loads[name])
            for number in cascade.numbers:
                done = rows.steps[number]
                part = range(int(done[time]), int(done[time + 1]))
                if part and number in strip.steps:
                    self._step(cascade, number, part, strip)

    def _is_there(self, unit: Unit, name: str) -> bool:
        """Whether an earlier cascade left a tensor in memory."""
        if unit not in self.plan.kept:
            return False
        inputs = {op.sym_name.data for op in unit.loads}
        return name in self._loaded or name not in inputs

    def _place(self, each: CascadePlan, unit: Unit, strip: Strip) -> None:
        """Give a unit bytes of its own, among addresses that place-tensors will change."""
        rows, held, ring = unit.height, range(unit.width), 0
        if unit in self.network.with_rows:
            self._rings += 1
            ring = self._rings
            if unit not in self.plan.kept:
                rows, held = self._ring_rows(each, unit), strip.units.get(unit, held)
        self._places[unit] = _Place(self._address, rows, held, ring)
        size = unit.column_bytes * rows * len(held) if ring else unit.size
        self._address += aligned(size)

    def _ring_rows(self, each: CascadePlan, unit: Unit) -> int:
        rows = each.rings.get(unit.name)
        if rows is None:
            fail(unit.tensors[0], "has no rows in `rings` of its cascade", hint="run size-rings")
        return rows

    def _view(self, unit: Unit, tensor: chip.TensorOp, columns: range) -> str:
        """The descriptor of some columns of a tensor, in the place that its unit has now."""
        key = (unit, tensor.sym_name.data, columns)
        if key not in self._views:
            self._views[key] = self._new_view(unit, tensor, columns)
        return self._views[key]

    def _new_view(self, unit: Unit, tensor: chip.TensorOp, columns: range) -> str:
        place, view = self._places[unit], tensor.clone()
        view.attributes.pop(KEEP, None)
        name = self._unique(tensor.sym_name.data)
        view.properties["sym_name"] = StringAttr(name)
        self.descriptors.append(view)
        if not place.ring:
            offset = tensor.address.value.data - unit.start
            view.properties["address"] = IntegerAttr(place.address + offset, i64)
            return name
        size = tensor.element_bytes
        row = len(place.held) * size
        channel = place.rows * row
        first = unit.channels(tensor).start
        packed = columns == place.held
        fields = {
            "address": place.address + first * channel + (columns.start - place.held.start) * size,
            "row_stride": 0 if packed else row,
            "channel_stride": 0 if packed else channel,
            "column_stride": 0,
            "ring_rows": 0 if place.rows == unit.height else place.rows,
            "first_column": columns.start,
            "columns": 0 if columns.stop == unit.width else len(columns),
            "ring": place.ring,
        }
        view.properties |= {key: IntegerAttr(value, i64) for key, value in fields.items()}
        return name

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

    def _load(self, unit: Unit, tensor: chip.TensorOp, rows: range, columns: range) -> None:
        if not rows:
            return
        view = self._view(unit, tensor, columns)
        source = unit.loads.get(tensor)
        if source is not None:
            self._emit(source, rows, tensor, {"output": view})
            return
        buffer = self._buffer(tensor)
        self._emit(chip.FillOp(output=view, input=buffer), rows, tensor, {})

    def _step(self, cascade: Cascade, number: int, rows: range, strip: Strip) -> None:
        step = self.network.steps[number]
        views = self._operands(step, strip.steps[number])
        main = next(iter(step.op.tensor_fields(self.network.scope).values()))
        part = self._emit(step.op, rows, main, views)
        chip.number_step(part, number)
        for unit, tensor in cascade.outgoing[number]:
            if unit in self.plan.kept:
                continue
            if unit not in self.network.with_rows:
                fail(tensor, "has no rows that could go to DRAM", hint='it takes keep = "memory"')
            view = self._view(unit, tensor, strip.spills[tensor.sym_name.data])
            spill = chip.SpillOp(output=self._buffer(tensor), input=view)
            spill.location = step.op.location
            self._emit(spill, rows, tensor, {})

    def _operands(self, step: Step, columns: range) -> dict[str, str]:
        """The views that a step takes in a strip, by field."""
        views: dict[str, str] = {}
        main = True
        for name, tensor in step.op.tensor_fields(self.network.scope).items():
            unit = self.network.unit_of[tensor.sym_name.data]
            whole = self._places[unit].held
            views[name] = self._view(unit, tensor, columns if main and not step.whole else whole)
            main = False
        return views

    def _buffer(self, tensor: chip.TensorOp) -> str:
        """Where a tensor lies in DRAM while it is put aside."""
        name = tensor.sym_name.data
        if name not in self._buffers:
            shared = chip.BufferOp.get_irdl_definition().properties
            fields = {key: value for key, value in tensor.properties.items() if key in shared}
            fields["sym_name"] = StringAttr(self._unique(f"{name}.aside"))
            fields["address"] = IntegerAttr(self._dram, i64)
            buffer = chip.BufferOp.build(properties=fields)
            self._dram = aligned(self._dram + buffer.extent)
            self.descriptors.append(buffer)
            self._buffers[name] = buffer.sym_name.data
        return self._buffers[name]

    def _emit(
        self,
        op: chip.InstructionOp,
        rows: range,
        main: chip.TensorOp,
        references: dict[str, str],
    ) -> chip.InstructionOp:
        """Append an instruction for some rows of its main tensor, of views in place of tensors."""
        part = op.clone()
        for name in (CASCADE, HOLDS):
            part.attributes.pop(name, None)
        for name, view in references.items():
            part.properties[name] = SymbolRefAttr(view)
        if rows != range(main.shape[1]):
            part.properties["first_row"] = IntegerAttr(rows.start, i64)
            part.properties["rows"] = IntegerAttr(len(rows), i64)
        self.instructions.append(part)
        return part


@dataclass(frozen=True)
class _Place:
    """Where a unit lies during a strip; ring 0 where it has no rows."""

    address: int
    rows: int
    held: range
    ring: int
