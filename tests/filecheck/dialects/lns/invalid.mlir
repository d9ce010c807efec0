// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// Types

func.func private @f(tensor<1x!lns.number<1, 0, bias = 0>>)
// CHECK: invalid.mlir:5:{{[0-9]+}}: LNS width must be in [2, 16] bits, got 1

// -----

func.func private @f(tensor<1x!lns.number<17, 4, bias = 0>>)
// CHECK: LNS width must be in [2, 16] bits, got 17

// -----

func.func private @f(tensor<1x!lns.number<8, -1, bias = 0>>)
// CHECK: LNS frac must be in [0, 12] bits, got -1

// -----

func.func private @f(tensor<1x!lns.number<16, 13, bias = 0>>)
// CHECK: LNS frac must be in [0, 12] bits, got 13

// -----

func.func private @f(tensor<1x!lns.number<8, 4, bias = 1048577>>)
// CHECK: LNS bias must be in [-1048576, 1048576], got 1048577

// -----

func.func private @f(tensor<2x!lns.number<8, 4, bias = 0:{0, -1048577}>>)
// CHECK: LNS bias must be in [-1048576, 1048576], got -1048577

// -----

func.func private @f(tensor<1x!lns.number<8, 4, bias = -1:{1}>>)
// CHECK: the axis of LNS biases must be at least 0, got -1

// -----

func.func private @f(tensor<1x!lns.number<8, 4, bias = 0:{}>>)
// CHECK: LNS biases per channel need at least one channel

// -----

func.func private @f(tensor<1x!lns.number<8, 4>>)
// CHECK: Expected ','

// -----

func.func private @f(tensor<1x!lns.number<8, 4, bias = 0, signed>>)
// CHECK: Expected 'unsigned'

// -----

