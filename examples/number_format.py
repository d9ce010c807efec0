"""Design a number format: what width and fraction bits keep, of values and of a whole network.

    python examples/number_format.py        # two tables and two pictures: half a minute

The network is the digits classifier that ships, its images those that scikit-learn brings. Every
conversion here has one code a weight and one format for all values of a kind, so that the format
is all that differs. Pictures are drawn where the extra `report` is installed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from recog import ConversionOptions, Machine, convert
from recog.backend.arithmetic.encoding import encode
from recog.backend.arithmetic.tables import decode_table
from recog.dialects.number_format import LnsFormat
from recog.lowering.pipeline import module_outputs

WIDTHS = range(5, 10)
FRACS = range(1, 6)


def sqnr(values: np.ndarray, rounded: np.ndarray) -> float:
    """Energy of values over that of their rounding, dB."""
    return 10 * float(np.log10((values**2).sum() / ((rounded - values) ** 2).sum()))


def kept_of_values(values: np.ndarray, width: int, frac: int) -> float:
    """The SQNR of values as codes of so many bits, at the bias that keeps most, dB."""

    def kept(bias: int) -> float:
        format = LnsFormat(width, frac, bias)
        return sqnr(values, decode_table(format)[encode(values, format)])

    largest = LnsFormat(width, frac).max_magnitude
    top = int(np.ceil(np.log2(np.abs(values).max())))  # the octave of the largest value
    return max(kept(largest - ((top - below) << frac)) for below in range(4))


def normal_values(count: int = 5_000) -> list[dict[str, Any]]:
    """What every format keeps of normally distributed values."""
    values = np.random.default_rng(0).normal(size=count)
    return [
        {"width": width, "frac": frac, "dB": kept_of_values(values, width, frac)}
        for width in WIDTHS
        for frac in FRACS
        if frac < width - 1
    ]


def digits() -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    """The trained network as nn IR, images to calibrate with, held-out images, their labels."""
    from recog import import_torch
    from recog.frontend.tasks import get_task
    from recog.frontend.tasks.checkpoints import load_checkpoint

    task = get_task("classification")
    known, held_out = task.data("calibration", 64), task.data("test")
    module = import_torch(load_checkpoint(task), task.example_inputs())
    return module, known.inputs()[0], held_out.inputs()[0], np.array(held_out.truths)


def kept_of_network(width: int, frac: int, *, mitchell: bool = False, network: Any = None) -> dict:
    """What the digits network keeps where everything has this format: accuracy in %, SQNR in dB."""
    module, known, images, labels = network or digits()
    options = ConversionOptions(
        cluster=False,
        width=width,
        frac=frac,
        unsigned_frac=frac,
        output_width=8,
        accumulator_width=48,  # codes of few fraction bits span many octaves
        extra_traffic=0.0,
        extra_weights=0.0,
        round_weights=False,
        mitchell=mitchell,
    )
    conversion = convert(module, [known], options=options)
    wanted = module_outputs(conversion.float_module, [images])[0]
    scores = Machine(conversion.assemble()).run(images)
    right = 100 * float((scores.argmax(1) == labels).mean())
    kept = {"accuracy": right, "dB": sqnr(wanted, scores)}
    return {"width": width, "frac": frac, "mitchell": mitchell} | kept


def heat_map(rows: list[dict[str, Any]], value: str, title: str) -> dict[str, Any]:
    """A Vega-Lite picture: width across, fraction bits up, a number in each cell."""
    across, up = {"field": "width", "type": "ordinal"}, {"field": "frac", "type": "ordinal"}
    fill = {"field": value, "type": "quantitative"}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": title,
        "width": 300,
        "height": 220,
        "data": {"values": rows},
        "encoding": {"x": across, "y": up | {"sort": "descending"}},
        "layer": [
            {"mark": "rect", "encoding": {"color": fill | {"scale": {"scheme": "viridis"}}}},
            {
                "mark": {"type": "text", "color": "white", "stroke": "black", "strokeWidth": 0.3},
                "encoding": {"text": fill | {"format": ".1f"}},
            },
        ],
    }


def main() -> None:
    """Print what formats keep of normal values and of the digits network; draw both."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/formats"), help="folder to write")
    given = parser.parse_args()
    values = normal_values()
    for row in values:
        print(f"width {row['width']}, frac {row['frac']}: {row['dB']:5.1f} dB of normal values")
    network = digits()
    scores = [
        kept_of_network(width, frac, network=network)
        for width, frac in ((4, 1), (5, 1), (5, 2), (6, 2), (6, 3), (8, 4))
    ]
    scores.append(kept_of_network(8, 4, mitchell=True, network=network))
    for row in scores:
        antilog = ", Mitchell's antilog" if row["mitchell"] else ""
        kept = f"{row['accuracy']:.2f} %, {row['dB']:.1f} dB{antilog}"
        print(f"width {row['width']}, frac {row['frac']}: {kept}")
    import vl_convert

    given.out.mkdir(parents=True, exist_ok=True)
    for name, picture in (
        ("values", heat_map(values, "dB", "SQNR of normal values, dB")),
        (
            "digits",
            heat_map([r for r in scores if not r["mitchell"]], "dB", "SQNR of the digits, dB"),
        ),
    ):
        (given.out / f"{name}.svg").write_text(vl_convert.vegalite_to_svg(picture))


if __name__ == "__main__":
    main()
