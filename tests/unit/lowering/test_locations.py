"""Every op can say where it comes from, after every pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from middle_networks import apply, images, ops_of, residual
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, UnknownLoc
from xdsl.ir import Operation

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn
from recog.dialects.errors import describe_location
from recog.lowering.batch_norm.fold import FoldBatchNormPass
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
from recog.lowering.cluster.tune_centroids import TuneCentroidsPass
from recog.lowering.encode.calibrate import CalibratePass
from recog.lowering.encode.encode_lns import EncodeLnsPass


def with_batch_norm() -> ModuleOp:
    """The residual network with a batch norm after its pointwise convolution."""
    from xdsl.dialects.builtin import FileLineColLoc, IntAttr, NameLoc, StringAttr, f32
    from xdsl.rewriter import InsertPoint, Rewriter

    from recog.dialects.data import ConstantOp

    module = residual()
    conv = ops_of(module, nn.Conv2dOp)[2]
    place = FileLineColLoc(StringAttr("net.py"), IntAttr(25), IntAttr(1))
    location = NameLoc(StringAttr("block.norm"), place)
    constants = [ConstantOp.from_array(np.full(8, value), f32) for value in (1.5, 0.2, 0.1, 2.0)]
    norm = nn.BatchNormOp(conv, *constants)
    for op in (*constants, norm):
        op.location = location
    Rewriter.insert_op([*constants, norm], InsertPoint.after(conv))
    conv.output.replace_uses_with_if(norm.output, lambda use: use.operation is not norm)
    return module


def without_location(module: ModuleOp) -> list[Operation]:
    return [
        op
        for op in module.walk()
        if isinstance(op.location, UnknownLoc) and not isinstance(op, ModuleOp | func.ReturnOp)
    ]


def places(module: ModuleOp) -> set[str]:
    """The network's own layers that some op stands for."""
    texts = [describe_location(op.location) or "" for op in module.walk()]
    layers = (
        "stem.conv",
        "block.depthwise",
        "block.pointwise",
        "block.add",
        "pool",
        "act",
        "cat",
        "mean",
        "fc",
    )
    return {layer for layer in layers if any(f'"{layer}"' in text for text in texts)}


@pytest.fixture
def data(tmp_path: Path) -> str:
    x = images(8)
    targets = run_nn(with_batch_norm(), x)[0].numpy()
    np.savez(tmp_path / "data.npz", inputs=x, targets=targets)
    return str(tmp_path / "data.npz")


def test_after_every_pass(data: str):
    module = with_batch_norm()
    known = places(module)
    assert len(known) == 9
    for step in (
        FoldBatchNormPass(),
        ClusterWeightsPass(table_share=100),
        TuneCentroidsPass(data=data, epochs=1),
        CalibratePass(data=data),
        EncodeLnsPass(),
    ):
        apply(module, step)
        assert not without_location(module), step.name
        assert places(module) == known, step.name


def test_on_the_chip(data: str):
    from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass

    module = apply(
        with_batch_norm(), FoldBatchNormPass(), CalibratePass(data=data), EncodeLnsPass()
    )
    known = places(module)
    ConvertLnsToChipPass().apply(Context(), module)
    # Concatenation is addressing; all others are instructions.
    assert known - places(module) <= {"cat"}


def test_clustered_weights_stand_where_their_layer_stood():
    module = apply(residual(), ClusterWeightsPass(table_share=100))
    layers = [op for op in module.walk() if isinstance(op, nn.Conv2dOp | nn.LinearOp)]
    lookups = [op.weight.owner for op in layers]
    for layer, lookup in zip(layers, lookups):
        if not isinstance(lookup, Operation) or lookup.name != "cluster.lookup":
            continue
        for op in (lookup, *(operand.owner for operand in lookup.operands)):
            assert isinstance(op, Operation)
            assert op.location == layer.location