"test.op"() {a = #lns.arithmetic<antilog_bits = 1, accumulator = 32>} : () -> ()
// CHECK: antilog bits must be in [2, 12], got 1

// -----

"test.op"() {a = #lns.arithmetic<antilog_bits = 13, accumulator = 32>} : () -> ()
// CHECK: antilog bits must be in [2, 12], got 13

// -----

"test.op"() {a = #lns.arithmetic<antilog_bits = 6, accumulator = 15>} : () -> ()
// CHECK: accumulator width must be in [16, 64] bits, got 15

// -----

"test.op"() {a = #lns.arithmetic<antilog_bits = 6, accumulator = 65, mitchell>} : () -> ()
// CHECK: accumulator width must be in [16, 64] bits, got 65

// -----

"test.op"() {a = #lns.arithmetic<antilog_bits = 6, accumulator = 32, log>} : () -> ()
// CHECK: Expected 'mitchell'

// -----

// What all ops demand of their tensors

func.func @f(%x: tensor<?x4x!lns.number<8, 4, bias = 0>>) {
  %y = lns.relu %x : (tensor<?x4x!lns.number<8, 4, bias = 0>>) -> tensor<?x4x!lns.number<7, 4, bias = 0, unsigned>>
  func.return
}
// CHECK: 'lns.relu' op at {{.*}}invalid.mlir:{{[0-9]+}}: tensors must be static and not empty, got tensor<?x4x!lns.number<8, 4, bias = 0>>

// -----

func.func @f(%x: tensor<2x0xf32>) {
  %y = lns.encode %x : (tensor<2x0xf32>) -> tensor<2x0x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: tensors must be static and not empty, got tensor<2x0xf32>

// -----

func.func @f(%x: tensor<2x3x!lns.number<8, 4, bias = 0:{1, 2, 3}>>) {
  %y = lns.decode %x : (tensor<2x3x!lns.number<8, 4, bias = 0:{1, 2, 3}>>) -> tensor<2x3xf32>
  func.return
}
// CHECK: 'lns.decode' op at {{.*}}: 3 biases along axis 0, which has 2 channels

// -----

func.func @f(%x: tensor<2x3x!lns.number<8, 4, bias = 2:{1, 2, 3}>>) {
  %y = lns.decode %x : (tensor<2x3x!lns.number<8, 4, bias = 2:{1, 2, 3}>>) -> tensor<2x3xf32>
  func.return
}
// CHECK: biases run along axis 2 of a tensor of 2

// -----

%0 = data.constant dense<1> : tensor<2x!lns.number<8, 4, bias = 0:{1, 2, 3}>>
// CHECK: 'data.constant' op at {{.*}}: 3 biases along axis 0, which has 2 channels

// -----

func.func @f(%x: tensor<2x3xf32>) {
  %y = lns.relu %x : (tensor<2x3xf32>) -> tensor<2x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: invalid.mlir:{{[0-9]+}}:3: f32 should be of base attribute lns.number
// CHECK-NEXT: %y = lns.relu %x

// -----

// lns.conv2d

func.func @f(%x: tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, %w: tensor<1x3x3x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.conv2d %x, %w : (tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, tensor<1x3x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x2x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.conv2d' op at {{.*}}: the input has 2 channels, the weight wants 3 for each of 1 group

// -----

func.func @f(%x: tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, %w: tensor<3x1x3x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.conv2d %x, %w {groups = 2} : (tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, tensor<3x1x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x2x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 3 output channels cannot be divided into 2 groups

// -----

func.func @f(%x: tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, %w: tensor<3x1x3x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.conv2d %x, %w {groups = 0} : (tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, tensor<3x1x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x2x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: groups must be at least 1, got 0

// -----

func.func @f(%x: tensor<2x4x4x!lns.number<8, 4, bias = 0>>, %w: tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.conv2d %x, %w : (tensor<2x4x4x!lns.number<8, 4, bias = 0>>, tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<3x2x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: input and weight must have 4 axes, got 3 and 4

// -----

func.func @f(%x: tensor<1x2x2x2x!lns.number<8, 4, bias = 0>>, %w: tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.conv2d %x, %w : (tensor<1x2x2x2x!lns.number<8, 4, bias = 0>>, tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x1x1x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: a window of 3 does not fit an axis of 2 padded by 0

// -----

func.func @f(%x: tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, %w: tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.conv2d %x, %w {padding = array<i64: 1, 1>} : (tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x4x4x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: padding takes 4 values, got 2

// -----

func.func @f(%x: tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, %w: tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.conv2d %x, %w {strides = array<i64: 1, 0>} : (tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x2x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: strides must be at least 1, got [1, 0]

// -----

func.func @f(%x: tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, %w: tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.conv2d %x, %w {dilation = array<i64: 0, 1>} : (tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x2x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: dilation must be at least 1, got [0, 1]

// -----

func.func @f(%x: tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, %w: tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.conv2d %x, %w {padding = array<i32: 1, 1, 1, 1>} : (tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x4x4x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: Expected attribute i64 but got i32

// -----

func.func @f(%x: tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, %w: tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.conv2d %x, %w : (tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>, tensor<3x2x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x4x4x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: the result has shape [1, 3, 4, 4], the operands give [1, 3, 2, 2]

// -----

func.func @f(%x: tensor<1x2x3x3x!lns.number<8, 4, bias = 1:{0, 1}>>, %w: tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.conv2d %x, %w : (tensor<1x2x3x3x!lns.number<8, 4, bias = 1:{0, 1}>>, tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x1x1x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: input must have one bias for the tensor, got tensor<1x2x3x3x!lns.number<8, 4, bias = 1:{0, 1}>>

// -----

func.func @f(%x: tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>, %w: tensor<2x2x3x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.conv2d %x, %w : (tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>, tensor<2x2x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x1x1x!lns.number<8, 4, bias = 1:{0, 1}>>
  func.return
}
// CHECK: output must have one bias for the tensor

// -----

func.func @f(%x: tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>, %w: tensor<1x2x3x3x!lns.number<8, 4, bias = 1:{0, 1}>>) {
  %y = lns.conv2d %x, %w : (tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>, tensor<1x2x3x3x!lns.number<8, 4, bias = 1:{0, 1}>>) -> tensor<1x1x1x1x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: the weight's biases must run along axis 0, got 1

// -----

func.func @f(%x: tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>, %w: tensor<1x2x3x3x!lns.number<8, 4, bias = 0:{0, 1}>>) {
  %y = lns.conv2d %x, %w : (tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>, tensor<1x2x3x3x!lns.number<8, 4, bias = 0:{0, 1}>>) -> tensor<1x1x1x1x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 2 biases along axis 0, which has 1 channel

// -----

func.func @f(%x: tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>, %w: tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.conv2d %x, %w : (tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>, tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x1x1x!lns.number<8, 4, bias = 0, unsigned>>
  func.return
}
// CHECK: an unsigned result of signed operands needs relu

// -----

// Operands that are never negative, but for the bias.
func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>, %w: tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>, %b: tensor<1xi32>) {
  %y = lns.linear %x, %w, %b : (tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>, tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>, tensor<1xi32>) -> tensor<1x1x!lns.number<8, 4, bias = 0, unsigned>>
  func.return
}
// CHECK: 'lns.linear' op at {{.*}}: an unsigned result of signed operands needs relu

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>, %w: tensor<3x2x!lns.number<8, 4, bias = 0>>, %b: tensor<2xi32>) {
  %y = lns.linear %x, %w, %b : (tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<3x2x!lns.number<8, 4, bias = 0>>, tensor<2xi32>) -> tensor<1x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: bias must have shape [3], got [2]

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>, %w: tensor<3x2x!lns.number<8, 4, bias = 0>>, %b: tensor<3xi32>) {
  %y = lns.linear %x, %w, %b {arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 48>} : (tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<3x2x!lns.number<8, 4, bias = 0>>, tensor<3xi32>) -> tensor<1x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: bias must be of the accumulator's type, i48, got i32

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>, %w: tensor<3x2x!lns.number<8, 4, bias = 0>>, %b: tensor<3xui32>) {
  %y = lns.linear %x, %w, %b : (tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<3x2x!lns.number<8, 4, bias = 0>>, tensor<3xui32>) -> tensor<1x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: bias must be of the accumulator's type, i32, got ui32

// -----

// lns.linear

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>, %w: tensor<3x4x!lns.number<8, 4, bias = 0>>) {
  %y = lns.linear %x, %w : (tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<3x4x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: the input has 2 features, the weight wants 4

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>, %w: tensor<3x2x1x!lns.number<8, 4, bias = 0>>) {
  %y = lns.linear %x, %w : (tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<3x2x1x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: the weight must have 2 axes, got 3

// -----

func.func @f(%x: tensor<2x!lns.number<8, 4, bias = 0>>, %w: tensor<3x2x!lns.number<8, 4, bias = 0>>) {
  %y = lns.linear %x, %w : (tensor<2x!lns.number<8, 4, bias = 0>>, tensor<3x2x!lns.number<8, 4, bias = 0>>) -> tensor<3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: the input needs a batch axis and a feature axis

// -----

// lns.add

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>, %y: tensor<1x3x!lns.number<8, 4, bias = 0>>) {
  %z = lns.add %x, %y : (tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<1x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.add' op at {{.*}}: operands differ in shape: [1, 2] and [1, 3]

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %z = lns.add %x, %x : (tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<2x1x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: the result has shape [2, 1], the operands give [1, 2]

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>, %y: tensor<1x2x!lns.number<8, 4, bias = 1:{0, 1}>>) {
  %z = lns.add %x, %y : (tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<1x2x!lns.number<8, 4, bias = 1:{0, 1}>>) -> tensor<1x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: rhs must have one bias for the tensor

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>, %y: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %z = lns.add %x, %y : (tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>, tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>
  func.return
}
// CHECK: an unsigned result of signed operands needs relu

// -----

// lns.relu

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %y = lns.relu %x : (tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<2x1x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.relu' op at {{.*}}: the result has shape [2, 1], the operands give [1, 2]

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %y = lns.relu %x : (tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x!lns.number<8, 5, bias = 0>>
  func.return
}
// CHECK: the result must keep frac, bias and all magnitudes of the operand

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %y = lns.relu %x : (tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x!lns.number<8, 4, bias = 1>>
  func.return
}
// CHECK: the result must keep frac, bias and all magnitudes of the operand

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %y = lns.relu %x : (tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x!lns.number<6, 4, bias = 0, unsigned>>
  func.return
}
// CHECK: the result must keep frac, bias and all magnitudes of the operand

// -----

func.func @f(%x: tensor<2x2x!lns.number<8, 4, bias = 0:{1, 2}>>) {
  %y = lns.relu %x : (tensor<2x2x!lns.number<8, 4, bias = 0:{1, 2}>>) -> tensor<2x2x!lns.number<8, 4, bias = 1:{1, 2}>>
  func.return
}
// CHECK: input must have one bias for the tensor

// -----

// lns.convert

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %y = lns.convert %x : (tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.convert' op at {{.*}}: the result has shape [1, 3], the operands give [1, 2]

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 1:{0, 1}>>) {
  %y = lns.convert %x : (tensor<1x2x!lns.number<8, 4, bias = 1:{0, 1}>>) -> tensor<1x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: input must have one bias for the tensor

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %y = lns.convert %x : (tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>
  func.return
}
// CHECK: an unsigned result of signed operands needs relu

// -----

// lns.table

func.func @f(%x: tensor<1x2x!lns.number<4, 1, bias = 0>>, %t: tensor<8x!lns.number<8, 4, bias = 0>>) {
  %y = lns.table %x, %t : (tensor<1x2x!lns.number<4, 1, bias = 0>>, tensor<8x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.table' op at {{.*}}: a table for 4-bit codes has shape [16], got [8]

// -----

func.func @f(%x: tensor<1x2x!lns.number<4, 1, bias = 0>>, %t: tensor<16x!lns.number<8, 4, bias = 0>>) {
  %y = lns.table %x, %t : (tensor<1x2x!lns.number<4, 1, bias = 0>>, tensor<16x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x!lns.number<8, 4, bias = 1>>
  func.return
}
// CHECK: the table must hold codes of the result's format

// -----

func.func @f(%x: tensor<1x2x!lns.number<4, 1, bias = 0>>, %t: tensor<16x!lns.number<8, 4, bias = 0>>) {
  %y = lns.table %x, %t : (tensor<1x2x!lns.number<4, 1, bias = 0>>, tensor<16x!lns.number<8, 4, bias = 0>>) -> tensor<2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: the result has shape [2], the operands give [1, 2]

// -----

func.func @f(%x: tensor<1x2x!lns.number<4, 1, bias = 1:{0, 1}>>, %t: tensor<16x!lns.number<8, 4, bias = 0>>) {
  %y = lns.table %x, %t : (tensor<1x2x!lns.number<4, 1, bias = 1:{0, 1}>>, tensor<16x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: input must have one bias for the tensor

// -----

// lns.max_pool2d and lns.avg_pool2d

func.func @f(%x: tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) {
  %y = lns.max_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x3x3x!lns.number<8, 4, bias = 1>>
  func.return
}
// CHECK: 'lns.max_pool2d' op at {{.*}}: operands and result must have one format, got tensor<1x1x3x3x!lns.number<8, 4, bias = 1>>

// -----

func.func @f(%x: tensor<1x1x4x4x!lns.number<8, 4, bias = 1:{0}>>) {
  %y = lns.max_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<1x1x4x4x!lns.number<8, 4, bias = 1:{0}>>) -> tensor<1x1x3x3x!lns.number<8, 4, bias = 1:{0}>>
  func.return
}
// CHECK: operand #0 must have one bias for the tensor

// -----

func.func @f(%x: tensor<1x4x4x!lns.number<8, 4, bias = 0>>) {
  %y = lns.max_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<1x4x4x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: the input must have 4 axes, got 3

// -----

func.func @f(%x: tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) {
  %y = lns.max_pool2d %x {kernel = array<i64: 3, 3>, padding = array<i64: 3, 0, 0, 0>} : (tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x4x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: padding [3, 0, 0, 0] fills a whole kernel [3, 3]

// -----

func.func @f(%x: tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) {
  %y = lns.avg_pool2d %x {kernel = array<i64: 2, 0>} : (tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.avg_pool2d' op at {{.*}}: kernel must be at least 1, got [2, 0]

// -----

func.func @f(%x: tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) {
  %y = lns.avg_pool2d %x {kernel = array<i64: 5, 2>} : (tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x1x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: a window of 5 does not fit an axis of 4 padded by 0

// -----

func.func @f(%x: tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) {
  %y = lns.avg_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x3x3x!lns.number<8, 4, bias = 1:{0}>>
  func.return
}
// CHECK: output must have one bias for the tensor

// -----

func.func @f(%x: tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) {
  %y = lns.avg_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x3x3x!lns.number<8, 4, bias = 0, unsigned>>
  func.return
}
// CHECK: an unsigned result of signed operands needs relu

// -----

// lns.reshape

func.func @f(%x: tensor<1x2x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.reshape %x : (tensor<1x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x5x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.reshape' op at {{.*}}: [1, 2, 3] holds 6 elements, [1, 5] 5

// -----

func.func @f(%x: tensor<1x2x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.reshape %x : (tensor<1x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<6x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: the batch axis must stay first, got [1, 2, 3] and [6]

// -----

func.func @f(%x: tensor<1x2x3x!lns.number<8, 4, bias = 0>>) {
  %y = lns.reshape %x : (tensor<1x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x6x!lns.number<8, 4, bias = 1>>
  func.return
}
// CHECK: operands and result must have one format

// -----

// lns.concat

func.func @f() {
  %y = "lns.concat"() <{axis = 1}> : () -> tensor<1x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.concat' op at {{.*}}: a concatenation needs at least one input

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %y = lns.concat %x, %x {axis = 0} : (tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<2x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: axis must be from 1 (0 is the batch) to 1, got 0

// -----

func.func @f(%x: tensor<1x2x2x!lns.number<8, 4, bias = 0>>, %y: tensor<1x2x3x!lns.number<8, 4, bias = 0>>) {
  %z = lns.concat %x, %y : (tensor<1x2x2x!lns.number<8, 4, bias = 0>>, tensor<1x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x4x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: inputs differ in more than axis 1: {{\[\[}}1, 2, 2], [1, 2, 3]]

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>, %y: tensor<1x2x!lns.number<8, 4, bias = 1>>) {
  %z = lns.concat %x, %y : (tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<1x2x!lns.number<8, 4, bias = 1>>) -> tensor<1x4x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: operands and result must have one format, got tensor<1x2x!lns.number<8, 4, bias = 1>>

// -----

// lns.argmax

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %y = lns.argmax %x {axis = 0} : (tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<2xi32>
  func.return
}
// CHECK: 'lns.argmax' op at {{.*}}: axis must be from 1 (0 is the batch) to 1, got 0

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %y = lns.argmax %x : (tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<2xi32>
  func.return
}
// CHECK: the result has shape [2], the operands give [1]

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %y = lns.argmax %x : (tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<1xi3>
  func.return
}
// CHECK: indices must be i8, i16, i32 or i64, got i3

// -----

func.func @f(%x: tensor<1x129x!lns.number<8, 4, bias = 0>>) {
  %y = lns.argmax %x : (tensor<1x129x!lns.number<8, 4, bias = 0>>) -> tensor<1xi8>
  func.return
}
// CHECK: index 128 does not fit i8

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 1:{0, 1}>>) {
  %y = lns.argmax %x : (tensor<1x2x!lns.number<8, 4, bias = 1:{0, 1}>>) -> tensor<1xi32>
  func.return
}
// CHECK: input must have one bias for the tensor

// -----

// lns.encode and lns.decode

func.func @f(%x: tensor<1x2xf32>) {
  %y = lns.encode %x : (tensor<1x2xf32>) -> tensor<2x1x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.encode' op at {{.*}}: the result has shape [2, 1], the operands give [1, 2]

// -----

func.func @f(%x: tensor<1x2xf32>) {
  %y = lns.encode %x : (tensor<1x2xf32>) -> tensor<1x2x!lns.number<8, 4, bias = 1:{0, 1}>>
  func.return
}
// CHECK: output must have one bias for the tensor

// -----

func.func @f(%x: tensor<1x2xf64>) {
  %y = lns.encode %x : (tensor<1x2xf64>) -> tensor<1x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: f64 should be of base attribute f32

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %y = lns.decode %x : (tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<2x1xf32>
  func.return
}
// CHECK: 'lns.decode' op at {{.*}}: the result has shape [2, 1], the operands give [1, 2]

// -----

func.func @biases(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x2xf32> {
  %y = lns.decode %x {biases = array<i64: 1, 2, 3>} : (tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'lns.decode' op at {{.*}}: 3 biases along axis 1, which has 2 channels

// -----

func.func @biases(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x2xf32> {
  %y = lns.decode %x {biases = array<i64: 1, 2000000>} : (tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'lns.decode' op at {{.*}}: LNS bias must be in [-1048576, 1048576], got 2000000

// -----

func.func @biases(%x: tensor<1x2x!lns.number<8, 4, bias = 1:{0, 1}>>) -> tensor<1x2xf32> {
  %y = lns.decode %x {biases = array<i64: 1, 2>} : (tensor<1x2x!lns.number<8, 4, bias = 1:{0, 1}>>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'lns.decode' op at {{.*}}: input must have one bias for the tensor
