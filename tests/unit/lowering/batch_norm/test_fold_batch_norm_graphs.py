"""fold-batch-norm on random networks: the algebra in float64, and the rounding in float32."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from random_graphs import EXTREMES, graphs, with_elements
from xdsl.dialects.builtin import ModuleOp, TensorType, f32
from xdsl.ir import Operation

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn
from recog.dialects.functions import find_function
from recog.dialects.verification import verify_module
from recog.lowering.batch_norm.fold import fold_batch_norms


def random_input(module: ModuleOp) -> torch.Tensor:
    (type_,) = find_function(module, "main").function_type.inputs
    assert isinstance(type_, TensorType)
    shape = type_.get_shape()
    return torch.from_numpy(np.random.default_rng(1).normal(size=(2, *shape[1:])))


def count(module: Operation) -> int:
    return sum(isinstance(op, nn.BatchNormOp) for op in module.walk())


@settings(max_examples=200)
@given(graphs())
def test_the_algebra_is_exact(graph):
    module = graph.module.clone()
    x, before = random_input(module), module.clone()
    counts = fold_batch_norms(module)
    verify_module(module)
    assert len(counts.kept) == count(module) <= count(before)
    assert all(reason and "has not run" not in reason for _, reason in counts.kept)
    for found, expected in zip(run_nn(module, x), run_nn(before, x)):
        scale = max(1.0, float(expected.abs().max()))
        assert float((found - expected).abs().max()) <= 1e-13 * scale


@settings(max_examples=100)
@given(graphs(scales=EXTREMES))
def test_extreme_scales_lose_nothing_in_float32(graph):
    """Never further from float64 than the network itself in float32, times a small factor."""
    module = graph.module.clone()
    x = random_input(module)
    truth = run_nn(module, x)
    narrow = with_elements(module, f32)
    unfolded = run_nn(narrow, x)
    fold_batch_norms(narrow)
    verify_module(narrow)
    for found, eager, exact in zip(run_nn(narrow, x), unfolded, truth):
        if not bool((exact.abs() < 1e36).all()) or not bool(eager.isfinite().all()):
            continue
        allowed = 4e-6 * exact.abs().amax() + 8 * (eager.double() - exact).abs().amax()
        assert float((found.double() - exact).abs().max()) <= float(allowed)
