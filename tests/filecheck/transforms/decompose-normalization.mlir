// RUN: recog-opt %s -p decompose-normalization | filecheck %s

func.func @groups(%x: tensor<1x4x2x3xf32>) -> tensor<1x4x2x3xf32> {
  %s = data.constant dense<[2.0, 1.0, 1.0, 1.0]> : tensor<4xf32>
  %b = data.constant dense<[0.0, 0.0, 0.0, 3.0]> : tensor<4xf32>
  %y = nn.group_norm %x, %s, %b {groups = 2 : i64} : (tensor<1x4x2x3xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x2x3xf32>
  func.return %y : tensor<1x4x2x3xf32>
}
// CHECK-LABEL: @groups
// CHECK: %y = nn.avg_pool2d %x {kernel = array<i64: 2, 3>, count_include_pad}
// CHECK: %y_2 = nn.conv2d %y, %y_1 {groups = 2 : i64}
// CHECK: %y_4 = nn.mul %y_2, %y_3
// CHECK: %y_6 = nn.conv2d %y_4, %y_5 {groups = 2 : i64}
// CHECK: %y_7 = nn.sub %x, %y_6
// CHECK: %y_8 = nn.mul %y_7, %y_7
// CHECK: %y_9 = nn.avg_pool2d %y_8 {kernel = array<i64: 2, 3>, count_include_pad}
// CHECK: %y_11 = nn.conv2d %y_9, %y_10 {groups = 2 : i64}
// CHECK: %y_13 = nn.mul %y_11, %y_12
// CHECK: %y_15 = nn.add %y_13, %y_14
// CHECK: %y_16 = nn.rsqrt %y_15
// CHECK: %y_18 = nn.conv2d %y_16, %y_17 {groups = 2 : i64}
// CHECK: %y_19 = nn.mul %y_7, %y_18
// CHECK: %y_21 = nn.mul %y_19, %y_20
// CHECK: %y_23 = nn.add %y_21, %y_22
// CHECK: func.return %y_23

func.func @instance(%x: tensor<1x2x2x3xf32>) -> tensor<1x2x2x3xf32> {
  %s = data.constant dense<1.0> : tensor<2xf32>
  %b = data.constant dense<0.0> : tensor<2xf32>
  %y = nn.group_norm %x, %s, %b {groups = 2 : i64} : (tensor<1x2x2x3xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2x3xf32>
  func.return %y : tensor<1x2x2x3xf32>
}
// CHECK-LABEL: @instance
// CHECK: %y = nn.avg_pool2d %x {kernel = array<i64: 2, 3>, count_include_pad}
// CHECK: %y_1 = nn.sub %x, %y
// CHECK: %y_2 = nn.mul %y_1, %y_1
// CHECK: %y_3 = nn.avg_pool2d %y_2 {kernel = array<i64: 2, 3>, count_include_pad}
// CHECK: %y_5 = nn.add %y_3, %y_4
// CHECK: %y_6 = nn.rsqrt %y_5
// CHECK: %y_7 = nn.mul %y_1, %y_6
// CHECK: func.return %y_7

// A computed scale, and what is no image, stay.
func.func @stays(%x: tensor<1x2x2x3xf32>, %v: tensor<1x2x5xf32>, %s: tensor<2xf32>) -> (tensor<1x2x2x3xf32>, tensor<1x2x5xf32>) {
  %c = data.constant dense<1.0> : tensor<2xf32>
  %y = nn.group_norm %x, %s, %s {groups = 2 : i64} : (tensor<1x2x2x3xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2x3xf32>
  %z = nn.group_norm %v, %c, %c {groups = 2 : i64} : (tensor<1x2x5xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x5xf32>
  func.return %y, %z : tensor<1x2x2x3xf32>, tensor<1x2x5xf32>
}
// CHECK-LABEL: @stays
// CHECK: %y = nn.group_norm %x, %s, %s {groups = 2 : i64}
// CHECK: %z = nn.group_norm %v, %c, %c {groups = 2 : i64}
// CHECK: func.return %y, %z

// A layer norm of tokens is one of the channels of an image, permuted without a move.
func.func @tokens(%x: tensor<1x6x4xf32>) -> tensor<1x6x4xf32> {
  %s = data.constant dense<1.0> : tensor<4xf32>
  %b = data.constant dense<0.0> : tensor<4xf32>
  %v0 = nn.layer_norm %x, %s, %b : (tensor<1x6x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x6x4xf32>
  func.return %v0 : tensor<1x6x4xf32>
}
// CHECK-LABEL: @tokens
// CHECK:         [[R:%.*]] = nn.reshape %x : (tensor<1x6x4xf32>) -> tensor<1x1x6x4xf32>
// CHECK-NEXT:    [[P:%.*]] = nn.permute [[R]] {permutation = array<i64: 0, 3, 1, 2>} : {{.*}} -> tensor<1x4x1x6xf32>
// CHECK:         nn.conv2d [[P]], {{.*}} -> tensor<1x1x1x6xf32>
// CHECK-NOT:     nn.layer_norm
// CHECK:         [[Q:%.*]] = nn.permute {{.*}} {permutation = array<i64: 0, 2, 3, 1>} : {{.*}} -> tensor<1x1x6x4xf32>
// CHECK-NEXT:    nn.reshape [[Q]] : {{.*}} -> tensor<1x6x4xf32>

// What comes after the products of two computed matrices is the host's, as the one op that it is.
func.func @host(%x: tensor<1x4x4xf32>) -> tensor<1x4x4xf32> {
  %s = data.constant dense<1.0> : tensor<4xf32>
  %b = data.constant dense<0.0> : tensor<4xf32>
  %v0 = nn.matmul %x, %x : (tensor<1x4x4xf32>, tensor<1x4x4xf32>) -> tensor<1x4x4xf32>
  %v1 = nn.layer_norm %v0, %s, %b : (tensor<1x4x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x4xf32>
  func.return %v1 : tensor<1x4x4xf32>
}
// CHECK-LABEL: @host
// CHECK:         nn.layer_norm
