// RUN: recog-opt %s -p channels-first | filecheck %s

func.func @linear(%x: tensor<1x2x4x3xf32>) -> tensor<1x5x4x3xf32> {
  %w = data.constant dense<1.0> : tensor<5x2xf32>
  %b = data.constant dense<1.0> : tensor<5xf32>
  %p = nn.permute %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x2x4x3xf32>) -> tensor<1x4x3x2xf32>
  %y = nn.linear %p, %w, %b : (tensor<1x4x3x2xf32>, tensor<5x2xf32>, tensor<5xf32>) -> tensor<1x4x3x5xf32>
  %g = nn.gelu %y : (tensor<1x4x3x5xf32>) -> tensor<1x4x3x5xf32>
  %q = nn.permute %g {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x4x3x5xf32>) -> tensor<1x5x4x3xf32>
  func.return %q : tensor<1x5x4x3xf32>
}
// CHECK-LABEL: @linear
// CHECK: %y = nn.conv2d %x, %w, %b
// CHECK: %g = nn.gelu %y
// CHECK: func.return %g

func.func @layer_norm(%x: tensor<1x2x4x3xf32>) -> tensor<1x2x4x3xf32> {
  %s = data.constant dense<[2.0, 1.0]> : tensor<2xf32>
  %b = data.constant dense<0.0> : tensor<2xf32>
  %p = nn.permute %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x2x4x3xf32>) -> tensor<1x4x3x2xf32>
  %y = nn.layer_norm %p, %s, %b : (tensor<1x4x3x2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x4x3x2xf32>
  %q = nn.permute %y {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x4x3x2xf32>) -> tensor<1x2x4x3xf32>
  func.return %q : tensor<1x2x4x3xf32>
}
// CHECK-LABEL: @layer_norm
// CHECK-NEXT: %y = data.constant dense<1.0>
// CHECK-NEXT: %y_1 = nn.conv2d %x, %y
// CHECK-NEXT: %y_2 = data.constant dense<0.5>
// CHECK-NEXT: %y_3 = nn.mul %y_1, %y_2
// CHECK-NEXT: %y_4 = nn.sub %x, %y_3
// CHECK-NEXT: %y_5 = nn.mul %y_4, %y_4
// CHECK-NEXT: %y_6 = data.constant dense<1.0>
// CHECK-NEXT: %y_7 = nn.conv2d %y_5, %y_6
// CHECK-NEXT: %y_8 = data.constant dense<0.5>
// CHECK-NEXT: %y_9 = nn.mul %y_7, %y_8
// CHECK-NEXT: %y_10 = data.constant dense<1.0e-05>
// CHECK-NEXT: %y_11 = nn.add %y_9, %y_10
// CHECK-NEXT: %y_12 = nn.rsqrt %y_11
// CHECK-NEXT: %y_13 = nn.mul %y_4, %y_12
// CHECK-NEXT: %y_14 = data.constant dense<[[[2.0]], [[1.0]]]>
// CHECK-NEXT: %y_15 = nn.mul %y_13, %y_14
// CHECK-NEXT: func.return %y_15

// Statistics over more than the channels are another formula.
func.func @other_axes(%x: tensor<1x2x4x3xf32>, %s: tensor<3x2xf32>) -> tensor<1x4x3x2xf32> {
  %p = nn.permute %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x2x4x3xf32>) -> tensor<1x4x3x2xf32>
  %y = nn.layer_norm %p, %s, %s : (tensor<1x4x3x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<1x4x3x2xf32>
  %z = nn.softmax %y {axis = 3 : i64} : (tensor<1x4x3x2xf32>) -> tensor<1x4x3x2xf32>
  func.return %z : tensor<1x4x3x2xf32>
}
// CHECK-LABEL: @other_axes
// CHECK: %p = nn.permute %x {permutation = array<i64: 0, 2, 3, 1>}
// CHECK: %y = nn.layer_norm %p, %s, %s
// CHECK: %z = nn.softmax %y {axis = 3 : i64}
// CHECK: func.return %z
