// RUN: recog-opt %s -p split-batch | filecheck %s

// One backbone on a joined batch becomes two with the same weights; a slice may take more apart.
func.func @stereo(%l: tensor<1x2x4x4xf32>, %r: tensor<1x2x4x4xf32>) -> (tensor<1x3x4x4xf32>, tensor<1x1x4x4xf32>) {
  %both = nn.concat %l, %r {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<2x2x4x4xf32>
  %w = data.constant dense<0.5> : tensor<3x2x1x1xf32>
  %y = nn.conv2d %both, %w : (tensor<2x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<2x3x4x4xf32>
  %z = nn.relu %y : (tensor<2x3x4x4xf32>) -> tensor<2x3x4x4xf32>
  %sum = nn.add %y, %z : (tensor<2x3x4x4xf32>, tensor<2x3x4x4xf32>) -> tensor<2x3x4x4xf32>
  %a = nn.slice %sum {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 3, 4, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<2x3x4x4xf32>) -> tensor<1x3x4x4xf32>
  %b = nn.slice %sum {starts = array<i64: 1, 2, 0, 0>, stops = array<i64: 2, 3, 4, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<2x3x4x4xf32>) -> tensor<1x1x4x4xf32>
  func.return %a, %b : tensor<1x3x4x4xf32>, tensor<1x1x4x4xf32>
}
// CHECK-LABEL: @stereo
// CHECK-NEXT: %w = data.constant
// CHECK-NEXT: [[Y0:%.*]] = nn.conv2d %l, %w : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
// CHECK-NEXT: [[Y1:%.*]] = nn.conv2d %r, %w :
// CHECK-NEXT: [[Z0:%.*]] = nn.relu [[Y0]]
// CHECK-NEXT: [[Z1:%.*]] = nn.relu [[Y1]]
// CHECK-NEXT: [[S0:%.*]] = nn.add [[Y0]], [[Z0]]
// CHECK-NEXT: [[S1:%.*]] = nn.add [[Y1]], [[Z1]]
// CHECK-NEXT: [[B:%.*]] = nn.slice [[S1]] {starts = array<i64: 0, 2, 0, 0>, stops = array<i64: 1, 3, 4, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x1x4x4xf32>
// CHECK-NEXT: func.return [[S0]], [[B]]

// What mixes the parts, takes half of one, or returns them joined stays as it is.
func.func @mixed(%l: tensor<2x2xf32>, %r: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<4x2xf32>, tensor<2x4xf32>) {
  %a = nn.concat %l, %r {axis = 0 : i64} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %half = nn.slice %a {starts = array<i64: 1, 0>, stops = array<i64: 3, 2>, steps = array<i64: 1, 1>} : (tensor<4x2xf32>) -> tensor<2x2xf32>
  %b = nn.concat %l, %r {axis = 0 : i64} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %c = nn.concat %r, %l {axis = 0 : i64} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %wide = nn.reshape %c : (tensor<4x2xf32>) -> tensor<2x4xf32>
  func.return %half, %b, %wide : tensor<2x2xf32>, tensor<4x2xf32>, tensor<2x4xf32>
}
// CHECK-LABEL: @mixed
// CHECK-NEXT: nn.concat
// CHECK-NEXT: nn.slice
// CHECK-NEXT: nn.concat
// CHECK-NEXT: nn.concat
// CHECK-NEXT: nn.reshape
