"""Collects a chip program: instructions, descriptors and the bytes of weight memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from xdsl.dialects.builtin import IntegerType, Signedness, StringAttr
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.exceptions import VerifyException

from recog.dialects import chip, lns
from recog.dialects.bits import pack_bits, pack_signed, signed_bits
from recog.dialects.chip.descriptors import MAX_AXES, DescriptorOp
from recog.dialects.chip.held_values import HeldValue, hold
from recog.dialects.errors import fail
from recog.dialects.lns import FixedType, NumberType, format_of
from recog.dialects.lns.types import shape_of
from recog.dialects.tensors import element_type_of
from recog.dialects.verification import located_errors
from recog.lowering.common.layer_names import LAYER, label_of
from recog.lowering.common.rewriting import new_symbol
from recog.lowering.encode.layer_tables import LayerTables
from recog.lowering.select.allocation import aligned
from recog.lowering.select.layout import MemoryLayout, Move, frame_shape, seen, stored_type
from recog.lowering.select.views import View, in_buffer, pieces
from recog.lowering.select.weight_image import SEGMENTS, WeightImage


class ProgramBuilder:
    """What lowering patterns write to; addresses are filled in when all is known."""

    def __init__(self, layout: MemoryLayout, target: chip.ChipTarget):
        self.layout = layout
        self.target = target
        self.image = WeightImage()
        self.instructions: list[chip.InstructionOp] = []
        self.sources: list[Operation] = []
        self.descriptors: list[DescriptorOp] = []
        self.ports: list[chip.PortOp] = []
        self.views: dict[str, View] = {}
        self.inputs: dict[SSAValue, str] = {}
        self._complete: list[tuple[chip.InstructionOp, str, list[View]]] = []
        self._names: set[str] = set(SEGMENTS)
        self._known: dict[object, str] = {}

    def unique(self, wanted: str) -> str:
        """A symbol that resembles `wanted` and is new."""
        return new_symbol(wanted, self._names)

    def emit(self, source: Operation, instruction: chip.InstructionOp) -> None:
        """Append an instruction that does (a part of) what `source` does."""
        instruction.location = source.location
        label = label_of(source)
        if label is not None:
            instruction.attributes[LAYER] = StringAttr(label)
        self.check(source, instruction)
        self.instructions.append(instruction)
        self.sources.append(source)

    def complete(self, source: Operation) -> None:
        """Note that all instructions of `source` are there: its results stand in memory.

        A result that is but other addresses of earlier bytes stands there as well: the layout
        keeps them until its last reader. What the host decodes of a result never does.
        """
        label = label_of(source)
        if label is not None and self.instructions and not isinstance(source, lns.ToFloatOp):
            views = [self.layout.view(result, source) for result in source.results]
            self._complete.append((self.instructions[-1], label, views))

    def write_held_values(self) -> None:
        """Write on instructions which layers are complete after them, once buffers have places."""
        for instruction, label, views in self._complete:
            values = [
                HeldValue(
                    label,
                    number,
                    view.buffer.address + view.offset,
                    view.element_bytes,
                    view.shape,
                    view.strides,
                )
                for number, view in enumerate(views)
            ]
            hold(instruction, values)

    def check(self, source: Operation, op: Operation) -> None:
        """Fail at `source` where a field of `op` does not fit the instruction set."""
        try:
            with located_errors():
                op.verify()
        except VerifyException as error:
            fail(source, f"does not fit {op.name}: {error}")

    def _descriptor(self, source: Operation, key: object, op: DescriptorOp) -> str:
        self.check(source, op)
        self.descriptors.append(op)
        name = op.sym_name.data
        self._known[key] = name
        return name

    def tensor(self, source: Operation, value: SSAValue) -> str:
        """The descriptor of a value of at most four axes, as (C, H, W)."""
        ((view,),) = self.pieces(source, value)
        return view

    def pieces(self, source: Operation, *values: SSAValue) -> Iterator[tuple[str, ...]]:
        """Descriptors of values that broadcast, for one instruction after the other."""
        return self.view_pieces(
            source, *((self.layout.view(value, source), value) for value in values)
        )

    def view_pieces(
        self, source: Operation, *views: tuple[View, SSAValue], lead: int = 0
    ) -> Iterator[tuple[str, ...]]:
        """Descriptors of what views show of values; see `chip_views.pieces`."""
        for parts in pieces([view for view, _ in views], lead):
            yield tuple(
                self.view(source, part, element_type(source, value), value_name(value))
                for part, (_, value) in zip(parts, views)
            )

    def view(self, source: Operation, view: View, element: Attribute, name: str) -> str:
        """The descriptor of elements of type `element` at a view of three axes."""
        key = (view, element)
        if key in self._known:
            return self._known[key]
        channels, height, width = view.shape
        channel_stride, row_stride, column_stride = _stride_fields(view)
        if not view.buffer.name:
            view.buffer.name = name
        op = chip.TensorOp(
            sym_name=self.unique(name),
            address=0,
            channels=channels,
            height=height,
            width=width,
            channel_stride=channel_stride,
            row_stride=row_stride,
            column_stride=column_stride,
            **element_fields(element),
        )
        self.views[op.sym_name.data] = view
        return self._descriptor(source, key, op)

    def move(self, source: Operation, move: Move, name: str) -> None:
        """Copy a value to where `source` needs it as well."""
        element = element_type(source, move.value)
        view, target = self.layout.view(move.value, source), move.target
        shown = seen(source, view)
        if shown is None:
            other = target.reshaped(view.shape)
            if other is not None:
                shown, target = view, other
            else:
                packed = in_buffer(view.shape, view.element_bytes)
                self._copy(source, view, packed, element, name)
                shown = packed.reshaped(target.shape)
        if shown is None:
            fail(source, f"{list(view.shape)} has no place as {list(target.shape)}")
        self._copy(source, shown, target, element, name)

    def _copy(
        self, source: Operation, view: View, target: View, element: Attribute, name: str
    ) -> None:
        for parts in pieces([view, target]):
            input, output = (self.view(source, part, element, name) for part in parts)
            self.emit(source, chip.CopyOp(output=output, input=input))

    def input_port(self, source: Operation, value: SSAValue, argument: SSAValue) -> None:
        """Let the program have an input for an argument, which holds or becomes `value`."""
        encoded = argument is not value
        name = self.unique(argument.name_hint or f"input{len(self.inputs)}")
        fields = self._port_fields(source, value)
        port = chip.InputOp(sym_name=name, encoded=encoded, **fields)
        self.check(source, port)
        self.ports.append(port)
        self.inputs[argument] = name

    def output_port(
        self,
        source: Operation,
        value: SSAValue,
        name: str,
        *,
        decoded: bool,
        biases: Sequence[int] = (),
    ) -> str:
        """The symbol of a new output that takes `value`; it may be decoded channel by channel.

        Args:
            name: one that `unique` gave.
        """
        fields = self._port_fields(source, value)
        offsets = np.array(biases, np.int64) - format_of(value).biases[0] if biases else None
        bits = signed_bits(offsets)
        host = {"decoded": decoded, "bias_bits": bits, "host_bits": _host_bits(value)}
        port = chip.OutputOp(sym_name=name, **host, **fields)
        if offsets is not None and bits:
            self.image.store(port, "bias_table", "biases", pack_signed(offsets, bits))
        self.check(source, port)
        self.ports.append(port)
        return port.sym_name.data

    def _port_fields(self, source: Operation, value: SSAValue) -> dict[str, object]:
        channels, height, width = frame_shape(value, source)
        rank = len(shape_of(value))
        if rank > MAX_AXES:
            fail(source, f"inputs and outputs have at most {MAX_AXES} axes, got {rank}")
        end = max((port.address.value.data + port.extent for port in self.ports), default=0)
        shape = {"channels": channels, "height": height, "width": width, "rank": rank}
        return {"address": aligned(end), **shape, **element_fields(element_type(source, value))}

    def weights(self, source: Operation, layer: LayerTables) -> str:
        """The descriptor of a layer's weights."""
        key = ("weights", layer.key)
        if key in self._known:
            return self._known[key]
        name = value_name(source.results[0])
        out_channels, in_channels, kernel_h, kernel_w = layer.shape
        offsets, initial = layer.bias_offsets, layer.initial
        bias_bits, initial_bits = int(offsets.max()).bit_length(), signed_bits(initial)
        op = chip.WeightsOp(
            sym_name=self.unique(f"{name}.weight"),
            codebook=self._codebook(source, name, layer),
            pointer_bits=layer.pointer_bits,
            out_channels=out_channels,
            in_channels=in_channels,
            kernel_h=kernel_h,
            kernel_w=kernel_w,
            bias=min(layer.format.biases),
            bias_bits=bias_bits,
            initial_bits=initial_bits,
        )
        if layer.pointers is not None:
            pointers = pack_bits(layer.pointers, layer.pointer_bits)
            self.image.store(op, "pointers", "pointers", pointers)
        if bias_bits:
            self.image.store(op, "bias_table", "biases", pack_bits(offsets, bias_bits))
        if initial is not None and initial_bits:
            self.image.store(op, "initial", "biases", pack_signed(initial, initial_bits))
        return self._descriptor(source, key, op)

    def _codebook(self, source: Operation, name: str, layer: LayerTables) -> str:
        format = layer.format.with_bias(0)
        key = ("codebook", layer.codes.tobytes(), layer.block, format)
        if key in self._known:
            return self._known[key]
        block_out, block_in, block_h, block_w = layer.block
        op = chip.CodebookOp(
            sym_name=self.unique(f"{name}.codebook"),
            address=0,
            entries=layer.entries,
            block_out=block_out,
            block_in=block_in,
            block_h=block_h,
            block_w=block_w,
            code_bits=format.width,
            frac=format.frac,
            unsigned=format.unsigned,
        )
        self.image.store(op, "address", "tables", pack_bits(layer.codes, format.width))
        return self._descriptor(source, key, op)


