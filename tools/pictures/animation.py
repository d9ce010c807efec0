"""Frame after frame as one animated picture."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image, features

from recog.dialects.errors import RecogError
from recog.frontend.tasks.base import Progress
from recog.tools.pictures.figure import SCREEN, compose
from recog.tools.pictures.frames import Frames
from recog.tools.pictures.renderer import Renderer

MILLISECONDS = 100
QUALITY = 80


def animate(
    renderer: Renderer, frames: Frames, progress: Progress | None = None
) -> tuple[bytes, bytes]:
    """All frames as an animated WebP that repeats, and the middle one as a still."""
    if not features.check("webp"):
        hint = "a Pillow from PyPI has it"
        raise RecogError("this Pillow writes no WebP animations", where="pillow", hint=hint)

    def moments() -> Iterator[Image.Image]:
        for frame in range(len(frames)):
            yield compose(renderer.moment(frames, frame), renderer.legend, SCREEN)
            if progress is not None:
                progress(1)

    pictures = moments()
    first = next(pictures)
    moving, still = io.BytesIO(), io.BytesIO()
    first.save(
        moving,
        "WEBP",
        save_all=True,
        append_images=pictures,
        duration=MILLISECONDS,
        loop=0,
        quality=QUALITY,
        method=4,
        minimize_size=False,
    )
    middle = compose(renderer.moment(frames, len(frames) // 2), renderer.legend, SCREEN)
    middle.save(still, "WEBP", quality=QUALITY, method=4)
    return moving.getvalue(), still.getvalue()
