// RUN: recog-opt %s -p encode-lns | filecheck %s

!n = !lns.number<8, 4, bias = 64>
!w = !lns.number<16, 11, bias = 9000>
func.func @volume(%l: tensor<1x2x3x4xf32> {lns.format = !lns.number<8, 4, bias = 64>}, %r: tensor<1x2x3x4xf32> {lns.format = !lns.number<8, 5, bias = 70, unsigned>}) -> tensor<1x2x3x4xf32> {
  %v = nn.correlation %l, %r {disparities = 2 : i64, layer = "cost", lns.format = !lns.number<8, 4, bias = 60>} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  func.return %v : tensor<1x2x3x4xf32>
}
// CHECK-LABEL: @volume
// CHECK-DAG:   [[L:%.*]] = lns.encode %l
// CHECK-DAG:   [[R:%.*]] = lns.encode %r
// CHECK-NEXT:  %v = lns.correlation [[L]], [[R]] {layer = "cost", disparities = 2 : i64} : (tensor<1x2x3x4x!lns.number<8, 4, bias = 64>>, tensor<1x2x3x4x!lns.number<8, 5, bias = 70, unsigned>>) -> tensor<1x2x3x4x!lns.number<8, 4, bias = 60>>

// Bins take the most fraction bits with which sums of 48 bits hold, 16 at most.
func.func @disparity(%x: tensor<1x2x3x4xf32> {lns.format = !lns.number<16, 11, bias = 9000>}, %r: tensor<1x1x3x4xf32> {lns.format = !lns.number<16, 11, bias = 9000>}) -> tensor<1x1x3x4xf32> {
  %bins = data.constant dense<[0.5, -3.0]> : tensor<2xf32>
  %d = nn.expectation %x, %bins, %r {layer = "disparity", lns.format = !lns.number<16, 11, bias = 500>} : (tensor<1x2x3x4xf32>, tensor<2xf32>, tensor<1x1x3x4xf32>) -> tensor<1x1x3x4xf32>
  func.return %d : tensor<1x1x3x4xf32>
}
// CHECK-LABEL: @disparity
// CHECK:       [[BINS:%.*]] = data.constant dense<[32768, -196608]> : tensor<2xi32>
// CHECK:       %d = lns.expectation {{%.*}}, [[BINS]], {{%.*}} {layer = "disparity", frac = 16 : i64} :

// 386 / (4 x) is one subtraction: the logarithm of 96.5 is 6.59246, 27003 / 4096. 2 x of wide codes is a product with
// a code that is exact, of narrow ones a table.
func.func @quotient(%x: tensor<1x2xf32> {lns.format = !lns.number<16, 12, bias = 9, unsigned>}, %y: tensor<1x2xf32> {lns.format = !lns.number<3, 0, bias = 1>}) -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>) {
  %four = data.constant dense<4.0> : tensor<f32>
  %c = data.constant dense<386.0> : tensor<f32>
  %two = data.constant dense<2.0> : tensor<f32>
  %a = nn.mul %x, %four {lns.format = !lns.number<16, 12, bias = 9, unsigned>} : (tensor<1x2xf32>, tensor<f32>) -> tensor<1x2xf32>
  %z = nn.div %c, %a {layer = "depth", lns.format = !lns.number<16, 12, bias = 9, unsigned>} : (tensor<f32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %b = nn.mul %two, %x {layer = "twice", lns.format = !lns.number<16, 12, bias = 9, unsigned>} : (tensor<f32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %t = nn.mul %two, %y {layer = "table", lns.format = !lns.number<3, 0, bias = 1>} : (tensor<f32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %z, %b, %t : tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: @quotient
// CHECK:       [[X:%.*]] = lns.encode %x
// CHECK:       %z = lns.reciprocal [[X]] {layer = "depth", log_numerator = 27003 : i64} : (tensor<1x2x!lns.number<16, 12, bias = 9, unsigned>>) -> tensor<1x2x!lns.number<16, 12, bias = 9, unsigned>>
// CHECK:       [[TWO:%.*]] = data.constant dense<{{\[\[}}65535{{\]\]}}> : tensor<1x1x!lns.number<16, 12, bias = 61439, unsigned>>
// CHECK:       %b = lns.mul [[X]], [[TWO]] {layer = "twice"} :
// CHECK:       %t = lns.table {{.*}} {layer = "table"} :
