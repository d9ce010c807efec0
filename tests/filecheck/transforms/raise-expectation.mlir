// RUN: recog-opt %s -p raise-expectation | filecheck %s

func.func @soft_argmin(%x: tensor<1x3x2x2xf32>, %r: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %bins = data.constant dense<[[[0.0]], [[2.0]], [[4.0]]]> : tensor<3x1x1xf32>
  %p = nn.softmax %x {axis = 1 : i64} : (tensor<1x3x2x2xf32>) -> tensor<1x3x2x2xf32>
  %m = nn.mul %p, %bins : (tensor<1x3x2x2xf32>, tensor<3x1x1xf32>) -> tensor<1x3x2x2xf32>
  %s = nn.sum %m {axes = array<i64: 1>, keepdims} : (tensor<1x3x2x2xf32>) -> tensor<1x1x2x2xf32>
  %y = nn.add %r, %s {layer = "disparity"} : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  func.return %y : tensor<1x1x2x2xf32>
}
// CHECK-LABEL: @soft_argmin
// CHECK:      [[BINS:%.*]] = data.constant dense<[0.0, 2.0, 4.0]> : tensor<3xf32>
// CHECK-NEXT: %y = nn.expectation %x, [[BINS]], %r {layer = "disparity"} : (tensor<1x3x2x2xf32>, tensor<3xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
// CHECK-NEXT: func.return %y

// The axis is dropped, the operands of the product are turned around; nothing is added.
func.func @dropped(%x: tensor<1x2x2x2xf32>) -> tensor<1x2x2xf32> {
  %bins = data.constant dense<[[[[1.0]], [[2.0]]]]> : tensor<1x2x1x1xf32>
  %p = nn.softmax %x {axis = 1 : i64} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %m = nn.mul %bins, %p : (tensor<1x2x1x1xf32>, tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %s = nn.sum %m {axes = array<i64: 1>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2xf32>
  func.return %s : tensor<1x2x2xf32>
}
// CHECK-LABEL: @dropped
// CHECK:      [[E:%.*]] = nn.expectation %x, {{%.*}} : (tensor<1x2x2x2xf32>, tensor<2xf32>) -> tensor<1x1x2x2xf32>
// CHECK-NEXT: {{%.*}} = nn.reshape [[E]] : (tensor<1x1x2x2xf32>) -> tensor<1x2x2xf32>

// What is no soft argmin stays: another axis, bins that differ along a row, probabilities that are
// used elsewhere, too few axes.
func.func @others(%x: tensor<1x2x2x2xf32>, %v: tensor<1x2xf32>) -> (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x2x2x2xf32>, tensor<1xf32>) {
  %bins = data.constant dense<[[[1.0]], [[2.0]]]> : tensor<2x1x1xf32>
  %rows = data.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %pair = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %p0 = nn.softmax %x {axis = 2 : i64} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %m0 = nn.mul %p0, %bins : (tensor<1x2x2x2xf32>, tensor<2x1x1xf32>) -> tensor<1x2x2x2xf32>
  %s0 = nn.sum %m0 {axes = array<i64: 1>, keepdims} : (tensor<1x2x2x2xf32>) -> tensor<1x1x2x2xf32>
  %p1 = nn.softmax %x {axis = 1 : i64} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %m1 = nn.mul %p1, %rows : (tensor<1x2x2x2xf32>, tensor<2x2xf32>) -> tensor<1x2x2x2xf32>
  %s1 = nn.sum %m1 {axes = array<i64: 1>, keepdims} : (tensor<1x2x2x2xf32>) -> tensor<1x1x2x2xf32>
  %p2 = nn.softmax %x {axis = 1 : i64} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %m2 = nn.mul %p2, %bins : (tensor<1x2x2x2xf32>, tensor<2x1x1xf32>) -> tensor<1x2x2x2xf32>
  %s2 = nn.sum %m2 {axes = array<i64: 1>, keepdims} : (tensor<1x2x2x2xf32>) -> tensor<1x1x2x2xf32>
  %p3 = nn.softmax %v {axis = 1 : i64} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %m3 = nn.mul %p3, %pair : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %s3 = nn.sum %m3 {axes = array<i64: 1>} : (tensor<1x2xf32>) -> tensor<1xf32>
  func.return %s0, %s1, %s2, %p2, %s3 : tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x2x2x2xf32>, tensor<1xf32>
}
// CHECK-LABEL: @others
// CHECK-NOT:  nn.expectation
// CHECK:      func.return
