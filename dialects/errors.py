"""The one error type that users see: what is wrong, where, and what to do about it."""

from __future__ import annotations

from typing import NoReturn

from xdsl.dialects.builtin import CallSiteLoc, FileLineColLoc, FusedLoc, NameLoc
from xdsl.ir import Attribute, Operation
from xdsl.utils.exceptions import DiagnosticException


class RecogError(DiagnosticException):
    """A mistake in the user's input: printed as text, never as a traceback.

    Args:
        message: what is wrong, in one sentence.
        where: the op, layer, file or option it is about; by default what describes `op`.
        hint: what the user can do.
        op: the op that it is about, by which callers find it again.
    """

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        op: Operation | None = None,
    ):
        if where is None and op is not None:
            where = describe_op(op)
        self.message, self.where, self.hint, self.op = message, where, hint, op
        text = f"{where}: {message}" if where else message
        super().__init__(f"{text}\n  hint: {hint}" if hint else text)


class InputError(RecogError):
    """An array that an input does not take. `where` is the input: who knows its file names it."""


def describe_location(location: Attribute) -> str | None:
    """A location as a person reads it: `layer "features.0.conv" (net.py:12)`."""
    match location:
        case NameLoc():
            inner = describe_location(location.location)
            name = f'layer "{location.desc.data}"'
            return f"{name} ({inner})" if inner else name
        case FileLineColLoc():
            return f"{location.filename.data}:{location.line.data}"
        case FusedLoc():
            parts = (describe_location(part) for part in location.locations)  # pyright: ignore
            return ", ".join(part for part in parts if part) or None
        case CallSiteLoc():
            return describe_location(location.callee)
        case _:
            return None


def describe_op(op: Operation) -> str:
    """`'nn.conv2d' op at layer "stem.conv" (net.py:12)`, or as much of it as is known."""
    where = describe_location(op.location)
    return f"'{op.name}' op at {where}" if where else f"'{op.name}' op"


def first_line(error: BaseException) -> str:
    """What an exception says, in a line; its type where it says nothing.

    What Python advises those who wrote a program (`use sys.set_int_max_str_digits()`) is left out.
    """
    return (str(error) or type(error).__name__).splitlines()[0].partition("; use sys.")[0]


def fail(op: Operation, message: str, *, hint: str | None = None) -> NoReturn:
    """Raise a RecogError that names `op` and its source location."""
    raise RecogError(message, hint=hint, op=op)
