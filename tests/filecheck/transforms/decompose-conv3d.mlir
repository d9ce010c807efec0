// RUN: recog-opt %s -p decompose-conv3d | filecheck %s

// Two planes of two channels, padded with a zero plane at both ends: each of the two output planes
// is a convolution of the six channels of three neighbours, with one constant for all of them.
func.func @padded(%x: tensor<1x2x2x4x5xf32>) -> tensor<1x3x2x4x5xf32> {
  %w = data.constant dense<0.5> : tensor<3x2x3x3x3xf32>
  %b = data.constant dense<0.25> : tensor<3xf32>
  %y = nn.conv3d %x, %w, %b {padding = array<i64: 1, 1, 1>} : (tensor<1x2x2x4x5xf32>, tensor<3x2x3x3x3xf32>, tensor<3xf32>) -> tensor<1x3x2x4x5xf32>
  %r = nn.relu %y : (tensor<1x3x2x4x5xf32>) -> tensor<1x3x2x4x5xf32>
  func.return %r : tensor<1x3x2x4x5xf32>
}
// CHECK-LABEL: @padded
// CHECK:      [[W:%.*]] = data.constant dense<{{.*}}> : tensor<3x6x3x3xf32>
// CHECK-NEXT: [[V:%.*]] = nn.permute %x {permutation = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x2x2x4x5xf32>) -> tensor<1x2x2x4x5xf32>
// CHECK-NEXT: [[R:%.*]] = nn.reshape [[V]] : (tensor<1x2x2x4x5xf32>) -> tensor<1x1x2x40xf32>
// CHECK-NEXT: [[P:%.*]] = nn.pad [[R]] {padding = array<i64: 1, 0, 1, 0>} : (tensor<1x1x2x40xf32>) -> tensor<1x1x4x40xf32>
// CHECK-NEXT: [[C:%.*]] = nn.reshape [[P]] : (tensor<1x1x4x40xf32>) -> tensor<1x8x4x5xf32>
// CHECK:      nn.slice [[C]] {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 6, 4, 5>,
// CHECK:      nn.slice [[C]] {starts = array<i64: 0, 2, 0, 0>, stops = array<i64: 1, 8, 4, 5>,
// CHECK:      [[Y0:%.*]] = nn.conv2d {{%.*}}, [[W]], %b {padding = array<i64: 1, 1, 1, 1>} : (tensor<1x6x4x5xf32>, tensor<3x6x3x3xf32>, tensor<3xf32>) -> tensor<1x3x4x5xf32>
// CHECK-NEXT: [[Y1:%.*]] = nn.conv2d {{%.*}}, [[W]], %b {padding = array<i64: 1, 1, 1, 1>} :
// CHECK-NEXT: [[Z0:%.*]] = nn.relu [[Y0]]
// CHECK-NEXT: [[Z1:%.*]] = nn.relu [[Y1]]
// CHECK-NEXT: [[ALL:%.*]] = nn.concat [[Z0]], [[Z1]] :
// CHECK-NEXT: [[VOLUME:%.*]] = nn.reshape [[ALL]] : (tensor<1x6x4x5xf32>) -> tensor<1x2x3x4x5xf32>
// CHECK-NEXT: %r = nn.permute [[VOLUME]] {permutation = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x2x3x4x5xf32>) -> tensor<1x3x2x4x5xf32>

// Planes that a dilation lies between are joined; a stride leaves out output planes.
func.func @dilated(%x: tensor<1x1x5x2x2xf32>) -> tensor<1x1x2x2x2xf32> {
  %w = data.constant dense<0.5> : tensor<1x1x2x1x1xf32>
  %y = nn.conv3d %x, %w {strides = array<i64: 2, 1, 1>, dilation = array<i64: 2, 1, 1>} : (tensor<1x1x5x2x2xf32>, tensor<1x1x2x1x1xf32>) -> tensor<1x1x2x2x2xf32>
  func.return %y : tensor<1x1x2x2x2xf32>
}
// CHECK-LABEL: @dilated
// CHECK:      starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 1, 2, 2>,
// CHECK-NEXT: starts = array<i64: 0, 2, 0, 0>, stops = array<i64: 1, 3, 2, 2>,
// CHECK-NEXT: nn.concat
// CHECK-NEXT: starts = array<i64: 0, 2, 0, 0>, stops = array<i64: 1, 3, 2, 2>,
// CHECK-NEXT: starts = array<i64: 0, 4, 0, 0>, stops = array<i64: 1, 5, 2, 2>,
// CHECK-NEXT: nn.concat

// Two in a row: the planes stay one after the other in between.
func.func @twice(%x: tensor<1x1x2x2x2xf32>) -> tensor<1x1x2x2x2xf32> {
  %w = data.constant dense<0.5> : tensor<1x1x1x1x1xf32>
  %y = nn.conv3d %x, %w : (tensor<1x1x2x2x2xf32>, tensor<1x1x1x1x1xf32>) -> tensor<1x1x2x2x2xf32>
  %z = nn.conv3d %y, %w : (tensor<1x1x2x2x2xf32>, tensor<1x1x1x1x1xf32>) -> tensor<1x1x2x2x2xf32>
  func.return %z : tensor<1x1x2x2x2xf32>
}
// CHECK-LABEL: @twice
// CHECK:      [[A:%.*]] = nn.concat
// CHECK-NOT:  nn.permute
// CHECK:      nn.slice [[A]]

// Groups and computed weights stay.
func.func @others(%x: tensor<1x2x2x2x2xf32>, %v: tensor<1x2x1x1x1xf32>) -> (tensor<1x2x2x2x2xf32>, tensor<1x1x2x2x2xf32>) {
  %w = data.constant dense<0.5> : tensor<2x1x1x1x1xf32>
  %y = nn.conv3d %x, %w {groups = 2 : i64} : (tensor<1x2x2x2x2xf32>, tensor<2x1x1x1x1xf32>) -> tensor<1x2x2x2x2xf32>
  %z = nn.conv3d %x, %v : (tensor<1x2x2x2x2xf32>, tensor<1x2x1x1x1xf32>) -> tensor<1x1x2x2x2xf32>
  func.return %y, %z : tensor<1x2x2x2x2xf32>, tensor<1x1x2x2x2xf32>
}
// CHECK-LABEL: @others
// CHECK:      %y = nn.conv3d
// CHECK-NEXT: %z = nn.conv3d
