// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

func.func @f(%x: tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>, %y: tensor<1x3x1x1x!lns.number<8, 4, bias = 0>>) {
  %z = lns.mul %x, %y : (tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>, tensor<1x3x1x1x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x3x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.mul' op at {{.*}}: operands differ in shape: [1, 2, 3, 3] and [1, 3, 1, 1]

// -----

func.func @f(%x: tensor<2x2x!lns.number<8, 4, bias = 0>>, %y: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %z = lns.mul %x, %y : (tensor<2x2x!lns.number<8, 4, bias = 0>>, tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<2x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.mul' op at {{.*}}: operands differ in shape: [2, 2] and [1, 2]

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>, %y: tensor<1x1x!lns.number<8, 4, bias = 0>>) {
  %z = lns.mul %x, %y : (tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<1x1x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.mul' op at {{.*}}: the result has shape [1, 1], the operands give [1, 2]

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0>>) {
  %z = lns.mul %x, %x : (tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<1x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>
  func.return
}
// CHECK: 'lns.mul' op at {{.*}}: an unsigned result of signed operands needs relu

// -----

func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 1:{0, 1}>>) {
  %z = lns.mul %x, %x : (tensor<1x2x!lns.number<8, 4, bias = 1:{0, 1}>>, tensor<1x2x!lns.number<8, 4, bias = 1:{0, 1}>>) -> tensor<1x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.mul' op at {{.*}}: lhs must have one bias for the tensor

// -----

// The difference of what is never negative may be.
func.func @f(%x: tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>) {
  %z = lns.sub %x, %x : (tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>, tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>) -> tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>
  func.return
}
// CHECK: 'lns.sub' op at {{.*}}: an unsigned difference needs relu

// -----

func.func @f(%x: tensor<1x4x3x3x!lns.number<8, 4, bias = 0>>, %w: tensor<2x4x2x2x!lns.number<8, 4, bias = 0>>) {
  %z = lns.conv_transpose2d %x, %w {groups = 2 : i64} : (tensor<1x4x3x3x!lns.number<8, 4, bias = 0>>, tensor<2x4x2x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.conv_transpose2d' op at {{.*}}: the input has 4 channels, the weight wants 4 for each of 2 groups

// -----

func.func @f(%x: tensor<1x4x3x3x!lns.number<8, 4, bias = 0>>, %w: tensor<2x4x2x2x!lns.number<8, 4, bias = 1:{0, 1, 2, 3}>>) {
  %z = lns.conv_transpose2d %x, %w : (tensor<1x4x3x3x!lns.number<8, 4, bias = 0>>, tensor<2x4x2x2x!lns.number<8, 4, bias = 1:{0, 1, 2, 3}>>) -> tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.conv_transpose2d' op at {{.*}}: the weight's biases must run along axis 0, got 1

// -----

func.func @f(%x: tensor<1x4x3x3x!lns.number<8, 4, bias = 0>>, %w: tensor<2x4x2x2x!lns.number<8, 4, bias = 0>>, %b: tensor<2xi16>) {
  %z = lns.conv_transpose2d %x, %w, %b : (tensor<1x4x3x3x!lns.number<8, 4, bias = 0>>, tensor<2x4x2x2x!lns.number<8, 4, bias = 0>>, tensor<2xi16>) -> tensor<1x2x4x4x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.conv_transpose2d' op at {{.*}}: bias must be of the accumulator's type, i32, got i16

// -----

func.func @f(%x: tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) {
  %z = lns.resize %x {mode = "cubic"} : (tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x6x6x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.resize' op at {{.*}}: mode must be "nearest" or "bilinear", got "cubic"

// -----

func.func @f(%x: tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) {
  %z = lns.resize %x {mode = "nearest", steps = array<i64: 2, 2>} : (tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x6x6x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.resize' op at {{.*}}: steps goes with bilinear only

// -----

func.func @f(%x: tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) {
  %z = lns.resize %x {mode = "nearest"} : (tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x6x6x!lns.number<8, 4, bias = 1>>
  func.return
}
// CHECK: 'lns.resize' op at {{.*}}: operands and result must have one format

// -----

func.func @f(%x: tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) {
  %z = lns.resize %x {mode = "bilinear", steps = array<i64: 2, 2>} : (tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x6x6x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.resize' op at {{.*}}: bilinear needs steps and arithmetic

// -----

func.func @f(%x: tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) {
  %z = lns.resize %x {mode = "bilinear", steps = array<i64: 0, 5000>, arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 32>} : (tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x6x6x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.resize' op at {{.*}}: steps takes 2 values from 1 to 4096, got [0, 5000]

// -----

func.func @f(%x: tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) {
  %z = lns.resize %x {mode = "bilinear", steps = array<i64: 2, 2>, arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 32>} : (tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x6x6x!lns.number<8, 4, bias = 0, unsigned>>
  func.return
}
// CHECK: 'lns.resize' op at {{.*}}: an unsigned result of signed operands needs relu

// -----

func.func @f(%x: tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) {
  %z = lns.resize %x {mode = "nearest"} : (tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x6x6x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.resize' op at {{.*}}: the result has shape [1, 2, 6, 6], the operands give [1, 1, 6, 6]

// -----

func.func @f(%x: tensor<2x4x!lns.number<8, 4, bias = 0>>) {
  %z = lns.slice %x {starts = array<i64: 1, 0>, stops = array<i64: 2, 4>, steps = array<i64: 1, 1>} : (tensor<2x4x!lns.number<8, 4, bias = 0>>) -> tensor<1x4x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.slice' op at {{.*}}: the batch axis must stay whole

// -----

func.func @f(%x: tensor<2x4x!lns.number<8, 4, bias = 0>>) {
  %z = lns.slice %x {starts = array<i64: 0, 3>, stops = array<i64: 2, 3>, steps = array<i64: 1, 1>} : (tensor<2x4x!lns.number<8, 4, bias = 0>>) -> tensor<2x0x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.slice' op at {{.*}}: tensors must be static and not empty

// -----

func.func @f(%x: tensor<2x4x!lns.number<8, 4, bias = 0>>) {
  %z = lns.slice %x {starts = array<i64: 0, 3>, stops = array<i64: 2, 5>, steps = array<i64: 1, 1>} : (tensor<2x4x!lns.number<8, 4, bias = 0>>) -> tensor<2x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.slice' op at {{.*}}: axis 1 of size 4 has no slice from 3 to 5 by 1

// -----

func.func @f(%x: tensor<1x1x2x2x!lns.number<8, 4, bias = 0>>) {
  %z = lns.pad %x {padding = array<i64: -1, 0, -1, 4>} : (tensor<1x1x2x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x1x6x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.pad' op at {{.*}}: padding [-1, 0, -1, 4] crops all of [2, 2]

// -----

func.func @f(%x: tensor<1x1x2x2x!lns.number<8, 4, bias = 0>>) {
  %z = lns.pad %x {padding = array<i64: 1, 1>} : (tensor<1x1x2x2x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.pad' op at {{.*}}: padding takes 4 values, got [1, 1]

// -----

func.func @f(%x: tensor<1x2x3x!lns.number<8, 4, bias = 0>>) {
  %z = lns.permute %x {permutation = array<i64: 2, 1, 0>} : (tensor<1x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<3x2x1x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.permute' op at {{.*}}: the batch axis must stay first

// -----

func.func @f(%x: tensor<1x2x3x!lns.number<8, 4, bias = 0>>) {
  %z = lns.permute %x {permutation = array<i64: 0, 2>} : (tensor<1x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.permute' op at {{.*}}: [0, 2] is no permutation of 3 axes

// -----

func.func @f(%x: tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) {
  %y = lns.max_pool2d %x {kernel = array<i64: 2, 2>, dilation = array<i64: 1, 0>} : (tensor<1x1x4x4x!lns.number<8, 4, bias = 0>>) -> tensor<1x1x3x3x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.max_pool2d' op at {{.*}}: dilation must be at least 1, got [1, 0]
