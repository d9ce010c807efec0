"""ONNX files become the networks they were exported from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn
from recog.dialects.errors import RecogError, describe_op
from recog.frontend.onnx.files import read_onnx, split_spec
from recog.frontend.onnx.importer import import_onnx
from recog.tools.cli.main import main
from recog.tools.module_files import load_network

RANDOM = np.random.default_rng(0)
WEIGHTS = {
    "w": RANDOM.standard_normal((4, 3, 3, 3)).astype(np.float32),
    "b": RANDOM.standard_normal(4).astype(np.float32),
    "fc": RANDOM.standard_normal((5, 4)).astype(np.float32),
}
SHAPES = {
    "logits": [None, 5],
    "b": [4],
    "images.1": [1, 3, 8, 8],
    **dict.fromkeys(("low", "high", "out"), [None, None, None, None]),
}
X = RANDOM.standard_normal((1, 3, 8, 8)).astype(np.float32)


def expected(x: np.ndarray) -> torch.Tensor:
    w, b, fc = (torch.from_numpy(WEIGHTS[name]) for name in ("w", "b", "fc"))
    return F.linear(F.conv2d(torch.from_numpy(x), w, b, padding=1).relu().mean((2, 3)), fc)


def model(
    nodes: Sequence[onnx.NodeProto],
    outputs: Sequence[str],
    shape: Sequence[Any] = X.shape,
    *,
    opset: int = 17,
    name: str = "x",
    as_nodes: bool = False,
) -> onnx.ModelProto:
    tensors = [numpy_helper.from_array(value, key) for key, value in WEIGHTS.items()]
    constants = [helper.make_node("Constant", [], [each.name], value=each) for each in tensors]
    graph = helper.make_graph(
        [*(constants if as_nodes else []), *nodes],
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(each, TensorProto.FLOAT, SHAPES[each]) for each in outputs],
        [] if as_nodes else tensors,
    )
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def conv(name: str = "x") -> onnx.NodeProto:
    return helper.make_node("Conv", [name, "w", "b"], ["c"], "stem", pads=[1, 1, 1, 1])


def classifier(name: str = "x") -> list[onnx.NodeProto]:
    return [
        conv(name),
        helper.make_node("Relu", ["c"], ["r"], "act"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], "pool"),
        helper.make_node("Flatten", ["p"], ["f"], "flat"),
        helper.make_node("Gemm", ["f", "fc"], ["logits"], "head", transB=1),
    ]


def saved(folder: Path, made: onnx.ModelProto) -> Path:
    path = folder / "net.onnx"
    onnx.save(made, path)
    return path


@pytest.mark.parametrize("as_nodes", [False, True], ids=["initializers", "constants"])
@pytest.mark.parametrize("opset", [11, 17, 18, 22, 23])
def test_a_classifier(as_nodes: bool, opset: int, tmp_path: Path):
    path = saved(tmp_path, model(classifier(), ["logits"], opset=opset, as_nodes=as_nodes))
    module = import_onnx(path)
    torch.testing.assert_close(run_nn(module, X)[0], expected(X), rtol=1e-5, atol=1e-5)
    layers = [op for op in module.walk() if isinstance(op, nn.Conv2dOp | nn.LinearOp)]
    assert [describe_op(op).split('"')[1] for op in layers] == ["stem", "head"]


@pytest.mark.parametrize("opset", [24, 99])
def test_operator_sets_to_come_are_refused(opset: int, tmp_path: Path):
    """What they mean is not known, even where every operator's name is."""
    made = model(classifier(), ["logits"])
    made.opset_import[0].version = opset
    with pytest.raises(RecogError, match=f"is of operator set {opset}, the latest .* is 23") as no:
        import_onnx(saved(tmp_path, made))
    assert "opset_version=17" in str(no.value)


def test_open_sizes(tmp_path: Path):
    made = model(classifier(), ["logits"], ["N", 3, "height", "width"])
    path = saved(tmp_path, made)
    with pytest.raises(RecogError, match=r"'x' leaves sizes open: \?x3x\?x\?") as refused:
        import_onnx(path)
    assert "net.onnx:1x3x224x224" in str(refused.value)
    module = load_network(f"{path}:1x3x8x8")
    torch.testing.assert_close(run_nn(module, X)[0], expected(X), rtol=1e-5, atol=1e-5)
    with pytest.raises(RecogError, match=r"'x' is \?x3x\?x\?, not 1x4x8x8"):
        import_onnx(path, [[1, 4, 8, 8]])
    with pytest.raises(RecogError, match="2 shapes for 1 input: x"):
        import_onnx(path, [[1, 3, 8, 8], [1]])
    import_onnx(saved(tmp_path, model(classifier(), ["logits"], ["N", 3, 8, 8])))


def test_outputs_keep_their_names_and_their_order(tmp_path: Path):
    nodes = [
        conv("images.1"),
        helper.make_node("Split", ["c"], ["low", "high"], "split", axis=1, num_outputs=2),
        helper.make_node("Relu", ["high"], ["out"], "act"),
    ]
    outputs = ["out", "high", "low", "images.1", "b"]
    path = saved(tmp_path, model(nodes, outputs, opset=18, name="images.1"))
    w, b = (torch.from_numpy(WEIGHTS[name]) for name in ("w", "b"))
    low, high = F.conv2d(torch.from_numpy(X), w, b, padding=1).split(2, 1)
    found = run_nn(import_onnx(path), X)
    wanted = [high.relu(), high, low, torch.from_numpy(X), torch.from_numpy(WEIGHTS["b"])]
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def computed(made: Any) -> np.ndarray:
    """The first output by ONNX's own reference."""
    outputs: Any = ReferenceEvaluator(made).run(None, {"x": X})
    return outputs[0]


