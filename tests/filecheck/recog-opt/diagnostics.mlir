// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// An op without a location of its own is named by its place in the file.
func.func @wrong_type(%a: i32) {
  %b = "arith.addi"(%a, %a) : (i32, i32) -> i64
  func.return
}
// CHECK: 'arith.addi' op at {{.*}}diagnostics.mlir:5: result 'result' at position 0 does not verify

// -----

// Else both are told.
func.func @located(%a: i32) {
  %b = "arith.addi"(%a, %a) : (i32, i32) -> i64 loc("stem.conv"("net.py":12:3))
  func.return
}
// CHECK: 'arith.addi' op at layer "stem.conv" (net.py:12): result 'result'
// CHECK: in {{.*}}diagnostics.mlir:14

// -----

// xDSL itself accepts this.
func.func @use_before_definition(%a: i32) -> i32 {
  %b = arith.addi %c, %a : i32
  %c = arith.addi %a, %a : i32
  func.return %b : i32
}
// CHECK: 'arith.addi' op at {{.*}}diagnostics.mlir:24: operand #0 %c is used before it is defined

// -----

func.func @other_region(%a: i32, %c: i1) {
  scf.if %c {
    %y = arith.addi %x, %a : i32
  }
  scf.if %c {
    %x = arith.addi %a, %a : i32
  }
  func.return
}
// CHECK: diagnostics.mlir:34: operand #0 %x is defined in a region that does not enclose this op

// -----

func.func @undefined(%a: f32) -> f32 {
  %b = arith.addf %a, %x : f32
  func.return %b : f32
}
// CHECK: diagnostics.mlir:46:23: values used but not defined: [%x]
// CHECK-NEXT: %b = arith.addf %a, %x : f32
// CHECK-NEXT: ^^

// -----

func.func @no_terminator(%a: f32) {
  %b = arith.addf %a, %a : f32
}
// CHECK: 'arith.addf' op at {{.*}}diagnostics.mlir:56: Operation arith.addf terminates block

// -----

nonsense.op
// CHECK: diagnostics.mlir:62:{{[0-9]+}}: Operation nonsense.op is not registered
