// RUN: recog-opt %s -p encode-lns | filecheck %s

!x = !lns.number<8, 4, bias = 60>
!u = !lns.number<8, 5, bias = 120, unsigned>
!y = !lns.number<8, 4, bias = 70>

func.func @conv_transpose2d(%x: tensor<1x2x3x3xf32> {lns.format = !x}) -> tensor<1x2x6x6xf32> {
  %w = data.constant dense<1.0> : tensor<2x1x3x3xf32>
  %b = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v0 = nn.conv_transpose2d %x, %w, %b {strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 1, 1>, output_padding = array<i64: 1, 1>, groups = 2 : i64, lns.format = !y} : (tensor<1x2x3x3xf32>, tensor<2x1x3x3xf32>, tensor<2xf32>) -> tensor<1x2x6x6xf32>
  %v1 = nn.relu %v0 {layer = "up", lns.format = !u} : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  func.return %v1 : tensor<1x2x6x6xf32>
}
// CHECK-LABEL: @conv_transpose2d
// CHECK:         %v1 = lns.conv_transpose2d {{.*}}, %w, %b {layer = "up", strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 1, 1>, output_padding = array<i64: 1, 1>, groups = 2 : i64, relu} : {{.*}} -> tensor<1x2x6x6x!lns.number<8, 5, bias = 120, unsigned>>

