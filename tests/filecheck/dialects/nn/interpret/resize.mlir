// RUN: recog-opt %s -p run-checks

// Nearest: result i of n takes element floor(i · size / n).
func.func @nearest() {
  %x = data.constant dense<[[[[1.0, 2.0]]]]> : tensor<1x1x1x2xf32>
  // Two columns to three: floor(0), floor(2/3), floor(4/3); one row to two.
  %0 = nn.resize %x {size = array<i64: 2, 3>, mode = "nearest"} : (tensor<1x1x1x2xf32>) -> tensor<1x1x2x3xf32>
  check.expect_eq %0, dense<[[[[1.0, 1.0, 2.0], [1.0, 1.0, 2.0]]]]> : tensor<1x1x2x3xf32>
  // Four to two: elements 0 and 2.
  %y = data.constant dense<[[[[0.0, 4.0, 8.0, 20.0]]]]> : tensor<1x1x1x4xf32>
  %1 = nn.resize %y {size = array<i64: 1, 2>, mode = "nearest"} : (tensor<1x1x1x4xf32>) -> tensor<1x1x1x2xf32>
  check.expect_eq %1, dense<[[[[0.0, 8.0]]]]> : tensor<1x1x1x2xf32>
  func.return
}

// Bilinear: result i of n lies at (i + 1/2) · size / n - 1/2, and is the first or last element
// beyond these.
func.func @bilinear() {
  %x = data.constant dense<[[[[0.0, 12.0]]]]> : tensor<1x1x1x2xf32>
  // Two to four: -1/4, 1/4, 3/4, 5/4.
  %0 = nn.resize %x {size = array<i64: 1, 4>, mode = "bilinear"} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x4xf32>
  check.expect_close %0, dense<[[[[0.0, 3.0, 9.0, 12.0]]]]> : tensor<1x1x1x4xf32> within 1.0e-5
  // Corners on each other, i · (2 - 1) / (4 - 1): 0, 1/3, 2/3, 1.
  %1 = nn.resize %x {size = array<i64: 1, 4>, mode = "bilinear", align_corners} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x4xf32>
  check.expect_close %1, dense<[[[[0.0, 4.0, 8.0, 12.0]]]]> : tensor<1x1x1x4xf32> within 1.0e-5
  // Four to two: 1/2 and 5/2, (0 + 4) / 2 and (8 + 20) / 2, without antialiasing; or the corners.
  %y = data.constant dense<[[[[0.0, 4.0, 8.0, 20.0]]]]> : tensor<1x1x1x4xf32>
  %2 = nn.resize %y {size = array<i64: 1, 2>, mode = "bilinear"} : (tensor<1x1x1x4xf32>) -> tensor<1x1x1x2xf32>
  check.expect_close %2, dense<[[[[2.0, 14.0]]]]> : tensor<1x1x1x2xf32> within 1.0e-5
  %3 = nn.resize %y {size = array<i64: 1, 2>, mode = "bilinear", align_corners} : (tensor<1x1x1x4xf32>) -> tensor<1x1x1x2xf32>
  check.expect_close %3, dense<[[[[0.0, 20.0]]]]> : tensor<1x1x1x2xf32> within 1.0e-5
  func.return
}

// Both axes at once, two elements to three: -1/6, 1/2, 7/6, that is the first, halfway, the last.
// Halfway between the corners 0 2 / 4 10 are 1, 2, 6 and 7; of all four, (0 + 2 + 4 + 10) / 4 = 4.
func.func @both_axes() {
  %x = data.constant dense<[[[[0.0, 2.0], [4.0, 10.0]]]]> : tensor<1x1x2x2xf32>
  %0 = nn.resize %x {size = array<i64: 3, 3>, mode = "bilinear"} : (tensor<1x1x2x2xf32>) -> tensor<1x1x3x3xf32>
  check.expect_close %0, dense<[[[[0.0, 1.0, 2.0], [2.0, 4.0, 6.0], [4.0, 7.0, 10.0]]]]> : tensor<1x1x3x3xf32> within 1.0e-5
  func.return
}
