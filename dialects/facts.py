"""What an op is: the facts that passes ask of it instead of listing the ops that they mean.

Every op of nn and lns states its facts, by itself or through the family that it is in: none has
a default that holds where nobody thought of it.
"""

from __future__ import annotations

from enum import Enum

from xdsl.ir import Operation, SSAValue
from xdsl.traits import OpTrait


class Kind(Enum):
    """What the elements of a result are made of."""

    ELEMENTWISE = "one element of each operand, at the same place"
    CHANNELWISE = "one element of the input, scaled and shifted by its channel's parameters"
    MOVES = "one element of an operand, or padding: elements go elsewhere, none is computed"
    SELECTS = "one of several elements of an operand, none is computed"
    INTERPOLATES = "the elements of an operand nearest to a place, weighted"
    SUMS = "a sum of many elements or products, which an accumulator holds"
    COMBINES = "many elements, in another way"

    @property
    def keeps_format(self) -> bool:
        """Whether codes stay as they are, so that the result has the operands' format."""
        return self in (Kind.MOVES, Kind.SELECTS)

    @property
    def keeps_digits(self) -> bool:
        """Whether the digits of an operand are as many, and matter as much, in the result."""
        return self.keeps_format or self is Kind.INTERPOLATES


class Sign(Enum):
    """What is certain of a result's sign."""

    ANY = "nothing is claimed"
    KEPT = "nothing is negative where no operand is"
    NEVER_NEGATIVE = "nothing is negative, whatever the operands"
    BY_RULE = "the op's `never_negative` says"


class Parameter(OpTrait):
    """What the op gives is part of the network, the same for every input: a constant, a lookup."""


def is_parameter(value: SSAValue | Operation) -> bool:
    """Whether a value, or what an op gives, is the same for every input of the network."""
    op = value.owner if isinstance(value, SSAValue) else value
    return isinstance(op, Operation) and op.has_trait(Parameter, value_if_unregistered=False)
