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

// Rounding is on the logarithm: between 2 and 4 the border is 2 · sqrt(2) = 2.828. The smallest
// value is reached from half of it upward. Infinities and large values saturate.
func.func @encode() {
  %x = data.constant dense<[0.0, -0.0, 1.0, -2.0, 2.82, 2.83, 0.25, 0.249, -0.25, 1.0e30]> : tensor<10xf32>
  %0 = lns.encode %x : (tensor<10xf32>) -> tensor<10x!p>
  check.expect_eq %0, dense<[0, 0, 2, -3, 3, 4, 1, 0, -1, 15]> : tensor<10x!p>
  %infinities = data.constant dense<[0x7F800000, 0xFF800000, 0x7F7FFFFF]> : tensor<3xf32>
  %1 = lns.encode %infinities : (tensor<3xf32>) -> tensor<3x!p>
  check.expect_eq %1, dense<[15, -15, 15]> : tensor<3x!p>
  // Unsigned formats know no negative values.
  %2 = lns.encode %x : (tensor<10xf32>) -> tensor<10x!pu>
  check.expect_eq %2, dense<[0, 0, 2, 0, 3, 4, 1, 0, 0, 15]> : tensor<10x!pu>
  func.return
}
