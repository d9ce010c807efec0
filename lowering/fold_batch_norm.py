"""fold-batch-norm: batch normalization with fixed statistics into the layer beside it.

In evaluation mode batch norm is a scale and a shift per channel, s = γ / sqrt(σ² + ε) and
t = β - μ s (Ioffe & Szegedy 2015, section 3.1), which a neighbouring convolution or linear
layer absorbs. Folded in float64 and rounded once at the end, also where several meet in one
layer. What cannot be folded exactly stays, and says why in `kept_because`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.nn import BatchNormOp, Conv2dOp, LinearOp, element_type_of, shape_of

KEPT_BECAUSE = "kept_because"
"""The attribute of a batch norm that was not folded."""

Layer = Conv2dOp | LinearOp


class NotFoldable(Exception):
    """Why a batch norm must stay, as a phrase."""


@dataclass(frozen=True)
class Affine:
    """y = scale · x + shift per channel, float64."""

    scale: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True)
class Weights:
    """The parameters of a layer, float64; the bias is zero where the layer has none."""

    weight: np.ndarray
    bias: np.ndarray


@dataclass
class Constants:
    """Reads and makes constants; remembers the float64 values of those it made."""

    exact: dict[SSAValue, np.ndarray] = field(default_factory=dict[SSAValue, np.ndarray])

    def read(self, value: SSAValue, what: str) -> np.ndarray:
        """The elements in float64; raises NotFoldable if `what` is no constant."""
        if value in self.exact:
            return self.exact[value]
        array = constant_array(value)
        if array is None:
            raise NotFoldable(f"{what} is not constant")
        return array.astype(np.float64)

    def make(self, model: SSAValue, values: np.ndarray) -> ConstantOp:
        """A constant with the element type, place and name of `model`; raises NotFoldable."""
        with np.errstate(over="ignore"):
            op = ConstantOp.from_array(values, element_type_of(model))
        if not np.isfinite(op.value.to_array()).all():
            raise NotFoldable("the folded weights overflow float32")
        if isinstance(model.owner, Operation):
            op.location = model.owner.location
        op.output.name_hint = model.name_hint
        self.exact[op.output] = values
        return op

    def affine_of(self, op: BatchNormOp) -> Affine:
        """The scale and shift that a batch norm applies; raises NotFoldable."""
        names = ("scale", "bias", "mean", "variance")
        gamma, beta, mean, variance = (self.read(getattr(op, n), f"its {n}") for n in names)
        with np.errstate(all="ignore"):
            scale = gamma / np.sqrt(variance + op.eps.value.data)
            shift = beta - mean * scale
        if not (np.isfinite(scale).all() and np.isfinite(shift).all()):
            raise NotFoldable("a channel's variance plus eps is not positive")
        return Affine(scale, shift)

    def weights_of(self, layer: Layer) -> Weights:
        """The constant weights of a layer; raises NotFoldable if they are computed."""
        weight = self.read(layer.weight, f"the weight of {layer.name}")
        if layer.bias is None:
            return Weights(weight, np.zeros(weight.shape[0]))
        return Weights(weight, self.read(layer.bias, f"the bias of {layer.name}"))


def scale_outputs(weights: Weights, affine: Affine) -> Weights:
    """The weights of a layer followed by an affine map of its output channels."""
    scale = affine.scale.reshape(-1, *[1] * (weights.weight.ndim - 1))
    return Weights(weights.weight * scale, weights.bias * affine.scale + affine.shift)


def scale_inputs(weights: Weights, affine: Affine, groups: int = 1) -> Weights:
    """The weights of a layer that an affine map of its input channels precedes.

    Output channel o of group g sees input channels g · I to (g + 1) · I, I = weight.shape[1].
    """
    weight = weights.weight
    outputs, inputs = weight.shape[:2]
    spread = (outputs, inputs, *[1] * (weight.ndim - 2))
    per_group = (groups, 1, inputs)
    repeats = (groups, outputs // groups, inputs)
    scale = np.broadcast_to(affine.scale.reshape(per_group), repeats).reshape(spread)
    shift = np.broadcast_to(affine.shift.reshape(per_group), repeats).reshape(spread)
    moved = (weight * shift).sum(axis=tuple(range(1, weight.ndim)))
    return Weights(weight * scale, weights.bias + moved)


def layer_before(op: BatchNormOp) -> Layer:
    """The layer whose output channels a batch norm scales; raises NotFoldable."""
    layer = op.input.owner
    if not isinstance(layer, Layer):
        source = layer.name if isinstance(layer, Operation) else "an argument of the function"
        raise NotFoldable(f"its input comes from {source}")
    if not op.input.has_one_use():
        uses = op.input.uses.get_length()
        raise NotFoldable(f"the result of {layer.name} before it has {uses} uses")
    if isinstance(layer, LinearOp) and len(shape_of(op.input)) != 2:
        raise NotFoldable("it does not normalize the features of nn.linear before it")
    return layer


def layers_after(op: BatchNormOp) -> list[Layer]:
    """The layers that take all uses of a batch norm and can absorb it; raises NotFoldable."""
    layers: list[Layer] = []
    for use in op.output.uses:
        layer = use.operation
        if not isinstance(layer, Layer) or use.index != 0:
            raise NotFoldable(f"its result goes to {layer.name}")
        if isinstance(layer, Conv2dOp) and any(layer.padding.get_values()):
            # The padding would have to hold -t/s in place of zero.
            raise NotFoldable(f"{layer.name} after it has padding")
        if isinstance(layer, LinearOp) and len(shape_of(layer.input)) != 2:
            raise NotFoldable("it does not normalize the features of nn.linear after it")
        layers.append(layer)
    if not layers:
        raise NotFoldable("its result is not used")
    return layers


def rebuilt(
    layer: Layer,
    input: SSAValue,
    weights: Weights,
    batch_norm: BatchNormOp,
    constants: Constants,
) -> list[Operation]:
    """The layer with other weights, and the constants it needs; raises NotFoldable.

    A layer without a bias gets one with the name and place of the batch norm's.
    """
    weight = constants.make(layer.weight, weights.weight)
    model = layer.bias if layer.bias is not None else batch_norm.bias
    bias = constants.make(model, weights.bias)
    match layer:
        case Conv2dOp():
            new = Conv2dOp(
                input,
                weight,
                bias,
                strides=layer.strides.get_values(),
                padding=layer.padding.get_values(),
                dilation=layer.dilation.get_values(),
                groups=layer.groups.value.data,
            )
        case LinearOp():
            new = LinearOp(input, weight, bias)
    new.location = layer.location
    new.attributes |= layer.attributes
    new.output.name_hint = layer.output.name_hint
    return [weight, bias, new]


def _erase_dead(rewriter: PatternRewriter, *ops: Operation) -> None:
    """Erase those ops that nothing uses any more, and the constants that only they used."""
    for op in ops:
        if op.parent is None or any(result.first_use is not None for result in op.results):
            continue
        operands = dict.fromkeys(value.owner for value in op.operands)
        rewriter.erase(op)
        _erase_dead(rewriter, *(owner for owner in operands if isinstance(owner, ConstantOp)))


def _constants_of(op: Operation) -> list[ConstantOp]:
    owners = dict.fromkeys(value.owner for value in op.operands)
    return [owner for owner in owners if isinstance(owner, ConstantOp)]


@dataclass
class FoldIntoLayerBeforePattern(RewritePattern):
    """batch_norm(layer(x)) → layer'(x), for conv2d of any groups and for linear."""

    constants: Constants

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: BatchNormOp, rewriter: PatternRewriter, /) -> None:
        try:
            layer = layer_before(op)
            folded = scale_outputs(self.constants.weights_of(layer), self.constants.affine_of(op))
            new_ops = rebuilt(layer, layer.input, folded, op, self.constants)
        except NotFoldable:
            return
        dead = _constants_of(op)
        rewriter.replace(op, new_ops)
        _erase_dead(rewriter, layer, *dead)


