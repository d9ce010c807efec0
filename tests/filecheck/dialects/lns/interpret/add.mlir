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

func.func @add() {
  %x = data.constant dense<[2, 3, -3, 2, 0, 15]> : tensor<6x!p>
  %y = data.constant dense<[2, 2, 2, -2, 0, 15]> : tensor<6x!p>
  // 1 + 1, 2 + 1 (nearest 4), -2 + 1, 1 - 1, 0 + 0, and 15 is the largest code.
  %0 = lns.add %x, %y : (tensor<6x!p>, tensor<6x!p>) -> tensor<6x!p>
  check.expect_eq %0, dense<[3, 4, -2, 0, 0, 15]> : tensor<6x!p>
  %1 = lns.add %x, %y {relu} : (tensor<6x!p>, tensor<6x!p>) -> tensor<6x!pu>
  check.expect_eq %1, dense<[3, 4, 0, 0, 0, 15]> : tensor<6x!pu>
  // Operands and result of three formats: 1 + sqrt(2) = 2.414, and 32 · log2 of that is 40.7.
  %a = data.constant dense<2> : tensor<1x!p>
  %b = data.constant dense<24> : tensor<1x!f>
  %2 = lns.add %a, %b : (tensor<1x!p>, tensor<1x!f>) -> tensor<1x!lns.number<8, 5, bias = -1>>
  check.expect_eq %2, dense<40> : tensor<1x!lns.number<8, 5, bias = -1>>
  func.return
}

// One value a channel: 1 + 2 = 3 and 1 + 4 = 5, both nearest to 4; 1 + 1, 1 + 0.
func.func @broadcast() {
  %x = data.constant dense<[[[[3, 4]], [[2, 0]]]]> : tensor<1x2x1x2x!p>
  %m = data.constant dense<[[[[2]], [[2]]]]> : tensor<1x2x1x1x!p>
  %0 = lns.add %m, %x : (tensor<1x2x1x1x!p>, tensor<1x2x1x2x!p>) -> tensor<1x2x1x2x!p>
  check.expect_eq %0, dense<[[[[4, 4]], [[3, 2]]]]> : tensor<1x2x1x2x!p>
  func.return
}
