"""Tables of the layouts that layers get, and of what other sizes lose."""

from __future__ import annotations

from recog.dialects.words import counted
from recog.lowering.allocation.curves import decibels
from recog.lowering.allocation.options import layout_text
from recog.lowering.allocation.plan import Plan
from recog.tools.console import print_table


def print_plan(plan: Plan) -> None:
    """Print the layers, the curve, and what the weights take in all."""
    rows = [
        [
            each.layer,
            "x".join(map(str, each.shape)),
            layout_text(each.layout),
            f"{each.bytes:,}",
            f"{decibels(each.loss):.1f}",
            each.why,
        ]
        for each in plan.layers
    ]
    left = ["shape", "layout", "why"]
    print_table("layers", ["layer", "shape", "layout", "bytes", "loss dB", "why"], rows, left=left)
    if plan.curve:
        points = [
            [f"{each.ratio:.1f}x", f"{each.bytes:,}", f"{decibels(each.loss):.1f}"]
            for each in plan.curve
        ]
        print_table("this and other sizes, losses predicted", ["ratio", "bytes", "loss dB"], points)
    if plan.recipes:
        print_table(
            f"recipes, losses measured on {counted(plan.held_out, 'held-out frame')}: the first "
            "is taken",
            ["recipe", "ratio", "bytes", "loss dB"],
            [
                [
                    each.name,
                    f"{plan.float_bytes / each.bytes:.1f}x",
                    f"{each.bytes:,}",
                    f"{decibels(each.loss):.1f}",
                ]
                for each in plan.recipes
            ],
        )
    for name, size in {**plan.tables, **plan.reserved}.items():
        what = "shared table" if name in plan.tables else "at most, for"
        print(f"{what} {name}: {counted(size, 'byte')}")
    where = "at the outputs" if plan.at_outputs else "of weights, over their energy"
    asked = "" if plan.budget is None else f" of {plan.budget:,}"
    ratio = plan.float_bytes / max(1, plan.bytes)
    print(
        f"weights: at most {counted(plan.bytes, 'byte')}{asked}, {ratio:.1f}x smaller than floats; "
        f"predicted loss {decibels(plan.loss):.1f} dB ({where}, sum of the layers, before tuning)"
    )
