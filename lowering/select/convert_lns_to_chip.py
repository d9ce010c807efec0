"""convert-lns-to-chip: select instructions and lay out the chip's memories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NoReturn

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, SymbolRefAttr, UnitAttr, i64
from xdsl.ir import Block, BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.traits import Pure

from recog.backend.assembly.strings import printable
from recog.backend.chips import load_chip
from recog.backend.split_network import BETWEEN_CALLS
from recog.dialects import chip, lns, nn
from recog.dialects.chip import ChipTarget
from recog.dialects.chip.fields import ReferenceField
from recog.dialects.chip.hardware import MAX_MEMORY
from recog.dialects.chip.records import layout as record_layout
from recog.dialects.chip.target import ACTIVATION_MEMORY, DRAM, WEIGHT_MEMORY
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError, describe_op, fail
from recog.dialects.facts import is_parameter
from recog.dialects.functions import result_names
from recog.dialects.lns.types import holds_codes, holds_pixels
from recog.dialects.refusals import OpenRefusal
from recog.dialects.words import counted
from recog.lowering.common.options import Options
from recog.lowering.encode.layer_tables import check_constant_operands, map_operands
from recog.lowering.encode.prove_accumulators import OVERFLOW
from recog.lowering.schedule.schedule import SchedulePass
from recog.lowering.select.allocation import Buffer, aligned, allocate, memory_map
from recog.lowering.select.layout import MemoryLayout
from recog.lowering.select.program_builder import ProgramBuilder
from recog.lowering.select.rules.registry import LOWERINGS
from recog.lowering.select.weight_image import SEGMENTS


@dataclass(frozen=True, kw_only=True)
class TargetOptions(Options):
    """The chip that a program is made for."""

    target: str | None = None
    """The chip: recog-1, recog-edge, recog-large, or a TOML file as `recog info --target` prints.
    What a file leaves out is as in recog-1; arithmetic that it leaves out is that of the module."""
    activation_memory: int | None = None
    """Bytes of activation memory, in place of the target's (4 MiB)."""
    weight_memory: int | None = None
    """Bytes of weight memory, in place of the target's (16 MiB)."""
    schedule: bool = True
    """Let what does not fit activation memory whole run some rows at a time; without, its tensors
    are left without places, for plan-cascades and the passes after it."""

    RANGES = dict.fromkeys(("activation_memory", "weight_memory"), (16, MAX_MEMORY))

    def chip_target(self, default: ChipTarget) -> ChipTarget:
        """The chip of these options; what they leave open is the default's. Raises RecogError."""
        target = default if self.target is None else load_chip(self.target, default)
        sizes = {
            ACTIVATION_MEMORY: self.activation_memory,
            WEIGHT_MEMORY: self.weight_memory,
        }
        given = {name: size for name, size in sizes.items() if size is not None}
        try:
            return ChipTarget.from_values(given, target)
        except ValueError as error:
            raise RecogError(str(error)) from None


WEIGHTS_TOO_LARGE = OpenRefusal(
    "weight memory of {room} is too small: the weights take {size} ({parts})",
    "the weights, as they turn out to cluster, are more than weight memory holds",
    nn.LayerOp,
)


@dataclass(frozen=True, kw_only=True)
class ConvertLnsToChipPass(TargetOptions, ModulePass):
    """Turn every function of lns ops that has arguments into a chip program of its name.

    A program runs one frame, so the leading axis must be 1. Encoding at the inputs and
    decoding at the outputs become the host's part. Accumulators are proven not to overflow. Where
    the tensors do not fit activation memory whole, schedule makes them run some rows at a time.
    """

    name = "convert-lns-to-chip"

    OPEN_REFUSALS: ClassVar[Sequence[OpenRefusal]] = (OVERFLOW, WEIGHTS_TOO_LARGE)

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        functions = [
            each
            for each in op.body.block.ops
            if isinstance(each, func.FuncOp) and each.body.blocks and each.body.blocks[0].args
        ]
        if not functions:
            raise RecogError("the module has no function with arguments to convert")
        for function in functions:
            program = convert_function(function, self.chip_target(default_target(function)))
            Rewriter.insert_op(program, InsertPoint.before(function))
            function.detach()
            function.erase()
        if self.schedule:
            SchedulePass().apply(ctx, op)


def default_target(function: func.FuncOp) -> ChipTarget:
    """The default chip with the arithmetic that all layers of `function` agree on."""
    target = ChipTarget()
    for op in function.walk():
        arithmetic = op.properties.get("arithmetic")
        if isinstance(arithmetic, lns.ArithmeticAttr):
            return target.computing(arithmetic.data)
    return target


