"""Words of messages that depend on numbers and values."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: "1 input", "2 inputs", "3 classes", "1,200 bytes".

    Args:
        plural: where it is neither `noun` with s nor, after s, x, ch and sh, with es.
    """
    if number != 1:
        noun = plural or noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")
    return f"{number:,} {noun}"


def kind(value: object) -> str:
    """What a value is, with its article: "None", "a list", "an int"."""
    if value is None:
        return "None"
    name = type(value).__name__.removeprefix("nd")  # an array is NumPy's ndarray
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
