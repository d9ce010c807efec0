"""Per-layer comparison on networks whose numbers can be predicted."""

from __future__ import annotations

from math import inf, log10

import numpy as np
import pytest
from middle_networks import apply, images, ops_of, parse, residual
from xdsl.dialects.builtin import ModuleOp

from recog.dialects import nn
from recog.dialects.errors import RecogError
from recog.lowering.check.compare_layers import compare_layers, sqnr_db
from recog.lowering.common.layer_names import LAYER, label_of
from recog.lowering.encode.calibrate import ActivationFormats, calibrate
from recog.lowering.encode.encode_lns import EncodeLnsPass
from recog.lowering.encode.label_layers import label_layers

CHAIN = """
!v = tensor<1x2xf32>
func.func @main(%x: !v {lns.format = !lns.number<5, 0, bias = 8>}) -> !v {
  %0 = nn.add %x, %x {layer = "double", lns.format = FIRST} : (!v, !v) -> !v
  %1 = nn.add %0, %0 {layer = "again", lns.format = SECOND} : (!v, !v) -> !v
  func.return %1 : !v
}
"""
"""4 x by two additions."""
FINE, COARSE = "!lns.number<8, 4, bias = 60>", "!lns.number<3, 0, bias = 1>"


def chain(first: str, second: str) -> tuple[ModuleOp, ModuleOp]:
    text = CHAIN.replace("FIRST", first).replace("SECOND", second)
    return parse(text), apply(parse(text), EncodeLnsPass())


POWERS = np.array([[1, 2]], np.float32)


def test_sqnr():
    reference = np.array([3.0, 4.0])
    assert sqnr_db(reference, reference) == inf
    assert sqnr_db(reference, np.array([3.0, 4.5])) == pytest.approx(20)
    assert sqnr_db(np.zeros(2), np.ones(2)) == 0
    assert sqnr_db(np.zeros(2), np.zeros(2)) == inf


def test_exact_layers():
    """Powers of two have codes: nothing is lost anywhere."""
    layers = compare_layers(*chain(FINE, FINE), [POWERS])
    assert [(each.layer, each.op) for each in layers] == [
        ("double", "lns.add"),
        ("again", "lns.add"),
    ]
    assert [(each.alone_db, each.cumulative_db) for each in layers] == [(inf, inf)] * 2


def test_a_bad_first_layer():
    """Codes of 3 bits with bias 1 end at 4. 2 x = (2, 4) fits; with x = (2, 4), 8 becomes 4.

    The second layer is exact on its own: on 2 x encoded for it, which saturates in the first
    layer's format, it can only repeat the loss.
    """
    first, second = compare_layers(*chain(COARSE, FINE), [2 * POWERS])
    # 2 x = (4, 8) becomes (4, 4).
    expected = 10 * log10((16 + 64) / 16)
    assert first.alone_db == pytest.approx(expected)
    assert first.cumulative_db == pytest.approx(expected)
    # 4 x = (8, 16) becomes (8, 8), from operands as good as their format allows: no better.
    assert second.alone_db == pytest.approx(10 * log10((64 + 256) / 64))
    assert second.cumulative_db == second.alone_db


def test_a_bad_second_layer():
    """Whatever comes before, 4 x = (4, 8) ends as (4, 4)."""
    first, second = compare_layers(*chain(FINE, COARSE), [POWERS])
    assert (first.alone_db, first.cumulative_db) == (inf, inf)
    assert second.alone_db == pytest.approx(10 * log10((16 + 64) / 16))
    assert second.cumulative_db == second.alone_db


MIXED = """
!v = tensor<1x2xf32>
!w = tensor<2x2xf32>
!p = !lns.number<5, 0, bias = 8>
func.func @main(%x: !v {lns.format = !p}) -> !v {
  %w = data.constant dense<[[1.0, 1.0], [1.0, -1.0]]> : !w
  %0 = nn.linear %x, %w {layer = "first", lns.format = !p} : (!v, !w) -> !v
  %1 = nn.linear %0, %w {layer = "second", lns.format = !p} : (!v, !w) -> !v
  func.return %1 : !v
}
"""
"""(a, b) gives (a + b, a - b), and those (2 a, 2 b); all in powers of two."""


def decibels(reference: list[float], found: list[float]) -> float:
    return sqnr_db(np.array(reference), np.array(found))


