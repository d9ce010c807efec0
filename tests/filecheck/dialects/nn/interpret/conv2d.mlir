// RUN: recog-opt %s -p run-checks

// The input is 1 2 3 / 4 5 6 / 7 8 9. A window a b / c d gives a + 2b - d: the kernel is not turned
// round.
func.func @conv2d() {
  %x = data.constant dense<[[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]> : tensor<1x1x3x3xf32>
  %w = data.constant dense<[[[[1.0, 2.0], [0.0, -1.0]]]]> : tensor<1x1x2x2xf32>
  %b = data.constant dense<[10.5]> : tensor<1xf32>
  // 1 + 4 - 5 = 0, 2 + 6 - 6 = 2, 4 + 10 - 8 = 6, 5 + 12 - 9 = 8; and 10.5 more.
  %0 = nn.conv2d %x, %w : (tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  check.expect_eq %0, dense<[[[[0.0, 2.0], [6.0, 8.0]]]]> : tensor<1x1x2x2xf32>
  %1 = nn.conv2d %x, %w, %b : (tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32>, tensor<1xf32>) -> tensor<1x1x2x2xf32>
  check.expect_eq %1, dense<[[[[10.5, 12.5], [16.5, 18.5]]]]> : tensor<1x1x2x2xf32>
  // Every second row and column: the first window alone fits.
  %2 = nn.conv2d %x, %w {strides = array<i64: 2, 2>} : (tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x1x1xf32>
  check.expect_eq %2, dense<[[[[0.0]]]]> : tensor<1x1x1x1xf32>
  // Zeros at the left and right, 0 1 2 3 0 / 0 4 5 6 0, every second column:
  // 0 + 2 - 4 = -2, 2 + 6 - 6 = 2.
  %3 = nn.conv2d %x, %w {strides = array<i64: 2, 2>, padding = array<i64: 0, 1, 0, 1>} : (tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x1x2xf32>
  check.expect_eq %3, dense<[[[[-2.0, 2.0]]]]> : tensor<1x1x1x2xf32>
  // Zeros at the left and at the bottom, every second row. Rows 0 and 1, 0 1 2 3 / 0 4 5 6:
  // 0 + 2 - 4 = -2, 1 + 4 - 5 = 0, 2 + 6 - 6 = 2. Row 2 and zeros, 0 7 8 9 / 0 0 0 0:
  // 0 + 14 = 14, 7 + 16 = 23, 8 + 18 = 26.
  %4 = nn.conv2d %x, %w {strides = array<i64: 2, 1>, padding = array<i64: 0, 1, 1, 0>} : (tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x3xf32>
  check.expect_eq %4, dense<[[[[-2.0, 0.0, 2.0], [14.0, 23.0, 26.0]]]]> : tensor<1x1x2x3xf32>
  // Rows 0 and 2, neighbouring columns, 1 2 / 7 8 and 2 3 / 8 9: 1 + 4 - 8 = -3, 2 + 6 - 9 = -1.
  %5 = nn.conv2d %x, %w {dilation = array<i64: 2, 1>} : (tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x1x2xf32>
  check.expect_eq %5, dense<[[[[-3.0, -1.0]]]]> : tensor<1x1x1x2xf32>
  func.return
}

// Two channels of one pixel, 2 and 3.
func.func @channels() {
  %x = data.constant dense<[[[[2.0]], [[3.0]]]]> : tensor<1x2x1x1xf32>
  // Two output channels of both: 2 · 1 + 3 · 10 = 32, 2 · 100 - 3 = 197.
  %w = data.constant dense<[[[[1.0]], [[10.0]]], [[[100.0]], [[-1.0]]]]> : tensor<2x2x1x1xf32>
  %0 = nn.conv2d %x, %w : (tensor<1x2x1x1xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x1x1xf32>
  check.expect_eq %0, dense<[[[[32.0]], [[197.0]]]]> : tensor<1x2x1x1xf32>
  // Two groups: outputs 0 and 1 see channel 0 (2 · 1, 2 · 10), outputs 2 and 3 channel 1 (3 · 100,
  // 3 · -1).
  %g = data.constant dense<[[[[1.0]]], [[[10.0]]], [[[100.0]]], [[[-1.0]]]]> : tensor<4x1x1x1xf32>
  %1 = nn.conv2d %x, %g {groups = 2 : i64} : (tensor<1x2x1x1xf32>, tensor<4x1x1x1xf32>) -> tensor<1x4x1x1xf32>
  check.expect_eq %1, dense<[[[[2.0]], [[20.0]], [[300.0]], [[-3.0]]]]> : tensor<1x4x1x1xf32>
  func.return
}
