// RUN: recog-opt %s -p partition --split-input-file | filecheck %s

// The scores' positions are the host's; the convolution stays in @main, which returns both
// what the host needs and what the network returns.
func.func @main(%x: tensor<1x2x3x3xf32>) -> (tensor<1x2x3x3xf32>, tensor<1x4xf32>) {
  %w = data.constant dense<0.5> : tensor<2x2x1x1xf32>
  %three = data.constant dense<3.0> : tensor<f32>
  %c = nn.conv2d %x, %w : (tensor<1x2x3x3xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x3x3xf32>
  %r = nn.relu %c : (tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  %f = nn.reshape %r : (tensor<1x2x3x3xf32>) -> tensor<1x18xf32>
  %i = nn.topk_indices %f {k = 4 : i64, axis = 1 : i64} : (tensor<1x18xf32>) -> tensor<1x4xi64>
  %g = nn.gather %f, %i {axis = 1 : i64} : (tensor<1x18xf32>, tensor<1x4xi64>) -> tensor<1x4xf32>
  %d = nn.div %g, %three : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xf32>
  func.return %r, %d : tensor<1x2x3x3xf32>, tensor<1x4xf32>
}
// CHECK-LABEL: func.func @main(%x: tensor<1x2x3x3xf32>) -> (tensor<1x18xf32>, tensor<1x2x3x3xf32>) {
// CHECK-NEXT:    %w = data.constant
// CHECK-NEXT:    %c = nn.conv2d %x, %w
// CHECK-NEXT:    %r = nn.relu %c
// CHECK-NEXT:    %f = nn.reshape %r
// CHECK-NEXT:    func.return %f, %r
// CHECK-LABEL: func.func @host(%f: tensor<1x18xf32>, %r: tensor<1x2x3x3xf32>) -> (tensor<1x2x3x3xf32>, tensor<1x4xf32>)
// CHECK-SAME:    attributes {network_inputs = array<i64>}
// CHECK-NEXT:    %three = data.constant dense<3.0>
// CHECK-NEXT:    %i = nn.topk_indices %f {stays_because = "nn.topk_indices computes with indices or masks", k = 4 : i64, axis = 1 : i64}
// CHECK-NEXT:    %g = nn.gather %f, %i {stays_because =
// CHECK-NEXT:    %d = nn.div %g, %three :
// CHECK-NEXT:    func.return %r, %d

// -----

// An input that the host alone needs goes to it directly, and is none of the chip's.
func.func @main(%x: tensor<1x4xf32>, %y: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %r = nn.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %m = nn.compare %r, %y {predicate = "gt"} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xi1>
  %c = nn.convert %m : (tensor<1x4xi1>) -> tensor<1x4xf32>
  func.return %c : tensor<1x4xf32>
}
// CHECK-LABEL: func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32>
// CHECK-NEXT:    %r = nn.relu %x
// CHECK-NEXT:    func.return %r
// CHECK-LABEL: func.func @host(%r: tensor<1x4xf32>, %y: tensor<1x4xf32>) -> tensor<1x4xf32> attributes {network_inputs = array<i64: 1>, chip_inputs = array<i64: 0>}

// -----

// The chip goes on with what the host gives it: an argument more, and an output more that it waits with.
func.func @main(%x: tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32> {
  %w = data.constant dense<[[[[0.5]], [[1.0]]], [[[1.0]], [[0.5]]]]> : tensor<2x2x1x1xf32>
  %c = nn.conv2d %x, %w : (tensor<1x2x3x3xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x3x3xf32>
  %i = nn.topk_indices %c {k = 3 : i64, axis = 3 : i64} : (tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xi64>
  %g = nn.gather %c, %i {axis = 3 : i64} : (tensor<1x2x3x3xf32>, tensor<1x2x3x3xi64>) -> tensor<1x2x3x3xf32>
  %d = nn.conv2d %g, %w : (tensor<1x2x3x3xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x3x3xf32>
  func.return %d : tensor<1x2x3x3xf32>
}
// CHECK-LABEL: func.func @main(%x: tensor<1x2x3x3xf32>, %g: tensor<1x2x3x3xf32>) -> (tensor<1x2x3x3xf32>, tensor<1x2x3x3xf32>) attributes {between_calls} {
// CHECK:         %c = nn.conv2d %x, %w
// CHECK-NEXT:    %d = nn.conv2d %g, %w
// CHECK-NEXT:    func.return %c, %d
// CHECK-LABEL: func.func @host_0(%c: tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32> attributes {chip_outputs = array<i64: 0>, network_inputs = array<i64>, to_chip = array<i64: 0>}
// CHECK-NEXT:    %i = nn.topk_indices %c
// CHECK-NEXT:    %g = nn.gather %c, %i
// CHECK-NEXT:    func.return %g
// CHECK-LABEL: func.func @host(%d: tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32> attributes {chip_outputs = array<i64: 1>, network_inputs = array<i64>}
// CHECK-NEXT:    func.return %d

// -----

// Nothing to divide.
func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %r = nn.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return %r : tensor<1x4xf32>
}
// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %r = nn.relu
// CHECK-NEXT:    func.return %r
// CHECK-NOT: @host
