"""What choose-formats has chosen, as notes: values and weights by name, with their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import log10, prod

from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.number_format import LnsFormat
from recog.dialects.words import counted
from recog.lowering.common.notes import Note
from recog.lowering.precision.budgets import Candidate
from recog.lowering.precision.live_bytes import code_bytes
from recog.lowering.precision.named_widths import Layers, width_name, widths_of


def values_note(taken: Sequence[Candidate], layers: Layers) -> list[Note]:
    """The values that became wider, those first whose rounding made most noise."""
    if not taken:
        return []
    places = tuple(
        f"{width_name(each.values[0], layers)} "
        f"(+{counted(each.bytes, 'byte')}, noise at {10 * log10(each.noise):.1f} dB)"
        for each in sorted(taken, key=lambda c: c.noise, reverse=True)
    )
    text = "values in wider codes, as their rounding makes most of the outputs' noise"
    return [Note("wider-values", text, "", places)]


def named_values_note(
    groups: Sequence[Sequence[SSAValue]],
    before: Mapping[SSAValue, LnsFormat],
    after: Mapping[SSAValue, LnsFormat],
    layers: Layers,
) -> Iterator[Note]:
    """The values whose bits a user gives, those that share a format in one place."""
    places = list[str]()
    for group in groups:
        more = sum(code_bytes(v, after[v]) - code_bytes(v, before[v]) for v in group)
        names = dict.fromkeys(width_name(v, layers) for v in group)
        places.append(f"{', '.join(names)} ({after[group[0]].width} bits, {more:+,.0f} bytes)")
    if places:
        yield Note("named-values", "values in the bits that value-widths gives", "", tuple(places))


def weights_notes(
    resized: Mapping[SSAValue, LnsFormat],
    usual: LnsFormat,
    layers: Layers,
    weight_widths: str,
) -> Iterator[Note]:
    """The weights that have other widths than the usual one, by whose choice."""
    names = {weight: [width_name(weight, layers)] for weight in layers}
    given = widths_of("weight_widths", weight_widths, names)
    places: dict[str, list[str]] = {"named": [], "wider": [], "narrower": []}
    for weight, format in resized.items():
        kind = "wider" if format.width > usual.width else "narrower"
        more = prod(nn.shape_of(weight)) * (format.width - usual.width) / 8
        place = f"{names[weight][0]} ({format.width} bits, {more:+,.0f} bytes)"
        places["named" if weight in given else kind].append(place)
    for kind, text in (
        ("named", "weights in the bits that weight-widths gives"),
        ("wider", "weights in wider codes, as their rounding makes most of the outputs' noise"),
        ("narrower", "weights in narrower codes, as their rounding makes least of that noise"),
    ):
        if places[kind]:
            yield Note(f"{kind}-weights", text, "", tuple(places[kind]))