def convert_function(function: func.FuncOp, target: ChipTarget) -> chip.ProgramOp:
    """The chip program of a function of lns ops.

    Raises:
        RecogError: ops without an instruction (all of them at once), shapes or constants
            that no instruction takes, an accumulator that may overflow, too little memory.
    """
    if len(function.body.blocks) != 1:
        fail(function, "a program has no branches, the function has several blocks")
    ops = _with_constant_maps(live_ops(function.body.block))
    _check_lowerings(ops)
    for op in ops:
        check_constant_operands(op)
    build = ProgramBuilder(MemoryLayout(ops), target)
    _add_inputs(build, function)
    outputs = _Outputs(build, function)
    for op in ops:
        if isinstance(op, func.ReturnOp):
            outputs.finish()
        else:
            LOWERINGS[type(op)](build, op)
            build.complete(op)
            outputs.after(op)
    placed = _place_tensors(build, can_wait=BETWEEN_CALLS not in function.attributes)
    build.write_held_values()
    program = _finish(build, function)
    if not placed:
        program.unplaced = UnitAttr()
    return program


def live_ops(block: Block) -> list[Operation]:
    """The ops on which a result depends, in order."""
    live: dict[Operation, None] = {}
    for op in reversed(list(block.ops)):
        users = [use.operation for result in op.results for use in result.uses]
        if not op.has_trait(Pure) or any(user in live for user in users):
            live[op] = None
    return list(live)[::-1]


def _with_constant_maps(live: Sequence[Operation]) -> list[Operation]:
    """The ops without layers' operands; constants that are feature maps before their first use."""
    ops: dict[Operation, None] = {}
    for op in live:
        if is_parameter(op):
            continue
        if not isinstance(op, func.ReturnOp | lns.ToFloatOp):
            owners = [value.owner for value in map_operands(op) if holds_codes(value)]
            ops.update(dict.fromkeys(owner for owner in owners if isinstance(owner, ConstantOp)))
        ops[op] = None
    return list(ops)


def _check_lowerings(ops: Sequence[Operation]) -> None:
    unknown = [op for op in ops if type(op) not in LOWERINGS and not isinstance(op, func.ReturnOp)]
    if not unknown:
        return
    listed = "\n".join(f"  {describe_op(op)}" for op in unknown)
    raise RecogError(
        f"{counted(len(unknown), 'op')} without a chip instruction:\n{listed}",
        hint="run encode-lns first" if any(op.dialect_name() == "nn" for op in unknown) else None,
    )


def _add_inputs(build: ProgramBuilder, function: func.FuncOp) -> None:
    for argument in function.body.block.args:
        where = next((use.operation for use in argument.uses), function)
        if holds_codes(argument) or holds_pixels(argument):
            build.input_port(where, argument, argument)
            tensor = build.tensor(where, argument)
            build.emit(where, chip.DmaInOp(output=tensor, input=build.inputs[argument]))
            continue
        encodes = [
            use.operation for use in argument.uses if isinstance(use.operation, lns.EncodeOp)
        ]
        if not encodes:
            _refuse_input(function, argument)
        if len({op.output.type for op in encodes}) > 1:
            fail(encodes[1], f"argument {argument.index} is encoded in several formats")
        build.input_port(encodes[0], encodes[0].output, argument)


def _refuse_input(function: func.FuncOp, argument: BlockArgument) -> NoReturn:
    """Say why the chip has no use for an input."""
    readers = [use.operation for use in argument.uses]
    computing = next((op for op in readers if not isinstance(op, func.ReturnOp)), None)
    if computing is not None:
        fail(
            computing,
            f"input {argument.index} is {argument.type}: the host gives the chip codes, pixels and "
            "what it encodes",
            hint="compute it in the network, or leave what reads it to the code around it",
        )
    what = "is only passed on" if readers else "is not used"
    fail(
        function,
        f"input {argument.index} {what}: nothing on the chip computes with it",
        hint="leave it to the code around the network",
    )


class _Outputs:
    """Gives the host what a program returns: at its end, or, where the host is called between, as
    soon as it is there."""

    def __init__(self, build: ProgramBuilder, function: func.FuncOp):
        self._build = build
        end = function.body.block.last_op
        self._end = end if isinstance(end, func.ReturnOp) else None
        self._left = [] if self._end is None else list(enumerate(self._end.operands))
        # Before the values that they hold take the same names.
        self._names = [build.unique(printable(name)) for name in result_names(function)]
        self._at_once = BETWEEN_CALLS in function.attributes
        self._ports = [self._port(*each) for each in self._left] if self._at_once else []

    def after(self, op: Operation) -> None:
        """Give what the op made, if the host may need it before the end."""
        for each in self._left if self._at_once else ():
            if each[1].owner is op:
                self._emit(*each)
        if self._at_once:
            self._left = [each for each in self._left if each[1].owner is not op]

    def finish(self) -> None:
        """Give all that is left."""
        for each in self._left:
            self._emit(*each)

    def _emit(self, index: int, operand: SSAValue) -> None:
        end = _known(self._end)
        port = self._ports[index] if self._at_once else self._port(index, operand)
        tensor = self._build.tensor(end, _stored(operand))
        self._build.emit(end, chip.DmaOutOp(output=port, input=tensor))

    def _port(self, index: int, operand: SSAValue) -> str:
        end, value = _known(self._end), _stored(operand)
        if is_parameter(value):
            fail(end, f"result {index} is a constant, which no instruction gives")
        name = self._names[index]
        biases = operand.owner.biases if isinstance(operand.owner, lns.DecodeOp) else None
        own = () if biases is None else biases.get_values()
        decoded = isinstance(operand.owner, lns.ToFloatOp)
        return self._build.output_port(end, value, name, decoded=decoded, biases=own)


