"""lns networks on images, built op by op: what schedules are made for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from lns_networks import random_codes
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from recog.backend.assembly import find_program
from recog.dialects import lns
from recog.dialects.chip import ProgramOp
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError
from recog.dialects.lns import NumberType, number_tensor, shape_of
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.lowering.common.layer_names import LAYER
from recog.lowering.schedule.demand import Cascade
from recog.lowering.schedule.emit_stripes import EmitStripesPass
from recog.lowering.schedule.network import Network
from recog.lowering.schedule.place_tensors import PlaceTensorsPass
from recog.lowering.schedule.plan import CascadePlan, Plan, write_plan
from recog.lowering.schedule.size_rings import SizeRingsPass
from recog.lowering.schedule.unplaced import show_outputs_as_made
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass

CODES = LnsFormat(8, 3, 64)
WEIGHTS = LnsFormat(4, 0, 6)
ARITHMETIC = Arithmetic(6, 64)

PLENTY = 1 << 26
"""Bytes of activation memory that hold any of these networks whole."""


class ImageNetwork:
    """A function of images that grows by methods; each takes values and returns one.

    Args:
        shapes: (C, H, W) of its inputs, which are codes.
    """

    def __init__(self, *shapes: tuple[int, int, int], seed: int = 0):
        self.generator = np.random.default_rng(seed)
        self.shapes = shapes
        self.types = [number_tensor((1, *shape), CODES) for shape in shapes]
        self.block = Block(arg_types=self.types)
        self.inputs: list[SSAValue] = list(self.block.args)

    def add_op(self, op: Operation) -> SSAValue:
        self.block.add_op(op)
        return op.results[0]

    def weight(self, *shape: int) -> SSAValue:
        codes = random_codes(self.generator, shape, WEIGHTS)
        return self.add_op(ConstantOp.from_array(codes, NumberType(WEIGHTS)))

    def conv(
        self,
        x: SSAValue,
        channels: int,
        kernel: int = 3,
        stride: int = 1,
        *,
        dilation: int = 1,
        padding: int | tuple[int, int, int, int] | None = None,
        groups: int = 1,
        format: LnsFormat = CODES,
    ) -> SSAValue:
        """A square convolution; padded by half its reach where nothing else is said."""
        if padding is None:
            padding = dilation * (kernel - 1) // 2
        sides = (padding,) * 4 if isinstance(padding, int) else padding
        op = lns.Conv2dOp(
            x,
            self.weight(channels, shape_of(x)[1] // groups, kernel, kernel),
            None,
            format,
            strides=(stride, stride),
            padding=sides,
            dilation=(dilation, dilation),
            groups=groups,
            relu=False,
            arithmetic=ARITHMETIC,
        )
        return self.add_op(op)

    def deconv(self, x: SSAValue, channels: int, kernel: int = 2, stride: int = 2) -> SSAValue:
        more = max(kernel - stride, 0)
        op = lns.ConvTranspose2dOp(
            x,
            self.weight(channels, shape_of(x)[1], kernel, kernel),
            None,
            CODES,
            strides=(stride, stride),
            padding=(more // 2, more // 2, more - more // 2, more - more // 2),
            output_padding=(0, 0),
            dilation=(1, 1),
            groups=1,
            relu=False,
            arithmetic=ARITHMETIC,
        )
        return self.add_op(op)

    def add(self, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
        return self.add_op(lns.AddOp(lhs, rhs, CODES, relu=False, arithmetic=ARITHMETIC))

    def concat(self, *parts: SSAValue) -> SSAValue:
        return self.add_op(lns.ConcatOp(parts, 1))

    def max_pool(self, x: SSAValue, kernel: int, stride: int) -> SSAValue:
        edges = [kernel // 2] * 4
        return self.add_op(lns.MaxPool2dOp(x, (kernel,) * 2, (stride,) * 2, edges))

    def pool(
        self,
        x: SSAValue,
        kind: str,
        kernel: tuple[int, int],
        strides: tuple[int, int],
        padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    ) -> SSAValue:
        """The largest ("max") or the mean of each window, of all ("padded") or what is inside."""
        if kind == "max":
            return self.add_op(lns.MaxPool2dOp(x, kernel, strides, padding))
        pool = lns.AvgPool2dOp(
            x,
            CODES,
            kernel,
            strides,
            padding,
            count_include_pad=kind == "padded",
            arithmetic=ARITHMETIC,
        )
        return self.add_op(pool)

    def mul(self, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
        return self.add_op(lns.MulOp(lhs, rhs, CODES))

    def mean(self, x: SSAValue) -> SSAValue:
        """Over all of each channel."""
        size = shape_of(x)[2:]
        pool = lns.AvgPool2dOp(
            x, CODES, size, (1, 1), [0] * 4, count_include_pad=True, arithmetic=ARITHMETIC
        )
        return self.add_op(pool)

    def resize(self, x: SSAValue, height: int, width: int, mode: str = "nearest") -> SSAValue:
        result = number_tensor((1, shape_of(x)[1], height, width), CODES)
        if mode == "nearest":
            return self.add_op(lns.ResizeOp(x, result, mode))
        op = lns.ResizeOp(x, result, mode, align_corners=False, steps=(8, 8), arithmetic=ARITHMETIC)
        return self.add_op(op)

    def relu(self, x: SSAValue) -> SSAValue:
        return self.add_op(lns.ReluOp(x, CODES))

    def argmax(self, x: SSAValue) -> SSAValue:
        return self.add_op(lns.ArgmaxOp(x, 1, i64))

    def module(self, *results: SSAValue) -> ModuleOp:
        """The network, with these results; nothing can be added to it afterwards."""
        self.block.add_op(ReturnOp(*results))
        types = (self.types, [each.type for each in results])
        return ModuleOp([FuncOp("main", types, Region(self.block))])

    def frames(self, count: int = 1) -> list[np.ndarray]:
        return [random_codes(self.generator, (count, *shape), CODES) for shape in self.shapes]


def chip_program(module: ModuleOp, memory: int, *, schedule: bool = True) -> ProgramOp:
    """The program of a network for so many bytes of activation memory."""
    copy = module.clone()
    ConvertLnsToChipPass(activation_memory=memory, schedule=schedule).apply(Context(), copy)
    return find_program(copy)


def labelled(module: ModuleOp) -> ModuleOp:
    """The network with a label on each op that computes or moves, "0" and so on."""
    module = module.clone()
    ops = [op for op in module.walk() if isinstance(op, lns.LnsOp)]
    for number, op in enumerate(ops):
        op.attributes[LAYER] = StringAttr(str(number))
    return module


def scheduled(module: ModuleOp, memory: int) -> ProgramOp | None:
    """The program for a memory, None where it is too small."""
    try:
        return chip_program(module, memory)
    except RecogError as error:
        if "is too small" in str(error):
            return None
        raise


def divided(module: ModuleOp, rows: int, strips: int) -> ProgramOp | None:
    """All of a network as one cascade in so many strips at most that keep all edges, in as much
    memory as they take; None where something takes whole tensors."""
    copy = module.clone()
    ConvertLnsToChipPass(activation_memory=16, schedule=False).apply(Context(), copy)
    program = find_program(copy)
    show_outputs_as_made(program)
    network = Network(program)
    cascade = Cascade(network, 0, len(network.steps))
    if cascade.all_at_once:
        return None
    strips = min(strips, cascade.columns)
    plan = CascadePlan(0, len(network.steps), rows, strips, edges=frozenset(cascade.with_edges))
    write_plan(program, network, Plan([plan], set()))
    program.properties["target"] = find_program(chip_program(module, PLENTY)).target
    for each in (SizeRingsPass(), EmitStripesPass(), PlaceTensorsPass()):
        each.apply(Context(), copy)
    program.verify()
    return program


def chain(height: int, width: int) -> tuple[ImageNetwork, ModuleOp]:
    """Ten 3x3 convolutions, three of them with stride 2: `chain` of shared/vela."""
    net = ImageNetwork((3, height, width))
    (x,) = net.inputs
    sizes = [(16, 2), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (64, 1), (64, 1), (32, 1)]
    for channels, stride in [*sizes, (8, 1)]:
        x = net.conv(x, channels, stride=stride)
    return net, net.module(x)


def skips(height: int, width: int, *, full: bool = False) -> tuple[ImageNetwork, ModuleOp]:
    """Encoder and decoder with a sum, a joined and an added skip: `skips` of shared/vela."""
    net = ImageNetwork((3, height, width))
    x2 = net.conv(net.conv(net.inputs[0], 24, stride=2), 24)
    x4 = net.conv(net.conv(x2, 48, stride=2), 48)
    e8a = net.conv(x4, 96, stride=2)
    e8 = net.add(net.conv(net.conv(e8a, 96), 96), e8a)
    d4 = net.conv(net.concat(net.deconv(e8, 48), x4), 48)
    d2 = net.conv(net.add(net.deconv(d4, 24), x2), 24)
    scores = net.conv(d2, 8, 1)
    if full:
        scores = net.argmax(net.resize(scores, height, width, "bilinear"))
    return net, net.module(scores)


def random_network(
    seed: int, *, largest: int = 40, ops: int = 8, pools: bool = False
) -> tuple[ImageNetwork, ModuleOp]:
    """Up to so many convolutions of every kind, skips that are added and joined, resizes and
    pools.

    Args:
        pools: whether there are many pools of large windows.
    """
    rng = np.random.default_rng(seed)
    sizes = [each for each in (5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41) if each <= largest]
    channels, height, width = rng.integers(1, 4), *rng.choice(sizes, 2)
    net = ImageNetwork((int(channels), int(height), int(width)), seed=seed)
    values = list(net.inputs)
    for _ in range(int(rng.integers(2, ops + 1))):
        x = values[-1] if rng.random() < 0.7 else values[int(rng.integers(len(values)))]
        values.append(_random_op(net, rng, x, values, pools=pools))
    results = [values[-1]]
    if rng.random() < 0.3:
        results.append(values[int(rng.integers(len(net.inputs), len(values)))])
    if rng.random() < 0.3:
        # Sometimes of more classes than a byte can number.
        scores = net.conv(values[-1], 257, 1) if rng.random() < 0.2 else values[-1]
        results.append(net.argmax(scores))
    return net, net.module(*dict.fromkeys(results))


def random_pool(net: ImageNetwork, rng: np.random.Generator, x: SSAValue) -> SSAValue:
    """A pool of large windows: over the image, whole rows or columns, cells, or of any size."""
    kind = str(rng.choice(["max", "padded", "inside"]))
    kernel, strides, padding = list[int](), list[int](), list[int]()
    for size in shape_of(x)[2:]:
        across = str(rng.choice(["whole", "cells", "any", "one"], p=[0.4, 0.3, 0.2, 0.1]))
        cells = int(rng.integers(1, min(size, 5) + 1))
        taps = {"whole": size, "cells": size // cells, "one": 1}.get(
            across, int(rng.integers(1, size + 1))
        )
        stride = taps if across in ("whole", "cells") else int(rng.integers(1, taps + 1))
        sides = rng.integers(0, max(1, taps // 2), 2) if rng.random() < 0.4 else (0, 0)
        kernel.append(taps)
        strides.append(stride)
        padding += [int(each) for each in sides]
    top, bottom, left, right = padding
    return net.pool(
        x, kind, (kernel[0], kernel[1]), (strides[0], strides[1]), (top, left, bottom, right)
    )


def _random_op(
    net: ImageNetwork,
    rng: np.random.Generator,
    x: SSAValue,
    values: list[SSAValue],
    *,
    pools: bool,
) -> SSAValue:
    _, channels, height, width = shape_of(x)
    low = min(height, width)
    same = [y for y in values if shape_of(y) == shape_of(x)]
    joined = [y for y in values if shape_of(y)[2:] == (height, width) and shape_of(y)[1] < 12]
    choices: list[Callable[[], SSAValue]] = [
        lambda: net.conv(x, int(rng.integers(1, 6)), int(rng.choice([1, 3, 5]))),
        lambda: net.conv(x, int(rng.integers(1, 6)), 3, dilation=int(rng.choice([2, 4]))),
        lambda: net.conv(x, channels, 3, groups=channels),
        lambda: net.add(x, same[int(rng.integers(len(same)))]),
        lambda: net.concat(x, joined[int(rng.integers(len(joined)))]) if joined else net.relu(x),
        lambda: net.max_pool(x, 3, int(rng.choice([1, 2]))),
        lambda: net.relu(x),
    ]
    if low > 4:
        sides = tuple(int(each) for each in rng.integers(0, 6, 4))
        choices += [
            lambda: net.conv(x, int(rng.integers(1, 6)), 3, int(rng.choice([2, 3, 4]))),
            lambda: net.conv(x, 2, 3, 2, padding=sides),  # pyright: ignore[reportArgumentType]
        ]
    if max(height, width) < 45:
        wider = int(width * rng.choice([1, 2])) - 1
        size = (int(height * rng.choice([1, 2])) + 1, max(1, wider))
        mode = str(rng.choice(["nearest", "bilinear"]))
        choices += [
            lambda: net.deconv(x, int(rng.integers(1, 4)), *map(int, rng.integers(1, 4, 2))),
            lambda: net.resize(x, *size, mode),
        ]
    if rng.random() < 0.1:
        choices.append(lambda: net.mean(x))
    if pools:
        choices += [lambda: net.mul(x, net.mean(x)), lambda: random_pool(net, rng, x)] * 3
    return choices[int(rng.integers(len(choices)))]()
