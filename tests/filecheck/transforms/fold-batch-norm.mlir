// RUN: recog-opt %s -p fold-batch-norm --split-input-file | filecheck %s
// RUN: recog-opt %s -p fold-batch-norm,fold-batch-norm --split-input-file | filecheck %s

// Everywhere below the batch norm's scale is s = [4, 9] / sqrt([3, 8] + 1) = [2, 3] and its
// shift is t = [10, 20] - [1, 2] * s = [8, 14].

// w' = s w = [2, -15]; without a bias, b' = t.
func.func @conv(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = data.constant dense<[[[[1.0]]], [[[-5.0]]]]> : tensor<2x1x1x1xf32>
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.batch_norm %c, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %y : tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @conv(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}2.0]]], {{\[\[\[}}-15.0]]]]> : tensor<2x1x1x1xf32>
// CHECK-NEXT:    %b = data.constant dense<[8.0, 14.0]> : tensor<2xf32>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %b : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
// CHECK-NEXT:    func.return %c

// -----

// b' = s b + t = [2, -3] + [8, 14]. The convolution's attributes and location stay.
func.func @conv_with_bias(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x2x2xf32> {
  %w = data.constant dense<[[[[1.0]]], [[[-5.0]]]]> : tensor<2x1x1x1xf32>
  %b0 = data.constant dense<[1.0, -1.0]> : tensor<2xf32>
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %c = nn.conv2d %x, %w, %b0 {strides = array<i64: 3, 3>, padding = array<i64: 1, 0, 0, 1>, dilation = array<i64: 2, 2>} : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  %y = nn.batch_norm %c, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  func.return %y : tensor<1x2x2x2xf32>
}
// CHECK-LABEL: func.func @conv_with_bias(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}2.0]]], {{\[\[\[}}-15.0]]]]> : tensor<2x1x1x1xf32>
// CHECK-NEXT:    %b0 = data.constant dense<[10.0, 11.0]> : tensor<2xf32>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %b0 {strides = array<i64: 3, 3>, padding = array<i64: 1, 0, 0, 1>, dilation = array<i64: 2, 2>} :
// CHECK-NEXT:    func.return %c

// -----

// Depthwise: one scale a group, as without groups.
func.func @depthwise(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = data.constant dense<[[[[1.0]]], [[[-5.0]]]]> : tensor<2x1x1x1xf32>
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %c = nn.conv2d %x, %w {groups = 2 : i64} : (tensor<1x2x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.batch_norm %c, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %y : tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @depthwise(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}2.0]]], {{\[\[\[}}-15.0]]]]>
// CHECK-NEXT:    %b = data.constant dense<[8.0, 14.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %b {groups = 2 : i64}
// CHECK-NEXT:    func.return %c

// -----

// w' = s w by row.
func.func @linear(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = data.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %c = nn.linear %x, %w : (tensor<1x3xf32>, tensor<2x3xf32>) -> tensor<1x2xf32>
  %y = nn.batch_norm %c, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK-LABEL: func.func @linear(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[}}2.0, 4.0, 6.0], [12.0, 15.0, 18.0]]> : tensor<2x3xf32>
// CHECK-NEXT:    %b = data.constant dense<[8.0, 14.0]> : tensor<2xf32>
// CHECK-NEXT:    %c = nn.linear %x, %w, %b :
// CHECK-NEXT:    func.return %c

// -----

// The batch norm is over axis 1, the linear layer over the last: not the same channels.
func.func @linear_other_axis(%x: tensor<1x2x3xf32>) -> tensor<1x2x2xf32> {
  %w = data.constant dense<1.0> : tensor<2x3xf32>
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %c = nn.linear %x, %w : (tensor<1x2x3xf32>, tensor<2x3xf32>) -> tensor<1x2x2xf32>
  %y = nn.batch_norm %c, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2xf32>
  func.return %y : tensor<1x2x2xf32>
}
// CHECK-LABEL: func.func @linear_other_axis(
// CHECK:         nn.batch_norm %c, {{.*}} {kept_because = "it does not normalize the features of nn.linear before it; its result goes to func.return"

// -----

// The sum needs the convolution's own result too: a copy of it takes the batch norm, as it
// costs one multiply-add an output, no more than the batch norm.
func.func @conv_of_two_uses(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = data.constant dense<[[[[1.0]]], [[[-5.0]]]]> : tensor<2x1x1x1xf32>
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.batch_norm %c, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %z = nn.add %c, %y : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  func.return %z : tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @conv_of_two_uses(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}1.0]]], {{\[\[\[}}-5.0]]]]>
// CHECK-NEXT:    %w_1 = data.constant dense<{{\[\[\[\[}}2.0]]], {{\[\[\[}}-15.0]]]]>
// CHECK-NEXT:    %b = data.constant dense<[8.0, 14.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w_1, %b :
// CHECK-NEXT:    %c_1 = nn.conv2d %x, %w :
// CHECK-NEXT:    %z = nn.add %c_1, %c :

