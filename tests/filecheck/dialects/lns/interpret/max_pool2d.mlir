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

func.func @max_pool2d() {
  %x = data.constant dense<[[[[1, -2, 3], [-4, -5, -6], [0, -7, -1]]]]> : tensor<1x1x3x3x!p>
  %0 = lns.max_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<1x1x3x3x!p>) -> tensor<1x1x2x2x!p>
  check.expect_eq %0, dense<[[[[1, 3], [0, -1]]]]> : tensor<1x1x2x2x!p>
  // Padding never wins, not even over negative values.
  %1 = lns.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 0, 1, 1, 0>} : (tensor<1x1x3x3x!p>) -> tensor<1x1x2x2x!p>
  check.expect_eq %1, dense<[[[[1, 3], [0, -1]]]]> : tensor<1x1x2x2x!p>
  %2 = lns.max_pool2d %x {kernel = array<i64: 3, 1>, strides = array<i64: 3, 1>, padding = array<i64: 1, 0, 1, 0>} : (tensor<1x1x3x3x!p>) -> tensor<1x1x1x3x!p>
  check.expect_eq %2, dense<[[[[1, -2, 3]]]]> : tensor<1x1x1x3x!p>
  func.return
}

// Taps two columns apart: (pad, -2), (-1, -3), (-2, 4), (-3, pad); padding never wins.
func.func @dilated() {
  %x = data.constant dense<[[[[-1, -2, -3, 4]]]]> : tensor<1x1x1x4x!p>
  %0 = lns.max_pool2d %x {kernel = array<i64: 1, 2>, padding = array<i64: 0, 1, 0, 1>, dilation = array<i64: 1, 2>} : (tensor<1x1x1x4x!p>) -> tensor<1x1x1x4x!p>
  check.expect_eq %0, dense<[[[[-2, -1, 4, -3]]]]> : tensor<1x1x1x4x!p>
  func.return
}
