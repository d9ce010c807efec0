"""The plan of a schedule, as attributes of a program that a person can read and change.

Every instruction says which `cascade` it belongs to; the program lists its `cascades`, each with
the rows of its tallest target that it advances by, the strips that it goes down one after the
other, the rows that memory holds of each tensor (`rings`), and the tensors of which a strip keeps
its last columns for the next one (`edges`); a tensor that one cascade leaves to another says where
it is kept (`keep`), in memory or in DRAM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, IntegerAttr, StringAttr, i64
from xdsl.ir import Attribute, Operation

from recog.dialects import chip
from recog.dialects.errors import fail
from recog.dialects.words import counted
from recog.lowering.schedule.demand import MOST_ROWS
from recog.lowering.schedule.network import Network, Unit

CASCADE, CASCADES, KEEP = "cascade", "cascades", "keep"
MEMORY, IN_DRAM = "memory", "dram"
PARTS = ("rows", "strips", "rings", "edges")
"""What an entry of `cascades` says."""


@dataclass
class CascadePlan:
    """How steps `first` to `last` run.

    Attributes:
        rows: of the tallest target, that the cascade advances by at a time.
        strips: vertical parts that it goes down one after the other.
        rings: rows that memory holds, by the name of a unit; none where they are not sized yet.
        edges: tensors of which each strip keeps what the next one needs of its columns.
    """

    first: int
    last: int
    rows: int = 1
    strips: int = 1
    rings: dict[str, int] = field(default_factory=dict)
    edges: frozenset[str] = frozenset()


@dataclass
class Plan:
    """How a whole program runs: its cascades, and the units that stay in memory between them."""

    cascades: list[CascadePlan]
    kept: set[Unit]

    def beside(self, each: CascadePlan) -> set[Unit]:
        """Those of the units that stay which are in memory, all of them, during a cascade."""
        return {u for u in self.kept if crosses(u, each.first) or crosses(u, each.last)}


def write_plan(program: chip.ProgramOp, network: Network, plan: Plan) -> None:
    """Write a plan on a program."""
    for number, each in enumerate(plan.cascades):
        for step in network.steps[each.first : each.last]:
            step.op.attributes[CASCADE] = IntegerAttr(number, i64)
    program.attributes[CASCADES] = ArrayAttr([_cascade_attribute(each) for each in plan.cascades])
    edges = [each.last for each in plan.cascades]
    for unit in network.units:
        for tensor in unit.tensors:
            tensor.attributes.pop(KEEP, None)
            if any(crosses(unit, edge) for edge in edges):
                where = MEMORY if unit in plan.kept else IN_DRAM
                tensor.attributes[KEEP] = StringAttr(where)


def crosses(unit: Unit, place: int) -> bool:
    """Whether steps before a place write a unit that a step behind it reads."""
    return any(each < place for each in unit.writers) and any(
        each >= place for each in unit.readers
    )


def _cascade_attribute(each: CascadePlan) -> DictionaryAttr:
    numbers = {"rows": each.rows, "strips": each.strips}
    attributes: dict[str, Attribute] = {k: IntegerAttr(v, i64) for k, v in numbers.items()}
    if each.rings:
        rings = {name: IntegerAttr(rows, i64) for name, rows in each.rings.items()}
        attributes["rings"] = DictionaryAttr(rings)
    if each.edges:
        attributes["edges"] = ArrayAttr([StringAttr(name) for name in sorted(each.edges)])
    return DictionaryAttr(attributes)


def read_plan(program: chip.ProgramOp, network: Network) -> Plan:
    """The plan that stands on a program; raises RecogError where it is none."""
    numbers = [_number(step.op, step.op.attributes, CASCADE) for step in network.steps]
    listed = program.attributes.get(CASCADES)
    if not isinstance(listed, ArrayAttr):
        fail(program, f"has no `{CASCADES}`", hint="run plan-cascades first")
    cascades = [_cascade(program, each) for each in listed.data]
    first = 0
    for number, each in enumerate(cascades):
        each.first, each.last = first, first + numbers.count(number)
        if numbers[each.first : each.last] != [number] * (each.last - each.first):
            where = next(
                s.op for s, n in zip(network.steps[first:], numbers[first:]) if n != number
            )
            fail(where, f"cascade {number} is not one run of instructions")
        if each.first == each.last:
            fail(program, f"cascade {number} has no instructions")
        first = each.last
    if first != len(numbers):
        fail(
            network.steps[first].op, f"`{CASCADES}` lists {counted(len(cascades), 'cascade')} only"
        )
    names = {unit.name for unit in network.units}
    for number, each in enumerate(cascades):
        unknown = next((name for name in each.rings if name not in names), None)
        if unknown is not None:
            fail(program, f"`rings` of cascade {number} names @{unknown}, which has none")
    kept = {unit for unit in network.units if _is_kept(unit)}
    return Plan(cascades, kept)


def _is_kept(unit: Unit) -> bool:
    """Whether one of a unit's tensors says so; RecogError where another says otherwise."""
    said = dict[str, chip.TensorOp]()
    for tensor in unit.tensors:
        found = tensor.attributes.get(KEEP)
        if found is None:
            continue
        if not isinstance(found, StringAttr) or found.data not in (MEMORY, IN_DRAM):
            fail(tensor, f'`{KEEP}` must be "{MEMORY}" or "{IN_DRAM}", got {found}')
        said.setdefault(found.data, tensor)
    if len(said) > 1:
        memory, dram = (said[where].sym_name.data for where in (MEMORY, IN_DRAM))
        fail(
            said[MEMORY],
            f'@{memory} has {KEEP} = "{MEMORY}" and @{dram}, which lies with it, '
            f'{KEEP} = "{IN_DRAM}"',
            hint=f"write the same `{KEEP}` on all tensors that lie together",
        )
    return MEMORY in said


