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

// Operands follow one another along an axis, 1 if none is given.
func.func @concat() {
  %x = data.constant dense<[[[1, 2], [3, 4]]]> : tensor<1x2x2x!p>
  %y = data.constant dense<[[[5, 6]]]> : tensor<1x1x2x!p>
  %1 = lns.concat %x, %y, %x : (tensor<1x2x2x!p>, tensor<1x1x2x!p>, tensor<1x2x2x!p>) -> tensor<1x5x2x!p>
  check.expect_eq %1, dense<[[[1, 2], [3, 4], [5, 6], [1, 2], [3, 4]]]> : tensor<1x5x2x!p>
  %2 = lns.concat %x, %x {axis = 2} : (tensor<1x2x2x!p>, tensor<1x2x2x!p>) -> tensor<1x2x4x!p>
  check.expect_eq %2, dense<[[[1, 2, 1, 2], [3, 4, 3, 4]]]> : tensor<1x2x4x!p>
  func.return
}
