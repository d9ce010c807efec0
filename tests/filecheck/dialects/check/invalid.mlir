// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

func.func @f(%x: tensor<2xf32>) {
  "check.expect_eq"(%x) <{expected = #data.dense<1.0 : tensor<3xf32>>}> : (tensor<2xf32>) -> ()
  func.return
}
// CHECK: 'check.expect_eq' op at {{.*}}invalid.mlir:4: the value has type tensor<2xf32>, the expectation tensor<3xf32>

// -----

func.func @f(%x: tensor<2xf32>) {
  check.expect_eq %x, dense<"0x00"> : tensor<2xf32>
  func.return
}
// CHECK: 'check.expect_eq' op at {{.*}}: tensor<2xf32> takes 8 bytes, the constant has 1

// -----

func.func @f(%x: tensor<2xf32>) {
  check.expect_eq %x, dense<1.0> : tensor<3xf32>
  func.return
}
// CHECK: invalid.mlir:{{[0-9]+}}:{{[0-9]+}}: operand is used with type tensor<3xf32>

// -----

func.func @f(%x: i32) {
  "check.expect_eq"(%x) <{expected = #data.dense<1.0 : tensor<3xf32>>}> : (i32) -> ()
  func.return
}
// CHECK: 'check.expect_eq' op at {{.*}}: operand 'value' at position 0 does not verify

// -----

func.func @f(%x: tensor<2x!lns.number<8, 4, bias = 0>>) {
  check.expect_close %x, dense<1> : tensor<2x!lns.number<8, 4, bias = 0>> within 1.0
  func.return
}
// CHECK: 'check.expect_close' op at {{.*}}: only floats can be close, got tensor<2x!lns.number<8, 4, bias = 0>>

// -----

func.func @f(%x: tensor<2xf32>) {
  check.expect_close %x, dense<1.0> : tensor<2xf32> within -1.0
  func.return
}
// CHECK: tolerance must be finite and not negative, got -1.0

// -----

func.func @f(%x: tensor<2xf32>) {
  "check.expect_close"(%x) <{expected = #data.dense<1.0 : tensor<2xf32>>, tolerance = 0x7FF0000000000000 : f64}> : (tensor<2xf32>) -> ()
  func.return
}
// CHECK: tolerance must be finite and not negative, got inf

// -----

func.func @f(%x: tensor<2xf32>) {
  check.expect_close %x, dense<1.0> : tensor<2xf32>
  func.return
}
// CHECK: invalid.mlir:{{[0-9]+}}:{{[0-9]+}}: Expected 'within'

// -----

check.expect_run @program(dense<"0x0000"> : tensor<1xi8>) gives ()
// CHECK: 'check.expect_run' op at {{.*}}: tensor<1xi8> takes 1 byte, the constant has 2

// -----

check.expect_run @program() gives (dense<"0x80"> : tensor<1x!lns.number<8, 4, bias = 0>>)
// CHECK: 'check.expect_run' op at {{.*}}: element [0] holds code 128, which !lns.number<8, 4, bias = 0> does not have

// -----

check.expect_run @program() dense<1> : tensor<1xi8>
// CHECK: Expected 'gives'
