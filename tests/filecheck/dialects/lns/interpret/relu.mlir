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

func.func @relu() {
  %x = data.constant dense<[0, 1, -1, 15, -15]> : tensor<5x!p>
  %0 = lns.relu %x : (tensor<5x!p>) -> tensor<5x!p>
  check.expect_eq %0, dense<[0, 1, 0, 15, 0]> : tensor<5x!p>
  %1 = lns.relu %x : (tensor<5x!p>) -> tensor<5x!pu>
  check.expect_eq %1, dense<[0, 1, 0, 15, 0]> : tensor<5x!pu>
  // A 16-bit code without its sign is still a 16-bit code.
  %y = data.constant dense<[-32767, 32767]> : tensor<2x!lns.number<16, 8, bias = 0>>
  %2 = lns.relu %y : (tensor<2x!lns.number<16, 8, bias = 0>>) -> tensor<2x!lns.number<15, 8, bias = 0, unsigned>>
  check.expect_eq %2, dense<[0, 32767]> : tensor<2x!lns.number<15, 8, bias = 0, unsigned>>
  func.return
}
