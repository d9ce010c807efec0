"""Nodes of later operator sets in the forms of set 17, which onnx2torch knows.

Most operators have new versions only for new element types. What has a new form is rewritten where
the old one says the same, and is refused where it does not (onnx's own converter between sets has
no way back for many of them).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

SET = 17
NEWEST = 23
"""The latest operator set whose forms are known here; what later ones mean is not."""
REDUCTIONS = (
    *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean"),
    *("ReduceMin", "ReduceProd", "ReduceSumSquare"),
)
SAME = {
    *("Acos", "Asin", "Atan", "Cast", "Constant", "ConstantOfShape", "Conv", "ConvTranspose"),
    *("Cos", "Dropout", "Elu", "Equal", "EyeLike", "Flatten", "GlobalAveragePool"),
    *("GlobalMaxPool", "HardSigmoid", "HardSwish", "Identity", "InstanceNormalization", "IsInf"),
    *("IsNaN", "MaxPool", "Reshape", "Round", "Selu", "Shape", "Sin", "Size", "Softplus"),
    *("Softsign", "Squeeze", "Tan", "Transpose", "Unsqueeze", *REDUCTIONS),
}
"""Operators whose later versions take more types, and mean the same where those are float32."""
ADDED: dict[str, dict[str, Any]] = {
    "AveragePool": {"dilations": None},
    "Pad": {},
    "Resize": {"antialias": 0, "axes": None, "keep_aspect_ratio_policy": b"stretch"},
    "ScatterND": {"reduction": b"none"},
    "Split": {},
}
"""Attributes that later versions have beside, with the value that says nothing."""
INPUTS = {"Pad": 3}
"""How many inputs the earlier version has, of those that take more."""


def to_known_set(model: onnx.ModelProto) -> list[str]:
    """Bring a model of a later operator set to set 17, in place, where that says the same.

    Returns:
        What of it says more than set 17 can, for people; then nothing was changed but the form of
        single nodes.
    """
    from onnx import defs

    imports = [each for each in model.opset_import if each.domain in ("", "ai.onnx")]
    for node in model.graph.node:
        if node.op_type in ("GreaterOrEqual", "LessOrEqual"):
            _negate(model.graph, node)
    if not imports or imports[0].version <= SET:
        return []
    constants = {each.name: each for each in model.graph.initializer}
    sizes = _sizes(model)
    problems = list[str]()
    for node in (each for each in model.graph.node if each.domain in ("", "ai.onnx")):
        if node.op_type in REDUCTIONS:
            _axes_as_attribute(node, constants)
        if node.op_type == "Split":
            _sizes_of_parts(model.graph, node, sizes)
        since = defs.get_schema(node.op_type, imports[0].version, "").since_version
        problem = _problem(node) if since > SET else None
        if problem is not None:
            problems.append(f"{node.op_type}, at {node.name or node.output[0]!r}: {problem}")
    if not problems:
        imports[0].version = SET
    return problems


def _problem(node: onnx.NodeProto) -> str | None:
    """What a node says that set 17 has no form for."""
    from onnx import helper

    if node.op_type in SAME:
        takes_axes = node.op_type in REDUCTIONS and len(node.input) > 1
        return "its axes are computed" if takes_axes else None
    if node.op_type not in ADDED:
        return "an operator that is new there"
    for attribute in node.attribute:
        usual = ADDED[node.op_type]
        if attribute.name in usual:
            value = helper.get_attribute_value(attribute)
            ones = isinstance(value, list) and set(value) == {1}
            if value != usual[attribute.name] and not (attribute.name == "dilations" and ones):
                return f"its attribute {attribute.name}"
    if len([each for each in node.input if each]) > INPUTS.get(node.op_type, len(node.input)):
        return "one of its inputs is new there"
    return "its parts are of unknown sizes" if _attribute(node, "num_outputs") else None


def _attribute(node: onnx.NodeProto, name: str) -> Any:
    from onnx import helper

    found = (helper.get_attribute_value(each) for each in node.attribute if each.name == name)
    return next(found, None)


def _without(node: onnx.NodeProto, name: str) -> None:
    kept = [each for each in node.attribute if each.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)


def _axes_as_attribute(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> None:
    """Since set 18 a reduction's axes are an input."""
    from onnx import helper, numpy_helper

    if len(node.input) < 2:
        return
    axes = constants.get(node.input[1])
    if node.input[1] and axes is None:
        return
    values = [] if axes is None else numpy_helper.to_array(axes).tolist()
    if not values and _attribute(node, "noop_with_empty_axes"):
        return
    del node.input[1:]
    _without(node, "noop_with_empty_axes")
    if values:
        node.attribute.append(helper.make_attribute("axes", values))


def _sizes_of_parts(
    graph: onnx.GraphProto, node: onnx.NodeProto, sizes: dict[str, list[int | None]]
) -> None:
    """Since set 18 a Split may say how many parts it makes: all but the last of equal size."""
    from onnx import numpy_helper

    parts, axis = _attribute(node, "num_outputs"), _attribute(node, "axis") or 0
    shape = sizes.get(node.input[0], [])
    if not parts or len(node.input) > 1 or not -len(shape) <= axis < len(shape):
        return
    size = shape[axis]
    if size is None:
        return
    each = -(-size // parts)
    lengths = [min(each, size - each * i) for i in range(parts)]
    name = f"{node.output[0]}__parts"
    graph.initializer.append(numpy_helper.from_array(np.array(lengths, np.int64), name))
    node.input.append(name)
    _without(node, "num_outputs")


def _sizes(model: onnx.ModelProto) -> dict[str, list[int | None]]:
    """The shapes that shape inference finds, None for sizes that stay open."""
    from onnx import shape_inference

    graph = shape_inference.infer_shapes(model).graph
    return {
        each.name: [
            d.dim_value if d.HasField("dim_value") else None
            for d in each.type.tensor_type.shape.dim
        ]
        for each in (*graph.input, *graph.value_info, *graph.output)
    }


def _negate(graph: onnx.GraphProto, node: onnx.NodeProto) -> None:
    """a >= b as not a < b: onnx2torch has Less alone in its later form."""
    from onnx import helper

    inside, output = f"{node.output[0]}__less", node.output[0]
    number = list(graph.node).index(node)
    node.op_type = {"GreaterOrEqual": "Less", "LessOrEqual": "Greater"}[node.op_type]
    node.output[0] = inside
    graph.node.insert(number + 1, helper.make_node("Not", [inside], [output], f"{node.name}_not"))
