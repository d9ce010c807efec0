"""Passes of a user's own inside a conversion."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from xdsl.passes import ModulePass

from recog.dialects.errors import RecogError
from recog.lowering.pipeline.named import Step, pass_names

_FORM = re.compile(r"(after|before)=([a-z0-9-]+):(.+)", re.DOTALL)


class ExtraPass(NamedTuple):
    """A pass that runs beside one of the conversion's own."""

    where: Literal["after", "before"]
    anchor: str
    """The name of the conversion's pass."""
    run: ModulePass


def parse_extra_pass(
    text: str, parse: Callable[[str], Sequence[ModulePass]], steps: Sequence[Step]
) -> list[ExtraPass]:
    """The passes of `after=fold-batch-norm:mine{option=1}`, in the order in which they run.

    Args:
        parse: turns a pipeline's text into passes; its errors pass through.
        steps: those of the conversion, one of which the text must name.

    Raises:
        RecogError: another form, or a pass that the conversion does not run.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise RecogError(
            f"expected after=PASS:MINE or before=PASS:MINE, got {text!r}",
            hint="for example: after=fold-batch-norm:my-pass{option=1}",
        )
    where, anchor, pipeline = match.groups()
    passes = [ExtraPass(where, anchor, each) for each in parse(pipeline)]  # pyright: ignore[reportArgumentType]
    check_anchors(passes, steps)
    return passes


def check_anchors(extra: Sequence[ExtraPass], steps: Sequence[Step]) -> None:
    """Raise RecogError where a pass stands beside one that the conversion does not run."""
    names = list(pass_names(steps))
    for each in extra:
        if each.anchor not in names:
            raise RecogError(
                f"this conversion runs no pass {each.anchor}, {each.where} which "
                f"{each.run.name} is to run",
                hint=f"it runs {', '.join(names)}",
            )
