// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s
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
  // CHECK: %0 = lns.correlation %l, %r {disparities = 2 : i64} : (tensor<1x2x1x3x!lns.number<4, 0, bias = 2>>, tensor<1x2x1x3x!lns.number<3, 0, bias = 2, unsigned>>) -> tensor<1x2x1x3x!lns.number<4, 0, bias = 2>>
  check.expect_eq %0, dense<[[[[-2, 4, 4]], [[0, 3, 5]]]]> : tensor<1x2x1x3x!p>
  %1 = lns.correlation %r, %r {disparities = 1 : i64, arithmetic = #lns.arithmetic<antilog_bits = 4, accumulator = 40, mitchell>} : (tensor<1x2x1x3x!pu>, tensor<1x2x1x3x!pu>) -> tensor<1x1x1x3x!pu>
  // CHECK: %1 = lns.correlation %r, %r {disparities = 1 : i64, arithmetic = #lns.arithmetic<antilog_bits = 4, accumulator = 40, mitchell>} :
  // (4 + 16) / 2 = 10, (16 + 1) / 2 = 8.5, (1 + 1) / 2 = 1.
  check.expect_eq %1, dense<[[[[5, 5, 2]]]]> : tensor<1x1x1x3x!pu>
  func.return
}

// Bins of 2 and 6 in quarters. Equal logits: (2 + 6) / 2 = 4; one that is 32 larger wins. The residual
// -1/2 adds, and with -4 the sum 4 - 4 is zero.
func.func @expectation() {
  %x = data.constant dense<[[[[4, 7, 0]], [[4, 0, 7]]]]> : tensor<1x2x1x3x!p>
  %bins = data.constant dense<[8, 24]> : tensor<2xi32>
  %0 = lns.expectation %x, %bins {frac = 2 : i64} : (tensor<1x2x1x3x!p>, tensor<2xi32>) -> tensor<1x1x1x3x!lns.number<16, 11, bias = 0>>
  // CHECK: %0 = lns.expectation %x, %bins {frac = 2 : i64} : (tensor<1x2x1x3x!lns.number<4, 0, bias = 2>>, tensor<2xi32>) -> tensor<1x1x1x3x!lns.number<16, 11, bias = 0>>
  // 4 = 2^(4096 / 2048), 2 = 2^(2048 / 2048), 6 = 2^(5294 / 2048).
  check.expect_eq %0, dense<[[[[4096, 2048, 5294]]]]> : tensor<1x1x1x3x!lns.number<16, 11, bias = 0>>
  %r = data.constant dense<[[[[-4, -1, 2]]]]> : tensor<1x1x1x3x!p>
  %1 = lns.expectation %x, %bins, %r {frac = 2 : i64} : (tensor<1x2x1x3x!p>, tensor<2xi32>, tensor<1x1x1x3x!p>) -> tensor<1x1x1x3x!p>
  // CHECK: %1 = lns.expectation %x, %bins, %r {frac = 2 : i64} :
  // 0; 1.5 is nearer to 2 than to 1; 7 is nearer to 8.
  check.expect_eq %1, dense<[[[[0, 3, 5]]]]> : tensor<1x1x1x3x!p>
  func.return
}

// 2 / x: the logarithm of 2 in units of 2^-12 is 4096. Nothing is below 1/2 but zero: a quarter
// becomes 1/2, less nothing. 2 / 0 is the largest code.
func.func @reciprocal() {
  %x = data.constant dense<[[2, 3, -4, 5, 6, 1, 0]]> : tensor<1x7x!p>
  %0 = lns.reciprocal %x {log_numerator = 4096 : i64} : (tensor<1x7x!p>) -> tensor<1x7x!p>
  // CHECK: %0 = lns.reciprocal %x {log_numerator = 4096 : i64} : (tensor<1x7x!lns.number<4, 0, bias = 2>>) -> tensor<1x7x!lns.number<4, 0, bias = 2>>
  check.expect_eq %0, dense<[[3, 2, -1, 1, 0, 4, 7]]> : tensor<1x7x!p>
  %1 = lns.reciprocal %x {log_numerator = 4096 : i64, negative} : (tensor<1x7x!p>) -> tensor<1x7x!p>
  // CHECK: %1 = lns.reciprocal %x {log_numerator = 4096 : i64, negative} :
  check.expect_eq %1, dense<[[-3, -2, 1, -1, 0, -4, -7]]> : tensor<1x7x!p>
  func.return
}
