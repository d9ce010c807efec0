"""merge-branches: parallel branches of one image become a single convolution.

Networks such as RepVGG, MobileOne, FastViT and RepGhost are trained with a convolution, one of
a single tap, and a batch norm of the identity beside each other, whose results are added up.
In evaluation mode that sum is one convolution (Ding et al. 2021, section 3.3): a quarter of the
ops, and one rounding on codes where there were several.

The sum is taken in float64 and rounded once. Branches merge where that takes no more
multiply-adds; so a 3x1 and a 1x3 kernel, for instance, stay apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from recog.dialects.data import ConstantOp
from recog.dialects.nn import (
    AddOp,
    BatchNormOp,
    BinaryOp,
    Conv2dOp,
    MulOp,
    NnOp,
    SubOp,
    element_type_of,
    shape_of,
)
from recog.lowering.batch_norm.affine import Affine, Constants, NotFoldable, round_to
from recog.lowering.batch_norm.convolutions import Convolution, sum_of
from recog.lowering.batch_norm.frozen import affine_by_channel
from recog.lowering.common.rewriting import erase_dead_constants, fused_location, only_user


class MergeBranchesPass(ModulePass):
    """Merge added convolutions, batch norms and identities of one image into one convolution."""

    name = "merge-branches"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if PatternRewriteWalker(MergeBranchesPattern(Constants())).rewrite_module(op):
            erase_dead_constants(op)


@dataclass
class MergeBranchesPattern(RewritePattern):
    """conv(x) ± conv(x) ± batch_norm(x) ± x + rest → conv(x) + rest."""

    constants: Constants

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: AddOp | SubOp, rewriter: PatternRewriter, /) -> None:
        if len(shape_of(op.output)) != 4 or self._is_part(only_user(op.output)):
            return
        terms = _Terms(self.constants)
        terms.add(op.output, Affine.identity(4), is_root=True)
        merged = [
            term for group in _by_source(terms.convolutions) for term in _merge_cheapest(group)
        ]
        if len(merged) == len(terms.convolutions):
            return
        try:
            self._replace(op, _with_all_biases(merged), terms.inner, rewriter)
        except NotFoldable:
            return

    def _is_part(self, user: Operation | None) -> bool:
        """Whether the op is a part of a larger sum, which is looked at as a whole."""
        if isinstance(user, AddOp | SubOp):
            return shape_of(user.lhs) == shape_of(user.rhs)
        return isinstance(user, BinaryOp) and _scaled(user, self.constants) is not None

    def _replace(
        self,
        op: AddOp | SubOp,
        terms: Sequence[Convolution],
        inner: Sequence[Operation],
        rewriter: PatternRewriter,
    ) -> None:
        realized = [_realized(term, shape_of(op.output)) for term in terms]
        new_ops = [each for ops, _ in realized for each in ops]
        total = realized[0][1]
        for _, value in realized[1:]:
            add = AddOp(total, value)
            add.location = op.location
            new_ops.append(add)
            total = add.output
        total.name_hint = op.output.name_hint or total.name_hint
        rewriter.insert(new_ops)
        rewriter.replace(op, [], [total])
        for each in inner:
            if each.parent is not None and not any(result.uses for result in each.results):
                rewriter.erase(each)


@dataclass
class _Terms:
    """Takes a sum apart."""

    constants: Constants
    convolutions: list[Convolution] = field(default_factory=list[Convolution])
    inner: list[Operation] = field(default_factory=list[Operation])
    """The ops that the terms stand for, users first."""

    def add(self, value: SSAValue, affine: Affine, *, is_root: bool = False) -> None:
        """Note the terms of an affine map of a value."""
        op = value.owner
        own = is_root or only_user(value) is not None
        if isinstance(op, NnOp) and own and self._add_parts(op, affine):
            return
        self.convolutions.append(Convolution.identity(value).followed_by(affine))

    def _add_parts(self, op: NnOp, affine: Affine) -> bool:
        """Whether the op is a sum, or gives a term; then its terms are noted."""
        match op:
            case AddOp() | SubOp() if shape_of(op.lhs) == shape_of(op.rhs):
                self.inner.append(op)
                sign = -1.0 if isinstance(op, SubOp) else 1.0
                self.add(op.lhs, affine)
                # The shift belongs to one of the operands alone.
                self.add(op.rhs, Affine(sign * affine.scale, np.zeros_like(affine.shift)))
                return True
            case BinaryOp():
                scaled = _scaled(op, self.constants)
                if scaled is None:
                    return False
                self.inner.append(op)
                self.add(scaled[0], _composed(scaled[1], affine))
                return True
            case Conv2dOp() | BatchNormOp():
                term = self._layer(op)
                if term is None:
                    return False
                self.inner.append(op)
                self.convolutions.append(term.followed_by(affine))
                return True
            case _:
                return False

    def _layer(self, op: Conv2dOp | BatchNormOp) -> Convolution | None:
        try:
            if isinstance(op, Conv2dOp):
                return Convolution.of(op, self.constants)
            own = Convolution.identity(op.input).followed_by(self.constants.affine_of(op))
        except NotFoldable:
            return None
        return replace(own, layers=(op,))


def _scaled(op: BinaryOp, constants: Constants) -> tuple[SSAValue, Affine] | None:
    """The operand of an op with a constant by channel, and what is done to it."""
    try:
        x, affine = affine_by_channel(op, constants)
    except NotFoldable:
        return None
    return x, Affine.of_channels(affine.scale, affine.shift, 4)


def _composed(first: Affine, second: Affine) -> Affine:
    return Affine.of(first.scale * second.scale, first.shift * second.scale + second.shift)


def _by_source(terms: Sequence[Convolution]) -> Iterator[list[Convolution]]:
    """The terms of each image, in the order in which these come."""
    for source in dict.fromkeys(term.source for term in terms):
        yield [term for term in terms if term.source is source]


def _merge_cheapest(terms: Sequence[Convolution]) -> list[Convolution]:
    """The terms of one image, merged where a convolution takes in others at no more cost."""
    if not any(_is_layer(term) for term in terms):
        return list(terms)
    result: list[Convolution] = []
    for term in sorted(terms, key=lambda term: (-term.macs, not _is_layer(term))):
        for index, other in enumerate(result):
            merged = sum_of(other, term) if _is_layer(other) else None
            if merged is not None:
                result[index] = merged
                break
        else:
            result.append(term)
    return result


def _is_layer(term: Convolution) -> bool:
    return any(isinstance(layer, Conv2dOp) for layer in term.layers)


def _with_all_biases(terms: Sequence[Convolution]) -> list[Convolution]:
    """The same sum with all biases in its first layer."""
    at = next(index for index, term in enumerate(terms) if _is_layer(term))
    total = sum(term.bias for term in terms)
    zeros = np.zeros_like(total)
    return [replace(term, bias=total if index == at else zeros) for index, term in enumerate(terms)]


def _realized(term: Convolution, shape: tuple[int, ...]) -> tuple[list[Operation], SSAValue]:
    """The ops of a term, and its value; raises NotFoldable where weights leave float32."""
    if _is_layer(term):
        return _layer(term, shape)
    scale = term.weight.reshape(-1)
    if (scale == 1).all():
        return [], term.source
    return _scaled_image(term, scale)


def _layer(term: Convolution, shape: tuple[int, ...]) -> tuple[list[Operation], SSAValue]:
    model = next(layer for layer in term.layers if isinstance(layer, Conv2dOp))
    location = fused_location(*term.layers)
    element_type = element_type_of(model.weight)
    weight = ConstantOp.from_array(round_to(term.weight, element_type), element_type)
    weight.output.name_hint = model.weight.name_hint
    ops: list[Operation] = [weight]
    bias = None
    if term.bias.any():
        bias = ConstantOp.from_array(round_to(term.bias, element_type), element_type)
        bias.output.name_hint = model.bias.name_hint if model.bias is not None else "bias"
        ops.append(bias)
    layer = Conv2dOp(
        term.source,
        weight,
        bias,
        strides=term.strides,
        padding=_padding(term, shape),
        dilation=term.dilation,
        groups=term.groups,
    )
    if shape_of(layer.output) != shape:
        raise NotFoldable("the merged layer would give another shape")
    layer.attributes |= model.attributes
    layer.output.name_hint = model.output.name_hint
    ops.append(layer)
    for op in ops:
        op.location = location
    return ops, layer.output


def _padding(term: Convolution, shape: tuple[int, ...]) -> list[int]:
    """(top, left, bottom, right) with which the layer gives a result of `shape`."""
    before = [-first for first in term.first]
    after: list[int] = []
    for axis in (0, 1):
        reach = (shape[2 + axis] - 1) * term.strides[axis]
        reach += (term.kernel[axis] - 1) * term.dilation[axis] + 1
        after.append(max(0, reach - shape_of(term.source)[2 + axis] - before[axis]))
    return [*before, *after]


def _scaled_image(term: Convolution, scale: np.ndarray) -> tuple[list[Operation], SSAValue]:
    """A term of an image that no layer takes in, scaled by channel."""
    element_type = element_type_of(term.source)

    def constant(values: np.ndarray) -> ConstantOp:
        return ConstantOp.from_array(round_to(values, element_type), element_type)

    location = fused_location(*term.layers)
    if not term.layers:
        factors = constant(scale.reshape(1, -1, 1, 1))
        product = MulOp(term.source, factors)
        return [factors, product], product.output
    zeros, ones = np.zeros_like(scale), np.ones_like(scale)
    operands = [constant(values) for values in (scale, zeros, zeros, ones)]
    norm = BatchNormOp(term.source, *operands, eps=0.0)
    norm.attributes |= term.layers[0].attributes
    for op in (*operands, norm):
        op.location = location
    return [*operands, norm], norm.output
