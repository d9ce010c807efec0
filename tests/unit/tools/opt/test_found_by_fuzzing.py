"""IR that fuzzing found: an error that says where, in place of an internal one."""

from __future__ import annotations

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from recog.dialects.errors import RecogError
from recog.lowering.check.run_checks import RunChecksPass
from recog.lowering.legalize.one_frame import OneFramePass
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import parse_module


def parse(text: str) -> ModuleOp:
    return parse_module(make_context(), text.encode(), "net.mlir")


def test_a_scalar_that_is_not_as_expected():
    module = parse("""
        func.func @test() {
          %x = data.constant dense<2.75> : tensor<f32>
          check.expect_eq %x, dense<4.75> : tensor<f32>
          func.return
        }
    """)
    with pytest.raises(RecogError, match=r"expected 4.75 at \[\], got 2.75"):
        RunChecksPass().apply(Context(), module)


def test_a_function_without_a_body_has_no_frames():
    module = parse("func.func private @main(tensor<2x3xf32>) -> tensor<2x3xf32>")
    with pytest.raises(RecogError, match="has no body"):
        OneFramePass().apply(Context(), module)


def test_a_block_that_does_not_end():
    """Of a value that is nowhere defined, too, which cannot be asked about its op."""
    with pytest.raises(RecogError):
        parse("""
            func.func @f(%a: i32, %c: i1) {
              scf.if %c {
                %y = arith.addi %z, %a : i32
              }
              func.return
            }
        """)
