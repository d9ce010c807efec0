// RUN: recog-opt %s -p run-checks

// The input is 1 2 3 / 4 5 6 / 7 8 9.
func.func @avg_pool2d() {
  %x = data.constant dense<[[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]> : tensor<1x1x3x3xf32>
  // (1 + 2 + 4 + 5) / 4 = 3, (2 + 3 + 5 + 6) / 4 = 4, and 3 more a row.
  %0 = nn.avg_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32>
  check.expect_close %0, dense<[[[[3.0, 4.0], [6.0, 7.0]]]]> : tensor<1x1x2x2xf32> within 1.0e-6
  // A column of padding at the left and at the right, every second column, 0 1, 2 3:
  // (0 + 1) / 2 and (2 + 3) / 2, or 1 / 1 where padding does not count.
  %1 = nn.avg_pool2d %x {kernel = array<i64: 1, 2>, strides = array<i64: 1, 2>, padding = array<i64: 0, 1, 0, 1>, count_include_pad} : (tensor<1x1x3x3xf32>) -> tensor<1x1x3x2xf32>
  check.expect_close %1, dense<[[[[0.5, 2.5], [2.0, 5.5], [3.5, 8.5]]]]> : tensor<1x1x3x2xf32> within 1.0e-6
  %2 = nn.avg_pool2d %x {kernel = array<i64: 1, 2>, strides = array<i64: 1, 2>, padding = array<i64: 0, 1, 0, 1>} : (tensor<1x1x3x3xf32>) -> tensor<1x1x3x2xf32>
  check.expect_close %2, dense<[[[[1.0, 2.5], [4.0, 5.5], [7.0, 8.5]]]]> : tensor<1x1x3x2xf32> within 1.0e-6
  func.return
}

// Padding that differs from side to side: one row at the top, windows of two rows.
// (0 + 1) / 2, (0 + 2) / 2, or 1, 2 where padding does not count; (1 + 3) / 2, (2 + 4) / 2.
func.func @asymmetric() {
  %x = data.constant dense<[[[[1.0, 2.0], [3.0, 4.0]]]]> : tensor<1x1x2x2xf32>
  %0 = nn.avg_pool2d %x {kernel = array<i64: 2, 1>, padding = array<i64: 1, 0, 0, 0>, count_include_pad} : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  check.expect_close %0, dense<[[[[0.5, 1.0], [2.0, 3.0]]]]> : tensor<1x1x2x2xf32> within 1.0e-6
  %1 = nn.avg_pool2d %x {kernel = array<i64: 2, 1>, padding = array<i64: 1, 0, 0, 0>} : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  check.expect_close %1, dense<[[[[1.0, 2.0], [2.0, 3.0]]]]> : tensor<1x1x2x2xf32> within 1.0e-6
  func.return
}

// In ceil mode the last windows end beyond the input, and what is beyond never counts, be
// padding counted or not: (1 + 2 + 4 + 5) / 4, (3 + 6) / 2, (7 + 8) / 2, 9 / 1.
func.func @ceil_mode() {
  %x = data.constant dense<[[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]> : tensor<1x1x3x3xf32>
  %0 = nn.avg_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, ceil_mode} : (tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32>
  check.expect_close %0, dense<[[[[3.0, 4.5], [7.5, 9.0]]]]> : tensor<1x1x2x2xf32> within 1.0e-6
  %1 = nn.avg_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, ceil_mode, count_include_pad} : (tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32>
  check.expect_close %1, dense<[[[[3.0, 4.5], [7.5, 9.0]]]]> : tensor<1x1x2x2xf32> within 1.0e-6
  func.return
}

// Each channel by itself.
func.func @channels() {
  %x = data.constant dense<[[[[1.0, 2.0]], [[-8.0, 7.0]]]]> : tensor<1x2x1x2xf32>
  %0 = nn.avg_pool2d %x {kernel = array<i64: 1, 2>} : (tensor<1x2x1x2xf32>) -> tensor<1x2x1x1xf32>
  check.expect_close %0, dense<[[[[1.5]], [[-0.5]]]]> : tensor<1x2x1x1xf32> within 1.0e-6
  func.return
}