// -----

// Two batch norms of one convolution: a convolution for each. The second batch norm has
// s = [2, 6] / [2, 3] = [1, 2] and t = [10, 20] - [1, 2] * s = [9, 16].
func.func @conv_of_two_batch_norms(%x: tensor<1x1x4x4xf32>) -> (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) {
  %w = data.constant dense<[[[[1.0]]], [[[-5.0]]]]> : tensor<2x1x1x1xf32>
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %g2 = data.constant dense<[2.0, 6.0]> : tensor<2xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.batch_norm %c, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %z = nn.batch_norm %c, %g2, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %y, %z : tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @conv_of_two_batch_norms(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}2.0]]], {{\[\[\[}}-15.0]]]]>
// CHECK-NEXT:    %b = data.constant dense<[8.0, 14.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %b :
// CHECK-NEXT:    %w_1 = data.constant dense<{{\[\[\[\[}}1.0]]], {{\[\[\[}}-10.0]]]]>
// CHECK-NEXT:    %b_1 = data.constant dense<[9.0, 16.0]>
// CHECK-NEXT:    %c_1 = nn.conv2d %x, %w_1, %b_1 :
// CHECK-NEXT:    func.return %c, %c_1

// -----

// One weight in two layers, only one of which is normalized: each keeps its own.
func.func @shared_weight(%x: tensor<1x1x4x4xf32>) -> (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) {
  %w = data.constant dense<[[[[1.0]]], [[[-5.0]]]]> : tensor<2x1x1x1xf32>
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %d = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.batch_norm %c, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %y, %d : tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @shared_weight(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}1.0]]], {{\[\[\[}}-5.0]]]]>
// CHECK-NEXT:    %w_1 = data.constant dense<{{\[\[\[\[}}2.0]]], {{\[\[\[}}-15.0]]]]>
// CHECK-NEXT:    %b = data.constant dense<[8.0, 14.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w_1, %b :
// CHECK-NEXT:    %d = nn.conv2d %x, %w :
// CHECK-NEXT:    func.return %c, %d

// -----

// Twice the same: s' = s s = [4, 9], t' = s t + t = [24, 56].
func.func @two_in_a_row(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = data.constant dense<[[[[1.0]]], [[[-5.0]]]]> : tensor<2x1x1x1xf32>
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.batch_norm %c, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %z = nn.batch_norm %y, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %z : tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @two_in_a_row(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}4.0]]], {{\[\[\[}}-45.0]]]]>
// CHECK-NEXT:    %b = data.constant dense<[24.0, 56.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %b :
// CHECK-NEXT:    func.return %c

// -----

