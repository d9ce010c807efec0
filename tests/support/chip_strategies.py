"""Hypothesis strategies for chip programs: any valid one, however little sense it makes."""

from __future__ import annotations

from collections import Counter
from math import prod

import numpy as np
from hypothesis import strategies as st
from xdsl.dialects.builtin import (
    FileLineColLoc,
    FusedLoc,
    IntAttr,
    IntegerAttr,
    NameLoc,
    NoneAttr,
    StringAttr,
    UnknownLoc,
    i64,
)

from recog.dialects import chip, sampling_shapes, shapes
from recog.dialects.bits import pack_bits, packed_size
from recog.dialects.cluster import pointers_shape
from recog.dialects.number_format import MAX_BIAS, LnsFormat

seeds = st.integers(0, 2**32 - 1)
small = st.integers(1, 4)
words = st.text("abcdefghijklmnop", min_size=1, max_size=5)


@st.composite
def chip_targets(draw) -> chip.ChipTarget:
    sizes = st.integers(1 << 16, 1 << 32)
    values = {
        "name": draw(words),
        "weight_memory": draw(sizes),
        "activation_memory": draw(sizes),
        "dram": draw(sizes),
        "antilog_bits": draw(st.integers(2, 12)),
        "fine_antilog_bits": draw(st.integers(0, 12)),
        "accumulator": draw(st.integers(16, 64)),
        "mitchell": draw(st.booleans()),
    }
    details = {"banks": st.integers(1, 64), "width": st.integers(1, 4096)}
    for memory in draw(st.lists(st.sampled_from(["dram", "scratch", "rings"]), unique=True)):
        if memory != "dram":
            values[f"memory.{memory}.bytes"] = draw(sizes)
        for detail, numbers in details.items():
            if draw(st.booleans()):
                values[f"memory.{memory}.{detail}"] = draw(numbers)
    for part in ("array.pixels", "vector.lanes", "dma.latency", "clock_mhz"):
        if draw(st.booleans()):
            values[part] = draw(st.integers(1, 4096))
    if draw(st.booleans()):
        row = {"value": draw(st.floats(0, 100)), "unit": "pJ", "source": draw(words)}
        row |= {"node": draw(words), "year": draw(st.integers(1990, 2100))}
        values |= {f"energy.horowitz_45nm.mac.{name}": each for name, each in row.items()}
    return chip.ChipTarget.from_values(values)


@st.composite
def element_fields(draw) -> dict[str, object]:
    bits, unsigned = draw(st.integers(2, 16)), draw(st.booleans())
    frac, bias = draw(st.integers(0, 12)), draw(st.integers(-MAX_BIAS, MAX_BIAS))
    return {"code_bits": bits, "unsigned": unsigned, "frac": frac, "bias": bias}


@st.composite
def strides_of(draw, shape: tuple[int, int, int], step: int) -> dict[str, int]:
    """Packed, with gaps, or with the axes in any order; no two elements overlap."""
    names = ("channel_stride", "row_stride", "column_stride")
    packed: dict[str, int] = dict.fromkeys(names, 0)
    if draw(st.booleans()):
        return packed
    reach = step
    for axis in draw(st.permutations(range(3))):
        stride = reach + draw(st.sampled_from([0, 0, 1, 7]))
        packed[names[axis]] = stride
        reach += (shape[axis] - 1) * stride
    return packed


@st.composite
def source_locations(draw, depth: int = 2):
    kind = draw(st.sampled_from(["unknown", "file", "name", "fused"][: 4 if depth else 2]))
    match kind:
        case "file":
            numbers = IntAttr(draw(st.integers(0, 9999))), IntAttr(draw(st.integers(0, 99)))
            return FileLineColLoc(StringAttr(draw(words)), *numbers)
        case "name":
            inner = draw(source_locations(depth=depth - 1))
            inner = NoneAttr() if isinstance(inner, UnknownLoc) else inner
            return NameLoc(StringAttr(draw(words)), inner)
        case "fused":
            parts = st.lists(source_locations(depth=depth - 1), min_size=1, max_size=3)
            return FusedLoc(tuple(draw(parts)), NoneAttr())
        case _:
            return UnknownLoc()


