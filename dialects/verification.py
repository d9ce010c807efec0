"""Verification whose errors name the op and its place, without a dump of the module.

xDSL attaches the whole printed module, weights included, to the error of any verifier,
rewrite pattern or interpreted op. That text is megabytes long and takes seconds to make.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import NoReturn

from xdsl.ir import Block, IRNode, Operation
from xdsl.utils.diagnostic import Diagnostic
from xdsl.utils.exceptions import VerifyException

from recog.dialects.errors import RecogError, fail

_OP_ATTRIBUTE = "recog_op"
"""On errors of xDSL's, which know no op."""


@contextmanager
def located_errors() -> Generator[None, None, None]:
    """Within the block, errors that pass through xDSL know their op and carry no module dump.

    `failed_op(error)` tells the innermost op. Wrap passes and interpreters in it; nesting is
    harmless.
    """
    original = Diagnostic.raise_exception

    def raise_with_op(self: Diagnostic, ir: IRNode, underlying_error: Exception) -> NoReturn:
        if failed_op(underlying_error) is None and isinstance(ir, Operation):
            if isinstance(underlying_error, RecogError):
                underlying_error.op = ir
            else:
                setattr(underlying_error, _OP_ATTRIBUTE, ir)
        raise underlying_error

    Diagnostic.raise_exception = raise_with_op
    try:
        yield
    finally:
        Diagnostic.raise_exception = original


def failed_op(error: BaseException) -> Operation | None:
    """The op that was verified, rewritten or interpreted when `error` arose, if known."""
    if isinstance(error, RecogError):
        return error.op
    return getattr(error, _OP_ATTRIBUTE, None)


def verify_module(module: Operation) -> None:
    """Verify `module` with all that it contains, and that values are defined before use.

    Raises:
        RecogError: naming the first op at fault and its location.
    """
    try:
        with located_errors():
            module.verify()
    except VerifyException as error:
        op = failed_op(error) or _first_invalid(module) or module
        raise RecogError(str(error) or "the op is invalid", op=op) from error
    _check_definitions(module)


def _first_invalid(module: Operation) -> Operation | None:
    """Terminator and block checks do not say which op they are about: find it again."""
    for op in module.walk():
        try:
            with located_errors():
                op.verify(verify_nested_ops=False)
        except VerifyException:
            return op
        except ValueError:
            continue  # a value that was never defined, which is not what failed
        if any(region.first_block and not region.first_block.ops for region in op.regions):
            return op
    return None


def _check_definitions(module: Operation) -> None:
    """xDSL resolves a use before its definition, even one in another region, and verifies
    the result: refuse both here."""
    seen = set[Operation]()
    for op in module.walk():
        for index, operand in enumerate(op.operands):
            problem = _find_problem(operand.owner, op, seen)
            if problem is not None:
                name = f" %{operand.name_hint}" if operand.name_hint else ""
                fail(op, f"operand #{index}{name} is {problem}")
        seen.add(op)


def _find_problem(owner: Operation | Block, user: Operation, seen: set[Operation]) -> str | None:
    """What is wrong with `user` reading a value of `owner`; `seen` is what comes before it.

    The control flow between the blocks of one region is not examined.
    """
    block = owner if isinstance(owner, Block) else owner.parent
    region = None if block is None else block.parent
    ancestor: Operation | None = user
    while ancestor is not None and ancestor.parent_region() is not region:
        ancestor = ancestor.parent_op()
    if region is None or ancestor is None:
        return "defined in a region that does not enclose this op"
    if isinstance(owner, Block) or ancestor.parent is not block:
        return None
    if (owner in seen and owner is not ancestor) or not _is_ordered(owner):
        return None
    return "used before it is defined"


def _is_ordered(op: Operation) -> bool:
    """Order binds inside functions and this package's ops; a bare module is a graph."""
    ancestor = op.parent_op()
    while ancestor is not None:
        if ancestor.name == "func.func" or type(ancestor).__module__.startswith("recog."):
            return True
        ancestor = ancestor.parent_op()
    return False