// Without a layer the two become one, which says what it does: mean 0, variance 1, eps 0.
func.func @two_without_layer(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %y = nn.batch_norm %x, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %z = nn.batch_norm %y, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %z : tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @two_without_layer(
// CHECK-NEXT:    %g = data.constant dense<[4.0, 9.0]>
// CHECK-NEXT:    %b = data.constant dense<[24.0, 56.0]>
// CHECK-NEXT:    %m = data.constant dense<0.0>
// CHECK-NEXT:    %v = data.constant dense<1.0>
// CHECK-NEXT:    %y = nn.batch_norm %x, %g, %b, %m, %v {kept_because = "its input comes from an argument of the function; its result goes to func.return", eps = 0.000000e+00 : f64}

// -----

// Before a layer without padding: w' = w s by input channel, b' = sum of w t
// = 8 (1 + 10) + 14 (100 + 1000).
func.func @before_conv(%x: tensor<1x2x4x4xf32>) -> tensor<1x1x4x3xf32> {
  %w = data.constant dense<[[[[1.0, 10.0]], [[100.0, 1000.0]]]]> : tensor<1x2x1x2xf32>
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %y = nn.batch_norm %x, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %c = nn.conv2d %y, %w : (tensor<1x2x4x4xf32>, tensor<1x2x1x2xf32>) -> tensor<1x1x4x3xf32>
  func.return %c : tensor<1x1x4x3xf32>
}
// CHECK-LABEL: func.func @before_conv(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}2.0, 20.0]], {{\[\[}}300.0, 3000.0]]]]>
// CHECK-NEXT:    %b = data.constant dense<[15488.0]> : tensor<1xf32>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %b :
// CHECK-NEXT:    func.return %c

// -----

// Padding enters after the batch norm, as zeros that were not shifted: in the last column the
// kernel sees them at its second tap, so b' there is 8 * 1 + 14 * 100 = 1408, and -14080 makes
// that of 15488.
func.func @before_padded_conv(%x: tensor<1x2x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = data.constant dense<[[[[1.0, 10.0]], [[100.0, 1000.0]]]]> : tensor<1x2x1x2xf32>
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %y = nn.batch_norm %x, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %c = nn.conv2d %y, %w {padding = array<i64: 0, 0, 0, 1>} : (tensor<1x2x4x4xf32>, tensor<1x2x1x2xf32>) -> tensor<1x1x4x4xf32>
  func.return %c : tensor<1x1x4x4xf32>
}
// CHECK-LABEL: func.func @before_padded_conv(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}2.0, 20.0]], {{\[\[}}300.0, 3000.0]]]]>
// CHECK-NEXT:    %b = data.constant dense<[15488.0]> : tensor<1xf32>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %b {padding
// CHECK-NEXT:    %border = data.constant dense<{{\[\[\[\[}}0.0, 0.0, 0.0, -14080.0], [0.0, 0.0, 0.0, -14080.0],
// CHECK-NEXT:    %c_1 = nn.add %c, %border :
// CHECK-NEXT:    func.return %c_1

// -----

// Groups: each output channel scales by the channel it sees.
func.func @before_depthwise(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = data.constant dense<[[[[1.0]]], [[[10.0]]]]> : tensor<2x1x1x1xf32>
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %y = nn.batch_norm %x, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %c = nn.conv2d %y, %w {groups = 2 : i64} : (tensor<1x2x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  func.return %c : tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @before_depthwise(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}2.0]]], {{\[\[\[}}30.0]]]]>
// CHECK-NEXT:    %b = data.constant dense<[8.0, 140.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %b {groups = 2 : i64}

// -----

// b' = b + w t = [1 + 1 * 8 + 2 * 14].
func.func @before_linear(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %w = data.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %b0 = data.constant dense<[1.0]> : tensor<1xf32>
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %y = nn.batch_norm %x, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %c = nn.linear %y, %w, %b0 : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  func.return %c : tensor<1x1xf32>
}
// CHECK-LABEL: func.func @before_linear(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[}}2.0, 6.0]]>
// CHECK-NEXT:    %b0 = data.constant dense<[37.0]> : tensor<1xf32>
// CHECK-NEXT:    %c = nn.linear %x, %w, %b0 :

// -----

// Neither the argument nor the result of the function has weights.
func.func @after_pool(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32> {
  %g = data.constant dense<[4.0, 9.0]> : tensor<2xf32>
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %p = nn.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  %y = nn.batch_norm %p, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  func.return %y : tensor<1x2x2x2xf32>
}
// CHECK-LABEL: func.func @after_pool(
// CHECK:         nn.batch_norm %p, {{.*}} {kept_because = "its input comes from an argument of the function; its result goes to func.return"

// -----

// Weights and statistics that are computed cannot be folded here.
func.func @computed(%x: tensor<1x1x4x4xf32>, %w: tensor<2x1x1x1xf32>, %g: tensor<2xf32>) -> (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) {
  %b = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  %k = data.constant dense<1.0> : tensor<2x1x1x1xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.batch_norm %c, %b, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %d = nn.conv2d %x, %k : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %z = nn.batch_norm %d, %g, %b, %m, %v {eps = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %y, %z : tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @computed(
// CHECK:         nn.batch_norm %c, {{.*}} {kept_because = "the weight of nn.conv2d is not constant; its result goes to func.return"
// CHECK:         nn.batch_norm %d, {{.*}} {kept_because = "its scale is not constant"

// -----

// Never an infinite weight: a variance of 0 without eps, and products beyond float32.
func.func @not_finite(%x: tensor<1x1x4x4xf32>) -> (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) {
  %w = data.constant dense<1.0e+30> : tensor<2x1x1x1xf32>
  %one = data.constant dense<1.0> : tensor<2xf32>
  %zero = data.constant dense<0.0> : tensor<2xf32>
  %huge = data.constant dense<1.0e+30> : tensor<2xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.batch_norm %c, %one, %zero, %zero, %zero {eps = 0.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %d = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %z = nn.batch_norm %d, %huge, %zero, %zero, %one : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %y, %z : tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @not_finite(
// CHECK:         nn.batch_norm %c, {{.*}} {kept_because = "a channel's variance plus eps is not positive"
// CHECK:         nn.batch_norm %d, {{.*}} {kept_because = "the folded weights overflow float32; its result goes to func.return"