RESIZES = [
    ("nearest", "asymmetric", "floor", (1, 1, 2, 2)),
    ("nearest", "half_pixel", "round_prefer_floor", (1, 1, 3, 2)),
    ("linear", "pytorch_half_pixel", "floor", (1, 1, 2, 2)),
    ("linear", "align_corners", "floor", (1, 1, 2, 2)),
]


@pytest.mark.parametrize(("mode", "coordinates", "rounding", "scales"), RESIZES)
@pytest.mark.parametrize("opset", [13, 19])
def test_resizes(
    mode: str, coordinates: str, rounding: str, scales: Any, opset: int, tmp_path: Path
):
    """As ONNX's own reference computes them."""
    found = resized(tmp_path, mode, coordinates, rounding, scales, opset)
    np.testing.assert_allclose(found, computed(str(tmp_path / "net.onnx")), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("mode", "coordinates", "rounding", "scales"),
    [
        ("nearest", "half_pixel", "round_prefer_floor", (1, 1, 1.5, 2)),
        ("nearest", "asymmetric", "ceil", (1, 1, 2, 2)),
        ("linear", "asymmetric", "floor", (1, 1, 2, 2)),
    ],
)
def test_resizes_that_onnx2torch_would_compute_otherwise(
    mode: str, coordinates: str, rounding: str, scales: Any, tmp_path: Path
):
    with pytest.raises(RecogError, match="Resize, at 'grow': .*" + coordinates):
        resized(tmp_path, mode, coordinates, rounding, scales, 13)


def resized(
    folder: Path, mode: str, coordinates: str, rounding: str, scales: Any, opset: int
) -> np.ndarray:
    node = helper.make_node(
        "Resize",
        ["x", "", "scales"],
        ["out"],
        "grow",
        mode=mode,
        coordinate_transformation_mode=coordinates,
        nearest_mode=rounding,
    )
    made = model([node], ["out"], opset=opset)
    made.graph.initializer.append(numpy_helper.from_array(np.array(scales, np.float32), "scales"))
    return run_nn(import_onnx(saved(folder, made)), X)[0].numpy()


def test_axes_and_shapes_as_inputs(tmp_path: Path):
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["m"], "mean", keepdims=0),
        helper.make_node("Reshape", ["m", "shape"], ["r"], "shape"),
        helper.make_node("Expand", ["r", "grown"], ["e"], "grow"),
        helper.make_node("Pad", ["e", "pads"], ["out"], "pad"),
    ]
    made = model(nodes, ["out"], opset=20)
    for name, values in (
        ("axes", [2, 3]),
        ("shape", [0, -1, 1, 1]),
        ("pads", [0, 0, 1, 0, 0, 0, 0, 2]),
        ("grown", [1, 1, 2, 4]),
    ):
        made.graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), name))
    found = run_nn(import_onnx(saved(tmp_path, made)), X)[0].numpy()
    np.testing.assert_allclose(found, computed(made), rtol=1e-5, atol=1e-6)


def test_operators_that_are_not_supported_are_listed(tmp_path: Path):
    nodes = [
        helper.make_node("Det", ["x"], ["d"], "first"),
        helper.make_node("Det", ["x"], ["e"], "second"),
        helper.make_node("Hardmax", ["d"], ["out"], ""),
    ]
    with pytest.raises(RecogError, match="of operator set 17 onnx2torch cannot") as refused:
        import_onnx(saved(tmp_path, model(nodes, ["out"])))
    assert "\n  Det, first at 'first'\n  Hardmax, first at 'out'" in str(refused.value)


def test_damaged_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    content = model(classifier(), ["logits"]).SerializeToString()
    path = tmp_path / "net.onnx"
    for damaged in (b"", b"\xff" * 99, b"text\n", content[: len(content) // 2]):
        path.write_bytes(damaged)
        assert main(["check", str(path)]) == 1
        said = capsys.readouterr().err
        assert f"{path.name}: is no" in said
        assert "Traceback" not in said
    random = np.random.default_rng(1)
    for _ in range(40):
        flipped = bytearray(content)
        for place in random.integers(0, len(content), 3):
            flipped[place] ^= 1 << random.integers(8)
        path.write_bytes(flipped)
        assert main(["check", str(path)]) in (0, 1)
        said = capsys.readouterr().err
        assert "internal error" not in said
        assert "Traceback" not in said


def test_weights_in_a_file_beside(tmp_path: Path):
    made = model(classifier(), ["logits"])
    path = tmp_path / "net.onnx"
    onnx.save(made, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").exists()
    torch.testing.assert_close(run_nn(import_onnx(path), X)[0], expected(X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "link.bin", ""])
def test_weights_outside_the_folder_are_not_read(location: str, tmp_path: Path):
    folder = tmp_path / "inside"
    folder.mkdir()
    (tmp_path / "weights.bin").write_bytes(bytes(1000))
    (folder / "link.bin").symlink_to(tmp_path / "weights.bin")
    made = model(classifier(), ["logits"])
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path = folder / "net.onnx"
    path.write_bytes(made.SerializeToString())
    with pytest.raises(RecogError, match="weight 'w' lies outside the file's folder"):
        read_onnx(path)


def test_texts_that_name_a_file():
    assert split_spec("a/net.onnx") == ("a/net.onnx", [])
    assert split_spec("net.onnx:1x3x8x8,1x4") == ("net.onnx", [[1, 3, 8, 8], [1, 4]])
    assert split_spec("net.py:make") is None
    assert split_spec("net.onnx:make") is None
    with pytest.raises(RecogError, match="no shape"):
        split_spec("net.onnx:1xx3")
