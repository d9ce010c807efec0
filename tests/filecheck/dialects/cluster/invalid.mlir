// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

!c = !lns.number<8, 4, bias = 10>

func.func @f(%p: tensor<2x2xui1>, %c: tensor<2x3xf32>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 3>} : (tensor<2x2xui1>, tensor<2x3xf32>) -> tensor<2x5xf32>
  func.return
}
// CHECK: 'cluster.lookup' op at {{.*}}invalid.mlir:6: blocks of [1, 3] do not tile a weight of [2, 5]

// -----

func.func @f(%p: tensor<2x2xui1>, %c: tensor<2x3xf32>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 3, 1>} : (tensor<2x2xui1>, tensor<2x3xf32>) -> tensor<2x6xf32>
  func.return
}
// CHECK: a block of 3 axes cannot tile a weight of 2

// -----

func.func @f(%p: tensor<2x2xui1>, %c: tensor<2x3xf32>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, -3>} : (tensor<2x2xui1>, tensor<2x3xf32>) -> tensor<2x6xf32>
  func.return
}
// CHECK: blocks of [1, -3] do not tile a weight of [2, 6]

// -----

func.func @f(%p: tensor<2x3xui1>, %c: tensor<2x3xf32>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 3>} : (tensor<2x3xui1>, tensor<2x3xf32>) -> tensor<2x6xf32>
  func.return
}
// CHECK: the weight has [2, 2] blocks, pointers has [2, 3]

// -----

func.func @f(%p: tensor<2x2xui1>, %c: tensor<2x4xf32>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 3>} : (tensor<2x2xui1>, tensor<2x4xf32>) -> tensor<2x6xf32>
  func.return
}
// CHECK: the codebook must be K x 3 (elements of a block), got [2, 4]

// -----

func.func @f(%p: tensor<2x2xui1>, %c: tensor<6xf32>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 3>} : (tensor<2x2xui1>, tensor<6xf32>) -> tensor<2x6xf32>
  func.return
}
// CHECK: the codebook must be K x 3 (elements of a block), got [6]

// -----

func.func @f(%p: tensor<2x2xi8>, %c: tensor<2x3xf32>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 3>} : (tensor<2x2xi8>, tensor<2x3xf32>) -> tensor<2x6xf32>
  func.return
}
// CHECK: pointers must be unsigned integers, got i8

// -----

func.func @f(%c: tensor<3x3xf32>) {
  %p = data.constant dense<[[0, 1], [3, 2]]> : tensor<2x2xui2>
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 3>} : (tensor<2x2xui2>, tensor<3x3xf32>) -> tensor<2x6xf32>
  func.return
}
// CHECK: pointer 3 is beyond the 3 centroids

// -----

func.func @f(%p: tensor<2x2xui1>, %c: tensor<2x3xf32>, %s: tensor<3xf32>) {
  %0 = cluster.lookup %p, %c scaled by %s {block = array<i64: 1, 3>} : (tensor<2x2xui1>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x6xf32>
  func.return
}
// CHECK: scales must hold one number an output channel

// -----

!c = !lns.number<8, 4, bias = 10>
func.func @f(%p: tensor<2x2xui1>, %c: tensor<2x3x!c>, %s: tensor<2xf32>) {
  %0 = cluster.lookup %p, %c scaled by %s {block = array<i64: 1, 3>} : (tensor<2x2xui1>, tensor<2x3x!c>, tensor<2xf32>) -> tensor<2x6x!c>
  func.return
}
// CHECK: codes are scaled by the biases of the result, not by scales

// -----

!c = !lns.number<8, 4, bias = 10>
func.func @f(%p: tensor<2x2xui1>, %c: tensor<2x3x!c>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 3>} : (tensor<2x2xui1>, tensor<2x3x!c>) -> tensor<2x6xf32>
  func.return
}
// CHECK: the codebook holds !lns.number<8, 4, bias = 10>, the result f32

// -----

!c = !lns.number<8, 4, bias = 10>
func.func @f(%p: tensor<2x2xui1>, %c: tensor<2x3xf32>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 3>} : (tensor<2x2xui1>, tensor<2x3xf32>) -> tensor<2x6x!c>
  func.return
}
// CHECK: the codebook holds f32, the result !lns.number<8, 4, bias = 10>

// -----

!per_row = !lns.number<8, 4, bias = 0:{10, 11}>
func.func @f(%p: tensor<2x2xui1>, %c: tensor<2x3x!per_row>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 3>} : (tensor<2x2xui1>, tensor<2x3x!per_row>) -> tensor<2x6x!lns.number<8, 4, bias = 10>>
  func.return
}
// CHECK: the codebook must have one bias

// -----

!c = !lns.number<8, 4, bias = 10>
func.func @f(%p: tensor<2x2xui1>, %c: tensor<2x3x!c>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 3>} : (tensor<2x2xui1>, tensor<2x3x!c>) -> tensor<2x6x!lns.number<8, 5, bias = 10>>
  func.return
}
// CHECK: codebook and result may differ in their biases only

// -----

!c = !lns.number<8, 4, bias = 10>
func.func @f(%p: tensor<2x2xui1>, %c: tensor<2x3x!c>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 3>} : (tensor<2x2xui1>, tensor<2x3x!c>) -> tensor<2x6x!lns.number<8, 4, bias = 1:{1, 2, 3, 4, 5, 6}>>
  func.return
}
// CHECK: the result needs one bias, or one per channel along axis 0

// -----

!c = !lns.number<8, 4, bias = 10>
func.func @f(%p: tensor<2x2xui1>, %c: tensor<2x3x!c>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 3>} : (tensor<2x2xui1>, tensor<2x3x!c>) -> tensor<2x6x!lns.number<8, 4, bias = 0:{1, 2, 3}>>
  func.return
}
// CHECK: 3 biases along axis 0, which has 2 channels

// -----

func.func @f(%p: tensor<ui1>, %c: tensor<2x1xf32>) {
  %0 = cluster.lookup %p, %c {block = array<i64>} : (tensor<ui1>, tensor<2x1xf32>) -> tensor<f32>
  func.return
}
// CHECK: a weight needs an axis of output channels

// -----

func.func @f(%p: tensor<?x2xui1>, %c: tensor<2x1xf32>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 1>} : (tensor<?x2xui1>, tensor<2x1xf32>) -> tensor<?x2xf32>
  func.return
}
// CHECK: tensors must be static and not empty, got tensor<?x2xui1>

// -----

func.func @f(%p: tensor<2x2xf32>, %c: tensor<2x1xf32>) {
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 1>} : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  func.return
}
// CHECK: f32 should be of base attribute integer_type

// -----

func.func @f() attributes {layout = #cluster.layout<block = [1, 2], centroids = 1>} {
  func.return
}
// CHECK: centroids must be in [2, 65536], got 1

// -----

func.func @f() attributes {layout = #cluster.layout<block = [1, 0], centroids = 4>} {
  func.return
}
// CHECK: the extents of a block are at least 1, got [1, 0]

// -----

func.func @f() attributes {layout = #cluster.layout<block = [], centroids = 4>} {
  func.return
}
// CHECK: a dense layer has no centroids