def _stride_fields(view: View) -> tuple[int, int, int]:
    """The stride fields of a descriptor, 0 where elements, rows or channels are packed."""
    reach, fields = view.element_bytes, list[int]()
    for size, stride in zip(reversed(view.shape), reversed(view.strides)):
        step = reach if size == 1 else stride
        fields.append(0 if step == reach else step)
        reach = size * step
    channel, row, column = reversed(fields)
    return (channel, row, column)


def _host_bits(value: SSAValue) -> int:
    """Bits of the integers that the host takes of an output, 0 where they are as in memory."""
    own = element_type_of(value)
    return own.width.data if isinstance(own, IntegerType) and own != stored_type(value) else 0


def element_fields(element: Attribute) -> dict[str, object]:
    """The fields of a descriptor that say what its elements are."""
    match element:
        case NumberType():
            format = element.format
            return {
                "code_bits": format.width,
                "frac": format.frac,
                "bias": format.biases[0],
                "unsigned": format.unsigned,
            }
        case FixedType():
            bits = element.storage_width
            return {"code_bits": bits, "frac": element.frac, "integer": True, "fixed": True}
        case chip.SumsType():
            count, wide = element.count.data, element.width.data > 32
            return {**element_fields(element.codes), "integer": True, "sums": count, "wide": wide}
        case IntegerType():
            unsigned = element.signedness.data == Signedness.UNSIGNED
            bits = {"code_bits": element.width.data, "unsigned": unsigned, "integer": True}
            return {**bits, "frac": 0}
        case _:
            raise ValueError(f"no tensor holds {element}")


def element_type(source: Operation, value: SSAValue) -> Attribute:
    """The element type of a value in activation memory; fails at `source` if it has none."""
    element = stored_type(value)
    if isinstance(element, NumberType) and element.format.axis is not None:
        fail(source, "activations have one bias for the tensor; only weights may have several")
    return element


def value_name(value: SSAValue) -> str:
    """What a person would call a value: its layer, its name, or its op's name."""
    owner = value.owner
    if not isinstance(owner, Operation):
        return value.name_hint or "input"
    return label_of(owner) or value.name_hint or owner.name.split(".")[-1]