class ProgramMaker:
    """Draws the parts of one program."""

    def __init__(self, draw):
        self.draw = draw
        self.segments: list[chip.SegmentOp] = []
        self.ports: list[chip.PortOp] = []
        self.descriptors: list = []
        self.instructions: list[chip.InstructionOp] = []
        self.loaded = 0
        self.signalled = Counter[int]()
        self.names: set[str] = set()

    def name(self) -> str:
        wanted = self.draw(words | st.sampled_from(["d0", "s0", "_d1", "a.b#2", "layer one"]))
        while wanted in self.names:
            wanted += "x"
        self.names.add(wanted)
        return wanted

    def tensor(self, shape=None, **elements) -> chip.TensorOp:
        draw = self.draw
        channels, height, width = shape or (draw(small), draw(small), draw(small))
        fields = {**draw(element_fields()), **elements}
        step = 1 if fields["code_bits"] <= 8 else 2
        strides = draw(strides_of((channels, height, width), step))
        address = draw(st.integers(0, (1 << 16) - 8192))
        op = chip.TensorOp(
            sym_name=self.name(),
            address=address,
            channels=channels,
            height=height,
            width=width,
            **strides,
            **fields,
        )
        self.descriptors.append(op)
        return op

    def like(self, op: chip.TensorDescriptorOp, **changes) -> chip.TensorOp:
        fields = {
            "code_bits": op.code_bits.value.data,
            "unsigned": op.unsigned is not None,
            "integer": op.integer is not None,
            "frac": op.frac.value.data,
            "bias": op.bias.value.data,
        }
        return self.tensor(op.shape, **{**fields, **changes})

    def load(self, content: bytes, kind: str) -> int:
        """Load bytes; returns their address in weight memory."""
        before = self.draw(st.binary(max_size=3))
        name = self.name()
        self.segments.append(chip.SegmentOp(name, kind, before + content))
        self.emit(
            chip.LdwOp(segment=name, offset=len(before), size=len(content), address=self.loaded)
        )
        self.loaded += len(content)
        return self.loaded - len(content)

    def emit(self, op: chip.InstructionOp) -> None:
        op.location = self.draw(source_locations())
        self.instructions.append(op)

    def port(self, cls: type[chip.PortOp], like: chip.TensorOp | None = None) -> chip.PortOp:
        tensor = self.tensor() if like is None else like
        flag = "encoded" if cls is chip.InputOp else "decoded"
        op = cls(
            sym_name=self.name(),
            address=self.draw(st.integers(0, 4096)),
            channels=tensor.channels.value.data,
            height=tensor.height.value.data,
            width=tensor.width.value.data,
            code_bits=tensor.code_bits.value.data,
            unsigned=tensor.unsigned is not None,
            frac=tensor.frac.value.data,
            bias=tensor.bias.value.data,
            **{flag: self.draw(st.booleans())},
        )
        if isinstance(op, chip.OutputOp) and op.decoded is not None and op.integer is None:
            self._give_biases(op)
        self.ports.append(op)
        return op

    def _give_biases(self, op: chip.OutputOp) -> None:
        """Perhaps a bias for each channel."""
        bits = self.draw(st.integers(0, 9))
        if bits and op.rank.value.data > 1 and abs(op.bias.value.data) < MAX_BIAS >> 1:
            channels = op.channels.value.data
            offsets = np.random.default_rng(self.draw(seeds)).integers(0, 1 << bits, channels)
            address = self.load(pack_bits(offsets, bits), "biases")
            op.properties |= {"bias_bits": IntegerAttr(bits, i64)}
            op.properties |= {"bias_table": IntegerAttr(address, i64)}

    def weights(self, shape: tuple[int, int, int, int], accumulator: int) -> str:
        draw = self.draw
        divisors = [[d for d in range(1, size + 1) if size % d == 0] for size in shape]
        block = tuple(draw(st.sampled_from(each)) for each in divisors)
        clustered = draw(st.booleans())
        blocks = prod(pointers_shape(shape, block))
        entries = draw(st.integers(1, 9)) if clustered else blocks
        format = LnsFormat(draw(st.integers(2, 16)), 0, unsigned=draw(st.booleans()))
        generator = np.random.default_rng(draw(seeds))
        codes = generator.integers(1, 1 << (format.width - 1), entries * prod(block))
        codebook = chip.CodebookOp(
            sym_name=self.name(),
            address=self.load(pack_bits(codes, format.width), "tables"),
            entries=entries,
            block_out=block[0],
            block_in=block[1],
            block_h=block[2],
            block_w=block[3],
            code_bits=format.width,
            frac=draw(st.integers(0, 12)),
            unsigned=format.unsigned,
        )
        self.descriptors.append(codebook)
        fields = self._tables(generator, shape[0], accumulator)
        if clustered:
            bits = draw(st.integers((entries - 1).bit_length() or 1, 16))
            pointers = pack_bits(generator.integers(0, entries, blocks), bits)
            fields |= {"pointer_bits": bits, "pointers": self.load(pointers, "pointers")}
        op = chip.WeightsOp(
            sym_name=self.name(),
            codebook=codebook.sym_name.data,
            out_channels=shape[0],
            in_channels=shape[1],
            kernel_h=shape[2],
            kernel_w=shape[3],
            bias=draw(st.integers(-999, 999)),
            **fields,
        )
        self.descriptors.append(op)
        return op.sym_name.data

    def _tables(self, generator: np.random.Generator, channels: int, accumulator: int) -> dict:
        fields: dict[str, int] = {}
        for bits_name, name, most in (
            ("bias_bits", "bias_table", 16),
            ("initial_bits", "initial", accumulator),
        ):
            bits = self.draw(st.integers(0, most))
            if bits:
                size = packed_size(channels, bits)
                content = bytearray(generator.bytes(size))
                unused = size * 8 - channels * bits
                content[-1] &= 0xFF >> unused
                fields |= {bits_name: bits, name: self.load(bytes(content), "biases")}
        return fields

    def semaphores(self) -> dict[str, int]:
        """Waits for what was signalled before, by an instruction that is emitted next."""
        wait = self.draw(st.sampled_from(sorted({0, *self.signalled.elements()})))
        signal = self.draw(st.integers(0, 31))
        self.signalled[wait] -= bool(wait)
        self.signalled[signal] += bool(signal)
        return {"wait": wait, "signal": signal}

    def add_dma_in(self, accumulator: int) -> None:
        tensor = self.tensor()
        port = self.port(chip.InputOp, tensor)
        names = {"output": tensor.sym_name.data, "input": port.sym_name.data}
        self.emit(chip.DmaInOp(**names, **self.semaphores()))

    def add_dma_out(self, accumulator: int) -> None:
        tensor = self.tensor()
        port = self.port(chip.OutputOp, tensor)
        names = {"output": port.sym_name.data, "input": tensor.sym_name.data}
        self.emit(chip.DmaOutOp(**names, **self.semaphores()))

    def add_spill(self, accumulator: int) -> None:
        """Rows of an input go aside in DRAM and come back into a ring of other rows and columns."""
        draw = self.draw
        tensor = self.tensor()
        port = self.port(chip.InputOp, tensor)
        channels, height, width = tensor.shape
        first, rows = draw(st.integers(0, width - 1)), draw(st.integers(1, height))
        elements = {
            "code_bits": tensor.code_bits.value.data,
            "unsigned": tensor.unsigned is not None,
            "frac": tensor.frac.value.data,
            "bias": tensor.bias.value.data,
        }
        shape = {"channels": channels, "height": height, "width": width, **elements}
        buffers = sum(isinstance(op, chip.BufferOp) for op in self.descriptors)
        buffer = chip.BufferOp(sym_name=self.name(), address=(1 << 14) + (buffers << 10), **shape)
        ring = chip.TensorOp(
            sym_name=self.name(),
            address=draw(st.integers(0, 4096)),
            ring_rows=rows,
            first_column=first,
            columns=draw(st.integers(1, width - first)),
            ring=len(self.descriptors) + 1,
            **shape,
        )
        self.descriptors += [buffer, ring]
        names = [each.sym_name.data for each in (tensor, buffer, ring)]
        self.emit(chip.DmaInOp(output=names[0], input=port.sym_name.data, **self.semaphores()))
        self.emit(chip.SpillOp(output=names[1], input=names[0], **self.semaphores()))
        place = {"first_row": draw(st.integers(0, height - rows)), "rows": rows}
        self.emit(chip.FillOp(output=names[2], input=names[1], **place, **self.semaphores()))

    def add_conv(self, accumulator: int) -> None:
        draw = self.draw
        groups, inputs, outputs = draw(small), draw(small), draw(small)
        depthwise = inputs == 1 and draw(st.booleans())
        weight = (outputs * groups, inputs, draw(small), draw(small))
        window = {name: (draw(small), draw(small)) for name in ("strides", "dilation")}
        padding = tuple(draw(st.integers(0, 9)) for _ in range(4))
        reach = [d * (k - 1) + 1 for d, k in zip(window["dilation"], weight[2:])]
        x = self.tensor((inputs * groups, reach[0] + draw(small), reach[1] + draw(small)))
        _, *shape = shapes.conv2d_shape(
            (1, *x.shape), weight, window["strides"], padding, window["dilation"], groups
        )
        relu = draw(st.booleans())
        y = self.tensor(tuple(shape), **({} if relu else {"unsigned": False}))
        op = chip.DwconvOp if depthwise else chip.ConvOp
        instruction = op(
            output=y.sym_name.data,
            input=x.sym_name.data,
            weights=self.weights(weight, accumulator),
            stride_h=window["strides"][0],
            stride_w=window["strides"][1],
            dilation_h=window["dilation"][0],
            dilation_w=window["dilation"][1],
            pad_top=padding[0],
            pad_left=padding[1],
            pad_bottom=padding[2],
            pad_right=padding[3],
            relu=relu,
            **self.semaphores(),
        )
        self.emit(instruction)

    def add_pool(self, accumulator: int) -> None:
        draw = self.draw
        kernel, strides = (draw(small), draw(small)), (draw(small), draw(small))
        mode = draw(st.sampled_from(["max", "avg"]))
        dilation = (draw(small), draw(small)) if mode == "max" else (1, 1)
        padding = tuple(draw(st.integers(0, size - 1)) for size in kernel * 2)
        reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
        x = self.tensor((draw(small), reach[0] + draw(small), reach[1] + draw(small)))
        window = (kernel, strides, padding, dilation)
        _, *shape = sampling_shapes.window_shape((1, *x.shape), *window)
        fields = {
            "code_bits": x.code_bits.value.data,
            "frac": x.frac.value.data,
            "bias": x.bias.value.data,
            "unsigned": x.unsigned is not None,
        }
        y = self.tensor(tuple(shape), **(fields if mode == "max" else {"unsigned": False}))
        instruction = chip.PoolOp(
            output=y.sym_name.data,
            input=x.sym_name.data,
            mode=mode,
            kernel_h=kernel[0],
            kernel_w=kernel[1],
            stride_h=strides[0],
            stride_w=strides[1],
            pad_top=padding[0],
            pad_left=padding[1],
            pad_bottom=padding[2],
            pad_right=padding[3],
            count_padding=draw(st.booleans()),
            dilation_h=dilation[0],
            dilation_w=dilation[1],
            **self.semaphores(),
        )
        self.emit(instruction)

    def add_sums(self, accumulator: int) -> None:
        """A window summed in two or three steps, of which the last encodes, or not."""
        draw = self.draw
        x, mean = self.tensor(code_bits=draw(st.integers(2, 4)), frac=2), draw(st.booleans())
        sums, terms = x, 1
        for step, axis in enumerate(draw(st.permutations([1, 2, 2]))):
            kernel, stride = draw(st.integers(1, sums.shape[axis])), draw(small)
            shape, size = list(sums.shape), sums.shape[axis]
            shape[axis] = (size - kernel) // stride + 1
            terms *= kernel
            more = draw(st.integers(0, 3))
            last = mean and step == 2
            integers = {"integer": True, "sums": terms + more, "wide": draw(st.booleans())}
            names = ["kernel_h", "stride_h", "kernel_w", "stride_w"][2 * axis - 2 : 2 * axis]
            fields = {"kernel_h": 1, "kernel_w": 1} | dict(zip(names, (kernel, stride)))
            y = self.sums_like(x, shape, {} if last else integers)
            fields |= {"mode": "avg", "count": draw(st.integers(1, 9))} if last else {"mode": "sum"}
            self.emit(
                chip.PoolOp(
                    output=y.sym_name.data, input=sums.sym_name.data, **fields, **self.semaphores()
                )
            )
            sums, terms = y, terms + more

    def sums_like(self, x: chip.TensorOp, shape: list[int], integers: dict) -> chip.TensorOp:
        """A tensor of sums of such codes, or of means of them."""
        op = chip.TensorOp(
            sym_name=self.name(),
            address=self.draw(st.integers(0, 4096)),
            channels=shape[0],
            height=shape[1],
            width=shape[2],
            code_bits=x.code_bits.value.data,
            frac=x.frac.value.data,
            bias=x.bias.value.data,
            unsigned=x.unsigned is not None,
            **integers,
        )
        self.descriptors.append(op)
        return op

    def add_deconv(self, accumulator: int) -> None:
        draw = self.draw
        groups, inputs, outputs = draw(small), draw(small), draw(small)
        weight = (outputs * groups, inputs, draw(small), draw(small))
        strides, dilation = (draw(small), draw(small)), (draw(small), draw(small))
        x = self.tensor((inputs * groups, draw(small), draw(small)))
        reach = [
            (size - 1) * stride + step * (taps - 1) + 1
            for size, stride, step, taps in zip(x.shape[1:], strides, dilation, weight[2:])
        ]
        crops = [draw(st.integers(0, size - 1)) for size in reach]
        relu = draw(st.booleans())
        size = (draw(small), draw(small))
        y = self.tensor((weight[0], *size), **({} if relu else {"unsigned": False}))
        instruction = chip.DeconvOp(
            output=y.sym_name.data,
            input=x.sym_name.data,
            weights=self.weights(weight, accumulator),
            stride_h=strides[0],
            stride_w=strides[1],
            dilation_h=dilation[0],
            dilation_w=dilation[1],
            crop_top=crops[0],
            crop_left=crops[1],
            relu=relu,
            **self.semaphores(),
        )
        self.emit(instruction)

    def add_elt(self, accumulator: int) -> None:
        draw = self.draw
        lhs = self.tensor()
        shape = tuple(draw(st.sampled_from([size, 1])) for size in lhs.shape)
        rhs, y = self.tensor(shape), self.like(lhs, code_bits=5, unsigned=False)
        operands = draw(st.permutations([lhs.sym_name.data, rhs.sym_name.data]))
        names = {"lhs": operands[0], "rhs": operands[1], "output": y.sym_name.data}
        mode, relu = draw(st.sampled_from(["add", "sub", "mul"])), draw(st.booleans())
        self.emit(chip.EltOp(**names, mode=mode, relu=relu, **self.semaphores()))

    def add_resize(self, accumulator: int) -> None:
        draw = self.draw
        x = self.tensor()
        size = (draw(small), draw(small))
        names = {"input": x.sym_name.data, "mode": "nearest"}
        y = self.like(x)
        if draw(st.booleans()):
            y = self.tensor((x.shape[0], *size), unsigned=False)
            steps = {"steps_h": draw(st.integers(1, 4096)), "steps_w": draw(small)}
            names |= {"mode": "bilinear", "align_corners": draw(st.booleans()), **steps}
        self.emit(chip.ResizeOp(output=y.sym_name.data, **names, **self.semaphores()))

    def add_zero(self, accumulator: int) -> None:
        self.emit(chip.ZeroOp(output=self.tensor().sym_name.data, **self.semaphores()))

    def add_table(self, accumulator: int) -> None:
        bits = self.draw(st.integers(2, 6))
        x = self.tensor(code_bits=bits)
        y = self.like(x, code_bits=self.draw(st.sampled_from([4, 8, 12])))
        entries = np.ones(1 << bits, y.dtype)
        address = self.load(entries.tobytes(), "tables")
        names = {"output": y.sym_name.data, "input": x.sym_name.data}
        self.emit(chip.TableOp(**names, address=address, **self.semaphores()))

    def add_constant(self, accumulator: int) -> None:
        y = self.tensor()
        elements = np.ones(prod(y.shape), y.dtype)
        address = self.load(elements.tobytes(), "tables")
        names = {"output": y.sym_name.data, "address": address}
        self.emit(chip.ConstantOp(**names, **self.semaphores()))

    def add_copy(self, accumulator: int) -> None:
        x = self.tensor()
        y = self.like(x, frac=2)
        names = {"output": y.sym_name.data, "input": x.sym_name.data}
        relu = self.draw(st.booleans())
        self.emit(chip.CopyOp(**names, relu=relu, **self.semaphores()))

    def add_argmax(self, accumulator: int) -> None:
        x = self.tensor()
        bits = self.draw(st.sampled_from([8, 16, 32, 64]))
        integers = {"integer": True, "code_bits": bits, "frac": 0, "bias": 0}
        y = chip.TensorOp(
            sym_name=self.name(),
            address=0,
            channels=1,
            height=x.shape[1],
            width=x.shape[2],
            unsigned=self.draw(st.booleans()),
            **integers,
        )
        self.descriptors.append(y)
        names = {"output": y.sym_name.data, "input": x.sym_name.data}
        self.emit(chip.ArgmaxOp(**names, **self.semaphores()))
        if self.draw(st.booleans()):
            self.give_integers(y)

    def give_integers(self, tensor: chip.TensorOp) -> None:
        """Let the host take integers, perhaps as wider ones."""
        fields = ("channels", "height", "width", "code_bits", "unsigned", "integer", "frac", "bias")
        wider = [bits for bits in (16, 32, 64) if bits > tensor.code_bits.value.data]
        port = chip.OutputOp(
            sym_name=self.name(),
            address=self.draw(st.integers(0, 4096)),
            host_bits=self.draw(st.sampled_from([0, *wider])),
        )
        port.properties |= {
            name: tensor.properties[name] for name in fields if name in tensor.properties
        }
        self.ports.append(port)
        names = {"output": port.sym_name.data, "input": tensor.sym_name.data}
        self.emit(chip.DmaOutOp(**names, **self.semaphores()))

    def add_mark(self, accumulator: int) -> None:
        self.emit(chip.MarkOp(number=self.draw(st.integers(0, 65535)), **self.semaphores()))


KINDS = sorted(name for name in vars(ProgramMaker) if name.startswith("add_"))


@st.composite
def programs(draw) -> chip.ProgramOp:
    """Valid programs with every kind of instruction and odd layouts."""
    make = ProgramMaker(draw)
    target = draw(chip_targets())
    for _ in range(draw(st.integers(0, 5))):
        getattr(make, draw(st.sampled_from(KINDS)))(target.accumulator)
    make.emit(chip.HaltOp(**make.semaphores()))
    body = [*make.segments, *make.ports, *make.descriptors, *make.instructions]
    return chip.ProgramOp(draw(words), body, target, stripped=draw(st.booleans()))
