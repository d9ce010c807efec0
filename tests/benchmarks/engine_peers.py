"""Peers of the engine: other ways to run the same network in integers.

onnxruntime's int8 kernels are what a processor does with its own integer instructions; the
executor of qonnx is a simulator that keeps to a network's quantizers bit for bit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np


def _exported(model: Any, inputs: Any, folder: str) -> Path:
    import torch

    file = Path(folder) / "float.onnx"
    torch.onnx.export(model, inputs, str(file), dynamo=True, external_data=False, verbose=False)
    return file


def onnxruntime_int8(model: Any, inputs: Any, threads: int) -> Callable[[], Any]:
    """The network with int8 weights per channel and uint8 activations, statically quantized."""
    run = int8_network(model, inputs, inputs[0].numpy(), per_channel=True, threads=threads)[0]
    return lambda: run(inputs[0].numpy())


def int8_network(
    model: Any, inputs: Any, frames: np.ndarray, *, per_channel: bool, threads: int
) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """A network in onnxruntime's int8, and the bytes of its weights.

    Args:
        inputs: an example of the network's one input, as it is to be exported.
        frames: (N, ...) that its static quantization looks at.
    """
    import onnx
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Frames(CalibrationDataReader):
        def __init__(self, name: str):
            self.frames: Iterator[dict[str, Any]] = ({name: frame[None]} for frame in frames)

        def get_next(self) -> dict[str, Any] | None:
            return next(self.frames, None)

    with tempfile.TemporaryDirectory() as folder:
        file = _exported(model, inputs, folder)
        prepared, quantized = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(str(file), str(prepared), skip_symbolic_shape=True)
        name = onnxruntime.InferenceSession(str(file)).get_inputs()[0].name
        quantize_static(
            str(prepared),
            str(quantized),
            Frames(name),
            quant_format=QuantFormat.QDQ,
            per_channel=per_channel,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(str(quantized), options)
        weights = sum(len(each.raw_data) for each in onnx.load(quantized).graph.initializer)
    return lambda x: session.run(None, {name: x})[0], weights


def qonnx_executor(model: Any, inputs: Any) -> Callable[[], Any]:
    """The network with 8-bit Quant nodes before every convolution and matrix product."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    with tempfile.TemporaryDirectory() as folder:
        wrapped = ModelWrapper(str(_exported(model, inputs, folder)))
    for node in list(wrapped.graph.node):
        if node.op_type in ("Conv", "Gemm", "MatMul"):
            for index in (0, 1):
                _quantize_input(wrapped, node, index)
    wrapped = wrapped.transform(InferShapes())
    feeds = {wrapped.graph.input[0].name: inputs[0].numpy()}
    return lambda: execute_onnx(wrapped, feeds)


def _quantize_input(wrapped: Any, node: Any, index: int) -> None:
    from onnx import helper

    name = node.input[index]
    values = wrapped.get_initializer(name)
    scale = 0.05 if values is None else float(np.abs(values).max()) / 127
    base = f"{node.output[0]}_quant{index}"
    constants = {"scale": scale, "zero": 0.0, "bits": 8.0}
    for key, value in constants.items():
        wrapped.set_initializer(f"{base}_{key}", np.array(value, np.float32))
    quant = helper.make_node(
        "Quant",
        [name, *(f"{base}_{key}" for key in constants)],
        [base],
        domain="qonnx.custom_op.general",
        signed=1,
        narrow=0,
        rounding_mode="ROUND",
    )
    node.input[index] = base
    position = list(wrapped.graph.node).index(node)
    wrapped.graph.node.insert(position, quant)
