// RUN: recog-opt %s -p slice-takes | filecheck %s

// Channels in another order; the permutations that the frontend put around the op cancel.
func.func @swapped(%x: tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32> {
  %i = data.constant dense<[2, 3, 1, 0]> : tensor<4xi64>
  %v0 = nn.permute %x {permutation = array<i64: 1, 0, 2, 3>} : (tensor<1x4x2x2xf32>) -> tensor<4x1x2x2xf32>
  %v1 = nn.take %v0, %i : (tensor<4x1x2x2xf32>, tensor<4xi64>) -> tensor<4x1x2x2xf32>
  %v2 = nn.permute %v1 {permutation = array<i64: 1, 0, 2, 3>} : (tensor<4x1x2x2xf32>) -> tensor<1x4x2x2xf32>
  func.return %v2 : tensor<1x4x2x2xf32>
}
// CHECK-LABEL: @swapped
// CHECK:         [[A:%.*]] = nn.slice %x {starts = array<i64: 0, 2, 0, 0>, stops = array<i64: 1, 4, 2, 2>, steps = array<i64: 1, 1, 1, 1>}
// CHECK-NEXT:    [[B:%.*]] = nn.slice %x {starts = array<i64: 0, 1, 0, 0>, stops = array<i64: 1, 2, 2, 2>,
// CHECK-NEXT:    [[C:%.*]] = nn.slice %x {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 1, 2, 2>,
// CHECK-NEXT:    [[Y:%.*]] = nn.concat [[A]], [[B]], [[C]] :
// CHECK-NEXT:    func.return [[Y]]

// Every second element is one slice; positions below zero count from the end.
func.func @strided(%x: tensor<1x2x6xf32>) -> tensor<1x2x3xf32> {
  %i = data.constant dense<[1, 3, -1]> : tensor<3xi64>
  %v0 = nn.permute %x {permutation = array<i64: 2, 0, 1>} : (tensor<1x2x6xf32>) -> tensor<6x1x2xf32>
  %v1 = nn.take %v0, %i : (tensor<6x1x2xf32>, tensor<3xi64>) -> tensor<3x1x2xf32>
  %v2 = nn.permute %v1 {permutation = array<i64: 1, 2, 0>} : (tensor<3x1x2xf32>) -> tensor<1x2x3xf32>
  func.return %v2 : tensor<1x2x3xf32>
}
// CHECK-LABEL: @strided
// CHECK:         [[A:%.*]] = nn.slice %x {starts = array<i64: 0, 0, 1>, stops = array<i64: 1, 2, 6>, steps = array<i64: 1, 1, 2>}
// CHECK-NEXT:    func.return [[A]]

// Positions that the network computes, and those of images in the batch, stay.
func.func @stays(%x: tensor<1x4xf32>, %i: tensor<2xi64>, %t: tensor<3x4xf32>) -> (tensor<2x1xf32>, tensor<2x4xf32>) {
  %v0 = nn.permute %x {permutation = array<i64: 1, 0>} : (tensor<1x4xf32>) -> tensor<4x1xf32>
  %v1 = nn.take %v0, %i : (tensor<4x1xf32>, tensor<2xi64>) -> tensor<2x1xf32>
  %c = data.constant dense<[0, 2]> : tensor<2xi64>
  %v2 = nn.take %t, %c : (tensor<3x4xf32>, tensor<2xi64>) -> tensor<2x4xf32>
  func.return %v1, %v2 : tensor<2x1xf32>, tensor<2x4xf32>
}
// CHECK-LABEL: @stays
// CHECK:         nn.take %v0, %i
// CHECK:         nn.take %t, %c
