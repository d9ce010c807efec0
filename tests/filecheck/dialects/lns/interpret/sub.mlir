// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Codes are written as sign and magnitude m; a code is worth 2^((m - bias) / 2^frac), 0 is zero.
// With frac = 0 and bias = 2:
//
//   code    0    1    2    3    4    5    6   …   15
//   value   0   1/2   1    2    4    8   16   … 8192
!p = !lns.number<5, 0, bias = 2>

!pu = !lns.number<4, 0, bias = 2, unsigned>
// With frac = 4 and bias = 16, one is code 16, two is 32, and sqrt(2) is 24.
!f = !lns.number<8, 4, bias = 16>

// 2 - 1, 2 - 2, 1 - 2, 1/2 - 0, -2 - 4 = -6, which is nearer to -8 on the logarithm.
func.func @sub() {
  %x = data.constant dense<[[3, 3, 2, 1, -3]]> : tensor<1x5x!p>
  %y = data.constant dense<[[2, 3, 3, 0, 4]]> : tensor<1x5x!pu>
  %0 = lns.sub %x, %y : (tensor<1x5x!p>, tensor<1x5x!pu>) -> tensor<1x5x!p>
  check.expect_eq %0, dense<[[2, 0, -2, 1, -5]]> : tensor<1x5x!p>
  %1 = lns.sub %x, %y {relu} : (tensor<1x5x!p>, tensor<1x5x!pu>) -> tensor<1x5x!pu>
  check.expect_eq %1, dense<[[2, 0, 0, 1, 0]]> : tensor<1x5x!pu>
  // Mitchell's antilog of a whole power of two is exact too.
  %2 = lns.sub %y, %x {arithmetic = #lns.arithmetic<antilog_bits = 4, accumulator = 24, mitchell>} : (tensor<1x5x!pu>, tensor<1x5x!p>) -> tensor<1x5x!p>
  check.expect_eq %2, dense<[[-2, 0, 2, -1, 5]]> : tensor<1x5x!p>
  func.return
}

func.func @broadcast() {
  %x = data.constant dense<[[[[3, 4]], [[2, 0]]]]> : tensor<1x2x1x2x!p>
  %m = data.constant dense<[[[[2]], [[2]]]]> : tensor<1x2x1x1x!p>
  %0 = lns.sub %x, %m : (tensor<1x2x1x2x!p>, tensor<1x2x1x1x!p>) -> tensor<1x2x1x2x!p>
  // 4 - 1 = 3 is nearer to 4.
  check.expect_eq %0, dense<[[[[2, 4]], [[0, -2]]]]> : tensor<1x2x1x2x!p>
  func.return
}

// The antilog of sqrt(2) has antilog_bits bits below its point: round(64 · 1.41421) / 64 = 91/64,
// round(4096 · 1.41421) / 4096 = 5793/4096; Mitchell's is 1 + 8/16. Then 16 + 16 · log2 of
// 2 - 91/64 = 0.5781 is 3.35, of 2 - 5793/4096 = 0.5857 is 3.65, and of 2 - 3/2 is 0; as code 0 is
// zero, that becomes the smallest code, 1, which half of its value is enough for.
func.func @antilog() {
  %x = data.constant dense<32> : tensor<1x!f>
  %y = data.constant dense<24> : tensor<1x!f>
  %0 = lns.sub %x, %y : (tensor<1x!f>, tensor<1x!f>) -> tensor<1x!f>
  check.expect_eq %0, dense<3> : tensor<1x!f>
  %1 = lns.sub %x, %y {arithmetic = #lns.arithmetic<antilog_bits = 12, accumulator = 40>} : (tensor<1x!f>, tensor<1x!f>) -> tensor<1x!f>
  check.expect_eq %1, dense<4> : tensor<1x!f>
  %2 = lns.sub %x, %y {arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 32, mitchell>} : (tensor<1x!f>, tensor<1x!f>) -> tensor<1x!f>
  check.expect_eq %2, dense<1> : tensor<1x!f>
  func.return
}