def _known(end: func.ReturnOp | None) -> func.ReturnOp:
    if end is None:
        raise RecogError("the function has no func.return")
    return end


def _stored(operand: SSAValue) -> SSAValue:
    """What the chip stores of a value that a program returns: the codes that the host decodes."""
    return operand.owner.operands[0] if isinstance(operand.owner, lns.ToFloatOp) else operand


def _place_tensors(build: ProgramBuilder, *, can_wait: bool) -> bool:
    """Allocate activation memory by when each buffer is written first and read last.

    Where it does not suffice, and tensors can wait for a schedule, each buffer gets addresses of
    its own, as if memory had no end. Returns whether all have their places.
    """
    buffers: dict[Buffer, None] = {}
    for time, instruction in enumerate(build.instructions):
        for name in _tensor_names(instruction):
            buffer = build.views[name].buffer
            if buffer not in buffers:
                buffer.first = time
                buffers[buffer] = None
            buffer.last = time
    total = allocate(list(buffers))
    placed = total <= build.target.size(ACTIVATION_MEMORY)
    if not placed:
        end = 0
        for buffer in buffers:
            buffer.address, end = end, end + aligned(buffer.size)
        if not can_wait or end > MAX_MEMORY:
            _fail_activation(build, list(buffers), total)
    for descriptor in build.descriptors:
        view = build.views.get(descriptor.sym_name.data)
        if view is not None:
            address = view.buffer.address + view.offset
            descriptor.properties["address"] = IntegerAttr(address, i64)
    return placed


def _tensor_names(instruction: chip.InstructionOp) -> list[str]:
    return [
        attribute.string_value()
        for field, _ in record_layout(type(instruction))
        if isinstance(field, ReferenceField)
        and field.target == chip.TensorOp.name
        and isinstance(attribute := instruction.properties[field.name], SymbolRefAttr)
    ]


def _fail_activation(build: ProgramBuilder, buffers: Sequence[Buffer], total: int) -> None:
    size = build.target.size(ACTIVATION_MEMORY)
    time, text = memory_map(buffers, size, total)
    fail(
        build.sources[time],
        text,
        hint=f"a target with activation_memory = {total}, or frames of {size / total:.0%} of the "
        "pixels, would do",
    )


def _finish(build: ProgramBuilder, function: func.FuncOp) -> chip.ProgramOp:
    bases = build.image.place()
    target = build.target
    _check_sizes(build, function)
    contents = {kind: bytes(build.image.contents[kind]) for kind in SEGMENTS}
    stored = {kind: content for kind, content in contents.items() if content}
    segments = [chip.SegmentOp(kind, kind, content) for kind, content in stored.items()]
    loads = [
        chip.LdwOp(segment=kind, size=len(content), address=bases[kind])
        for kind, content in stored.items()
    ]
    instructions = [*loads, *build.instructions, chip.HaltOp()]
    body = [*segments, *build.ports, *build.descriptors, *instructions]
    program = chip.ProgramOp(function.sym_name.data, body, target)
    program.location = function.location
    return program


def _check_sizes(build: ProgramBuilder, function: func.FuncOp) -> None:
    target, image = build.target, build.image
    if image.size > target.size(WEIGHT_MEMORY):
        sizes = {kind: len(image.contents[kind]) for kind in SEGMENTS}
        sizes["gaps"] = image.size - sum(sizes.values())
        parts = ", ".join(f"{part} {size:,}" for part, size in sizes.items() if size)
        fail(
            function,
            WEIGHTS_TOO_LARGE.message(
                room=counted(target.size(WEIGHT_MEMORY), "byte"),
                size=f"{image.size:,}",
                parts=parts,
            ),
            hint="cluster the weights with fewer or larger codebook entries, or use a target "
            f"with weight_memory = {image.size}",
        )
    ports = max((port.address.value.data + port.extent for port in build.ports), default=0)
    needed = ports + sum(len(content) for content in image.contents.values())
    if needed > target.size(DRAM):
        fail(
            function,
            f"DRAM of {counted(target.size(DRAM), 'byte')} is too small: {needed:,} are needed",
            hint=f"a target with dram = {needed} would do",
        )
