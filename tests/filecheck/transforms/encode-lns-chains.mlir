// RUN: recog-opt %s -p encode-lns | filecheck %s

// Elementwise functions of one value are one table, however many ops they took. Codes of 3 bits,
// bias 1: 0, 1, 2, 4, (none), -1, -2, -4.
!x = !lns.number<3, 0, bias = 1>

// (2x - 1) clamped to 0 ... 4: 0, 1, 3, 4, -, 0, 0, 0. With bias 2, 3 is nearer to 4.
func.func @scalars(%x: tensor<1x2xf32> {lns.format = !x}) -> tensor<1x2xf32> {
  %two = data.constant dense<2.0> : tensor<f32>
  %one = data.constant dense<1.0> : tensor<1x1xf32>
  %v0 = nn.mul %two, %x {lns.format = !x} : (tensor<f32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %v1 = nn.sub %v0, %one {lns.format = !x} : (tensor<1x2xf32>, tensor<1x1xf32>) -> tensor<1x2xf32>
  %v2 = nn.clamp %v1 {min = 0.0, max = 4.0, layer = "act", lns.format = !lns.number<4, 0, bias = 2>} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %v2 : tensor<1x2xf32>
}
// CHECK-LABEL: @scalars
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    [[T:%.*]] = data.constant dense<[0, 2, 4, 4, 0, 0, 0, 0]> : tensor<8x!lns.number<4, 0, bias = 2>>
// CHECK-NEXT:    %v2 = lns.table [[X]], [[T]] {layer = "act"} :
// CHECK-NEXT:    [[Y:%.*]] = lns.decode %v2
// CHECK-NEXT:    func.return [[Y]]

// x · max(x, 0), a value used twice; then relu, which a table does too. 0, 1, 4, 16.
func.func @one_source(%x: tensor<1x2xf32> {lns.format = !x}) -> tensor<1x2xf32> {
  %v0 = nn.relu %x {lns.format = !x} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %v1 = nn.mul %x, %v0 {lns.format = !x} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %v2 = nn.relu %v1 {lns.format = !lns.number<3, 0, bias = 1, unsigned>} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %v2 : tensor<1x2xf32>
}
// CHECK-LABEL: @one_source
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    [[T:%.*]] = data.constant dense<[0, 1, 3, 5, 0, 0, 0, 0]> : tensor<8x!lns.number<3, 0, bias = 1, unsigned>>
// CHECK-NEXT:    %v2 = lns.table [[X]], [[T]] :

// y · clamp(y + 1, 0, 2) / 2 with y = 2x - 1, which is used twice, as hard swish is written out:
// of 0, 1, 2, 4 it is 0, 1, 3, 7, where 3 becomes 4, and 7 the largest code, 4; of -1, -2, -4 it is 0.
func.func @hard_swish(%x: tensor<1x2xf32> {lns.format = !x}) -> tensor<1x2xf32> {
  %two = data.constant dense<2.0> : tensor<f32>
  %one = data.constant dense<1.0> : tensor<f32>
  %v0 = nn.mul %two, %x {lns.format = !x} : (tensor<f32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %y = nn.sub %v0, %one {lns.format = !x} : (tensor<1x2xf32>, tensor<f32>) -> tensor<1x2xf32>
  %v1 = nn.add %y, %one {lns.format = !x} : (tensor<1x2xf32>, tensor<f32>) -> tensor<1x2xf32>
  %v2 = nn.clamp %v1 {min = 0.0, max = 2.0, lns.format = !x} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %v3 = nn.mul %y, %v2 {lns.format = !x} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %v4 = nn.div %v3, %two {layer = "swish", lns.format = !x} : (tensor<1x2xf32>, tensor<f32>) -> tensor<1x2xf32>
  func.return %v4 : tensor<1x2xf32>
}
// CHECK-LABEL: @hard_swish
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    [[T:%.*]] = data.constant dense<[0, 1, 3, 3, 0, 0, 0, 0]> : tensor<8x!lns.number<3, 0, bias = 1>>
// CHECK-NEXT:    %v4 = lns.table [[X]], [[T]] {layer = "swish"} :
// CHECK-NEXT:    [[Y:%.*]] = lns.decode %v4
// CHECK-NEXT:    func.return [[Y]]

// What others use is not swallowed: the sigmoid has a table of its own, and the product two
// operands. The square has one.
func.func @two_uses(%x: tensor<1x2xf32> {lns.format = !x}) -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>) {
  %v0 = nn.sigmoid %x {lns.format = !lns.number<3, 0, bias = 5, unsigned>} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %v1 = nn.mul %x, %v0 {lns.format = !x} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %v2 = nn.mul %x, %x {lns.format = !lns.number<3, 0, bias = 1, unsigned>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %v0, %v1, %v2 : tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: @two_uses
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK:         %v0 = lns.table [[X]], {{.*}} -> tensor<1x2x!lns.number<3, 0, bias = 5, unsigned>>
// CHECK:         %v1 = lns.mul [[X]], %v0 : (tensor<1x2x!lns.number<3, 0, bias = 1>>, tensor<1x2x!lns.number<3, 0, bias = 5, unsigned>>) -> tensor<1x2x!lns.number<3, 0, bias = 1>>
// CHECK:         data.constant dense<[0, 1, 3, 5, 0, 1, 3, 5]> : tensor<8x!lns.number<3, 0, bias = 1, unsigned>>
// CHECK-NEXT:    %v2 = lns.table [[X]],

// The root of a negative number has no code: the op stays float.
func.func @no_value(%x: tensor<1x2xf32> {lns.format = !x}) -> tensor<1x2xf32> {
  %v0 = nn.sqrt %x {lns.format = !x} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %v0 : tensor<1x2xf32>
}
// CHECK-LABEL: @no_value
// CHECK:         nn.sqrt

// A batch norm that was not folded is a depthwise convolution: 4 / sqrt(4) = 2 and 1 / sqrt(1) = 1,
// 1 - 3 · 2 = -5 and 0. So is a scale per channel after it, which joins: 4 and 1, -10 and 0.
// 127 = 16 · log2(4) + 95; the bias counts 2^-(6 + 1 + 95/16) = 1/7845.2.
func.func @batch_norm(%x: tensor<1x2x1x1xf32> {lns.format = !x}) -> tensor<1x2x1x1xf32> {
  %scale = data.constant dense<[4.0, 1.0]> : tensor<2xf32>
  %bias = data.constant dense<[1.0, 0.0]> : tensor<2xf32>
  %mean = data.constant dense<[3.0, 0.0]> : tensor<2xf32>
  %var = data.constant dense<[4.0, 1.0]> : tensor<2xf32>
  %k = data.constant dense<[[[2.0]], [[1.0]]]> : tensor<2x1x1xf32>
  %v0 = nn.batch_norm %x, %scale, %bias, %mean, %var {eps = 0.0, lns.format = !x} : (tensor<1x2x1x1xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x1x1xf32>
  %v1 = nn.mul %v0, %k {lns.format = !x} : (tensor<1x2x1x1xf32>, tensor<2x1x1xf32>) -> tensor<1x2x1x1xf32>
  %v2 = nn.relu %v1 {layer = "bn", lns.format = !lns.number<3, 0, bias = 1, unsigned>} : (tensor<1x2x1x1xf32>) -> tensor<1x2x1x1xf32>
  func.return %v2 : tensor<1x2x1x1xf32>
}
// CHECK-LABEL: @batch_norm
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    [[W:%.*]] = data.constant dense<127> : tensor<2x1x1x1x!lns.number<8, 4, bias = 0:{95, 127}>>
// CHECK-NEXT:    [[B:%.*]] = data.constant dense<[-78447, 0]> : tensor<2xi32>
// CHECK-NEXT:    %v2 = lns.conv2d [[X]], [[W]], [[B]] {layer = "bn", groups = 2 : i64, relu} :

// One of vectors is one of images of one pixel.
func.func @vectors(%x: tensor<1x2xf32> {lns.format = !x}) -> tensor<1x2xf32> {
  %c = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v0 = nn.sub %c, %x {lns.format = !x} : (tensor<2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %v0 : tensor<1x2xf32>
}
// CHECK-LABEL: @vectors
// CHECK:         [[R:%.*]] = lns.reshape {{.*}} -> tensor<1x2x1x1x
// CHECK-NEXT:    [[W:%.*]] = data.constant dense<-127> : tensor<2x1x1x1x!lns.number<8, 4, bias = 0:{127, 127}>>
// CHECK:         [[Y:%.*]] = lns.conv2d [[R]], [[W]], {{.*}} {groups = 2 : i64} :
// CHECK-NEXT:    %v0 = lns.reshape [[Y]] : {{.*}} -> tensor<1x2x!lns.number<3, 0, bias = 1>>

// A clamp from 0 is free where the format ends at its upper end: code 3 of bias 1 is 4. With bias
// 0 it is 8, and a table brings it down.
func.func @clamp(%x: tensor<1x2xf32> {lns.format = !x}) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %w = data.constant dense<1.0> : tensor<2x2xf32>
  %v0 = nn.linear %x, %w {lns.format = !x} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %v1 = nn.clamp %v0 {min = 0.0, max = 4.0, layer = "free", lns.format = !lns.number<2, 0, bias = 1, unsigned>} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %v2 = nn.linear %x, %w {lns.format = !x} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %v3 = nn.clamp %v2 {min = 0.0, max = 4.0, layer = "table", lns.format = !lns.number<2, 0, bias = 0, unsigned>} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %v1, %v3 : tensor<1x2xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: @clamp
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    [[W:%.*]] = data.constant
// CHECK-NEXT:    %v1 = lns.linear [[X]], [[W]] {layer = "free", relu} : {{.*}} -> tensor<1x2x!lns.number<2, 0, bias = 1, unsigned>>
// CHECK-NEXT:    [[D:%.*]] = lns.decode %v1
// CHECK-NEXT:    [[Y:%.*]] = lns.linear [[X]], [[W]] {relu} : {{.*}} -> tensor<1x2x!lns.number<2, 0, bias = 0, unsigned>>
// CHECK-NEXT:    [[T:%.*]] = data.constant dense<[0, 1, 2, 2]> :
// CHECK-NEXT:    %v3 = lns.table [[Y]], [[T]] {layer = "table"} :

// Comparisons and choices within a function of one value are in its table: x where x > 1, else -1.
// What else uses the mask keeps it out of the table.
func.func @masks(%x: tensor<1x4xf32> {lns.format = !lns.number<3, 0, bias = 2>}) -> tensor<1x4xf32> {
  %one = data.constant dense<1.0> : tensor<f32>
  %low = data.constant dense<-1.0> : tensor<1x4xf32>
  %v0 = nn.compare %x, %one {predicate = "gt"} : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xi1>
  %v1 = nn.where %v0, %x, %low {lns.format = !lns.number<3, 0, bias = 2>} : (tensor<1x4xi1>, tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return %v1 : tensor<1x4xf32>
}
// CHECK-LABEL: @masks
// CHECK:         [[T:%.*]] = data.constant dense<[-2, -2, -2, 3, {{.*}}]> : tensor<8x!lns.number<3, 0, bias = 2>>
// CHECK-NEXT:    %v1 = lns.table {{.*}}, [[T]] :
// CHECK-NOT:     nn.compare

func.func @used_twice(%x: tensor<1x4xf32> {lns.format = !lns.number<3, 0, bias = 2>}) -> (tensor<1x4xi1>, tensor<1x4xf32>) {
  %one = data.constant dense<1.0> : tensor<f32>
  %v0 = nn.compare %x, %one {predicate = "gt"} : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xi1>
  %v1 = nn.where %v0, %x, %x {lns.format = !lns.number<3, 0, bias = 2>} : (tensor<1x4xi1>, tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return %v0, %v1 : tensor<1x4xi1>, tensor<1x4xf32>
}
// CHECK-LABEL: @used_twice
// CHECK:         nn.compare
// CHECK:         nn.where

// A constant mask is a factor of 1 and 0; a value on its other side is added.
func.func @constant_mask(%x: tensor<1x4xf32> {lns.format = !lns.number<8, 4, bias = 60>}) -> (tensor<1x4xf32>, tensor<1x4xf32>) {
  %m = data.constant dense<[1, 0, 1, 1]> : tensor<4xi1>
  %zero = data.constant dense<0.0> : tensor<f32>
  %low = data.constant dense<-2.0> : tensor<f32>
  %v0 = nn.where %m, %x, %zero {lns.format = !lns.number<8, 4, bias = 60>} : (tensor<4xi1>, tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xf32>
  %v1 = nn.where %m, %x, %low {lns.format = !lns.number<8, 4, bias = 60>} : (tensor<4xi1>, tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xf32>
  func.return %v0, %v1 : tensor<1x4xf32>, tensor<1x4xf32>
}
// CHECK-LABEL: @constant_mask
// CHECK:         [[M:%.*]] = data.constant dense<{{\[\[}}255, 0, 255, 255]]> : tensor<1x4x!lns.number<8, 5, bias = 255, unsigned>>
// CHECK:         [[A:%.*]] = lns.mul {{.*}}, [[M]] :
// CHECK:         %v0 = lns.reshape [[A]]
// CHECK:         [[B:%.*]] = lns.mul
// CHECK:         [[C:%.*]] = data.constant dense<{{\[\[}}0, -127, 0, 0]]>
// CHECK:         %v1 = lns.add [[B]], [[C]] :
