// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

!n = !lns.number<8, 4, bias = 0>
func.func @f(%x: tensor<1x2x3x4x!n>, %y: tensor<1x2x3x5x!n>) {
  %z = lns.correlation %x, %y {disparities = 2 : i64} : (tensor<1x2x3x4x!n>, tensor<1x2x3x5x!n>) -> tensor<1x2x3x4x!n>
  func.return
}
// CHECK: 'lns.correlation' op at {{.*}}: both inputs must have one shape of 4 axes, got [1, 2, 3, 4] and [1, 2, 3, 5]

// -----

!n = !lns.number<8, 4, bias = 0>
func.func @f(%x: tensor<1x2x3x4x!n>) {
  %z = lns.correlation %x, %x {disparities = 5 : i64} : (tensor<1x2x3x4x!n>, tensor<1x2x3x4x!n>) -> tensor<1x5x3x4x!n>
  func.return
}
// CHECK: 'lns.correlation' op at {{.*}}: disparities must be from 1 to the width 4, got 5

// -----

!n = !lns.number<8, 4, bias = 0>
func.func @f(%x: tensor<1x2x3x4x!n>) {
  %z = lns.correlation %x, %x {disparities = 2 : i64} : (tensor<1x2x3x4x!n>, tensor<1x2x3x4x!n>) -> tensor<1x3x3x4x!n>
  func.return
}
// CHECK: 'lns.correlation' op at {{.*}}: the result has shape [1, 3, 3, 4], the operands give [1, 2, 3, 4]

// -----

!n = !lns.number<8, 4, bias = 0>
func.func @f(%x: tensor<1x2x3x4x!n>) {
  %z = lns.correlation %x, %x {disparities = 2 : i64} : (tensor<1x2x3x4x!n>, tensor<1x2x3x4x!n>) -> tensor<1x2x3x4x!lns.number<8, 4, bias = 0, unsigned>>
  func.return
}
// CHECK: 'lns.correlation' op at {{.*}}: an unsigned result of signed operands needs relu

// -----

func.func @f(%x: tensor<1x2x3x4x!lns.number<8, 4, bias = 1:{1, 2}>>) {
  %z = lns.correlation %x, %x {disparities = 2 : i64} : (tensor<1x2x3x4x!lns.number<8, 4, bias = 1:{1, 2}>>, tensor<1x2x3x4x!lns.number<8, 4, bias = 1:{1, 2}>>) -> tensor<1x2x3x4x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.correlation' op at {{.*}}: left must have one bias for the tensor

// -----

!n = !lns.number<8, 4, bias = 0>
func.func @f(%x: tensor<1x2x3x!n>, %b: tensor<2xi32>) {
  %z = lns.expectation %x, %b {frac = 4 : i64} : (tensor<1x2x3x!n>, tensor<2xi32>) -> tensor<1x1x3x!n>
  func.return
}
// CHECK: 'lns.expectation' op at {{.*}}: logits must have 4 axes, got [1, 2, 3]

// -----

!n = !lns.number<8, 4, bias = 0>
func.func @f(%x: tensor<1x2x3x3x!n>, %b: tensor<3xi32>) {
  %z = lns.expectation %x, %b {frac = 4 : i64} : (tensor<1x2x3x3x!n>, tensor<3xi32>) -> tensor<1x1x3x3x!n>
  func.return
}
// CHECK: 'lns.expectation' op at {{.*}}: bins must be one for each of 2 channels, got [3]

// -----

!n = !lns.number<8, 4, bias = 0>
func.func @f(%x: tensor<1x2x3x3x!n>, %b: tensor<2xi32>) {
  %z = lns.expectation %x, %b, %x {frac = 4 : i64} : (tensor<1x2x3x3x!n>, tensor<2xi32>, tensor<1x2x3x3x!n>) -> tensor<1x1x3x3x!n>
  func.return
}
// CHECK: 'lns.expectation' op at {{.*}}: the residual must have shape [1, 1, 3, 3], got [1, 2, 3, 3]

// -----

!n = !lns.number<8, 4, bias = 0>
func.func @f(%x: tensor<1x2x3x3x!n>, %b: tensor<2xi16>) {
  %z = lns.expectation %x, %b {frac = 4 : i64} : (tensor<1x2x3x3x!n>, tensor<2xi16>) -> tensor<1x1x3x3x!n>
  func.return
}
// CHECK: 'lns.expectation' op at {{.*}}: bins must be i32, got tensor<2xi16>

// -----

!n = !lns.number<8, 4, bias = 0>
func.func @f(%x: tensor<1x2x3x3x!n>, %b: tensor<2xi32>) {
  %z = lns.expectation %x, %b {frac = 17 : i64} : (tensor<1x2x3x3x!n>, tensor<2xi32>) -> tensor<1x1x3x3x!n>
  func.return
}
// CHECK: 'lns.expectation' op at {{.*}}: frac must be in [0, 16], got 17

// -----

!n = !lns.number<8, 4, bias = 0>
func.func @f(%x: tensor<1x2x3x3x!n>, %b: tensor<2xi32>, %r: tensor<1x1x3x3x!n>) {
  %z = lns.expectation %x, %b, %r {frac = 1 : i64} : (tensor<1x2x3x3x!n>, tensor<2xi32>, tensor<1x1x3x3x!n>) -> tensor<1x1x3x3x!lns.number<8, 4, bias = 0, unsigned>>
  func.return
}
// CHECK: 'lns.expectation' op at {{.*}}: an unsigned result needs an unsigned residual

// -----

!n = !lns.number<8, 4, bias = 0>
func.func @f(%x: tensor<1x2x!n>) {
  %z = lns.reciprocal %x {log_numerator = 8388608 : i64} : (tensor<1x2x!n>) -> tensor<1x2x!n>
  func.return
}
// CHECK: 'lns.reciprocal' op at {{.*}}: log_numerator must be in [-8388607, 8388607], got 8388608

// -----

!n = !lns.number<8, 4, bias = 0>
!u = !lns.number<8, 4, bias = 0, unsigned>
func.func @f(%x: tensor<1x2x!u>) {
  %z = lns.reciprocal %x {log_numerator = 0 : i64, negative} : (tensor<1x2x!u>) -> tensor<1x2x!u>
  func.return
}
// CHECK: 'lns.reciprocal' op at {{.*}}: a negative numerator needs a signed result

// -----

!n = !lns.number<8, 4, bias = 0>
func.func @f(%x: tensor<1x2x!n>) {
  %z = lns.reciprocal %x {log_numerator = 0 : i64} : (tensor<1x2x!n>) -> tensor<1x2x!lns.number<8, 4, bias = 0, unsigned>>
  func.return
}
// CHECK: 'lns.reciprocal' op at {{.*}}: an unsigned result of signed operands needs relu
