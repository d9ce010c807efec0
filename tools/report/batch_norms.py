"""Which batch norms of a network have gone into layers, and why the others stay."""

from __future__ import annotations

from collections.abc import Collection

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Attribute

from recog.dialects import nn


def norm_places(module: ModuleOp) -> list[Attribute]:
    """The locations of a network's batch norms before they are folded."""
    return [op.location for op in module.walk() if isinstance(op, nn.BatchNormOp)]


def kept_norms(module: ModuleOp, places: Collection[Attribute]) -> list[nn.BatchNormOp]:
    """Those of `norm_places` that stay in the folded network.

    Scales and shifts that were no batch norm can have become one: they are not among them.
    """
    return [op for op in module.walk() if isinstance(op, nn.BatchNormOp) and op.location in places]


def reason_kept(op: nn.BatchNormOp) -> str:
    """Why a batch norm stays, as `fold-batch-norm` says it."""
    from recog.lowering.batch_norm.fold import KEPT_BECAUSE

    why = op.attributes.get(KEPT_BECAUSE)
    return why.data if isinstance(why, StringAttr) else "not known"