def test_a_layer_inherits_the_loss_of_those_before_it():
    float_module, lns_module = parse(MIXED), apply(parse(MIXED), EncodeLnsPass())
    # (1, 2) is exact. 3 becomes 4. The second layer has (3, -1), alone encoded as (4, -1), and
    # gives 3 and 5, which become 4 and 4; so it does with what the first layer gave.
    first, second = compare_layers(float_module, lns_module, [np.array([[1, 2]], np.float32)])
    assert first.alone_db == first.cumulative_db == pytest.approx(decibels([3, -1], [4, -1]))
    assert second.alone_db == second.cumulative_db == pytest.approx(decibels([2, 4], [4, 4]))
    # (5, 0.5) is (4, 0.5) in codes. Float gives (5.5, 4.5), the codes (4.5, 3.5): both (4, 4).
    first, second = compare_layers(float_module, lns_module, [np.array([[5, 0.5]], np.float32)])
    assert first.alone_db == first.cumulative_db == pytest.approx(decibels([5.5, 4.5], [4, 4]))
    # (6, 1.5) is (8, 2). Float gives (7.5, 4.5), alone (8, 4), and from that 12 and 4, (16, 4).
    # The codes give 10 and 6, that is (8, 8), and so (16, 0).
    first, second = compare_layers(float_module, lns_module, [np.array([[6, 1.5]], np.float32)])
    assert first.alone_db == first.cumulative_db == pytest.approx(decibels([7.5, 4.5], [8, 8]))
    assert second.alone_db == pytest.approx(decibels([12, 3], [16, 4]))
    assert second.cumulative_db == pytest.approx(decibels([12, 3], [16, 0]))
    assert second.alone_db > second.cumulative_db


def test_both_engines_and_any_number_of_inputs():
    module = residual()
    x = images(50)
    calibrate(module, [x], ActivationFormats())
    encoded = apply(module.clone(), EncodeLnsPass())
    found = compare_layers(module, encoded, [x])
    assert found == compare_layers(module, encoded, [x], engine="reference")
    labels = [each.layer for each in found]
    assert labels == [
        "stem.conv",
        "block.depthwise",
        "block.pointwise",
        "block.add",
        "pool",
        "act",
        "cat",
        "mean",
        "fc",
    ]
    assert all(each.alone_db > 20 for each in found)
    assert all(each.cumulative_db > 18 for each in found)
    # The first layer has nothing before it but the encoding of the input.
    assert found[0].alone_db == found[0].cumulative_db


def test_modules_without_a_common_layer():
    _, encoded = chain(FINE, FINE)
    other = parse("""
        func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
          %0 = nn.relu %x : (tensor<1x2xf32>) -> tensor<1x2xf32>
          func.return %0 : tensor<1x2xf32>
        }
    """)
    with pytest.raises(RecogError, match="no layer in common"):
        compare_layers(other, encoded, [POWERS])


def test_modules_of_different_networks():
    _, encoded = chain(FINE, FINE)
    other = parse("""
        func.func @main(%x: tensor<1x2xf32>) -> tensor<1x4xf32> {
          %0 = nn.concat %x, %x {axis = 1, layer = "double"} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x4xf32>
          func.return %0 : tensor<1x4xf32>
        }
    """)  # noqa: E501
    with pytest.raises(RecogError, match=r"gives \[1, 2\], the float network \[1, 4\]"):
        compare_layers(other, encoded, [POWERS])


def test_labels():
    module = parse("""
        !v = tensor<1x2xf32>
        func.func @main(%x: !v) -> !v {
          %0 = nn.add %x, %x : (!v, !v) -> !v loc("sum"("net.py":1:1))
          %1 = nn.relu %0 : (!v) -> !v loc("relu"("net.py":2:1))
          %2 = nn.add %1, %x {layer = "sum#2"} : (!v, !v) -> !v
          %3 = nn.add %2, %x : (!v, !v) -> !v loc(fused["sum"("net.py":3:1), "b"("net.py":4:1)])
          %4 = nn.relu %3 : (!v) -> !v
          %5 = nn.mul %3, %4 : (!v, !v) -> !v
          func.return %5 : !v
        }
    """)
    (function,) = [op for op in module.walk() if op.name == "func.func"]
    label_layers(function)  # pyright: ignore[reportArgumentType]
    labels = [label_of(op) for op in ops_of(module, nn.NnOp)]
    # The sum that the relu takes in has no label of its own; the relu has the sum's.
    assert labels == [None, "sum", "sum#2", "sum#3", "nn.relu", "nn.mul"]
    known = [label for label in labels if label is not None]
    assert len(set(known)) == len(known)
    label_layers(function)  # pyright: ignore[reportArgumentType]
    assert [label_of(op) for op in ops_of(module, nn.NnOp)] == labels
    assert LAYER == "layer"
