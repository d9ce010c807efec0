// RUN: recog-opt %s -p run-checks

// Element y, x of the input adds itself times the kernel to the result at y · stride, x · stride.
// The input is 1 2, the kernel 1 10: 1 adds 1 10, and 2 adds 2 20.
func.func @columns() {
  %x = data.constant dense<[[[[1.0, 2.0]]]]> : tensor<1x1x1x2xf32>
  %w = data.constant dense<[[[[1.0, 10.0]]]]> : tensor<1x1x1x2xf32>
  %b = data.constant dense<[0.5]> : tensor<1xf32>
  // 1, 10 + 2, 20; with a stride of 2 apart: 1, 10, 2, 20.
  %0 = nn.conv_transpose2d %x, %w : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x1x1x3xf32>
  check.expect_close %0, dense<[[[[1.0, 12.0, 20.0]]]]> : tensor<1x1x1x3xf32> within 1.0e-5
  %1 = nn.conv_transpose2d %x, %w {strides = array<i64: 1, 2>} : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x1x1x4xf32>
  check.expect_close %1, dense<[[[[1.0, 10.0, 2.0, 20.0]]]]> : tensor<1x1x1x4xf32> within 1.0e-5
  // Taps two columns apart: 1 . 10 . and . 2 . 20.
  %2 = nn.conv_transpose2d %x, %w {dilation = array<i64: 1, 2>} : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x1x1x4xf32>
  check.expect_close %2, dense<[[[[1.0, 2.0, 10.0, 20.0]]]]> : tensor<1x1x1x4xf32> within 1.0e-5
  // Padding takes away: a column at the left, or one at the right.
  %3 = nn.conv_transpose2d %x, %w {padding = array<i64: 0, 1, 0, 0>} : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  check.expect_close %3, dense<[[[[12.0, 20.0]]]]> : tensor<1x1x1x2xf32> within 1.0e-5
  %4 = nn.conv_transpose2d %x, %w {padding = array<i64: 0, 0, 0, 1>} : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  check.expect_close %4, dense<[[[[1.0, 12.0]]]]> : tensor<1x1x1x2xf32> within 1.0e-5
  // The bias is everywhere, and alone in a column of output padding that nothing reaches; where
  // padding took a column away, output padding brings it back.
  %5 = nn.conv_transpose2d %x, %w, %b {output_padding = array<i64: 0, 1>} : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>, tensor<1xf32>) -> tensor<1x1x1x4xf32>
  check.expect_close %5, dense<[[[[1.5, 12.5, 20.5, 0.5]]]]> : tensor<1x1x1x4xf32> within 1.0e-5
  %6 = nn.conv_transpose2d %x, %w, %b {padding = array<i64: 0, 0, 0, 1>, output_padding = array<i64: 0, 1>} : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>, tensor<1xf32>) -> tensor<1x1x1x3xf32>
  check.expect_close %6, dense<[[[[1.5, 12.5, 20.5]]]]> : tensor<1x1x1x3xf32> within 1.0e-5
  func.return
}

// The same along the rows: 1 / 2 and a kernel 1 / 10 with a stride of 2 give 1 / 10 / 2 / 20; without
// the first, and with a row at the end.
func.func @rows() {
  %x = data.constant dense<[[[[1.0], [2.0]]]]> : tensor<1x1x2x1xf32>
  %w = data.constant dense<[[[[1.0], [10.0]]]]> : tensor<1x1x2x1xf32>
  %0 = nn.conv_transpose2d %x, %w {strides = array<i64: 2, 1>, padding = array<i64: 1, 0, 0, 0>, output_padding = array<i64: 1, 0>} : (tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>) -> tensor<1x1x4x1xf32>
  check.expect_close %0, dense<[[[[10.0], [2.0], [20.0], [0.0]]]]> : tensor<1x1x4x1xf32> within 1.0e-5
  func.return
}

// The kernel is not turned round: one element of 2 gives twice the kernel.
func.func @orientation() {
  %x = data.constant dense<[[[[2.0]]]]> : tensor<1x1x1x1xf32>
  %w = data.constant dense<[[[[1.0, 2.0], [3.0, 4.0]]]]> : tensor<1x1x2x2xf32>
  %0 = nn.conv_transpose2d %x, %w : (tensor<1x1x1x1xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  check.expect_close %0, dense<[[[[2.0, 4.0], [6.0, 8.0]]]]> : tensor<1x1x2x2xf32> within 1.0e-5
  func.return
}

// Channels 2 and 3. The weight has the output channels first: 2 · 1 + 3 · 10 = 32 and
// 2 · 100 + 3 · 1000 = 3200. In two groups: 2 · 1, 2 · 10, 3 · 100, 3 · 1000.
func.func @channels() {
  %x = data.constant dense<[[[[2.0]], [[3.0]]]]> : tensor<1x2x1x1xf32>
  %w = data.constant dense<[[[[1.0]], [[10.0]]], [[[100.0]], [[1000.0]]]]> : tensor<2x2x1x1xf32>
  %0 = nn.conv_transpose2d %x, %w : (tensor<1x2x1x1xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x1x1xf32>
  check.expect_close %0, dense<[[[[32.0]], [[3200.0]]]]> : tensor<1x2x1x1xf32> within 1.0e-3
  %g = data.constant dense<[[[[1.0]]], [[[10.0]]], [[[100.0]]], [[[1000.0]]]]> : tensor<4x1x1x1xf32>
  %1 = nn.conv_transpose2d %x, %g {groups = 2 : i64} : (tensor<1x2x1x1xf32>, tensor<4x1x1x1xf32>) -> tensor<1x4x1x1xf32>
  check.expect_close %1, dense<[[[[2.0]], [[20.0]], [[300.0]], [[3000.0]]]]> : tensor<1x4x1x1xf32> within 1.0e-3
  func.return
}
