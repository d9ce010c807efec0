// RUN: recog-opt %s -p fold-batch-norm --split-input-file | filecheck %s
// RUN: recog-opt %s -p 'fold-batch-norm{clone-macs=0 border-map=0}' --split-input-file | filecheck %s --check-prefix=LIMIT

// Transposed convolutions, borders, copies and limits. Everywhere below the batch norm has mean
// 0, variance 1 and eps 0, so that its scale s and its shift t stand in the text.

// Transposed convolution of two groups: the weight has its output channels first.
func.func @transposed(%x: tensor<1x2x2x2xf32>) -> tensor<1x2x4x4xf32> {
  %w = data.constant dense<[[[[1.0, 2.0], [3.0, 4.0]]], [[[5.0, 6.0], [7.0, 8.0]]]]> : tensor<2x1x2x2xf32>
  %s = data.constant dense<[2.0, -1.0]> : tensor<2xf32>
  %t = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<0.0> : tensor<2xf32>
  %v = data.constant dense<1.0> : tensor<2xf32>
  %c = nn.conv_transpose2d %x, %w {strides = array<i64: 2, 2>, groups = 2 : i64} : (tensor<1x2x2x2xf32>, tensor<2x1x2x2xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.batch_norm %c, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %y : tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @transposed(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}2.0, 4.0], [6.0, 8.0]]], {{\[\[\[}}-5.0, -6.0], [-7.0, -8.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<[10.0, 20.0]>
// CHECK-NEXT:    %c = nn.conv_transpose2d %x, %w, %t {strides = array<i64: 2, 2>, groups = 2 : i64}
// CHECK-NEXT:    func.return %c

// -----

// Before a transposed convolution of stride 2 each output sees one tap, 1 or 3 times t = 10.
// The bias is that of the middle, column 2 of 4, which is the first tap.
func.func @before_transposed(%x: tensor<1x1x1x2xf32>) -> tensor<1x1x1x4xf32> {
  %w = data.constant dense<[[[[1.0, 3.0]]]]> : tensor<1x1x1x2xf32>
  %s = data.constant dense<2.0> : tensor<1xf32>
  %t = data.constant dense<10.0> : tensor<1xf32>
  %m = data.constant dense<0.0> : tensor<1xf32>
  %v = data.constant dense<1.0> : tensor<1xf32>
  %y = nn.batch_norm %x, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x1x1x2xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x1x2xf32>
  %c = nn.conv_transpose2d %y, %w {strides = array<i64: 1, 2>} : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x1x1x4xf32>
  func.return %c : tensor<1x1x1x4xf32>
}
// CHECK-LABEL: func.func @before_transposed(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}2.0, 6.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<[10.0]>
// CHECK-NEXT:    %c = nn.conv_transpose2d %x, %w, %t {strides
// CHECK-NEXT:    %border = data.constant dense<{{\[\[\[\[}}0.0, 20.0, 0.0, 20.0]]]]> : tensor<1x1x1x4xf32>
// CHECK-NEXT:    %c_1 = nn.add %c, %border
// CHECK-NEXT:    func.return %c_1
// LIMIT-LABEL: func.func @before_transposed(
// LIMIT:         kept_because = "its input comes from an argument of the function; the shift differs at the border of nn.conv_transpose2d after it, and the map of 4 biases that this takes is above the limit of 0"

// -----

// A kernel of 4 with padding "same" has 1 column on the left and 2 on the right. All four taps
// see t = 1: 1 + 10 + 100 + 1000 = 1111; without the left one 1110, without the right ones 111, 11.
func.func @before_even_kernel(%x: tensor<1x1x1x5xf32>) -> tensor<1x1x1x5xf32> {
  %w = data.constant dense<[[[[1.0, 10.0, 100.0, 1000.0]]]]> : tensor<1x1x1x4xf32>
  %s = data.constant dense<2.0> : tensor<1xf32>
  %t = data.constant dense<1.0> : tensor<1xf32>
  %m = data.constant dense<0.0> : tensor<1xf32>
  %v = data.constant dense<1.0> : tensor<1xf32>
  %y = nn.batch_norm %x, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x1x1x5xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x1x5xf32>
  %c = nn.conv2d %y, %w {padding = array<i64: 0, 1, 0, 2>} : (tensor<1x1x1x5xf32>, tensor<1x1x1x4xf32>) -> tensor<1x1x1x5xf32>
  func.return %c : tensor<1x1x1x5xf32>
}
// CHECK-LABEL: func.func @before_even_kernel(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}2.0, 20.0, 200.0, 2000.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<[1111.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %t {padding
// CHECK-NEXT:    %border = data.constant dense<{{\[\[\[\[}}-1.0, 0.0, 0.0, -1000.0, -1100.0]]]]>
// CHECK-NEXT:    %c_1 = nn.add %c, %border

// -----

// Without a shift zero padding is right as it is, and there is nothing to copy for a scale of 0.
func.func @scale_before_padding(%x: tensor<1x2x1x3xf32>) -> tensor<1x1x1x3xf32> {
  %w = data.constant dense<[[[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]]]> : tensor<1x2x1x3xf32>
  %s = data.constant dense<[-2.0, 0.0]> : tensor<2xf32>
  %m = data.constant dense<0.0> : tensor<2xf32>
  %v = data.constant dense<1.0> : tensor<2xf32>
  %y = nn.batch_norm %x, %s, %m, %m, %v {eps = 0.0 : f64} : (tensor<1x2x1x3xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x1x3xf32>
  %c = nn.conv2d %y, %w {padding = array<i64: 0, 1, 0, 1>} : (tensor<1x2x1x3xf32>, tensor<1x2x1x3xf32>) -> tensor<1x1x1x3xf32>
  func.return %c : tensor<1x1x1x3xf32>
}
// CHECK-LABEL: func.func @scale_before_padding(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}-2.0, -4.0, -6.0]], {{\[\[}}0.0, 0.0, 0.0]]]]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w {padding
// CHECK-NEXT:    func.return %c

// -----

// A pad of its own takes what the batch norm makes 3 of: (3 - 1) / 2 = 1.
func.func @before_pad(%x: tensor<1x1x1x3xf32>) -> tensor<1x1x1x4xf32> {
  %w = data.constant dense<5.0> : tensor<1x1x1x1xf32>
  %s = data.constant dense<2.0> : tensor<1xf32>
  %t = data.constant dense<1.0> : tensor<1xf32>
  %m = data.constant dense<0.0> : tensor<1xf32>
  %v = data.constant dense<1.0> : tensor<1xf32>
  %y = nn.batch_norm %x, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x1x1x3xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x1x3xf32>
  %p = nn.pad %y {padding = array<i64: 0, 0, 0, 1>, value = 3.0 : f64} : (tensor<1x1x1x3xf32>) -> tensor<1x1x1x4xf32>
  %c = nn.conv2d %p, %w : (tensor<1x1x1x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x1x4xf32>
  func.return %c : tensor<1x1x1x4xf32>
}
// CHECK-LABEL: func.func @before_pad(
// CHECK-NEXT:    %p = nn.pad %x {padding = array<i64: 0, 0, 0, 1>, value = 1.000000e+00 : f64}
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}10.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<[5.0]>
// CHECK-NEXT:    %c = nn.conv2d %p, %w, %t :

// -----

// A copy of the convolution takes the batch norm, where copies are allowed.
func.func @copy(%x: tensor<1x1x4x4xf32>) -> (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) {
  %w = data.constant dense<5.0> : tensor<1x1x1x1xf32>
  %s = data.constant dense<2.0> : tensor<1xf32>
  %t = data.constant dense<10.0> : tensor<1xf32>
  %m = data.constant dense<0.0> : tensor<1xf32>
  %v = data.constant dense<1.0> : tensor<1xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %y = nn.batch_norm %c, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x1x4x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x4x4xf32>
  func.return %c, %y : tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>
}
// CHECK-LABEL: func.func @copy(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}5.0]]]]>
// CHECK-NEXT:    %w_1 = data.constant dense<{{\[\[\[\[}}10.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<[10.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w_1, %t :
// CHECK-NEXT:    %c_1 = nn.conv2d %x, %w :
// CHECK-NEXT:    func.return %c_1, %c
// LIMIT-LABEL: func.func @copy(
// LIMIT:         %y = nn.batch_norm %c, {{.*}} {kept_because = "the result of nn.conv2d before it has several uses, and a copy of it takes 1 multiply-add an output, more than 0; its result goes to func.return"

// -----

// The product 1e-20 * 1e-30 is below float32, where the two of them are not.
func.func @underflow(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = data.constant dense<1.0e-20> : tensor<1x1x1x1xf32>
  %s = data.constant dense<1.0e-30> : tensor<1xf32>
  %m = data.constant dense<0.0> : tensor<1xf32>
  %v = data.constant dense<1.0> : tensor<1xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %y = nn.batch_norm %c, %s, %m, %m, %v {eps = 0.0 : f64} : (tensor<1x1x4x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x4x4xf32>
  func.return %y : tensor<1x1x4x4xf32>
}
// CHECK-LABEL: func.func @underflow(
// CHECK:         nn.batch_norm %c, {{.*}} {kept_because = "the folded weights underflow float32; its result goes to func.return"

// -----

// (3 - 2 conv(x)) / 4, in which constants are numbers or have one for each channel:
// w' = -2/4 w = [-0.5, 1], b' = ([3, 5] - 2 [1, 2]) / 4 = [0.25, 0.25].
func.func @arithmetic(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = data.constant dense<[[[[1.0]]], [[[-2.0]]]]> : tensor<2x1x1x1xf32>
  %b = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %two = data.constant dense<2.0> : tensor<f32>
  %c = data.constant dense<[[[3.0]], [[5.0]]]> : tensor<2x1x1xf32>
  %four = data.constant dense<4.0> : tensor<1xf32>
  %v0 = nn.conv2d %x, %w, %b : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %v1 = nn.mul %two, %v0 : (tensor<f32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %v2 = nn.sub %c, %v1 : (tensor<2x1x1xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %v3 = nn.div %v2, %four : (tensor<1x2x4x4xf32>, tensor<1xf32>) -> tensor<1x2x4x4xf32>
  func.return %v3 : tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @arithmetic(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}-0.5]]], {{\[\[\[}}1.0]]]]> : tensor<2x1x1x1xf32>
// CHECK-NEXT:    %b = data.constant dense<0.25> : tensor<2xf32>
// CHECK-NEXT:    [[Y:%.*]] = nn.conv2d %x, %w, %b :
// CHECK-NEXT:    func.return [[Y]]

// -----

// A bias by itself, of features; the layer takes its name and place.
func.func @bias_of_linear(%x: tensor<1x3x2xf32>) -> tensor<1x3x2xf32> {
  %w = data.constant dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32>
  %c = data.constant dense<[5.0, 6.0]> : tensor<2xf32>
  %v0 = nn.linear %x, %w : (tensor<1x3x2xf32>, tensor<2x2xf32>) -> tensor<1x3x2xf32>
  %v1 = nn.add %v0, %c : (tensor<1x3x2xf32>, tensor<2xf32>) -> tensor<1x3x2xf32>
  func.return %v1 : tensor<1x3x2xf32>
}
// CHECK-LABEL: func.func @bias_of_linear(
// CHECK:         %c = data.constant dense<[5.0, 6.0]> : tensor<2xf32>
// CHECK-NEXT:    [[Y:%.*]] = nn.linear %x, %w, %c :
// CHECK-NEXT:    func.return [[Y]]

// -----

// Not into a layer whose weight another one has too, nor one whose result others use, nor what
// differs from pixel to pixel, nor by a division of the constant. Nor into a sum.
func.func @arithmetic_that_stays(%x: tensor<1x1x2x2xf32>) -> (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) {
  %w = data.constant dense<1.5> : tensor<1x1x1x1xf32>
  %w2 = data.constant dense<2.0> : tensor<1x1x1x1xf32>
  %w3 = data.constant dense<3.0> : tensor<1x1x1x1xf32>
  %two = data.constant dense<2.0> : tensor<f32>
  %pixels = data.constant dense<[[[[1.0, 2.0], [3.0, 4.0]]]]> : tensor<1x1x2x2xf32>
  %v0 = nn.conv2d %x, %w : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  %shared = nn.mul %v0, %two : (tensor<1x1x2x2xf32>, tensor<f32>) -> tensor<1x1x2x2xf32>
  %v1 = nn.conv2d %shared, %w : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  %also = nn.add %v1, %two : (tensor<1x1x2x2xf32>, tensor<f32>) -> tensor<1x1x2x2xf32>
  %v5 = nn.conv2d %also, %w : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  %biased = nn.add %v5, %two : (tensor<1x1x2x2xf32>, tensor<f32>) -> tensor<1x1x2x2xf32>
  %used = nn.mul %v1, %two : (tensor<1x1x2x2xf32>, tensor<f32>) -> tensor<1x1x2x2xf32>
  %v2 = nn.conv2d %x, %w2 : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  %varied = nn.add %v2, %pixels : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %v3 = nn.conv2d %x, %w3 : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  %divided = nn.div %two, %v3 : (tensor<f32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %ones = data.constant dense<1.0> : tensor<1x1x1x1xf32>
  %v4 = nn.conv2d %divided, %ones : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  %sum = nn.mul %v4, %two : (tensor<1x1x2x2xf32>, tensor<f32>) -> tensor<1x1x2x2xf32>
  func.return %used, %biased, %varied, %sum : tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>
}
// CHECK-LABEL: func.func @arithmetic_that_stays(
// CHECK:         %shared = nn.mul
// CHECK:         %also = nn.add
// CHECK:         %biased = nn.add
// CHECK:         %used = nn.mul
// CHECK:         %varied = nn.add
// CHECK:         %divided = nn.div
// CHECK:         %sum = nn.mul