// Squeeze-excite; a difference; a quotient is a product with the reciprocal: code m stands for
// 2^(m - 2), code 8 - m with bias 6 for 2^(2 - m).
func.func @two_operands(%x: tensor<1x2x3x3xf32> {lns.format = !x}, %s: tensor<1x2x1x1xf32> {lns.format = !lns.number<3, 0, bias = 2, unsigned>}) -> (tensor<1x2x3x3xf32>, tensor<1x2x3x3xf32>, tensor<1x2x3x3xf32>) {
  %v0 = nn.mul %x, %s {layer = "se", lns.format = !y} : (tensor<1x2x3x3xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x3x3xf32>
  %v1 = nn.sub %x, %s {lns.format = !y} : (tensor<1x2x3x3xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x3x3xf32>
  %v2 = nn.relu %v1 {lns.format = !u} : (tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  %v3 = nn.div %x, %s {lns.format = !y} : (tensor<1x2x3x3xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x3x3xf32>
  func.return %v0, %v2, %v3 : tensor<1x2x3x3xf32>, tensor<1x2x3x3xf32>, tensor<1x2x3x3xf32>
}
// CHECK-LABEL: @two_operands
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    [[S:%.*]] = lns.encode %s
// CHECK-NEXT:    %v0 = lns.mul [[X]], [[S]] {layer = "se"} : (tensor<1x2x3x3x!lns.number<8, 4, bias = 60>>, tensor<1x2x1x1x!lns.number<3, 0, bias = 2, unsigned>>) -> tensor<1x2x3x3x!lns.number<8, 4, bias = 70>>
// CHECK:         %v2 = lns.sub [[X]], [[S]] {relu} : {{.*}} -> tensor<1x2x3x3x!lns.number<8, 5, bias = 120, unsigned>>
// CHECK:         [[T:%.*]] = data.constant dense<[7, 7, 6, 5, 4, 3, 2, 1]> : tensor<8x!lns.number<3, 0, bias = 6, unsigned>>
// CHECK-NEXT:    [[R:%.*]] = lns.table [[S]], [[T]] : {{.*}} -> tensor<1x2x1x1x!lns.number<3, 0, bias = 6, unsigned>>
// CHECK-NEXT:    %v3 = lns.mul [[X]], [[R]] :

// A whole tensor of constants, such as the biases at an image's border, becomes codes; axes that it
// leaves out are put in. In a concatenation it has the format of the whole, for every frame.
func.func @constants(%x: tensor<1x1x1x2xf32> {lns.format = !x}) -> tensor<1x2x1x2xf32> {
  %c = data.constant dense<[1.0, -2.0]> : tensor<2xf32>
  %v0 = nn.add %x, %c {lns.format = !x} : (tensor<1x1x1x2xf32>, tensor<2xf32>) -> tensor<1x1x1x2xf32>
  %d = data.constant dense<1.0> : tensor<1x1x1x2xf32>
  %v1 = nn.concat %v0, %d {lns.format = !x} : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x2x1x2xf32>
  func.return %v1 : tensor<1x2x1x2xf32>
}
// CHECK-LABEL: @constants
// CHECK:         [[C:%.*]] = data.constant dense<{{\[\[\[\[}}111, -127]]]]> : tensor<1x1x1x2x!lns.number<8, 4, bias = 111>>
// CHECK-NEXT:    %v0 = lns.add {{.*}}, [[C]] :
// CHECK-NEXT:    %d = data.constant dense<60> : tensor<1x1x1x2x!lns.number<8, 4, bias = 60>>
// CHECK-NEXT:    %v1 = lns.concat %v0, %d :

// Doubled, positions are quarters; 33 → 129 with aligned corners, quarters too. 5 → 127 takes
// steps of 1/254: their square and codes of 8 bits fit a sum of 32. 3 → 300 takes 1/200, but
// 7 → 1000 would take 1/2000 and gets 1/256.
func.func @resize(%x: tensor<1x1x3x7xf32> {lns.format = !x}, %z: tensor<1x1x33x5xf32> {lns.format = !x}) -> (tensor<1x1x6x14xf32>, tensor<1x1x6x14xf32>, tensor<1x1x129x127xf32>, tensor<1x1x300x1000xf32>) {
  %v0 = nn.resize %x {size = array<i64: 6, 14>, mode = "nearest", lns.format = !y} : (tensor<1x1x3x7xf32>) -> tensor<1x1x6x14xf32>
  %v1 = nn.resize %x {size = array<i64: 6, 14>, mode = "bilinear", lns.format = !y} : (tensor<1x1x3x7xf32>) -> tensor<1x1x6x14xf32>
  %v2 = nn.resize %z {size = array<i64: 129, 127>, mode = "bilinear", align_corners, lns.format = !y} : (tensor<1x1x33x5xf32>) -> tensor<1x1x129x127xf32>
  %v3 = nn.resize %x {size = array<i64: 300, 1000>, mode = "bilinear", lns.format = !y} : (tensor<1x1x3x7xf32>) -> tensor<1x1x300x1000xf32>
  func.return %v0, %v1, %v2, %v3 : tensor<1x1x6x14xf32>, tensor<1x1x6x14xf32>, tensor<1x1x129x127xf32>, tensor<1x1x300x1000xf32>
}
// CHECK-LABEL: @resize
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    %v0 = lns.resize [[X]] {mode = "nearest"} : {{.*}} -> tensor<1x1x6x14x!lns.number<8, 4, bias = 60>>
// CHECK:         %v1 = lns.resize [[X]] {mode = "bilinear", steps = array<i64: 4, 4>, arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 32, fine_antilog_bits = 10>} : {{.*}} -> tensor<1x1x6x14x!lns.number<8, 4, bias = 70>>
// CHECK:         %v2 = lns.resize {{.*}} {mode = "bilinear", align_corners, steps = array<i64: 4, 63>, arithmetic =
// CHECK:         %v3 = lns.resize [[X]] {mode = "bilinear", steps = array<i64: 200, 256>, arithmetic =

// What moves codes keeps their format.
func.func @moves(%x: tensor<1x4x2x2xf32> {lns.format = !x}) -> (tensor<1x2x2x1xf32>, tensor<1x2x2x4xf32>, tensor<1x4x3x4xf32>, tensor<1x2x2xi64>) {
  %v0 = nn.slice %x {starts = array<i64: 0, 0, 0, 1>, stops = array<i64: 1, 4, 2, 2>, steps = array<i64: 1, 2, 1, 1>, lns.format = !y} : (tensor<1x4x2x2xf32>) -> tensor<1x2x2x1xf32>
  %v1 = nn.permute %x {permutation = array<i64: 0, 2, 3, 1>, lns.format = !y} : (tensor<1x4x2x2xf32>) -> tensor<1x2x2x4xf32>
  %v2 = nn.pad %x {padding = array<i64: 1, 2, 0, 0>, lns.format = !y} : (tensor<1x4x2x2xf32>) -> tensor<1x4x3x4xf32>
  %v3 = nn.argmax %x {axis = 1} : (tensor<1x4x2x2xf32>) -> tensor<1x2x2xi64>
  func.return %v0, %v1, %v2, %v3 : tensor<1x2x2x1xf32>, tensor<1x2x2x4xf32>, tensor<1x4x3x4xf32>, tensor<1x2x2xi64>
}
// CHECK-LABEL: @moves
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    %v0 = lns.slice [[X]] {starts = array<i64: 0, 0, 0, 1>, stops = array<i64: 1, 4, 2, 2>, steps = array<i64: 1, 2, 1, 1>} : {{.*}} -> tensor<1x2x2x1x!lns.number<8, 4, bias = 60>>
// CHECK:         %v1 = lns.permute [[X]] {permutation = array<i64: 0, 2, 3, 1>} : {{.*}} -> tensor<1x2x2x4x!lns.number<8, 4, bias = 60>>
// CHECK:         %v2 = lns.pad [[X]] {padding = array<i64: 1, 2, 0, 0>} : {{.*}} -> tensor<1x4x3x4x!lns.number<8, 4, bias = 60>>
// CHECK:         %v3 = lns.argmax [[X]] : (tensor<1x4x2x2x!lns.number<8, 4, bias = 60>>) -> tensor<1x2x2xi64>
// CHECK:         func.return {{.*}}, %v3 :

// Ceil mode is padding at the bottom and right. What it adds an average does not count; padding
// that counts is padded before.
func.func @ceil_mode(%x: tensor<1x1x4x6xf32> {lns.format = !x}) -> (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x3x3xf32>, tensor<1x1xf32>) {
  %v0 = nn.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 4>, dilation = array<i64: 2, 1>, ceil_mode, lns.format = !y} : (tensor<1x1x4x6xf32>) -> tensor<1x1x2x2xf32>
  %v1 = nn.avg_pool2d %x {kernel = array<i64: 3, 4>, strides = array<i64: 3, 4>, ceil_mode, count_include_pad, lns.format = !y} : (tensor<1x1x4x6xf32>) -> tensor<1x1x2x2xf32>
  %v2 = nn.avg_pool2d %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 3>, padding = array<i64: 1, 1, 1, 1>, ceil_mode, count_include_pad, lns.format = !y} : (tensor<1x1x4x6xf32>) -> tensor<1x1x3x3xf32>
  %v3 = nn.max %x {axes = array<i64: 2, 3>, lns.format = !y} : (tensor<1x1x4x6xf32>) -> tensor<1x1xf32>
  func.return %v0, %v1, %v2, %v3 : tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x3x3xf32>, tensor<1x1xf32>
}
// CHECK-LABEL: @ceil_mode
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    %v0 = lns.max_pool2d [[X]] {kernel = array<i64: 2, 2>, strides = array<i64: 2, 4>, padding = array<i64: 0, 0, 1, 0>, dilation = array<i64: 2, 1>} :
// CHECK:         %v1 = lns.avg_pool2d [[X]] {kernel = array<i64: 3, 4>, strides = array<i64: 3, 4>, padding = array<i64: 0, 0, 2, 2>} :
// CHECK:         [[P:%.*]] = lns.pad [[X]] {padding = array<i64: 1, 1, 1, 1>} :
// CHECK-NEXT:    %v2 = lns.avg_pool2d [[P]] {kernel = array<i64: 3, 3>, strides = array<i64: 2, 3>, padding = array<i64: 0, 0, 1, 1>} :
// CHECK:         [[M:%.*]] = lns.max_pool2d [[X]] {kernel = array<i64: 4, 6>, strides = array<i64: 4, 6>} :
// CHECK-NEXT:    %v3 = lns.reshape [[M]] :
