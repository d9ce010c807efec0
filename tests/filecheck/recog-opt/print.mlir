// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s --print-debuginfo | filecheck %s --check-prefix LOC
// RUN: recog-opt %s --print-debuginfo | recog-opt --print-debuginfo | filecheck %s --check-prefix LOC
// RUN: recog-opt %s -p ' canonicalize, cse ' | filecheck %s --check-prefix CLEAN
// RUN: xdsl-opt %s | filecheck %s

func.func @f(%a: i32) -> i32 {
  %b = arith.addi %a, %a : i32
  %c = arith.addi %a, %a : i32 loc("block.0"("net.py":7:1))
  %d = arith.muli %b, %c : i32
  func.return %d : i32
}

// CHECK:      func.func @f(%a: i32) -> i32 {
// CHECK-NEXT:   %b = arith.addi %a, %a : i32
// CHECK-NEXT:   %c = arith.addi %a, %a : i32
// CHECK-NEXT:   %d = arith.muli %b, %c : i32
// CHECK-NEXT:   func.return %d : i32
// CHECK-NEXT: }

// Ops carry their place in the file unless they have a location already.
// LOC:      %b = arith.addi %a, %a : i32 loc("{{.*}}print.mlir":9:3)
// LOC-NEXT: %c = arith.addi %a, %a : i32 loc("block.0"("net.py":7:1))
// LOC-NEXT: %d = arith.muli %b, %c : i32 loc("{{.*}}print.mlir":11:3)

// CLEAN:      %b = arith.addi %a, %a : i32
// CLEAN-NEXT: %d = arith.muli %b, %b : i32
