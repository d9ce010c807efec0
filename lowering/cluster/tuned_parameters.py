"""What gradients move: codebooks, biases, the scales of channels and weights that stay dense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from xdsl.dialects.builtin import Float32Type, ModuleOp, TensorType
from xdsl.ir import SSAValue

from recog.backend.arithmetic.logarithms import Logarithms
from recog.dialects import nn
from recog.dialects.cluster import LookupOp
from recog.dialects.data import ConstantOp
from recog.dialects.number_format import LnsFormat
from recog.lowering.cluster.tune_settings import TuneSettings
from recog.lowering.encode.constants import channel_biases, rounded_codebook, weight_format_of

if TYPE_CHECKING:
    import torch


@dataclass
class Parameter:
    """A constant of the module that is being tuned: a codebook, or a layer's bias."""

    value: SSAValue
    tensor: torch.Tensor
    format: LnsFormat | None
    """Of the codes that it is rounded to, but for their bias; None for what is not rounded."""

    def rounded(self) -> torch.Tensor:
        """The values that the chip will have, with the gradient of the unrounded ones."""
        if self.format is None:
            return self.tensor
        import torch

        exact = self.tensor.detach().cpu().numpy()
        change = torch.from_numpy(self.codes(exact, self.format) - exact)
        return self.tensor + change.to(self.tensor.device)

    def codes(self, exact: np.ndarray, format: LnsFormat) -> np.ndarray:
        """Values as the codes of a format have them, float32."""
        return rounded_codebook(exact, format, np.float32)

    def stored(self, tensor: torch.Tensor) -> np.ndarray:
        """What the constant becomes for values of the parameter."""
        return tensor.detach().cpu().numpy()

    def store(self) -> None:
        """Write the tuned values back into the module."""
        constant = self.value.owner
        if isinstance(constant, ConstantOp):
            constant.set_array(self.stored(self.tensor))


class DenseWeight(Parameter):
    """The weight of a layer that is not clustered: a code each, a bias for each output channel."""

    def codes(self, exact: np.ndarray, format: LnsFormat) -> np.ndarray:
        """See `Parameter`."""
        chosen = format.with_bias(channel_biases(exact, format), 0)
        return Logarithms(exact, format.frac).rounded(chosen).astype(np.float32)


class ChannelScales(Parameter):
    """The scales of a lookup's channels, as their logarithms to the base 2: steps of 2^-frac."""

    def rounded(self) -> torch.Tensor:
        """See `Parameter`."""
        return (self.tensor + (self._steps(self.tensor) - self.tensor).detach()).exp2()

    def stored(self, tensor: torch.Tensor) -> np.ndarray:
        """See `Parameter`."""
        return np.exp2(self._steps(tensor.detach()).double().cpu().numpy()).astype(np.float32)

    def _steps(self, logarithms: torch.Tensor) -> torch.Tensor:
        steps = 1 << (0 if self.format is None else self.format.frac)
        return (logarithms * steps).round() / steps


def tuned_parameters(module: ModuleOp, settings: TuneSettings) -> list[Parameter]:
    """Every codebook and bias, scales and dense weights where the settings say so, each once.

    None where the module has no codebook.
    """
    found: dict[SSAValue, type[Parameter]] = {}
    formats: dict[SSAValue, LnsFormat] = {}
    for op in module.walk():
        if isinstance(op, LookupOp):
            found[op.codebook] = Parameter
            formats[op.codebook] = settings.weight_format
            if settings.tune_scales and op.scales is not None:
                found[op.scales] = ChannelScales
                formats[op.scales] = settings.weight_format
        elif isinstance(op, nn.LayerOp):
            if op.bias is not None:
                found.setdefault(op.bias, Parameter)
            if settings.tune_dense and isinstance(op.weight.owner, ConstantOp):
                found[op.weight] = DenseWeight
                formats[op.weight] = weight_format_of(op, settings.weight_format)
    if not any(isinstance(op, LookupOp) for op in module.walk()):
        return []
    made = (_parameter(kind, value, formats.get(value)) for value, kind in found.items())
    return [parameter for parameter in made if parameter is not None]


def _parameter(
    kind: type[Parameter], value: SSAValue, format: LnsFormat | None
) -> Parameter | None:
    """None of what is computed, or no float32."""
    import torch

    owner, type_ = value.owner, value.type
    if not isinstance(owner, ConstantOp) or not isinstance(type_, TensorType):
        return None
    if not isinstance(type_.element_type, Float32Type):
        return None
    array = owner.value.to_array()
    if kind is ChannelScales:
        if not (array > 0).all():
            return None  # encode-lns says what is wrong with them
        array = np.log2(array)
    return kind(value, torch.tensor(array.copy(), requires_grad=True), format)
