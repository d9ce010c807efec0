"""Elementary functions, element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from xdsl.dialects.builtin import Float64Type, FloatAttr
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, prop_def

from recog.dialects.facts import Sign
from recog.dialects.nn.base import NnOp, UnaryOp, real
from recog.dialects.nn.elementwise import BinaryOp

__all__ = [
    "AbsOp",
    "Atan2Op",
    "CosOp",
    "EluOp",
    "ErfOp",
    "ExpOp",
    "Expm1Op",
    "FloorDivideOp",
    "FloorOp",
    "Log1pOp",
    "LogOp",
    "MaximumOp",
    "MinimumOp",
    "NegOp",
    "PowOp",
    "PowerOp",
    "RemainderOp",
    "RsqrtOp",
    "SinOp",
    "SoftplusOp",
    "SqrtOp",
]


@irdl_op_definition
class AbsOp(UnaryOp):
    """|x|, `torch.abs`."""

    name = "nn.abs"
    SIGN: ClassVar[Sign] = Sign.NEVER_NEGATIVE
    HOMOGENEOUS: ClassVar[bool] = True


@irdl_op_definition
class NegOp(UnaryOp):
    """-x, `torch.neg`."""

    name = "nn.neg"
    SIGN: ClassVar[Sign] = Sign.ANY
    HOMOGENEOUS: ClassVar[bool] = True

    def keeps_digits(self) -> bool:
        return True


@irdl_op_definition
class FloorOp(UnaryOp):
    """The largest integer not above x, `torch.floor`."""

    name = "nn.floor"
    SIGN: ClassVar[Sign] = Sign.KEPT


@irdl_op_definition
class ExpOp(UnaryOp):
    """e to the power of x, `torch.exp`."""

    name = "nn.exp"
    SIGN: ClassVar[Sign] = Sign.NEVER_NEGATIVE


@irdl_op_definition
class Expm1Op(UnaryOp):
    """exp(x) - 1, with all digits where x is small, `torch.expm1`."""

    name = "nn.expm1"
    SIGN: ClassVar[Sign] = Sign.KEPT


@irdl_op_definition
class Log1pOp(UnaryOp):
    """log(1 + x), with all digits where x is small, `torch.log1p`."""

    name = "nn.log1p"
    SIGN: ClassVar[Sign] = Sign.KEPT


@irdl_op_definition
class LogOp(UnaryOp):
    """Natural logarithm, `torch.log`."""

    name = "nn.log"
    SIGN: ClassVar[Sign] = Sign.ANY


@irdl_op_definition
class SqrtOp(UnaryOp):
    """Square root, `torch.sqrt`."""

    name = "nn.sqrt"
    SIGN: ClassVar[Sign] = Sign.NEVER_NEGATIVE


@irdl_op_definition
class RsqrtOp(UnaryOp):
    """1 / √x, `torch.rsqrt`."""

    name = "nn.rsqrt"
    SIGN: ClassVar[Sign] = Sign.NEVER_NEGATIVE


@irdl_op_definition
class SinOp(UnaryOp):
    """Sine of x in radians, `torch.sin`."""

    name = "nn.sin"
    SIGN: ClassVar[Sign] = Sign.ANY


@irdl_op_definition
class CosOp(UnaryOp):
    """Cosine of x in radians, `torch.cos`."""

    name = "nn.cos"
    SIGN: ClassVar[Sign] = Sign.ANY


@irdl_op_definition
class ErfOp(UnaryOp):
    """The error function, `torch.erf`."""

    name = "nn.erf"
    SIGN: ClassVar[Sign] = Sign.KEPT


@irdl_op_definition
class SoftplusOp(UnaryOp):
    """log(1 + exp(beta · x)) / beta, `torch.nn.functional.softplus` without its threshold."""

    name = "nn.softplus"
    SIGN: ClassVar[Sign] = Sign.BY_RULE

    beta = prop_def(FloatAttr[Float64Type], default_value=real(1.0))

    def __init__(self, input: SSAValue | Operation, beta: float = 1.0):
        NnOp.__init__(self, [input], {"beta": real(beta)})

    def never_negative(self, known: Callable[[SSAValue], bool]) -> bool:
        return self.beta.value.data > 0


@irdl_op_definition
class EluOp(UnaryOp):
    """x where x > 0, else alpha · (exp(x) - 1), `torch.nn.functional.elu`."""

    name = "nn.elu"
    SIGN: ClassVar[Sign] = Sign.KEPT

    alpha = prop_def(FloatAttr[Float64Type], default_value=real(1.0))

    def __init__(self, input: SSAValue | Operation, alpha: float = 1.0):
        NnOp.__init__(self, [input], {"alpha": real(alpha)})


@irdl_op_definition
class PowOp(UnaryOp):
    """x to the power of the constant `exponent`, `torch.pow`."""

    name = "nn.pow"
    SIGN: ClassVar[Sign] = Sign.BY_RULE

    exponent = prop_def(FloatAttr[Float64Type])

    def __init__(self, input: SSAValue | Operation, exponent: float):
        NnOp.__init__(self, [input], {"exponent": real(exponent)})

    def never_negative(self, known: Callable[[SSAValue], bool]) -> bool:
        return self.exponent.value.data % 2 == 0 or known(self.input)

    def keeps_digits(self) -> bool:
        return self.exponent.value.data == -1


@irdl_op_definition
class Atan2Op(BinaryOp):
    """The angle of the point (rhs, lhs) in radians, from -π to π, `torch.atan2`."""

    name = "nn.atan2"
    SIGN: ClassVar[Sign] = Sign.ANY
    ABSORBS_ACTIVATION: ClassVar[bool] = False


@irdl_op_definition
class PowerOp(BinaryOp):
    """lhs to the power of rhs, `torch.pow` of two tensors."""

    name = "nn.power"
    SIGN: ClassVar[Sign] = Sign.BY_RULE
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    def never_negative(self, known: Callable[[SSAValue], bool]) -> bool:
        return known(self.lhs)


@irdl_op_definition
class MaximumOp(BinaryOp):
    """The larger of lhs and rhs, `torch.maximum`; of floats or of indices."""

    name = "nn.maximum"
    SIGN: ClassVar[Sign] = Sign.BY_RULE
    HOMOGENEOUS: ClassVar[bool] = True
    ABSORBS_ACTIVATION: ClassVar[bool] = False
    INTEGERS_TOO: ClassVar[bool] = True

    def never_negative(self, known: Callable[[SSAValue], bool]) -> bool:
        return known(self.lhs) or known(self.rhs)


@irdl_op_definition
class MinimumOp(BinaryOp):
    """The smaller of lhs and rhs, `torch.minimum`; of floats or of indices."""

    name = "nn.minimum"
    SIGN: ClassVar[Sign] = Sign.KEPT
    HOMOGENEOUS: ClassVar[bool] = True
    ABSORBS_ACTIVATION: ClassVar[bool] = False
    INTEGERS_TOO: ClassVar[bool] = True


@irdl_op_definition
class FloorDivideOp(BinaryOp):
    """⌊lhs / rhs⌋, `torch.floor_divide`; of floats or of indices."""

    name = "nn.floor_divide"
    SIGN: ClassVar[Sign] = Sign.ANY
    ABSORBS_ACTIVATION: ClassVar[bool] = False
    INTEGERS_TOO: ClassVar[bool] = True


@irdl_op_definition
class RemainderOp(BinaryOp):
    """lhs - rhs · ⌊lhs / rhs⌋, `torch.remainder`; of floats or of indices."""

    name = "nn.remainder"
    SIGN: ClassVar[Sign] = Sign.ANY
    ABSORBS_ACTIVATION: ClassVar[bool] = False
    INTEGERS_TOO: ClassVar[bool] = True
