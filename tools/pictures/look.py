"""What a network's outputs look like, which says how they are drawn."""

from __future__ import annotations

from recog.tools.pictures.own_boxes import look_like_boxes
from recog.tools.pictures.own_labels import look_like_labels
from recog.tools.pictures.own_maps import look_like_maps
from recog.tools.pictures.seen import Look, Seen, is_image


def find_look(seen: Seen) -> Look | None:
    """Boxes, maps or labels; None where the input is no image or outputs are nothing of these."""
    if not is_image(seen.images) or not _fit(seen):
        return None
    return look_like_boxes(seen) or look_like_maps(seen) or look_like_labels(seen)


def _fit(seen: Seen) -> bool:
    """Whether there are outputs, of the frames, and in both networks of one kind."""
    kinds = [(a.shape, a.dtype.kind) == (b.shape, b.dtype.kind)
             for a, b in zip(seen.ours, seen.theirs)]  # fmt: skip
    return (
        len(seen.ours) == len(seen.theirs) == len(seen.names) > 0
        and all(kinds)
        and all(each.ndim and len(each) == len(seen) and each.size for each in seen.ours)
    )
