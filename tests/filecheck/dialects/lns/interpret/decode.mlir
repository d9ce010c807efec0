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

func.func @decode() {
  %x = data.constant dense<[0, 1, -2, 3, -129]> : tensor<5x!lns.number<9, 0, bias = 2>>
  %0 = lns.decode %x : (tensor<5x!lns.number<9, 0, bias = 2>>) -> tensor<5xf32>
  check.expect_eq %0, dense<[0.0, 0.5, -1.0, 2.0, -1.7014118e+38]> : tensor<5xf32>
  // 2^(8/16) = sqrt(2), correctly rounded.
  %y = data.constant dense<[24, -24]> : tensor<2x!f>
  %1 = lns.decode %y : (tensor<2x!f>) -> tensor<2xf32>
  check.expect_eq %1, dense<[1.4142135, -1.4142135]> : tensor<2xf32>
  check.expect_close %1, dense<[1.4142, -1.4142]> : tensor<2xf32> within 2.0e-5
  // One bias per row: code 2 is worth 2^(2 - 0) and 2^(2 - 3).
  %w = data.constant dense<2> : tensor<2x1x!lns.number<5, 0, bias = 0:{0, 3}>>
  %2 = lns.decode %w : (tensor<2x1x!lns.number<5, 0, bias = 0:{0, 3}>>) -> tensor<2x1xf32>
  check.expect_eq %2, dense<[[4.0], [0.5]]> : tensor<2x1xf32>
  // Biases of the channels in place of the operand's: code 2 is worth 2^(2 - 0) and 2^(2 - 3).
  %c = data.constant dense<[[2, 2], [-2, 0]]> : tensor<2x2x!p>
  %3 = lns.decode %c {biases = array<i64: 0, 3>} : (tensor<2x2x!p>) -> tensor<2x2xf32>
  check.expect_eq %3, dense<[[4.0, 0.5], [-4.0, 0.0]]> : tensor<2x2xf32>
  func.return
}