@dataclass
class FoldIntoLayersAfterPattern(RewritePattern):
    """layer(batch_norm(x)) → layer'(x), where no layer pads and they take all uses."""

    constants: Constants

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: BatchNormOp, rewriter: PatternRewriter, /) -> None:
        try:
            affine = self.constants.affine_of(op)
            replacements: list[tuple[Layer, list[Operation]]] = []
            for layer in layers_after(op):
                groups = layer.groups.value.data if isinstance(layer, Conv2dOp) else 1
                folded = scale_inputs(self.constants.weights_of(layer), affine, groups)
                replacements.append((layer, rebuilt(layer, op.input, folded, op, self.constants)))
        except NotFoldable:
            return
        for layer, new_ops in replacements:
            dead = _constants_of(layer)
            rewriter.replace(layer, new_ops)
            _erase_dead(rewriter, *dead)
        _erase_dead(rewriter, op)


@dataclass
class MergeBatchNormsPattern(RewritePattern):
    """batch_norm(batch_norm(x)) → one batch_norm(x) of mean 0, variance 1 and eps 0."""

    constants: Constants

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: BatchNormOp, rewriter: PatternRewriter, /) -> None:
        inner = op.input.owner
        if not isinstance(inner, BatchNormOp) or not op.input.has_one_use():
            return
        try:
            first, second = self.constants.affine_of(inner), self.constants.affine_of(op)
            shift = first.shift * second.scale + second.shift
            scale = self.constants.make(op.scale, first.scale * second.scale)
            bias = self.constants.make(op.bias, shift)
        except NotFoldable:
            return
        mean = self.constants.make(op.mean, np.zeros(shift.shape))
        variance = self.constants.make(op.variance, np.ones(shift.shape))
        merged = BatchNormOp(inner.input, scale, bias, mean, variance, eps=0.0)
        merged.location = op.location
        dead = _constants_of(op)
        rewriter.replace(op, [scale, bias, mean, variance, merged])
        _erase_dead(rewriter, inner, *dead)


def reason_kept(op: BatchNormOp, constants: Constants) -> str:
    """Why a batch norm could be folded neither way."""
    reasons: list[str] = []
    for find in (layer_before, layers_after):
        try:
            constants.affine_of(op)
            found = find(op)
            for layer in found if isinstance(found, list) else [found]:
                constants.weights_of(layer)
            reasons.append("the folded weights overflow float32")
        except NotFoldable as reason:
            reasons.append(str(reason))
    return "; ".join(dict.fromkeys(reasons))


class FoldBatchNormPass(ModulePass):
    """Fold every batch norm that can be folded exactly; mark the others with the reason."""

    name = "fold-batch-norm"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        constants = Constants()
        before = GreedyRewritePatternApplier(
            [FoldIntoLayerBeforePattern(constants), MergeBatchNormsPattern(constants)]
        )
        PatternRewriteWalker(before).rewrite_module(op)
        # Only then the layers after: the layer before takes any padding.
        PatternRewriteWalker(FoldIntoLayersAfterPattern(constants)).rewrite_module(op)
        for batch_norm in op.walk():
            if isinstance(batch_norm, BatchNormOp):
                batch_norm.attributes[KEPT_BECAUSE] = StringAttr(reason_kept(batch_norm, constants))
