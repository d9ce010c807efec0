// RUN: recog-opt %s -p pixels-first --split-input-file | filecheck %s

// An image with its channels last: first its pixels become numbers, each channel's normalized, then
// they move.
func.func @channels_last(%x: tensor<1x4x4x2xui8>) -> tensor<1x2x4x4xf32> {
  %p = nn.permute %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x4x4x2xui8>) -> tensor<1x2x4x4xui8>
  %f = nn.convert %p : (tensor<1x2x4x4xui8>) -> tensor<1x2x4x4xf32>
  %s = data.constant dense<255.0> : tensor<f32>
  %d = nn.div %f, %s : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %m = data.constant dense<[[[0.5]], [[0.25]]]> : tensor<2x1x1xf32>
  %y = nn.sub %d, %m : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
  func.return %y : tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @channels_last(
// CHECK:         %[[F:.*]] = nn.convert %x : (tensor<1x4x4x2xui8>) -> tensor<1x4x4x2xf32>
// CHECK:         %[[D:.*]] = nn.div %[[F]], %{{.*}} : (tensor<1x4x4x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x4x4x2xf32>
// CHECK:         %m = data.constant dense<{{\[\[\[\[}}0.5, 0.25]]]]> : tensor<1x1x1x2xf32>
// CHECK-NEXT:    %[[S:.*]] = nn.sub %[[D]], %m : (tensor<1x4x4x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x4x4x2xf32>
// CHECK-NEXT:    %[[Y:.*]] = nn.permute %[[S]] {permutation = array<i64: 0, 3, 1, 2>}
// CHECK-NEXT:    func.return %[[Y]]

// -----

// A slice of pixels, and what no table of a pixel gives: the permutation stays before it.
func.func @sliced(%x: tensor<1x2x4x4xui8>, %z: tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32> {
  %c = nn.slice %x {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 2, 2, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x4x4xui8>) -> tensor<1x2x2x4xui8>
  %f = nn.convert %c : (tensor<1x2x2x4xui8>) -> tensor<1x2x2x4xf32>
  %p = nn.permute %f {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x2x2x4xf32>) -> tensor<1x4x2x2xf32>
  %y = nn.add %p, %z : (tensor<1x4x2x2xf32>, tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  func.return %y : tensor<1x4x2x2xf32>
}
// CHECK-LABEL: func.func @sliced(
// CHECK-NEXT:    %[[F:.*]] = nn.convert %x : (tensor<1x2x4x4xui8>) -> tensor<1x2x4x4xf32>
// CHECK-NEXT:    %[[C:.*]] = nn.slice %[[F]]
// CHECK-NEXT:    %p = nn.permute %[[C]]
// CHECK-NEXT:    %y = nn.add %p, %z
