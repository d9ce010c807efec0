"""Resize nodes: onnx2torch computes only some of their modes, and others as if they were these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

HALF_PIXEL = ("half_pixel", "pytorch_half_pixel")
USUAL: dict[str, Any] = {
    "cubic_coeff_a": -0.75,
    "exclude_outside": 0,
    "extrapolation_value": 0.0,
}


def check_resizes(model: onnx.ModelProto) -> list[str]:
    """Bring Resize nodes into the modes that onnx2torch computes, in place, where these give the
    same; what remains, for people."""
    constants = {each.name: each for each in model.graph.initializer}
    problems = list[str]()
    for node in model.graph.node:
        if node.op_type == "Resize":
            problem = _problem(node, constants)
            if problem is not None:
                problems.append(f"Resize, at {node.name or node.output[0]!r}: {problem}")
    return problems


def _problem(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> str | None:
    from onnx import helper

    given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    text = {k: v.decode() if isinstance(v, bytes) else v for k, v in given.items()}
    for name, usual in USUAL.items():
        if not np.isclose(text.get(name, usual), usual):
            return f"{name} {text[name]}"
    where = text.get("coordinate_transformation_mode", "half_pixel")
    if text.get("mode", "nearest") != "nearest":
        return None if where in (*HALF_PIXEL, "align_corners") else f"{where} coordinates"
    rounding = text.get("nearest_mode", "round_prefer_floor")
    if where == "asymmetric" and rounding == "floor":
        return None
    # Whole factors repeat pixels: rounding from their middles gives the same.
    if where in HALF_PIXEL and rounding.startswith("round_prefer") and _whole(node, constants):
        kept = [a for a in node.attribute if a.name not in ("nearest_mode", COORDINATES)]
        del node.attribute[:]
        node.attribute.extend(kept)
        node.attribute.append(helper.make_attribute(COORDINATES, "asymmetric"))
        node.attribute.append(helper.make_attribute("nearest_mode", "floor"))
        return None
    return f"nearest pixels by {where} coordinates and {rounding}"


COORDINATES = "coordinate_transformation_mode"


def _whole(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> bool:
    """Whether a node's scales are known and whole."""
    from onnx import numpy_helper

    scales = constants.get(node.input[2]) if len(node.input) > 2 else None
    if scales is None:
        return False
    values = numpy_helper.to_array(scales)
    return values.size > 0 and bool((values == np.rint(values)).all() and (values >= 1).all())
