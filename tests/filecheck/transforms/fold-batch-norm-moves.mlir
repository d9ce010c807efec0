// RUN: recog-opt %s -p fold-batch-norm --split-input-file | filecheck %s

// How a batch norm reaches a layer that is not beside it. Everywhere below it has mean 0,
// variance 1 and eps 0, so that its scale s and its shift t stand in the text.

// Max pool: max(s x + t) = s max(x) + t for s >= 0, and a scale of 0 is one of those.
func.func @past_max_pool(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x2x2xf32> {
  %w = data.constant dense<[[[[1.0]]], [[[5.0]]]]> : tensor<2x1x1x1xf32>
  %s = data.constant dense<[2.0, 0.0]> : tensor<2xf32>
  %t = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<0.0> : tensor<2xf32>
  %v = data.constant dense<1.0> : tensor<2xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %p = nn.max_pool2d %c {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  %y = nn.batch_norm %p, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  func.return %y : tensor<1x2x2x2xf32>
}
// CHECK-LABEL: func.func @past_max_pool(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}2.0]]], {{\[\[\[}}0.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<[10.0, 20.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %t :
// CHECK-NEXT:    %p = nn.max_pool2d %c
// CHECK-NEXT:    func.return %p

// -----

// A negative scale makes the largest value the smallest.
func.func @not_past_max_pool(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x2x2xf32> {
  %w = data.constant dense<[[[[1.0]]], [[[5.0]]]]> : tensor<2x1x1x1xf32>
  %s = data.constant dense<[2.0, -3.0]> : tensor<2xf32>
  %t = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<0.0> : tensor<2xf32>
  %v = data.constant dense<1.0> : tensor<2xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %p = nn.max_pool2d %c {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  %y = nn.batch_norm %p, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  func.return %y : tensor<1x2x2x2xf32>
}
// CHECK-LABEL: func.func @not_past_max_pool(
// CHECK:         nn.batch_norm %p, {{.*}} {kept_because = "a negative scale cannot pass nn.max_pool2d; its result goes to func.return"

// -----

// Average pool: a padding that is not counted is no matter.
func.func @past_avg_pool(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x3x3xf32> {
  %w = data.constant dense<5.0> : tensor<1x1x1x1xf32>
  %s = data.constant dense<-2.0> : tensor<1xf32>
  %t = data.constant dense<10.0> : tensor<1xf32>
  %m = data.constant dense<0.0> : tensor<1xf32>
  %v = data.constant dense<1.0> : tensor<1xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %p = nn.avg_pool2d %c {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 1, 1>} : (tensor<1x1x4x4xf32>) -> tensor<1x1x3x3xf32>
  %y = nn.batch_norm %p, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x1x3x3xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x3x3xf32>
  func.return %y : tensor<1x1x3x3xf32>
}
// CHECK-LABEL: func.func @past_avg_pool(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}-10.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<[10.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %t :
// CHECK-NEXT:    %p = nn.avg_pool2d %c

// -----

// One that is counted would hold zeros which the shift does not reach.
func.func @not_past_avg_pool(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x3x3xf32> {
  %w = data.constant dense<5.0> : tensor<1x1x1x1xf32>
  %s = data.constant dense<-2.0> : tensor<1xf32>
  %t = data.constant dense<10.0> : tensor<1xf32>
  %m = data.constant dense<0.0> : tensor<1xf32>
  %v = data.constant dense<1.0> : tensor<1xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %p = nn.avg_pool2d %c {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 1, 1>, count_include_pad} : (tensor<1x1x4x4xf32>) -> tensor<1x1x3x3xf32>
  %y = nn.batch_norm %p, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x1x3x3xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x3x3xf32>
  func.return %y : tensor<1x1x3x3xf32>
}
// CHECK-LABEL: func.func @not_past_avg_pool(
// CHECK:         nn.batch_norm %p, {{.*}} {kept_because = "a shift cannot pass nn.avg_pool2d, which counts its padding; its result goes to func.return"

// -----

// Bilinear: the weights of the pixels add up to 1.
func.func @past_resize(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x8x8xf32> {
  %w = data.constant dense<5.0> : tensor<1x1x1x1xf32>
  %s = data.constant dense<-2.0> : tensor<1xf32>
  %t = data.constant dense<10.0> : tensor<1xf32>
  %m = data.constant dense<0.0> : tensor<1xf32>
  %v = data.constant dense<1.0> : tensor<1xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %p = nn.resize %c {size = array<i64: 8, 8>, mode = "bilinear"} : (tensor<1x1x4x4xf32>) -> tensor<1x1x8x8xf32>
  %y = nn.batch_norm %p, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x1x8x8xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x8x8xf32>
  func.return %y : tensor<1x1x8x8xf32>
}
// CHECK-LABEL: func.func @past_resize(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}-10.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<[10.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %t :
// CHECK-NEXT:    %p = nn.resize %c

// -----

// Pixel shuffle, as the importer writes it: its one channel comes from four.
func.func @past_pixel_shuffle(%x: tensor<1x1x2x2xf32>) -> tensor<1x1x4x4xf32> {
  %w = data.constant dense<[[[[1.0]]], [[[2.0]]], [[[3.0]]], [[[4.0]]]]> : tensor<4x1x1x1xf32>
  %s = data.constant dense<-2.0> : tensor<1xf32>
  %t = data.constant dense<10.0> : tensor<1xf32>
  %m = data.constant dense<0.0> : tensor<1xf32>
  %v = data.constant dense<1.0> : tensor<1xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x2x2xf32>, tensor<4x1x1x1xf32>) -> tensor<1x4x2x2xf32>
  %p = nn.reshape %c : (tensor<1x4x2x2xf32>) -> tensor<1x1x2x2x2x2xf32>
  %q = nn.permute %p {permutation = array<i64: 0, 1, 4, 2, 5, 3>} : (tensor<1x1x2x2x2x2xf32>) -> tensor<1x1x2x2x2x2xf32>
  %r = nn.reshape %q : (tensor<1x1x2x2x2x2xf32>) -> tensor<1x1x4x4xf32>
  %y = nn.batch_norm %r, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x1x4x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x4x4xf32>
  func.return %y : tensor<1x1x4x4xf32>
}
// CHECK-LABEL: func.func @past_pixel_shuffle(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}-2.0]]], {{\[\[\[}}-4.0]]], {{\[\[\[}}-6.0]]], {{\[\[\[}}-8.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<10.0> : tensor<4xf32>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %t :
// CHECK:         func.return %r

// -----

// A sum: both layers take the scale, one of them the shift.
func.func @of_sum(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = data.constant dense<5.0> : tensor<1x1x1x1xf32>
  %w2 = data.constant dense<7.0> : tensor<1x1x1x1xf32>
  %s = data.constant dense<-2.0> : tensor<1xf32>
  %t = data.constant dense<10.0> : tensor<1xf32>
  %m = data.constant dense<0.0> : tensor<1xf32>
  %v = data.constant dense<1.0> : tensor<1xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %d = nn.conv2d %x, %w2 : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %a = nn.add %c, %d : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %y = nn.batch_norm %a, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x1x4x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x4x4xf32>
  func.return %y : tensor<1x1x4x4xf32>
}
// CHECK-LABEL: func.func @of_sum(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}-10.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<[10.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %t :
// CHECK-NEXT:    %w2 = data.constant dense<{{\[\[\[\[}}-14.0]]]]>
// CHECK-NEXT:    %d = nn.conv2d %x, %w2 :
// CHECK-NEXT:    %a = nn.add %c, %d
// CHECK-NEXT:    func.return %a

// -----

// A concat: to each layer the scales of its channels.
func.func @of_concat(%x: tensor<1x1x4x4xf32>) -> tensor<1x3x4x4xf32> {
  %w = data.constant dense<5.0> : tensor<1x1x1x1xf32>
  %w2 = data.constant dense<7.0> : tensor<2x1x1x1xf32>
  %s = data.constant dense<[1.0, 2.0, -3.0]> : tensor<3xf32>
  %t = data.constant dense<[10.0, 20.0, 30.0]> : tensor<3xf32>
  %m = data.constant dense<0.0> : tensor<3xf32>
  %v = data.constant dense<1.0> : tensor<3xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %d = nn.conv2d %x, %w2 : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %a = nn.concat %c, %d : (tensor<1x1x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x3x4x4xf32>
  %y = nn.batch_norm %a, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<1x3x4x4xf32>
  func.return %y : tensor<1x3x4x4xf32>
}
// CHECK-LABEL: func.func @of_concat(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}5.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<[10.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %t :
// CHECK-NEXT:    %w2 = data.constant dense<{{\[\[\[\[}}14.0]]], {{\[\[\[}}-21.0]]]]>
// CHECK-NEXT:    %t_1 = data.constant dense<[20.0, 30.0]>
// CHECK-NEXT:    %d = nn.conv2d %x, %w2, %t_1 :
// CHECK-NEXT:    %a = nn.concat %c, %d

// -----

// One of the two cannot take it: nothing moves.
func.func @of_concat_with_argument(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = data.constant dense<5.0> : tensor<1x1x1x1xf32>
  %s = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %t = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<0.0> : tensor<2xf32>
  %v = data.constant dense<1.0> : tensor<2xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %a = nn.concat %c, %x : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.batch_norm %a, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %y : tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @of_concat_with_argument(
// CHECK:         %c = nn.conv2d %x, %w :
// CHECK:         nn.batch_norm %a, {{.*}} {kept_because = "its input comes from an argument of the function; its result goes to func.return"

// -----

// ReLU, then batch norm with a scale >= 0, then a sum: the scale goes into the convolution
// before, as s relu(x) = relu(s x), the shift into the one after: b' = 3 * 10.
func.func @scale_before_shift_after(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = data.constant dense<5.0> : tensor<1x1x1x1xf32>
  %w2 = data.constant dense<3.0> : tensor<1x1x1x1xf32>
  %s = data.constant dense<2.0> : tensor<1xf32>
  %t = data.constant dense<10.0> : tensor<1xf32>
  %m = data.constant dense<0.0> : tensor<1xf32>
  %v = data.constant dense<1.0> : tensor<1xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %r = nn.relu %c : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %y = nn.batch_norm %r, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x1x4x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x4x4xf32>
  %a = nn.add %x, %y : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %d = nn.conv2d %a, %w2 : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  func.return %d : tensor<1x1x4x4xf32>
}
// CHECK-LABEL: func.func @scale_before_shift_after(
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}10.0]]]]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w :
// CHECK-NEXT:    %r = nn.relu %c
// CHECK-NEXT:    %a = nn.add %x, %r
// CHECK-NEXT:    %w2 = data.constant dense<{{\[\[\[\[}}3.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<[30.0]>
// CHECK-NEXT:    %d = nn.conv2d %a, %w2, %t :

// -----

// Flatten, then linear: each feature by the scale of its channel, b' = 10 (1 + 2) + 20 (3 + 4).
func.func @before_flatten(%x: tensor<1x2x1x2xf32>) -> tensor<1x1xf32> {
  %w = data.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %s = data.constant dense<[2.0, -3.0]> : tensor<2xf32>
  %t = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<0.0> : tensor<2xf32>
  %v = data.constant dense<1.0> : tensor<2xf32>
  %y = nn.batch_norm %x, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x2x1x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x1x2xf32>
  %f = nn.reshape %y : (tensor<1x2x1x2xf32>) -> tensor<1x4xf32>
  %c = nn.linear %f, %w : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x1xf32>
  func.return %c : tensor<1x1xf32>
}
// CHECK-LABEL: func.func @before_flatten(
// CHECK-NEXT:    %f = nn.reshape %x
// CHECK-NEXT:    %w = data.constant dense<{{\[\[}}2.0, 4.0, -9.0, -12.0]]>
// CHECK-NEXT:    %t = data.constant dense<[170.0]> : tensor<1xf32>
// CHECK-NEXT:    %c = nn.linear %f, %w, %t :

// -----

// Global pool, then linear: b' = 1 * 10 + 2 * 20.
func.func @before_global_pool(%x: tensor<1x2x4x4xf32>) -> tensor<1x1xf32> {
  %w = data.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %s = data.constant dense<[2.0, -3.0]> : tensor<2xf32>
  %t = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<0.0> : tensor<2xf32>
  %v = data.constant dense<1.0> : tensor<2xf32>
  %y = nn.batch_norm %x, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %p = nn.avg_pool2d %y {kernel = array<i64: 4, 4>, strides = array<i64: 4, 4>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x1x1xf32>
  %f = nn.reshape %p : (tensor<1x2x1x1xf32>) -> tensor<1x2xf32>
  %c = nn.linear %f, %w : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  func.return %c : tensor<1x1xf32>
}
// CHECK-LABEL: func.func @before_global_pool(
// CHECK-NEXT:    %p = nn.avg_pool2d %x
// CHECK-NEXT:    %f = nn.reshape %p
// CHECK-NEXT:    %w = data.constant dense<{{\[\[}}2.0, -6.0]]>
// CHECK-NEXT:    %t = data.constant dense<[50.0]>
// CHECK-NEXT:    %c = nn.linear %f, %w, %t :

// -----

// Reflection padding copies what was scaled: columns 1, 0, 1, 2 of the result.
func.func @before_reflection(%x: tensor<1x1x1x3xf32>) -> tensor<1x1x1x3xf32> {
  %w = data.constant dense<[[[[1.0, 2.0]]]]> : tensor<1x1x1x2xf32>
  %s = data.constant dense<-2.0> : tensor<1xf32>
  %t = data.constant dense<10.0> : tensor<1xf32>
  %m = data.constant dense<0.0> : tensor<1xf32>
  %v = data.constant dense<1.0> : tensor<1xf32>
  %y = nn.batch_norm %x, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x1x1x3xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x1x3xf32>
  %e = nn.slice %y {starts = array<i64: 0, 0, 0, 1>, stops = array<i64: 1, 1, 1, 2>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x1x1x3xf32>) -> tensor<1x1x1x1xf32>
  %p = nn.concat %e, %y {axis = 3 : i64} : (tensor<1x1x1x1xf32>, tensor<1x1x1x3xf32>) -> tensor<1x1x1x4xf32>
  %c = nn.conv2d %p, %w : (tensor<1x1x1x4xf32>, tensor<1x1x1x2xf32>) -> tensor<1x1x1x3xf32>
  func.return %c : tensor<1x1x1x3xf32>
}
// CHECK-LABEL: func.func @before_reflection(
// CHECK-NEXT:    %e = nn.slice %x
// CHECK-NEXT:    %p = nn.concat %e, %x
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}-2.0, -4.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<[30.0]>
// CHECK-NEXT:    %c = nn.conv2d %p, %w, %t :

// -----

// Conv1d, as the importer writes it: batch norm over (N, C, L), convolution over (N, C, 1, L).
func.func @conv1d(%x: tensor<1x1x4xf32>) -> tensor<1x2x3xf32> {
  %w = data.constant dense<[[[[1.0, 2.0]]], [[[3.0, 4.0]]]]> : tensor<2x1x1x2xf32>
  %s = data.constant dense<[2.0, -3.0]> : tensor<2xf32>
  %t = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %m = data.constant dense<0.0> : tensor<2xf32>
  %v = data.constant dense<1.0> : tensor<2xf32>
  %r = nn.reshape %x : (tensor<1x1x4xf32>) -> tensor<1x1x1x4xf32>
  %c = nn.conv2d %r, %w : (tensor<1x1x1x4xf32>, tensor<2x1x1x2xf32>) -> tensor<1x2x1x3xf32>
  %l = nn.reshape %c : (tensor<1x2x1x3xf32>) -> tensor<1x2x3xf32>
  %y = nn.batch_norm %l, %s, %t, %m, %v {eps = 0.0 : f64} : (tensor<1x2x3xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x3xf32>
  func.return %y : tensor<1x2x3xf32>
}
// CHECK-LABEL: func.func @conv1d(
// CHECK-NEXT:    %r = nn.reshape %x
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}2.0, 4.0]]], {{\[\[\[}}-9.0, -12.0]]]]>
// CHECK-NEXT:    %t = data.constant dense<[10.0, 20.0]>
// CHECK-NEXT:    %c = nn.conv2d %r, %w, %t :
// CHECK-NEXT:    %l = nn.reshape %c
// CHECK-NEXT:    func.return %l

// -----

// A frozen batch norm, which is a multiplication and an addition of constants by channel.
func.func @frozen(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = data.constant dense<[[[[1.0]]], [[[5.0]]]]> : tensor<2x1x1x1xf32>
  %s = data.constant dense<[[[[2.0]], [[-3.0]]]]> : tensor<1x2x1x1xf32>
  %t = data.constant dense<[[[10.0]], [[20.0]]]> : tensor<2x1x1xf32>
  %c = nn.conv2d %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %p = nn.mul %c, %s : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.add %p, %t : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
  func.return %y : tensor<1x2x4x4xf32>
}
// CHECK-LABEL: func.func @frozen(
// CHECK:         %w = data.constant dense<{{\[\[\[\[}}2.0]]], {{\[\[\[}}-15.0]]]]>
// CHECK-NEXT:    %bias = data.constant dense<[10.0, 20.0]>
// CHECK-NEXT:    %c = nn.conv2d %x, %w, %bias :
// CHECK-NEXT:    func.return %c
