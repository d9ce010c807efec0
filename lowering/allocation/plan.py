"""What was chosen for the layers of a network, and why: for people and for files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from recog.dialects.cluster import Layout
from recog.lowering.allocation.curves import decibels
from recog.lowering.allocation.options import layout_text


@dataclass(frozen=True)
class LayerPlan:
    """One layer.

    Attributes:
        bytes: of its pointers and its own table, or of its codes.
        loss: what its errors count at the outputs (`decoded_heads`), or over its own energy.
        why: why it has this layout.
    """

    layer: str
    shape: tuple[int, ...]
    layout: Layout
    bytes: int
    loss: float
    why: str


@dataclass(frozen=True)
class CurvePoint:
    """What other layouts would lose for a number of bytes: the least that is predicted, times what
    the chosen layouts lose over what is predicted for as many bytes."""

    bytes: int
    ratio: float
    loss: float


@dataclass(frozen=True)
class RecipeLoss:
    """What the network loses when it is clustered by a recipe.

    Attributes:
        loss: what errors at the heads count (`decoded_heads`), on the frames that were held out.
    """

    name: str
    bytes: int
    loss: float


@dataclass(frozen=True)
class Plan:
    """The layouts of all layers.

    Attributes:
        budget: the bytes that the weights of the program may take; None where nothing was asked.
        float_bytes: of the float network's weights.
        tables: bytes of the tables that layers share, by name.
        reserved: bytes that the program may need beside pointers, tables and codes, by what for;
            at most so many.
        at_outputs: whether losses are those at the outputs, on example inputs.
        curve: the losses for other numbers of bytes; for that of the budget its own.
        recipes: what was compared, the one that was taken first; none where nothing was.
        held_out: frames that they were compared on.
    """

    budget: int | None
    float_bytes: int
    layers: Sequence[LayerPlan]
    tables: Mapping[str, int]
    reserved: Mapping[str, int]
    at_outputs: bool
    curve: Sequence[CurvePoint]
    recipes: Sequence[RecipeLoss] = ()
    held_out: int = 0

    @property
    def bytes(self) -> int:
        """What the weights of the program take at most."""
        own = sum(layer.bytes for layer in self.layers)
        return own + sum(self.tables.values()) + sum(self.reserved.values())

    @property
    def loss(self) -> float:
        """Of all layers."""
        return sum(layer.loss for layer in self.layers)

    def as_kept(self) -> dict[str, Any]:
        """All of it, for JSON from which `of_kept` makes the same."""
        return asdict(self)

    @staticmethod
    def of_kept(record: Mapping[str, Any]) -> Plan:
        """See `as_kept`. Raises LookupError, TypeError or ValueError for another record."""
        layers = list[dict[str, Any]]()
        for each in record["layers"]:
            kept = each["layout"]
            layout = Layout(tuple(kept["block"]), kept["centroids"], kept["table"])
            layers.append({**each, "shape": tuple(each["shape"]), "layout": layout})
        parts: dict[str, Any] = {
            "layers": [LayerPlan(**each) for each in layers],
            "curve": [CurvePoint(**each) for each in record["curve"]],
            "recipes": [RecipeLoss(**each) for each in record["recipes"]],
        }
        return Plan(**{**record, **parts})

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "budget": self.budget,
            "bytes": self.bytes,
            "float_bytes": self.float_bytes,
            "ratio": self.float_bytes / max(1, self.bytes),
            "loss_db": decibels(self.loss),
            "loss_of": "outputs" if self.at_outputs else "weights",
            "recipes": [
                {
                    "recipe": each.name,
                    "bytes": each.bytes,
                    "ratio": self.float_bytes / max(1, each.bytes),
                    "held_out_loss_db": decibels(each.loss),
                }
                for each in self.recipes
            ],
            "held_out_frames": self.held_out,
            "tables": dict(self.tables),
            "reserved": dict(self.reserved),
            "curve": [
                {"bytes": each.bytes, "ratio": each.ratio, "loss_db": decibels(each.loss)}
                for each in self.curve
            ],
            "layers": [
                {
                    "layer": each.layer,
                    "shape": list(each.shape),
                    "layout": layout_text(each.layout),
                    "bytes": each.bytes,
                    "loss_db": decibels(each.loss),
                    "why": each.why,
                }
                for each in self.layers
            ],
        }
