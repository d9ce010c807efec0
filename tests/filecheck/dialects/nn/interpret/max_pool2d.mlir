// RUN: recog-opt %s -p run-checks

// The input is -1 -5 -2 / -6 -3 -8 / -9 -4 -7; below, the windows that a result is the largest of.
func.func @max_pool2d() {
  %x = data.constant dense<[[[[-1.0, -5.0, -2.0], [-6.0, -3.0, -8.0], [-9.0, -4.0, -7.0]]]]> : tensor<1x1x3x3xf32>
  // -1 -5 -6 -3, -5 -2 -3 -8, -6 -3 -9 -4, -3 -8 -4 -7.
  %0 = nn.max_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32>
  check.expect_eq %0, dense<[[[[-1.0, -2.0], [-3.0, -3.0]]]]> : tensor<1x1x2x2xf32>
  // Padding never wins, not even over negative values. A column at the left, a row at the bottom,
  // every second row and column: -1 -6, -5 -2 -3 -8, -9, -4 -7.
  %1 = nn.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 0, 1, 1, 0>} : (tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32>
  check.expect_eq %1, dense<[[[[-1.0, -2.0], [-9.0, -4.0]]]]> : tensor<1x1x2x2xf32>
  // A row at the top and one at the bottom, every second row: -1, -5, -2 and -6 -9, -3 -4, -8 -7.
  %2 = nn.max_pool2d %x {kernel = array<i64: 2, 1>, strides = array<i64: 2, 1>, padding = array<i64: 1, 0, 1, 0>} : (tensor<1x1x3x3xf32>) -> tensor<1x1x2x3xf32>
  check.expect_eq %2, dense<[[[[-1.0, -5.0, -2.0], [-6.0, -3.0, -7.0]]]]> : tensor<1x1x2x3xf32>
  // Rows 0 and 2: -1 -9, -5 -4, -2 -7.
  %3 = nn.max_pool2d %x {kernel = array<i64: 2, 1>, dilation = array<i64: 2, 1>} : (tensor<1x1x3x3xf32>) -> tensor<1x1x1x3xf32>
  check.expect_eq %3, dense<[[[[-1.0, -4.0, -2.0]]]]> : tensor<1x1x1x3xf32>
  func.return
}

// Of two windows along each axis the second begins in the last row or column and ends beyond:
// it counts in ceil mode only. -1 -5 -6 -3, -2 -8, -9 -4, -7.
func.func @ceil_mode() {
  %x = data.constant dense<[[[[-1.0, -5.0, -2.0], [-6.0, -3.0, -8.0], [-9.0, -4.0, -7.0]]]]> : tensor<1x1x3x3xf32>
  %0 = nn.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x1x3x3xf32>) -> tensor<1x1x1x1xf32>
  check.expect_eq %0, dense<[[[[-1.0]]]]> : tensor<1x1x1x1xf32>
  %1 = nn.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, ceil_mode} : (tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32>
  check.expect_eq %1, dense<[[[[-1.0, -2.0], [-4.0, -7.0]]]]> : tensor<1x1x2x2xf32>
  func.return
}

// Each channel of each image by itself.
func.func @channels() {
  %x = data.constant dense<[[[[1.0, 2.0]], [[8.0, 7.0]]], [[[-3.0, -4.0]], [[5.0, 6.0]]]]> : tensor<2x2x1x2xf32>
  %0 = nn.max_pool2d %x {kernel = array<i64: 1, 2>} : (tensor<2x2x1x2xf32>) -> tensor<2x2x1x1xf32>
  check.expect_eq %0, dense<[[[[2.0]], [[8.0]]], [[[-3.0]], [[6.0]]]]> : tensor<2x2x1x1xf32>
  func.return
}
