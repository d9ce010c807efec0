// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Codes are written as sign and magnitude m; a code is worth 2^((m - bias) / 2^frac), 0 is zero.
// With frac = 0 and bias = 2:
//
//   code    0    1    2    3    4    5    6    7
//   value   0   1/2   1    2    4    8   16   32
!p = !lns.number<4, 0, bias = 2>
!pu = !lns.number<3, 0, bias = 2, unsigned>

// Two channels of one row: left 1 2 4 and -1 0 4, right 2 4 1 and 4 1 1. Plane 0 is
// (1 * 2 - 1 * 4) / 2 = -1, 2 * 4 / 2 = 4 and (4 * 1 + 4 * 1) / 2 = 4; plane 1 has
// (2 * 2 + 0) / 2 = 2 and (4 * 4 + 4 * 1) / 2 = 10, nearer to 8.
func.func @correlation() {
  %l = data.constant dense<[[[[2, 3, 4]], [[-2, 0, 4]]]]> : tensor<1x2x1x3x!p>
  %r = data.constant dense<[[[[3, 4, 2]], [[4, 2, 2]]]]> : tensor<1x2x1x3x!pu>
  %0 = lns.correlation %l, %r {disparities = 2 : i64} : (tensor<1x2x1x3x!p>, tensor<1x2x1x3x!pu>) -> tensor<1x2x1x3x!p>
  check.expect_eq %0, dense<[[[[-2, 4, 4]], [[0, 3, 5]]]]> : tensor<1x2x1x3x!p>
  %1 = lns.correlation %r, %r {disparities = 1 : i64, arithmetic = #lns.arithmetic<antilog_bits = 4, accumulator = 40, mitchell>} : (tensor<1x2x1x3x!pu>, tensor<1x2x1x3x!pu>) -> tensor<1x1x1x3x!pu>
  // (4 + 16) / 2 = 10, (16 + 1) / 2 = 8.5, (1 + 1) / 2 = 1.
  check.expect_eq %1, dense<[[[[5, 5, 2]]]]> : tensor<1x1x1x3x!pu>
  func.return
}
