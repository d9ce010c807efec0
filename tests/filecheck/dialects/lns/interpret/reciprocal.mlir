// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Codes are written as sign and magnitude m; a code is worth 2^((m - bias) / 2^frac), 0 is zero.
// With frac = 0 and bias = 2:
//
//   code    0    1    2    3    4    5    6    7
//   value   0   1/2   1    2    4    8   16   32
!p = !lns.number<4, 0, bias = 2>
// With frac = 4 and bias = 16, one is code 16, sqrt(2) is 24, two is 32.
!f = !lns.number<8, 4, bias = 16>

// 2 / x: the logarithm of 2 in units of 2^-12 is 4096. 2 / 8 = 1/4 is half of the
// smallest value and becomes it, 2 / 16 becomes zero. 2 / 0 is the largest code.
func.func @reciprocal() {
  %x = data.constant dense<[[2, 3, -4, 5, 6, 1, 0]]> : tensor<1x7x!p>
  %0 = lns.reciprocal %x {log_numerator = 4096 : i64} : (tensor<1x7x!p>) -> tensor<1x7x!p>
  check.expect_eq %0, dense<[[3, 2, -1, 1, 0, 4, 7]]> : tensor<1x7x!p>
  %1 = lns.reciprocal %x {log_numerator = 4096 : i64, negative} : (tensor<1x7x!p>) -> tensor<1x7x!p>
  check.expect_eq %1, dense<[[-3, -2, 1, -1, 0, -4, -7]]> : tensor<1x7x!p>
  func.return
}

// Constants with fractions of an octave: 2^(6144 / 4096) = 2.83 over 1, sqrt(2) and -2 is
// 2^1.5, 2 and -sqrt(2): 16 + 24, 16 + 16, 16 + 8.
func.func @fractions() {
  %x = data.constant dense<[16, 24, -32]> : tensor<3x!f>
  %0 = lns.reciprocal %x {log_numerator = 6144 : i64} : (tensor<3x!f>) -> tensor<3x!f>
  check.expect_eq %0, dense<[40, 32, -24]> : tensor<3x!f>
  // 1/2 over 1, sqrt(2) and -2 in whole octaves: 2^-1, 2^-1.5 and 2^-2. The tie goes up, and -1/4 is
  // half of the smallest value.
  %1 = lns.reciprocal %x {log_numerator = -4096 : i64} : (tensor<3x!f>) -> tensor<3x!p>
  check.expect_eq %1, dense<[1, 1, -1]> : tensor<3x!p>
  func.return
}
