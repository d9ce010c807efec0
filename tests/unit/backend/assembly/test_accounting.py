"""Where a program's bytes are: every byte is said once, and tables by hand."""

from __future__ import annotations

import numpy as np
import pytest
from middle_networks import images, ops_of, parse
from xdsl.dialects.builtin import ModuleOp

from recog.backend.assembly import load_program
from recog.backend.assembly.accounting import ProgramBytes, program_bytes
from recog.dialects import nn
from recog.dialects.cluster import Layout, LayoutAttr
from recog.dialects.data import ConstantOp, DenseAttr
from recog.lowering.cluster.cluster_weights import LAYOUT
from recog.lowering.pipeline import ConversionOptions, convert

NETWORK = """
func.func @main(%x: tensor<1x2x6x6xf32>) -> tensor<1x8x6x6xf32> {
  %a = data.constant dense<0.5> : tensor<8x2x3x3xf32>
  %b = data.constant dense<0.5> : tensor<8x8x3x3xf32>
  %c = data.constant dense<0.5> : tensor<8x8x1x1xf32>
  %p = nn.conv2d %x, %a {padding = array<i64: 1, 1, 1, 1>} : (tensor<1x2x6x6xf32>, tensor<8x2x3x3xf32>) -> tensor<1x8x6x6xf32> loc("first"("n.py":1:1))
  %q = nn.conv2d %p, %b {padding = array<i64: 1, 1, 1, 1>} : (tensor<1x8x6x6xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x6x6xf32> loc("second"("n.py":2:1))
  %r = nn.conv2d %q, %c : (tensor<1x8x6x6xf32>, tensor<8x8x1x1xf32>) -> tensor<1x8x6x6xf32> loc("last"("n.py":3:1))
  func.return %r : tensor<1x8x6x6xf32>
}
"""  # noqa: E501


def network() -> ModuleOp:
    module = parse(NETWORK)
    random = np.random.default_rng(0)
    for op in ops_of(module, ConstantOp):
        values = random.normal(0, 0.3, op.value.type.get_shape())
        op.properties["value"] = DenseAttr.from_array(values, op.value.type.element_type)
    first, second, last = ops_of(module, nn.LayerOp)
    first.attributes[LAYOUT] = second.attributes[LAYOUT] = LayoutAttr(
        Layout((1, 1, 3, 3), 8, "kernels")
    )
    last.attributes[LAYOUT] = LayoutAttr(Layout())
    return module


@pytest.fixture(scope="module")
def file() -> bytes:
    options = ConversionOptions(tune=False, carry_errors=False, balance=False)
    return convert(network(), [images(16)], options=options).assemble()


@pytest.fixture(scope="module")
def found(file: bytes) -> ProgramBytes:
    return program_bytes(file, load_program(file))


def test_parts_sum_up_to_the_file(file: bytes, found: ProgramBytes):
    assert sum(found.parts.values()) == len(file)
    assert min(found.parts.values()) >= 0
    kinds = ("pointers", "tables of centroids", "dense codes", "biases")
    others = found.parts["function tables and constants"]
    assert sum(found.parts[kind] for kind in kinds) + others == found.weight_bytes


def test_tables_and_pointers_by_hand(found: ProgramBytes):
    # 16 and 64 kernels by pointers of 3 bits, a table of 8 kernels for both, 64 codes of a byte.
    assert found.parts["pointers"] == 6 + 24
    assert found.parts["tables of centroids"] == 72
    assert found.parts["dense codes"] == 64
    assert found.weights == 144 + 576 + 64
    assert found.folded_float_bytes == 4 * (found.weights + 24)
    assert found.folded_ratio == found.folded_float_bytes / found.weight_bytes
    first, second, last = found.layers
    assert [each.sharers for each in found.layers] == [2, 2, 1]
    assert (first.pointers, second.pointers, first.table, second.table) == (6, 24, 72, 72)
    assert (first.entries, first.pointer_bits, first.block) == (8, 3, (1, 1, 3, 3))
    assert (last.block, last.entries, last.codes, last.used) == ((), 0, 64, 0)
    assert second.bits_a_weight == pytest.approx(8 * (24 + 36 + second.biases) / 576)


def test_how_pointers_are_used(found: ProgramBytes):
    second = found.layers[1]
    assert 1 <= second.used <= 8
    assert 0 < second.entropy <= np.log2(second.used) + 1e-9
    # Eight kernels to an input: those that differ are at most eight, at least one.
    assert 1 / 8 <= second.distinct <= 1


def test_record(found: ProgramBytes):
    record = found.as_record()
    assert record["file_bytes"] == sum(record["parts"].values())
    assert [each["layer"] for each in record["layers"]] == ["first", "second", "last"]
