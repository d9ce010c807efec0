// RUN: recog-opt %s -p raise-correlation | filecheck %s

// Planes of disparity 0 and 1: the right feature shifted by a padding that a slice crops.
func.func @shifted(%l: tensor<1x2x3x4xf32>, %r: tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32> {
  %p0 = nn.mul %l, %r : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %m0 = nn.mean %p0 {axes = array<i64: 1>, keepdims} : (tensor<1x2x3x4xf32>) -> tensor<1x1x3x4xf32>
  %padded = nn.pad %r {padding = array<i64: 0, 1, 0, 0>} : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x5xf32>
  %s = nn.slice %padded {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 2, 3, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x3x5xf32>) -> tensor<1x2x3x4xf32>
  %p1 = nn.mul %l, %s : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %m1 = nn.mean %p1 {axes = array<i64: 1>, keepdims} : (tensor<1x2x3x4xf32>) -> tensor<1x1x3x4xf32>
  %v = nn.concat %m0, %m1 : (tensor<1x1x3x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
  func.return %v : tensor<1x2x3x4xf32>
}
// CHECK-LABEL: @shifted
// CHECK-NEXT: %v = nn.correlation %l, %r {disparities = 2 : i64} :
// CHECK-NEXT: func.return %v

// The shift is on the left: the features change places.
func.func @left_shifted(%l: tensor<1x2x3x4xf32>, %r: tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32> {
  %p0 = nn.mul %l, %r : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %m0 = nn.mean %p0 {axes = array<i64: 1>, keepdims} : (tensor<1x2x3x4xf32>) -> tensor<1x1x3x4xf32>
  %padded = nn.pad %l {padding = array<i64: 0, 1, 0, 0>} : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x5xf32>
  %s = nn.slice %padded {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 2, 3, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x3x5xf32>) -> tensor<1x2x3x4xf32>
  %p1 = nn.mul %s, %r : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %m1 = nn.mean %p1 {axes = array<i64: 1>, keepdims} : (tensor<1x2x3x4xf32>) -> tensor<1x1x3x4xf32>
  %v = nn.concat %m0, %m1 : (tensor<1x1x3x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
  func.return %v : tensor<1x2x3x4xf32>
}
// CHECK-LABEL: @left_shifted
// CHECK-NEXT: %v = nn.correlation %r, %l {disparities = 2 : i64} :

// A plane that is used elsewhere too stays for that use.
func.func @used_twice(%l: tensor<1x2x3x4xf32>, %r: tensor<1x2x3x4xf32>) -> (tensor<1x2x3x4xf32>, tensor<1x1x3x4xf32>) {
  %p0 = nn.mul %l, %r : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %m0 = nn.mean %p0 {axes = array<i64: 1>, keepdims} : (tensor<1x2x3x4xf32>) -> tensor<1x1x3x4xf32>
  %a = nn.slice %l {starts = array<i64: 0, 0, 0, 1>, stops = array<i64: 1, 2, 3, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x3xf32>
  %b = nn.slice %r {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 2, 3, 3>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x3xf32>
  %p1 = nn.mul %a, %b : (tensor<1x2x3x3xf32>, tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  %m1 = nn.mean %p1 {axes = array<i64: 1>, keepdims} : (tensor<1x2x3x3xf32>) -> tensor<1x1x3x3xf32>
  %q1 = nn.pad %m1 {padding = array<i64: 0, 1, 0, 0>} : (tensor<1x1x3x3xf32>) -> tensor<1x1x3x4xf32>
  %v = nn.concat %m0, %q1 : (tensor<1x1x3x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
  func.return %v, %m0 : tensor<1x2x3x4xf32>, tensor<1x1x3x4xf32>
}
// CHECK-LABEL: @used_twice
// CHECK-NEXT: %p0 = nn.mul %l, %r
// CHECK-NEXT: %m0 = nn.mean %p0
// CHECK-NEXT: %v = nn.correlation %l, %r {disparities = 2 : i64} :
// CHECK-NEXT: func.return %v, %m0
