// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Codes are written as sign and magnitude m; a code is worth 2^((m - bias) / 2^frac), 0 is zero.
// With frac = 0 and bias = 2:
//
//   code    0    1    2    3    4    5    6   …   15
//   value   0   1/2   1    2    4    8   16   … 8192
!p = !lns.number<5, 0, bias = 2>

!pu = !lns.number<4, 0, bias = 2, unsigned>
!q = !lns.number<5, 0, bias = 0>
// With frac = 4 and bias = 16, one is code 16 and sqrt(2) is 24.
!f = !lns.number<8, 4, bias = 16>

// Exponents add: 2 · 4, -2 · 4, 1/2 · 1/2, 8192 · 8192, 0 · -8, -1 · -2. A quarter is half of the
// smallest value and becomes it.
func.func @mul() {
  %x = data.constant dense<[[3, -3, 1, 15, 0, -2]]> : tensor<1x6x!p>
  %y = data.constant dense<[[4, 4, 1, 15, -5, -3]]> : tensor<1x6x!p>
  %0 = lns.mul %x, %y : (tensor<1x6x!p>, tensor<1x6x!p>) -> tensor<1x6x!p>
  check.expect_eq %0, dense<[[5, -5, 1, 15, 0, 3]]> : tensor<1x6x!p>
  // Bias 0: two less; a quarter is less than half of the smallest value, 2.
  %1 = lns.mul %x, %y : (tensor<1x6x!p>, tensor<1x6x!p>) -> tensor<1x6x!q>
  check.expect_eq %1, dense<[[3, -3, 0, 15, 0, 1]]> : tensor<1x6x!q>
  %2 = lns.mul %x, %y {relu} : (tensor<1x6x!p>, tensor<1x6x!p>) -> tensor<1x6x!pu>
  check.expect_eq %2, dense<[[5, 0, 1, 15, 0, 3]]> : tensor<1x6x!pu>
  func.return
}

// Squeeze-excite: one factor a channel.
func.func @broadcast() {
  %x = data.constant dense<[[[[2, 3]], [[-2, 0]]]]> : tensor<1x2x1x2x!p>
  %s = data.constant dense<[[[[1]], [[4]]]]> : tensor<1x2x1x1x!pu>
  %0 = lns.mul %x, %s : (tensor<1x2x1x2x!p>, tensor<1x2x1x1x!pu>) -> tensor<1x2x1x2x!p>
  check.expect_eq %0, dense<[[[[1, 2]], [[-4, 0]]]]> : tensor<1x2x1x2x!p>
  func.return
}

// Both operands at the finer frac, one rounding; a tie, as sqrt(2) is between 1 and 2, rounds up.
func.func @fractions() {
  %x = data.constant dense<[[24, 23, -24, 40]]> : tensor<1x4x!f>
  %one = data.constant dense<[[2, 2, 2, 3]]> : tensor<1x4x!p>
  %0 = lns.mul %x, %one : (tensor<1x4x!f>, tensor<1x4x!p>) -> tensor<1x4x!p>
  check.expect_eq %0, dense<[[3, 2, -3, 5]]> : tensor<1x4x!p>
  %1 = lns.mul %x, %one : (tensor<1x4x!f>, tensor<1x4x!p>) -> tensor<1x4x!f>
  check.expect_eq %1, dense<[[24, 23, -24, 56]]> : tensor<1x4x!f>
  func.return
}

// Each operand has its bias: 2 is code 3 at bias 2 and code 1 at bias 0; 3 + 1 + 2 - 2 - 0 = 4.
func.func @biases() {
  %x = data.constant dense<[[3, 2]]> : tensor<1x2x!p>
  %y = data.constant dense<[[1, -4]]> : tensor<1x2x!q>
  %0 = lns.mul %x, %y : (tensor<1x2x!p>, tensor<1x2x!q>) -> tensor<1x2x!p>
  // 2 · 2, 1 · -16.
  check.expect_eq %0, dense<[[4, -6]]> : tensor<1x2x!p>
  func.return
}
