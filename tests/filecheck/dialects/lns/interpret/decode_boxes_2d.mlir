// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the codes 1, 2, 3, 4 are worth 1/2, 1, 2, 4; 0 is zero.
!p = !lns.number<5, 0, bias = 2>
// Boxes in sixteenths.
!px = !lns.fixed<32, 4>

// Cells of 4 pixels. Index 4 of 1 x 3 is cell 1: centre (1 + 1/2, 1/2) · 4 = (6, 2); sides
// exp(0) · 4 = 4 and exp(1) · 4 = 10.87: half of that is 5.437, 86.98 in sixteenths.
func.func @image() {
  %i = data.constant dense<[[4]]> : tensor<1x1xi64>
  %offset = data.constant dense<[[[[0, 1, 0]], [[0, 1, 0]]]]> : tensor<1x2x1x3x!p>
  %size = data.constant dense<[[[[9, 0, 9]], [[9, 2, 9]]]]> : tensor<1x2x1x3x!p>
  %boxes = lns.decode_boxes_2d %i, %offset, %size {stride = 262144 : i64, extent = 65536 : i64} : (tensor<1x1xi64>, tensor<1x2x1x3x!p>, tensor<1x2x1x3x!p>) -> tensor<1x1x4x!px>
  check.expect_eq %boxes, dense<[[[64, -55, 128, 119]]]> : tensor<1x1x4x!px>
  func.return
}

// Cells of 2 pixels: extent = log2(2 / 2) = 0. Index 5 of 2 x 2 is cell 1, row 0, column 1; with
// offsets -1/2 and 1 the centre is (1 - 1/2, 0 + 1) · 2 = (1, 2), and half of each side is
// exp(-1/2) = 0.6065, 9.70 sixteenths, and exp(1/2) = 1.6487, 26.38: 16 - 9.70 = 6.30,
// 32 - 26.38 = 5.62, 16 + 9.70 = 25.70, 32 + 26.38 = 58.38. Index 2 is row 1: centre (0, 1) · 2, half sides 1.
func.func @rows() {
  %i = data.constant dense<[[5, 2]]> : tensor<1x2xi64>
  %offset = data.constant dense<[[[[0, -1], [0, 0]], [[0, 2], [0, 0]]]]> : tensor<1x2x2x2x!p>
  %size = data.constant dense<[[[[9, -1], [0, 9]], [[9, 1], [0, 9]]]]> : tensor<1x2x2x2x!p>
  %boxes = lns.decode_boxes_2d %i, %offset, %size {stride = 131072 : i64, extent = 0 : i64} : (tensor<1x2xi64>, tensor<1x2x2x2x!p>, tensor<1x2x2x2x!p>) -> tensor<1x2x4x!px>
  check.expect_eq %boxes, dense<[[[6, 6, 26, 58], [-16, 16, 16, 48]]]> : tensor<1x2x4x!px>
  func.return
}
