"""emit-stripes: write planned cascades as instructions for some rows each, in a straight line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from recog.dialects import chip
from recog.dialects.chip.descriptors import DescriptorOp
from recog.dialects.chip.fields import integer_field, symbol_field
from recog.dialects.chip.held_values import HOLDS, held_values, hold
from recog.dialects.chip.program import MAX_INSTRUCTIONS
from recog.dialects.errors import fail
from recog.dialects.words import counted
from recog.lowering.schedule.columns import Strip, Strips, edge_bytes, edge_widths, strips_of
from recog.lowering.schedule.demand import Cascade, Gathering, Load, Rows
from recog.lowering.schedule.network import Network, Step, Unit
from recog.lowering.schedule.plan import (
    CASCADE,
    CASCADES,
    CascadePlan,
    Plan,
    read_plan,
)
from recog.lowering.schedule.stripe_descriptors import StripeDescriptors
from recog.lowering.schedule.unplaced import unplaced_programs

_Maker = chip.InstructionOp | None
"""The instruction that makes a tensor, whose place in the source copies of it have."""


@dataclass(frozen=True, kw_only=True)
class EmitStripesPass(ModulePass):
    """Replace every instruction of a planned program by those for a few rows each.

    Cascades follow each other, in each its strips, in each strip the rows: loads from DRAM, then
    what can be computed of them, step by step, and spills. What strips keep for each other is
    copied, rows as they come, from a ring to where all rows of it lie, and by the next strip to its
    own ring. Tensors become rings, to which place-tensors gives their places.
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
        every = [op for op in program.instructions if HOLDS in op.attributes]
        self.held = [value for op in every for value in held_values(op)]
        self.descriptors = StripeDescriptors(program, show_whole=bool(self.held))
        self.instructions: list[chip.InstructionOp] = []
        self._whole = set[Unit]()
        """Units that are in memory, all of them, during this cascade."""
        self._loaded = set[str]()
        """Inputs that an earlier cascade left whole in memory."""
        self._arenas: dict[str, tuple[int, int]] = {}
        self._taken: dict[str, _Edge] = {}
        self._kept: dict[str, _Edge] = {}
        self._forms: dict[tuple[str, object], chip.InstructionOp] = {}

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
        block.add_ops([*self.descriptors.ops, *self.instructions])
        self.program.attributes.pop(CASCADES, None)
        if self.held:
            hold(self.program, self.held)

    def _cascade(self, each: CascadePlan, number: int) -> None:
        cascade = Cascade(self.network, each.first, each.last)
        if each.strips > 1 and cascade.all_at_once:
            fail(self.program, f"cascade {number} takes whole tensors: it has no strips")
        if each.strips > cascade.columns:
            fail(
                self.program,
                f"cascade {number} has {each.strips} strips, what it gives has "
                f"{counted(cascade.columns, 'column')}",
            )
        for name in sorted(each.edges.difference(cascade.with_edges)):
            fail(self.program, f"`edges` of cascade {number} names @{name}, which can have none")
        rows = Rows(cascade, each.rows)
        divided = strips_of(cascade, [each.strips], each.edges)
        before, self._whole = self._whole, self.plan.beside(each)
        self.descriptors.gathered = {
            u: g for u, g in cascade.gathered.items() if u not in self._whole
        }
        self.descriptors.forget(before & self._whole)
        self._place_edges(cascade, divided)
        strips = divided.strips(0)
        for strip, after in zip(strips, (*strips[1:], Strip())):
            self._strip(each, cascade, rows, strip, after)
        for load in cascade.loads:
            if load.unit not in self._whole:
                continue
            name, (_, height, width) = load.tensor.sym_name.data, load.tensor.shape
            columns = {x for strip in strips for x in strip.loads.get(name, ())}
            if rows.loads[name][-1] == height and len(columns) == width:
                self._loaded.add(name)

    def _strip(
        self, each: CascadePlan, cascade: Cascade, rows: Rows, strip: Strip, after: Strip
    ) -> None:
        self.descriptors.forget(self._whole)
        for unit in cascade.units:
            if unit not in self.descriptors.places:
                self._place(each, unit, strip)
        self._forms = {}
        self._begin_edges(cascade, strip, after)
        for time in range(rows.times):
            for load in cascade.loads:
                if not self._is_there(load.unit, load.tensor.sym_name.data):
                    done = rows.loads[load.tensor.sym_name.data]
                    part = range(int(done[time]), int(done[time + 1]))
                    self._load(load, part, strip)
            for number in cascade.numbers:
                done = rows.steps[number]
                part = range(int(done[time]), int(done[time + 1]))
                if part:
                    self._step(cascade, number, part, strip)

    def _is_there(self, unit: Unit, name: str) -> bool:
        """Whether an earlier cascade left a tensor in memory, or it is gathered when needed."""
        if unit not in self._whole:
            return unit in self.descriptors.gathered
        inputs = {op.sym_name.data for op in unit.loads}
        return name in self._loaded or name not in inputs

    def _place(self, each: CascadePlan, unit: Unit, strip: Strip) -> None:
        """Give a unit bytes of its own."""
        if unit in self.descriptors.gathered or unit not in self.network.with_rows:
            self.descriptors.place_whole(unit)
            return
        rows, held = unit.height, range(unit.width)
        if unit not in self._whole:
            rows, held = self._ring_rows(each, unit), strip.units.get(unit, held)
        self.descriptors.place_rows(unit, rows, held)

    def _ring_rows(self, each: CascadePlan, unit: Unit) -> int:
        rows = each.rings.get(unit.name)
        if rows is None:
            fail(unit.tensors[0], "has no rows in `rings` of its cascade", hint="run size-rings")
        return rows

    def _place_edges(self, cascade: Cascade, strips: Strips) -> None:
        """Give what strips keep for each other bytes of its own, all rows of it."""
        self._arenas = dict[str, tuple[int, int]]()
        sizes = edge_bytes(cascade, strips, self._whole)
        for name, (width,) in edge_widths(cascade, strips, self._whole).items():
            self._arenas[name] = (self.descriptors.take(int(sizes[name][0])), int(width))

    def _begin_edges(self, cascade: Cascade, strip: Strip, after: Strip) -> None:
        """Let the edges that the strip before kept be those to take, and describe the next."""
        self._taken, self._kept = self._kept, {}
        for name, (address, width) in self._arenas.items():
            columns = after.edges.get(name)
            if columns is None:
                continue
            tensor = cascade.tensors[name][1]
            view = self.descriptors.edge(tensor, address, columns, width)
            self._kept[name] = _Edge(columns, view)

    def _take_edge(self, unit: Unit, tensor: chip.TensorOp, rows: range, of: _Maker) -> None:
        """Copy rows of what the strip before kept of a tensor to where this one has the others."""
        edge = self._taken.get(tensor.sym_name.data)
        if edge is not None:
            make = partial(self._copy, unit, tensor, edge, True, of)
            self._emit(("take", tensor), rows, tensor, make)

    def _keep_edge(self, unit: Unit, tensor: chip.TensorOp, rows: range, of: _Maker) -> None:
        """Copy rows of what the next strip needs of a tensor to where it finds them."""
        edge = self._kept.get(tensor.sym_name.data)
        if edge is not None:
            make = partial(self._copy, unit, tensor, edge, False, of)
            self._emit(("keep", tensor), rows, tensor, make)

    def _copy(
        self, unit: Unit, tensor: chip.TensorOp, edge: _Edge, take: bool, of: _Maker
    ) -> chip.CopyOp:
        view = self.descriptors.view(unit, tensor, edge.columns)
        output, source = (view, edge.view) if take else (edge.view, view)
        copy = chip.CopyOp(output=output, input=source)
        if of is not None:
            copy.location = of.location
        return copy

    def _load(self, load: Load, rows: range, strip: Strip) -> None:
        if not rows:
            return
        columns = strip.loads.get(load.tensor.sym_name.data)
        source = load.unit.loads.get(load.tensor)
        self._take_edge(load.unit, load.tensor, rows, source)
        if columns is not None:
            make = partial(self._loading, load, columns)
            self._emit(("load", load.tensor), rows, load.tensor, make)
        self._keep_edge(load.unit, load.tensor, rows, source)

    def _loading(self, load: Load, columns: range) -> chip.InstructionOp:
        view = self.descriptors.view(load.unit, load.tensor, columns)
        source = load.unit.loads.get(load.tensor)
        if source is None:
            return chip.FillOp(output=view, input=self.descriptors.buffer(load.tensor))
        return self._with_views(source, {"output": view})

    def _step(self, cascade: Cascade, number: int, rows: range, strip: Strip) -> None:
        step = self.network.steps[number]
        for unit, tensor in step.writes:
            self._take_edge(unit, tensor, rows, step.op)
        if number in strip.steps:
            self._part(cascade, number, rows, strip)
        for unit, tensor in step.writes:
            self._keep_edge(unit, tensor, rows, step.op)

    def _part(self, cascade: Cascade, number: int, rows: range, strip: Strip) -> None:
        """Compute some rows of a step in a strip, and put aside what goes to DRAM."""
        step = self.network.steps[number]
        for unit, gathering in self.descriptors.gathered.items():
            if gathering.step == number:
                make = partial(self._gathering, step, unit, gathering)
                self._emit(
                    ("gather", unit), range(gathering.tensor.shape[1]), gathering.tensor, make
                )
        make = partial(self._computing, step, number, strip.steps[number])
        self._emit(("step", number), rows, step.main, make)
        for unit, tensor in cascade.outgoing[number]:
            if unit in self.plan.kept:
                continue
            make = partial(self._spilling, step, unit, tensor, strip)
            self._emit(("spill", tensor), rows, tensor, make)

    def _computing(self, step: Step, number: int, columns: range) -> chip.InstructionOp:
        part = self._with_views(step.op, self._operands(step, columns))
        if step.number is not None:
            chip.number_step(part, step.number)
        for gathering in self.descriptors.gathered.values():
            if gathering.step == number:
                _, height, width = gathering.tensor.shape
                part.properties["map_height"] = integer_field(height)
                part.properties["map_width"] = integer_field(width)
        return part

    def _gathering(self, step: Step, unit: Unit, gathering: Gathering) -> chip.InstructionOp:
        """Take the elements that a step picks of a tensor which was put aside."""
        indices, tensor, view = gathering.indices, gathering.tensor, self.descriptors.view
        unit_of = self.network.unit_of
        gather = chip.GatherOp(
            output=view(unit, tensor, self.descriptors.places[unit].held),
            input=self.descriptors.buffer(tensor),
            indices=view(unit_of[indices.sym_name.data], indices, range(indices.shape[2])),
        )
        gather.location = step.op.location
        return gather

    def _spilling(
        self, step: Step, unit: Unit, tensor: chip.TensorOp, strip: Strip
    ) -> chip.InstructionOp:
        if unit not in self.network.with_rows:
            fail(tensor, "has no rows that could go to DRAM", hint='it takes keep = "memory"')
        view = self.descriptors.view(unit, tensor, strip.spills[tensor.sym_name.data])
        spill = chip.SpillOp(output=self.descriptors.buffer(tensor), input=view)
        spill.location = step.op.location
        return spill

    def _operands(self, step: Step, columns: range) -> dict[str, str]:
        """The views that a step takes in a strip, by field."""
        views: dict[str, str] = {}
        main = True
        for name, tensor in step.op.tensor_fields(self.network.scope).items():
            unit = self.network.unit_of[tensor.sym_name.data]
            whole = self.descriptors.places[unit].held
            views[name] = self.descriptors.view(
                unit, tensor, columns if main and not step.whole else whole
            )
            main = False
        return views

    def _with_views(self, op: chip.InstructionOp, views: dict[str, str]) -> chip.InstructionOp:
        """An instruction of views in place of tensors, by field."""
        part = op.clone()
        for name in (CASCADE, HOLDS, chip.PARTIAL):
            part.attributes.pop(name, None)
        for name, view in views.items():
            part.properties[name] = symbol_field(view)
        return part

    def _emit(
        self,
        what: tuple[str, object],
        rows: range,
        main: chip.TensorOp,
        make: Callable[[], chip.InstructionOp],
    ) -> None:
        """Append an instruction for some rows of its main tensor.

        Args:
            what: it does, the same for all rows of a strip.
            make: the instruction for all rows, of which those of a strip are copies.
        """
        form = self._forms.get(what)
        if form is None:
            form = self._forms[what] = make()
        part = type(form).create(
            properties=form.properties, attributes=form.attributes, location=form.location
        )
        if rows != range(main.shape[1]):
            part.properties["first_row"] = integer_field(rows.start)
            part.properties["rows"] = integer_field(len(rows))
        self.instructions.append(part)


@dataclass(frozen=True)
class _Edge:
    """Columns that one strip keeps for the next, and the descriptor of where they lie meanwhile."""

    columns: range
    view: str
