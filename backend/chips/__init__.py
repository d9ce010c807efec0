"""The chips that ship with recog, and those that a user's file describes."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

from recog.backend.input_files import read_input
from recog.dialects.chip import ChipTarget, Memory
from recog.dialects.chip.hardware import SECTIONS, parameters
from recog.dialects.chip.target_values import text_of
from recog.dialects.errors import RecogError
from recog.dialects.words import counted

CHIPS = ("recog-1", "recog-edge", "recog-large")
"""Names that stand for a description; the first is the default, the others are files here."""

MAX_BYTES = 1 << 20


def load_chip(given: str, default: ChipTarget | None = None) -> ChipTarget:
    """The chip of a name in `CHIPS`, or that a TOML file describes.

    Args:
        given: the name or the path.
        default: what a description leaves open; by default that of recog-1.

    Raises:
        RecogError: naming the file, and the line or the key that is wrong.
    """
    default = default or ChipTarget()
    if given == CHIPS[0]:
        return default
    if given in CHIPS:
        text = resources.files("recog.backend.chips").joinpath(f"{given}.toml").read_text("utf-8")
    else:
        text = _read(given)
    try:
        return ChipTarget.from_toml(text, default)
    except ValueError as error:
        raise RecogError(str(error), where=f"target {given}") from None


def _read(path: str) -> str:
    where = f"target {path}"
    try:
        return read_input(path, MAX_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        raise RecogError("not TOML: not UTF-8 text", where=where) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        known = ", ".join(CHIPS)
        raise RecogError(
            reason or str(error), where=where, hint=f"a TOML file, or one of {known}"
        ) from None


def description(chip: ChipTarget) -> str:
    """Everything about a chip as TOML with comments, to read or to begin a file of one's own."""
    meanings = {each.name: each.meaning for each in parameters(ChipTarget)}
    bits = {name: text_of(value) for name, value in chip.bits()}
    lines = [f"name = {bits['name']}"]
    lines += [
        _line(each.name, getattr(chip, each.name), meanings[each.name])
        for each in parameters(ChipTarget)
    ]
    notes = {memory.name: f"bytes for {memory.holds}" for memory in chip.memories}
    for name in list(bits)[1:]:
        lines.append(f"{name} = {bits[name]}{_comment(notes.get(name, ''))}")
    for memory in chip.memories:
        lines += ["", f"[memory.{memory.name}]"]
        if memory.name not in bits:
            lines.append(f"bytes = {memory.bytes}")
        lines += [_line(p.name, getattr(memory, p.name), p.meaning) for p in parameters(Memory)]
        lines[-1] += f"; {counted(memory.bandwidth, 'byte')} a cycle in all"
    for name, kind in SECTIONS.items():
        part = getattr(chip, name)
        lines += ["", f"[{name}]"]
        lines += [_line(p.name, getattr(part, p.name), p.meaning) for p in parameters(kind)]
    lines += list(_energy_lines(chip))
    return "\n".join(lines) + "\n"


def _line(name: str, value: int, meaning: str) -> str:
    return f"{name} = {text_of(value)}{_comment(meaning)}"


def _comment(text: str) -> str:
    return f"  # {text}" if text else ""


def _energy_lines(chip: ChipTarget) -> Iterator[str]:
    for table in chip.energy:
        yield ""
        yield f"[energy.{table.name}]"
        for row in table.rows:
            pairs = [
                f"{name} = {text_of(getattr(row, name))}"
                for name in ("value", "unit", "source", "node", "year")
            ]
            yield f"{row.what} = {{{', '.join(pairs)}}}"


__all__ = ["CHIPS", "description", "load_chip"]
