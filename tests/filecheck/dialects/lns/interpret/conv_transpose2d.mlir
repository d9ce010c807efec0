// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Codes are written as sign and magnitude m; a code is worth 2^((m - bias) / 2^frac), 0 is zero.
// With frac = 0 and bias = 2:
//
//   code    0    1    2    3    4    5    6   …   15
//   value   0   1/2   1    2    4    8   16   … 8192
!p = !lns.number<5, 0, bias = 2>

!pu = !lns.number<4, 0, bias = 2, unsigned>

// Stride 2: 1 · (1, 2, 4) from column 0 on, 2 · (1, 2, 4) from column 2 on: 1, 2, 4 + 2, 4, 8.
func.func @conv_transpose2d() {
  %x = data.constant dense<[[[[2, 3]]]]> : tensor<1x1x1x2x!p>
  %w = data.constant dense<[[[[2, 3, 4]]]]> : tensor<1x1x1x3x!p>
  %0 = lns.conv_transpose2d %x, %w {strides = array<i64: 1, 2>} : (tensor<1x1x1x2x!p>, tensor<1x1x1x3x!p>) -> tensor<1x1x1x5x!p>
  check.expect_eq %0, dense<[[[[2, 3, 5, 4, 5]]]]> : tensor<1x1x1x5x!p>
  // The bias, in units of 2^-(6 + 2 + 2) = 1/1024, is -1: 0, 1, 5, 3, 7. Nothing else reaches the
  // column that output_padding adds.
  %b = data.constant dense<[-1024]> : tensor<1xi32>
  %1 = lns.conv_transpose2d %x, %w, %b {strides = array<i64: 1, 2>, output_padding = array<i64: 0, 1>} : (tensor<1x1x1x2x!p>, tensor<1x1x1x3x!p>, tensor<1xi32>) -> tensor<1x1x1x6x!p>
  check.expect_eq %1, dense<[[[[0, 2, 4, 4, 5, -2]]]]> : tensor<1x1x1x6x!p>
  // Padding crops; relu drops what is negative.
  %2 = lns.conv_transpose2d %x, %w, %b {strides = array<i64: 1, 2>, padding = array<i64: 0, 2, 0, 1>, output_padding = array<i64: 0, 2>, relu} : (tensor<1x1x1x2x!p>, tensor<1x1x1x3x!p>, tensor<1xi32>) -> tensor<1x1x1x4x!pu>
  check.expect_eq %2, dense<[[[[4, 4, 5, 0]]]]> : tensor<1x1x1x4x!pu>
  func.return
}

// Two groups of one input and two outputs, rows two apart; one bias a channel: code 2 is worth
// 1, 1, 1/2 and 2.
func.func @groups() {
  %x = data.constant dense<[[[[2]], [[-3]]]]> : tensor<1x2x1x1x!p>
  %w = data.constant dense<[[[[2], [0]]], [[[0], [2]]], [[[2], [3]]], [[[2], [3]]]]> : tensor<4x1x2x1x!lns.number<5, 0, bias = 0:{2, 2, 3, 1}>>
  %0 = lns.conv_transpose2d %x, %w {dilation = array<i64: 2, 1>, groups = 2 : i64} : (tensor<1x2x1x1x!p>, tensor<4x1x2x1x!lns.number<5, 0, bias = 0:{2, 2, 3, 1}>>) -> tensor<1x4x3x1x!p>
  check.expect_eq %0, dense<[[[[2], [0], [0]], [[0], [0], [2]], [[-2], [0], [-3]], [[-4], [0], [-5]]]]> : tensor<1x4x3x1x!p>
  func.return
}
