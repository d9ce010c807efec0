// RUN: recog-opt %s -p canonicalize --split-input-file | filecheck %s

func.func @relu_of_non_negative(%x: tensor<1x4xf32>) -> (tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) {
  %a = nn.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %b = nn.relu %a : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %c = nn.clamp %x {min = 0.0 : f64, max = 6.0 : f64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %d = nn.relu %c : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %e = nn.clamp %x {min = -1.0 : f64, max = 6.0 : f64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %f = nn.relu %e : (tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return %b, %d, %f : tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>
}
// The last ReLU does something.
// CHECK-LABEL: @relu_of_non_negative
// CHECK-NEXT:    %a = nn.relu %x
// CHECK-NEXT:    %c = nn.clamp %x
// CHECK-NEXT:    %e = nn.clamp %x
// CHECK-NEXT:    %f = nn.relu %e
// CHECK-NEXT:    func.return %a, %c, %f

// -----

func.func @relu_of_what_is_never_negative(%x: tensor<1x4xf32>) -> (tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) {
  %a = nn.exp %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %b = nn.relu %a : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %c = nn.mul %x, %x : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  %d = nn.relu %c : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %e = nn.softplus %x {beta = -1.0 : f64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %f = nn.relu %e : (tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return %b, %d, %f : tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>
}
// A softplus of negative beta is negative.
// CHECK-LABEL: @relu_of_what_is_never_negative
// CHECK-NEXT:    %a = nn.exp %x
// CHECK-NEXT:    %c = nn.mul %x, %x
// CHECK-NEXT:    %e = nn.softplus %x
// CHECK-NEXT:    %f = nn.relu %e
// CHECK-NEXT:    func.return %a, %c, %f

// -----

func.func @reshape_of_reshape(%x: tensor<2x3x4xf32>) -> (tensor<2x12x1xf32>, tensor<2x3x4xf32>) {
  %a = nn.reshape %x : (tensor<2x3x4xf32>) -> tensor<2x12xf32>
  %b = nn.reshape %a : (tensor<2x12xf32>) -> tensor<2x12x1xf32>
  %c = nn.reshape %b : (tensor<2x12x1xf32>) -> tensor<2x3x4xf32>
  func.return %b, %c : tensor<2x12x1xf32>, tensor<2x3x4xf32>
}
// CHECK-LABEL: @reshape_of_reshape
// CHECK-NEXT:    %b = nn.reshape %x : (tensor<2x3x4xf32>) -> tensor<2x12x1xf32>
// CHECK-NEXT:    func.return %b, %x

// -----

func.func @reshape_of_constant() -> tensor<1x2x2xf32> {
  %a = data.constant dense<[[1.0, -0.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %b = nn.reshape %a : (tensor<1x4xf32>) -> tensor<1x2x2xf32>
  func.return %b : tensor<1x2x2xf32>
}
// CHECK-LABEL: @reshape_of_constant
// CHECK-NEXT:    %b = data.constant dense<{{\[\[\[}}1.0, -0.0], [3.0, 4.0]]]> : tensor<1x2x2xf32>
// CHECK-NEXT:    func.return %b

// -----

// Zero padding joins the convolution's; other values and a pool's padding stay.
func.func @pad_into_conv(%x: tensor<1x1x4x4xf32>, %w: tensor<1x1x3x3xf32>) -> (tensor<1x1x6x7xf32>, tensor<1x1x4x4xf32>) {
  %a = nn.pad %x {padding = array<i64: 1, 0, 1, 2>} : (tensor<1x1x4x4xf32>) -> tensor<1x1x6x6xf32>
  %b = nn.conv2d %a, %w {padding = array<i64: 1, 2, 1, 1>} : (tensor<1x1x6x6xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x6x7xf32>
  %c = nn.pad %x {padding = array<i64: 1, 1, 1, 1>, value = 1.0 : f64} : (tensor<1x1x4x4xf32>) -> tensor<1x1x6x6xf32>
  %d = nn.conv2d %c, %w : (tensor<1x1x6x6xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x4x4xf32>
  func.return %b, %d : tensor<1x1x6x7xf32>, tensor<1x1x4x4xf32>
}
// CHECK-LABEL: @pad_into_conv
// CHECK-NEXT:    %b = nn.conv2d %x, %w {padding = array<i64: 2, 2, 2, 3>}
// CHECK-NEXT:    %c = nn.pad %x {padding = array<i64: 1, 1, 1, 1>, value = 1.000000e+00 : f64}
// CHECK-NEXT:    %d = nn.conv2d %c, %w :
// CHECK-NEXT:    func.return %b, %d

// -----

func.func @pad_of_pad(%x: tensor<1x1x2x2xf32>) -> (tensor<1x1x4x6xf32>, tensor<1x1x4x4xf32>, tensor<1x1x2x2xf32>) {
  %a = nn.pad %x {padding = array<i64: 0, 1, 1, 1>, value = 2.0 : f64} : (tensor<1x1x2x2xf32>) -> tensor<1x1x3x4xf32>
  %b = nn.pad %a {padding = array<i64: 1, 1, 0, 1>, value = 2.0 : f64} : (tensor<1x1x3x4xf32>) -> tensor<1x1x4x6xf32>
  %c = nn.pad %a {padding = array<i64: 1, 0, 0, 0>} : (tensor<1x1x3x4xf32>) -> tensor<1x1x4x4xf32>
  %d = nn.pad %x {padding = array<i64: 0, 0, 0, 0>} : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  func.return %b, %c, %d : tensor<1x1x4x6xf32>, tensor<1x1x4x4xf32>, tensor<1x1x2x2xf32>
}
// CHECK-LABEL: @pad_of_pad
// CHECK-NEXT:    %a = nn.pad %x {padding = array<i64: 0, 1, 1, 1>, value = 2.000000e+00 : f64}
// CHECK-NEXT:    %b = nn.pad %x {padding = array<i64: 1, 2, 1, 2>, value = 2.000000e+00 : f64}
// CHECK-NEXT:    %c = nn.pad %a {padding = array<i64: 1, 0, 0, 0>}
// CHECK-NEXT:    func.return %b, %c, %x

// -----

func.func @concat(%x: tensor<1x2xf32>, %y: tensor<1x3xf32>) -> (tensor<1x7xf32>, tensor<1x2xf32>) {
  %a = nn.concat %x, %y : (tensor<1x2xf32>, tensor<1x3xf32>) -> tensor<1x5xf32>
  %b = nn.concat %a, %x : (tensor<1x5xf32>, tensor<1x2xf32>) -> tensor<1x7xf32>
  %c = nn.concat %x : (tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %b, %c : tensor<1x7xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: @concat
// CHECK-NEXT:    %b = nn.concat %x, %y, %x :
// CHECK-NEXT:    func.return %b, %x

// -----

func.func @concat_of_other_axis(%x: tensor<1x2x2xf32>) -> tensor<1x4x4xf32> {
  %a = nn.concat %x, %x {axis = 2 : i64} : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<1x2x4xf32>
  %b = nn.concat %a, %a : (tensor<1x2x4xf32>, tensor<1x2x4xf32>) -> tensor<1x4x4xf32>
  func.return %b : tensor<1x4x4xf32>
}
// CHECK-LABEL: @concat_of_other_axis
// CHECK-NEXT:    %a = nn.concat %x, %x {axis = 2 : i64}
// CHECK-NEXT:    %b = nn.concat %a, %a :

// -----

func.func @window_of_one(%x: tensor<1x2x4x4xf32>) -> (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>, tensor<1x2x2x2xf32>) {
  %a = nn.max_pool2d %x {kernel = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %b = nn.avg_pool2d %x {kernel = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %c = nn.max_pool2d %x {kernel = array<i64: 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  func.return %a, %b, %c : tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>, tensor<1x2x2x2xf32>
}
// CHECK-LABEL: @window_of_one
// CHECK-NEXT:    %c = nn.max_pool2d %x
// CHECK-NEXT:    func.return %x, %x, %c

// -----

// x + 0 is not x where x is -0.0, and a constant may widen the shape.
func.func @multiply_by_one(%x: tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<3x1x2xf32>, tensor<1x2xf32>) {
  %one = data.constant dense<1.0> : tensor<f32>
  %ones = data.constant dense<1.0> : tensor<3x1x1xf32>
  %zero = data.constant dense<0.0> : tensor<f32>
  %a = nn.mul %one, %x : (tensor<f32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %b = nn.div %x, %one : (tensor<1x2xf32>, tensor<f32>) -> tensor<1x2xf32>
  %c = nn.mul %x, %ones : (tensor<1x2xf32>, tensor<3x1x1xf32>) -> tensor<3x1x2xf32>
  %d = nn.add %x, %zero : (tensor<1x2xf32>, tensor<f32>) -> tensor<1x2xf32>
  func.return %a, %b, %c, %d : tensor<1x2xf32>, tensor<1x2xf32>, tensor<3x1x2xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: @multiply_by_one
// CHECK:         %c = nn.mul %x, %ones
// CHECK-NEXT:    %d = nn.add %x, %zero
// CHECK-NEXT:    func.return %x, %x, %c, %d

// What is repeated for an op that broadcasts is not: beside an operand of the result's shape only.
func.func @broadcast_operands(%x: tensor<1x2x3xf32>, %y: tensor<1x2x1xf32>) -> (tensor<1x2x3xf32>, tensor<1x2x3xf32>) {
  %v0 = nn.broadcast %y : (tensor<1x2x1xf32>) -> tensor<1x2x3xf32>
  %v1 = nn.mul %x, %v0 : (tensor<1x2x3xf32>, tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  %v2 = nn.add %v0, %v0 : (tensor<1x2x3xf32>, tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  func.return %v1, %v2 : tensor<1x2x3xf32>, tensor<1x2x3xf32>
}
// CHECK-LABEL: @broadcast_operands
// CHECK:         [[B:%.*]] = nn.broadcast %y
// CHECK:         nn.mul %x, %y : (tensor<1x2x3xf32>, tensor<1x2x1xf32>) -> tensor<1x2x3xf32>
// CHECK-NEXT:    nn.add [[B]], [[B]]
