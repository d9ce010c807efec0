// RUN: recog-opt %s -p run-checks

// One row of 1 2; padding is top, left, bottom, right.
func.func @pad() {
  %x = data.constant dense<[[[[1.0, 2.0]]]]> : tensor<1x1x1x2xf32>
  // A column at the left, two rows at the bottom, of zeros.
  %0 = nn.pad %x {padding = array<i64: 0, 1, 2, 0>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x3x3xf32>
  check.expect_eq %0, dense<[[[[0.0, 1.0, 2.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]]> : tensor<1x1x3x3xf32>
  // A row at the top, two columns at the right, of -1.5.
  %1 = nn.pad %x {padding = array<i64: 1, 0, 0, 2>, value = -1.5 : f64} : (tensor<1x1x1x2xf32>) -> tensor<1x1x2x4xf32>
  check.expect_eq %1, dense<[[[[-1.5, -1.5, -1.5, -1.5], [1.0, 2.0, -1.5, -1.5]]]]> : tensor<1x1x2x4xf32>
  func.return
}

// Each channel of each image by itself.
func.func @channels() {
  %x = data.constant dense<[[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]]> : tensor<2x2x1x1xf32>
  %0 = nn.pad %x {padding = array<i64: 0, 1, 0, 1>} : (tensor<2x2x1x1xf32>) -> tensor<2x2x1x3xf32>
  check.expect_eq %0, dense<[[[[0.0, 1.0, 0.0]], [[0.0, 2.0, 0.0]]], [[[0.0, 3.0, 0.0]], [[0.0, 4.0, 0.0]]]]> : tensor<2x2x1x3xf32>
  func.return
}
