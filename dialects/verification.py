"""Verification whose errors name the op and its place, without a dump of the module.

xDSL attaches the whole printed module, weights included, to the error of any verifier,
rewrite pattern or interpreted op. That text is megabytes long and takes seconds to make.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from xdsl.ir import IRNode, Operation
from xdsl.utils.diagnostic import Diagnostic
from xdsl.utils.exceptions import VerifyException

from recog.dialects.errors import RecogError, describe_op

_OP_ATTRIBUTE = "_recog_op"


@contextmanager
def located_errors() -> Iterator[None]:
    """Within the block, errors that pass through xDSL know their op and carry no module dump.

    `failed_op(error)` tells the innermost op. Wrap passes and interpreters in it; nesting is
    harmless.
    """
    original = Diagnostic.raise_exception

    def raise_with_op(self: Diagnostic, ir: IRNode, underlying_error: Exception) -> NoReturn:
        if failed_op(underlying_error) is None:
            setattr(underlying_error, _OP_ATTRIBUTE, ir)
        raise underlying_error

    Diagnostic.raise_exception = raise_with_op
    try:
        yield
    finally:
        Diagnostic.raise_exception = original


def failed_op(error: BaseException) -> Operation | None:
    """The op that was verified, rewritten or interpreted when `error` arose, if known."""
    op = getattr(error, _OP_ATTRIBUTE, None)
    return op if isinstance(op, Operation) else None


def verify_module(module: Operation) -> None:
    """Verify `module` with all that it contains, and that values are defined before use.

    Raises:
        RecogError: naming the first op at fault and its location.
    """
    try:
        with located_errors():
            module.verify()
    except VerifyException as error:
        op = failed_op(error) or _first_invalid(module)
        message = str(error) or "the op is invalid"
        raise RecogError(message, where=describe_op(op) if op else None) from error
    _check_definitions(module)


def _first_invalid(module: Operation) -> Operation | None:
    """Terminator and block checks do not say which op they are about: find it again."""
    for op in module.walk():
        try:
            with located_errors():
                op.verify(verify_nested_ops=False)
        except VerifyException:
            return op
        if any(region.first_block and not region.first_block.ops for region in op.regions):
            return op
    return None


def _check_definitions(module: Operation) -> None:
    """xDSL resolves a use before its definition, and verifies the result: refuse it here."""
    seen = set[Operation]()
    for op in module.walk():
        for index, operand in enumerate(op.operands):
            definition = operand.owner
            if not isinstance(definition, Operation) or definition in seen:
                continue
            if _must_precede(definition, op):
                name = f" %{operand.name_hint}" if operand.name_hint else ""
                raise RecogError(
                    f"operand #{index}{name} is used before it is defined", where=describe_op(op)
                )
        seen.add(op)


def _must_precede(definition: Operation, user: Operation) -> bool:
    """Order binds inside functions and this package's ops; a bare module is a graph.

    The control flow between the blocks of one region is not examined.
    """
    block = definition.parent
    if block is None or block.find_ancestor_op_in_block(user) is None:
        return False
    ancestor = user.parent_op()
    while ancestor is not None:
        if ancestor.name == "func.func" or type(ancestor).__module__.startswith("recog."):
            return True
        ancestor = ancestor.parent_op()
    return False
