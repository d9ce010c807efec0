"""The networks of `cascade_networks` as int8 TFLite files, which Vela reads; without TensorFlow.

Takes flatbuffers, and the schema's classes that Vela brings (`pip install -e '.[peers]'`). Weights
are rounded normal values, of which only shapes and compressibility matter; quantization is per
tensor.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from cascade_networks import CHANNELS, HEIGHT, ROWS, WIDTH, Row

ACTIVATION_SCALE, WEIGHT_SIGMA = 4.0 / 255, 32.0
SAME, RELU, INT32, INT8 = 0, 1, 2, 9
"""Values of the schema's enumerations."""
OPERATORS = {
    "conv": ("CONV_2D", 3, "Conv2DOptions"),
    "deconv": ("TRANSPOSE_CONV", 3, "TransposeConvOptions"),
    "add": ("ADD", 2, "AddOptions"),
    "concat": ("CONCATENATION", 2, "ConcatenationOptions"),
}
"""The builtin operator of each op, its version and its table of options."""


def tflite_network(name: str, height: int = HEIGHT, width: int = WIDTH) -> bytes:
    """The file of a network on frames (1, H, W, 3)."""
    writer, rows = _Writer(), ROWS[name]
    frame = (1, height, width, CHANNELS)
    writer.tensor("in", frame, INT8, scale=ACTIVATION_SCALE, zero=-128)
    for row in rows:
        writer.operator(row)
    return writer.file(rows[-1].name)


def _schema(name: str) -> Any:
    return importlib.import_module(f"ethosu.vela.tflite.{name}")


class _Writer:
    """Collects tensors and operators, and writes them as one subgraph."""

    def __init__(self):
        self._builder = flatbuffers.Builder(1 << 20)
        self._random = np.random.default_rng(1)
        self._buffers = [self._table("Buffer")]  # the first is empty by convention
        self._tensors: list[int] = []
        self._operators: list[int] = []
        self._codes: list[tuple[int, int]] = []
        self._known: dict[str, tuple[int, tuple[int, ...]]] = {}
        """The place and shape of each tensor."""

    def _table(self, kind: str, **fields: Any) -> int:
        module = _schema(kind)
        getattr(module, f"{kind}Start")(self._builder)
        for key, value in fields.items():
            getattr(module, f"{kind}Add{key}")(self._builder, value)
        return getattr(module, f"{kind}End")(self._builder)

    def _offsets(self, items: Sequence[int]) -> int:
        self._builder.StartVector(4, len(items), 4)
        for item in reversed(items):
            self._builder.PrependUOffsetTRelative(item)
        return self._builder.EndVector()

    def _array(self, values: Any, dtype: Any = np.int32) -> int:
        return self._builder.CreateNumpyVector(np.asarray(values, dtype))

    def _constant(self, content: bytes) -> int:
        """The place of a new buffer, aligned to 16 bytes as the format asks."""
        self._builder.StartVector(1, len(content), 16)
        self._builder.head -= len(content)
        self._builder.Bytes[self._builder.head : self._builder.head + len(content)] = content
        self._buffers.append(self._table("Buffer", Data=self._builder.EndVector()))
        return len(self._buffers) - 1

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: int,
        *,
        scale: float | None = None,
        zero: int = 0,
        data: np.ndarray | None = None,
    ) -> int:
        """Add a tensor, a constant where it has data; its place."""
        buffer = 0 if data is None else self._constant(data.tobytes())
        names = {"Shape": self._array(shape), "Name": self._builder.CreateString(name)}
        if scale is not None:
            names["Quantization"] = self._table(
                "QuantizationParameters",
                Scale=self._array([scale], np.float32),
                ZeroPoint=self._array([zero], np.int64),
            )
        self._known[name] = (len(self._tensors), shape)
        self._tensors.append(self._table("Tensor", Type=dtype, Buffer=buffer, **names))
        return self._known[name][0]

    def operator(self, row: Row) -> None:
        """Add a row of a network."""
        places = [self._known[name][0] for name in row.inputs]
        shapes = [self._known[name][1] for name in row.inputs]
        _, height, width, channels = shapes[0]
        window = {"Padding": SAME, "StrideH": row.stride, "StrideW": row.stride}
        options = {"FusedActivationFunction": RELU if row.relu else 0}
        if row.op == "conv":
            height, width = -(-height // row.stride), -(-width // row.stride)
            places += self._filter(row, channels)
            options |= window
        elif row.op == "deconv":
            height, width = height * row.stride, width * row.stride
            size = np.array([1, height, width, row.channels], np.int32)
            weights, bias = self._filter(row, channels)
            size = self.tensor(f"{row.name}_size", size.shape, INT32, data=size)
            places = [size, weights, places[0], bias]
            options |= window
        elif row.op == "concat":
            channels = sum(shape[-1] for shape in shapes)
            options = {"Axis": 3}
        shape = (1, height, width, row.channels or channels)
        # Values after ReLU take all codes above the smallest, as the two that are joined do.
        zero = -128 if row.relu or row.op == "concat" else 0
        output = self.tensor(row.name, shape, INT8, scale=ACTIVATION_SCALE, zero=zero)
        self._add(row.op, places, output, options)

    def _add(self, op: str, places: list[int], output: int, options: dict[str, int]) -> None:
        builtin, version, table = OPERATORS[op]
        code = (getattr(_schema("BuiltinOperator").BuiltinOperator, builtin), version)
        if code not in self._codes:
            self._codes.append(code)
        fields = {
            "OpcodeIndex": self._codes.index(code),
            "Inputs": self._array(places),
            "Outputs": self._array([output]),
            "BuiltinOptions": self._table(table, **options),
            "BuiltinOptionsType": getattr(_schema("BuiltinOptions").BuiltinOptions, table),
        }
        self._operators.append(self._table("Operator", **fields))

    def _filter(self, row: Row, channels: int) -> list[int]:
        """The places of a layer's weights and biases."""
        shape = (row.channels, row.kernel, row.kernel, channels)
        scale = 1.0 / (WEIGHT_SIGMA * math.sqrt(math.prod(shape[1:])))
        normal = np.rint(self._random.normal(0, WEIGHT_SIGMA, shape))
        weights = np.clip(normal, -127, 127).astype(np.int8)
        bias = self._random.integers(-500, 500, row.channels, dtype=np.int32)
        bias_scale = scale * ACTIVATION_SCALE
        return [
            self.tensor(f"{row.name}_weights", shape, INT8, scale=scale, data=weights),
            self.tensor(f"{row.name}_bias", bias.shape, INT32, scale=bias_scale, data=bias),
        ]

    def file(self, output: str) -> bytes:
        """The file of a network that ends in a tensor."""
        graph = self._table(
            "SubGraph",
            Tensors=self._offsets(self._tensors),
            Operators=self._offsets(self._operators),
            Inputs=self._array([self._known["in"][0]]),
            Outputs=self._array([self._known[output][0]]),
        )
        codes = [
            self._table("OperatorCode", DeprecatedBuiltinCode=code, BuiltinCode=code, Version=each)
            for code, each in self._codes
        ]
        vectors = {
            "OperatorCodes": self._offsets(codes),
            "Subgraphs": self._offsets([graph]),
            "Buffers": self._offsets(self._buffers),
        }
        model = self._table("Model", Version=3, **vectors)
        self._builder.Finish(model, file_identifier=b"TFL3")
        return bytes(self._builder.Output())