def _cascade(program: chip.ProgramOp, entry: Attribute) -> CascadePlan:
    if not isinstance(entry, DictionaryAttr):
        fail(program, f"`{CASCADES}` has an entry that is no dictionary: {entry}")
    unknown = next((name for name in entry.data if name not in PARTS), None)
    if unknown is not None:
        fail(program, f"a cascade has no `{unknown}`, expected: {', '.join(PARTS)}")
    rings = entry.data.get("rings", DictionaryAttr({}))
    if not isinstance(rings, DictionaryAttr):
        fail(program, f"`rings` must be a dictionary, got {rings}")
    rows, strips = (_number(program, entry.data, name) for name in ("rows", "strips"))
    if min(rows, strips) < 1:
        fail(program, "a cascade advances by at least 1 of `rows`, in at least 1 of `strips`")
    if rows > MOST_ROWS:
        fail(program, f"a cascade advances by at most {MOST_ROWS} of `rows`, got {rows}")
    sizes = {name: _number(program, rings.data, name) for name in rings.data}
    return CascadePlan(0, 0, rows, strips, sizes, _edges(program, entry))


def _edges(program: chip.ProgramOp, entry: DictionaryAttr) -> frozenset[str]:
    listed = entry.data.get("edges", ArrayAttr([]))
    if not isinstance(listed, ArrayAttr):
        fail(program, f"`edges` must be a list of tensors, got {listed}")
    names = [each.data for each in listed.data if isinstance(each, StringAttr)]
    if len(names) != len(listed.data):
        fail(program, f"`edges` must be names of tensors, got {listed}")
    return frozenset(names)


def _number(op: Operation, attributes: Mapping[str, Attribute], name: str) -> int:
    value = attributes.get(name)
    if not isinstance(value, IntegerAttr):
        fail(op, f"has no number `{name}`", hint="run plan-cascades first")
    return value.value.data
