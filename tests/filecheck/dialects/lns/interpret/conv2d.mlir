// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Codes are written as sign and magnitude m; a code is worth 2^((m - bias) / 2^frac), 0 is zero.
// Most formats here have frac = 0 and bias = 2, so that codes are powers of two:
//
//   code    0    1    2    3    4    5    6   …   15
//   value   0   1/2   1    2    4    8   16   … 8192
!p = !lns.number<5, 0, bias = 2>
!pu = !lns.number<4, 0, bias = 2, unsigned>
// With frac = 4 and bias = 16, one is code 16, two is 32, and sqrt(2) is 24.
!f = !lns.number<8, 4, bias = 16>

func.func @conv2d() {
  %x = data.constant dense<[[[[2, 3, 4], [0, 2, 2], [-2, 0, 5]]]]> : tensor<1x1x3x3x!p>
  //   1  2  4
  //   0  1  1
  //  -1  0  8
  %w = data.constant dense<[[[[2, 2], [0, -3]]]]> : tensor<1x1x2x2x!p>
  // a + b - 2d: 1 + 2 - 2 = 1, 2 + 4 - 2 = 4, 0 + 1 - 0 = 1, 1 + 1 - 16 = -14, nearest -16.
  %0 = lns.conv2d %x, %w : (tensor<1x1x3x3x!p>, tensor<1x1x2x2x!p>) -> tensor<1x1x2x2x!p>
  check.expect_eq %0, dense<[[[[2, 4], [2, -6]]]]> : tensor<1x1x2x2x!p>
  %1 = lns.conv2d %x, %w {relu} : (tensor<1x1x3x3x!p>, tensor<1x1x2x2x!p>) -> tensor<1x1x2x2x!pu>
  check.expect_eq %1, dense<[[[[2, 4], [2, 0]]]]> : tensor<1x1x2x2x!pu>
  // Two steps at a time, one column and row of zeros at the left and top: -2 · 1, -2 · 4,
  // -2 · -1 and 0 + 1 - 2 · 8 = -15.
  %2 = lns.conv2d %x, %w {strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 0, 0>} : (tensor<1x1x3x3x!p>, tensor<1x1x2x2x!p>) -> tensor<1x1x2x2x!p>
  check.expect_eq %2, dense<[[[[-3, -5], [3, -6]]]]> : tensor<1x1x2x2x!p>
  // The corners: 1 + 4 - 16 = -11, nearest -8.
  %3 = lns.conv2d %x, %w {dilation = array<i64: 2, 2>} : (tensor<1x1x3x3x!p>, tensor<1x1x2x2x!p>) -> tensor<1x1x1x1x!p>
  check.expect_eq %3, dense<[[[[-5]]]]> : tensor<1x1x1x1x!p>
  func.return
}

// Two channels in two groups: outputs 0 and 1 see channel 0 (value 2), output 2 and 3 channel 1 (4).
func.func @groups() {
  %x = data.constant dense<[[[[3]], [[4]]]]> : tensor<1x2x1x1x!p>
  %w = data.constant dense<[[[[2]]], [[[-2]]], [[[3]]], [[[1]]]]> : tensor<4x1x1x1x!p>
  %b = data.constant dense<[0, 0, -8192, 2048]> : tensor<4xi32>
  %0 = lns.conv2d %x, %w, %b {groups = 2} : (tensor<1x2x1x1x!p>, tensor<4x1x1x1x!p>, tensor<4xi32>) -> tensor<1x4x1x1x!p>
  // 2, -2, 8 - 8, 2 + 2.
  check.expect_eq %0, dense<[[[[3]], [[-3]], [[0]], [[4]]]]> : tensor<1x4x1x1x!p>
  func.return
}
