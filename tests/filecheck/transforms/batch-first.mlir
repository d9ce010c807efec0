// RUN: recog-opt %s -p batch-first | filecheck %s

func.func @stacked(%x: tensor<1x4x2xf32>, %y: tensor<1x4x2xf32>) -> tensor<1x4x2xf32> {
  %v0 = nn.reshape %x : (tensor<1x4x2xf32>) -> tensor<1x1x4x2xf32>
  %v1 = nn.reshape %y : (tensor<1x4x2xf32>) -> tensor<1x1x4x2xf32>
  %v2 = nn.concat %v0, %v1 {axis = 0 : i64} : (tensor<1x1x4x2xf32>, tensor<1x1x4x2xf32>) -> tensor<2x1x4x2xf32>
  %v3 = nn.sum %v2 {axes = array<i64: 0>} : (tensor<2x1x4x2xf32>) -> tensor<1x4x2xf32>
  func.return %v3 : tensor<1x4x2xf32>
}
// CHECK-LABEL: @stacked
// CHECK:         [[A:%.*]] = nn.reshape %x : (tensor<1x4x2xf32>) -> tensor<1x1x4x2xf32>
// CHECK-NEXT:    [[B:%.*]] = nn.reshape %y : (tensor<1x4x2xf32>) -> tensor<1x1x4x2xf32>
// CHECK-NEXT:    [[C:%.*]] = nn.concat [[A]], [[B]] : {{.*}} -> tensor<1x2x4x2xf32>
// CHECK-NEXT:    nn.sum [[C]] {axes = array<i64: 1>} : (tensor<1x2x4x2xf32>) -> tensor<1x4x2xf32>

// Frames of a batch that are joined and added up are no stack.
func.func @joined(%x: tensor<1x4xf32>, %y: tensor<1x4xf32>) -> tensor<4xf32> {
  %v0 = nn.concat %x, %y {axis = 0 : i64} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
  %v1 = nn.sum %v0 {axes = array<i64: 0>} : (tensor<2x4xf32>) -> tensor<4xf32>
  func.return %v1 : tensor<4xf32>
}
// CHECK-LABEL: @joined
// CHECK:         nn.concat %x, %y {axis = 0 : i64}
// CHECK-NEXT:    nn.sum {{.*}} {axes = array<i64: 0>}
