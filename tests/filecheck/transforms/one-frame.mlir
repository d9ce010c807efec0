// RUN: recog-opt %s -p one-frame --split-input-file | filecheck %s

// Each of the two images by itself: one will do. Slices and shapes follow.
func.func @main(%x: tensor<2x3x4x4xf32>) -> tensor<2x24xf32> {
  %s = nn.slice %x {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 2, 3, 2, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<2x3x4x4xf32>) -> tensor<2x3x2x4xf32>
  %r = nn.reshape %s : (tensor<2x3x2x4xf32>) -> tensor<2x24xf32>
  func.return %r : tensor<2x24xf32>
}
// CHECK:      func.func @main(%x: tensor<1x3x4x4xf32>) -> tensor<1x24xf32> {
// CHECK-NEXT:   %s = nn.slice %x {{{.*}}stops = array<i64: 1, 3, 2, 4>{{.*}}} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x4xf32>
// CHECK-NEXT:   %r = nn.reshape %s : (tensor<1x3x2x4xf32>) -> tensor<1x24xf32>
// CHECK-NEXT:   func.return %r : tensor<1x24xf32>

// -----

// The images are mixed: both are needed.
func.func @main(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %r = nn.permute %x {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  func.return %r : tensor<3x2xf32>
}
// CHECK:      func.func @main(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
// CHECK-NEXT:   %r = nn.permute %x

// -----

// A number for each image of two, in a constant.
func.func @main(%x: tensor<2x1xf32>) -> tensor<2x1xf32> {
  %c = data.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %r = nn.add %x, %c : (tensor<2x1xf32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  func.return %r : tensor<2x1xf32>
}
// CHECK:      func.func @main(%x: tensor<2x1xf32>) -> tensor<2x1xf32> {
