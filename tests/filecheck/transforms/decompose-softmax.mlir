// RUN: recog-opt %s -p decompose-softmax | filecheck %s

// A convolution sees the products: the weights of two branches are the chip's.
func.func @branches(%x: tensor<1x2x4x1xf32>, %y: tensor<1x2x4x1xf32>) -> tensor<1x3x4x1xf32> {
  %v0 = nn.softmax %x {axis = 1 : i64} : (tensor<1x2x4x1xf32>) -> tensor<1x2x4x1xf32>
  %v1 = nn.mul %v0, %y : (tensor<1x2x4x1xf32>, tensor<1x2x4x1xf32>) -> tensor<1x2x4x1xf32>
  %w = data.constant dense<1.0> : tensor<3x2x1x1xf32>
  %v2 = nn.conv2d %v1, %w : (tensor<1x2x4x1xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x1xf32>
  func.return %v2 : tensor<1x3x4x1xf32>
}
// CHECK-LABEL: @branches
// CHECK-NEXT:    [[M:%.*]] = nn.max %x {axes = array<i64: 1>, keepdims} : (tensor<1x2x4x1xf32>) -> tensor<1x1x4x1xf32>
// CHECK-NEXT:    [[D:%.*]] = nn.sub %x, [[M]]
// CHECK-NEXT:    [[E:%.*]] = nn.exp [[D]]
// CHECK-NEXT:    [[S:%.*]] = nn.sum [[E]] {axes = array<i64: 1>, keepdims}
// CHECK-NEXT:    [[Y:%.*]] = nn.div [[E]], [[S]]
// CHECK-NEXT:    nn.mul [[Y]], %y

// A convolution with the numbers of bins gives the distance that a distribution stands for: a decoder.
func.func @decoder(%x: tensor<1x3x4x1xf32>) -> tensor<1x1x4x1xf32> {
  %v0 = nn.softmax %x {axis = 1 : i64} : (tensor<1x3x4x1xf32>) -> tensor<1x3x4x1xf32>
  %w = data.constant dense<[[[[0.0]], [[1.0]], [[2.0]]]]> : tensor<1x3x1x1xf32>
  %v1 = nn.conv2d %v0, %w : (tensor<1x3x4x1xf32>, tensor<1x3x1x1xf32>) -> tensor<1x1x4x1xf32>
  func.return %v1 : tensor<1x1x4x1xf32>
}
// CHECK-LABEL: @decoder
// CHECK:         nn.softmax

// The end of a network is as exact as float on the host, which has this one anyway.
func.func @head(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = data.constant dense<1.0> : tensor<2x2xf32>
  %v0 = nn.linear %x, %w : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %v1 = nn.softmax %v0 {axis = 1 : i64} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %v1 : tensor<1x2xf32>
}
// CHECK-LABEL: @head
// CHECK:         nn.softmax

// The products of two computed matrices are the host's, and so is what stands between two of them.
func.func @attention(%q: tensor<1x4x2xf32>, %k: tensor<1x2x4xf32>) -> tensor<1x4x2xf32> {
  %v0 = nn.matmul %q, %k : (tensor<1x4x2xf32>, tensor<1x2x4xf32>) -> tensor<1x4x4xf32>
  %v1 = nn.softmax %v0 {axis = 2 : i64} : (tensor<1x4x4xf32>) -> tensor<1x4x4xf32>
  %v2 = nn.mul %v1, %v1 : (tensor<1x4x4xf32>, tensor<1x4x4xf32>) -> tensor<1x4x4xf32>
  %v3 = nn.matmul %v2, %q : (tensor<1x4x4xf32>, tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  func.return %v3 : tensor<1x4x2xf32>
}
// CHECK-LABEL: @attention
// CHECK:         nn.softmax
