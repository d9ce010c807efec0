// RUN: recog-opt %s -p merge-branches --split-input-file | filecheck %s
// RUN: recog-opt %s -p merge-branches,merge-branches --split-input-file | filecheck %s

// A convolution, a batch norm of scale 2 / sqrt(3 + 1) = 1 and shift 5 - 1 · 3 = 2, and the image itself.
func.func @three(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = data.constant dense<[[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]> : tensor<1x1x3x3xf32>
  %g = data.constant dense<2.0> : tensor<1xf32>
  %b = data.constant dense<5.0> : tensor<1xf32>
  %m = data.constant dense<3.0> : tensor<1xf32>
  %v = data.constant dense<3.0> : tensor<1xf32>
  %c = nn.conv2d %x, %w {padding = array<i64: 1, 1, 1, 1>} : (tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x4x4xf32>
  %n = nn.batch_norm %x, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x1x4x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x4x4xf32>
  %s = nn.add %c, %n : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %y = nn.add %s, %x : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  func.return %y : tensor<1x1x4x4xf32>
}
// CHECK-LABEL: func.func @three(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}1.0, 2.0, 3.0], [4.0, 7.0, 6.0], [7.0, 8.0, 9.0]]]]> : tensor<1x1x3x3xf32>
// CHECK-NEXT:    %bias = data.constant dense<[2.0]> : tensor<1xf32>
// CHECK-NEXT:    %y = nn.conv2d %x, %w, %bias {padding = array<i64: 1, 1, 1, 1>}
// CHECK-NEXT:    func.return %y

// -----

// One tap beside three, subtracted; the padding of the larger one stays. Another image's term stays too.
func.func @other(%x: tensor<1x1x4x4xf32>, %z: tensor<1x1x4x2xf32>) -> tensor<1x1x4x2xf32> {
  %w = data.constant dense<[[[[1.0, 2.0, 3.0]]]]> : tensor<1x1x1x3xf32>
  %u = data.constant dense<7.0> : tensor<1x1x1x1xf32>
  %c = nn.conv2d %x, %w {padding = array<i64: 0, 1, 0, 0>, strides = array<i64: 1, 2>} : (tensor<1x1x4x4xf32>, tensor<1x1x1x3xf32>) -> tensor<1x1x4x2xf32>
  %d = nn.conv2d %x, %u {strides = array<i64: 1, 2>} : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x2xf32>
  %s = nn.sub %z, %d : (tensor<1x1x4x2xf32>, tensor<1x1x4x2xf32>) -> tensor<1x1x4x2xf32>
  %y = nn.add %s, %c : (tensor<1x1x4x2xf32>, tensor<1x1x4x2xf32>) -> tensor<1x1x4x2xf32>
  func.return %y : tensor<1x1x4x2xf32>
}
// CHECK-LABEL: func.func @other(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}1.0, -5.0, 3.0]]]]> : tensor<1x1x1x3xf32>
// CHECK-NEXT:    %c = nn.conv2d %x, %w {strides = array<i64: 1, 2>, padding = array<i64: 0, 1, 0, 0>}
// CHECK-NEXT:    %y = nn.add %z, %c
// CHECK-NEXT:    func.return %y

// -----

// A kernel of three by three for a column and a row would take nine multiply-adds in place of six.
func.func @cross(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = data.constant dense<1.0> : tensor<1x1x3x1xf32>
  %u = data.constant dense<1.0> : tensor<1x1x1x3xf32>
  %c = nn.conv2d %x, %w {padding = array<i64: 1, 0, 1, 0>} : (tensor<1x1x4x4xf32>, tensor<1x1x3x1xf32>) -> tensor<1x1x4x4xf32>
  %d = nn.conv2d %x, %u {padding = array<i64: 0, 1, 0, 1>} : (tensor<1x1x4x4xf32>, tensor<1x1x1x3xf32>) -> tensor<1x1x4x4xf32>
  %y = nn.add %c, %d : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  func.return %y : tensor<1x1x4x4xf32>
}
// CHECK-LABEL: func.func @cross(
// CHECK:         nn.conv2d
// CHECK:         nn.conv2d
// CHECK:         nn.add
