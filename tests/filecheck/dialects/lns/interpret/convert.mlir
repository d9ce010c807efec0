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

func.func @convert() {
  %x = data.constant dense<[0, 1, 2, -3, 14, 15]> : tensor<6x!p>
  // Bias 3 in place of 2: one more to each code, and 15 is the largest.
  %0 = lns.convert %x : (tensor<6x!p>) -> tensor<6x!lns.number<5, 0, bias = 3>>
  check.expect_eq %0, dense<[0, 2, 3, -4, 15, 15]> : tensor<6x!lns.number<5, 0, bias = 3>>
  // Bias 0: two less. 1 is half of the smallest value, 2, and becomes it; 1/2 becomes zero.
  %1 = lns.convert %x : (tensor<6x!p>) -> tensor<6x!lns.number<5, 0, bias = 0>>
  check.expect_eq %1, dense<[0, 0, 1, -1, 12, 13]> : tensor<6x!lns.number<5, 0, bias = 0>>
  // frac 4 to frac 0: 16 + 7, 8, 9 sixteenths above 1; the middle goes up.
  %y = data.constant dense<[23, 24, 25, -24]> : tensor<4x!f>
  %2 = lns.convert %y : (tensor<4x!f>) -> tensor<4x!p>
  check.expect_eq %2, dense<[2, 3, 3, -3]> : tensor<4x!p>
  // frac 0 to frac 4 is exact: 1 is 16, 2 is 32, 64 is 112; 128 is beyond 127.
  %z = data.constant dense<[2, 3, 8, 9]> : tensor<4x!p>
  %3 = lns.convert %z : (tensor<4x!p>) -> tensor<4x!f>
  check.expect_eq %3, dense<[16, 32, 112, 127]> : tensor<4x!f>
  func.return
}
