// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Codes are written as sign and magnitude m; a code is worth 2^((m - bias) / 2^frac), 0 is zero.
// With frac = 0 and bias = 2:
//
//   code    0    1    2    3    4    5    6   …   15
//   value   0   1/2   1    2    4    8   16   … 8192
!p = !lns.number<5, 0, bias = 2>

!pu = !lns.number<4, 0, bias = 2, unsigned>

// 2 - 1, 2 - 2, 1 - 2, 1/2 - 0, -2 - 4 = -6, which is nearer to -8 on the logarithm.
func.func @sub() {
  %x = data.constant dense<[[3, 3, 2, 1, -3]]> : tensor<1x5x!p>
  %y = data.constant dense<[[2, 3, 3, 0, 4]]> : tensor<1x5x!pu>
  %0 = lns.sub %x, %y : (tensor<1x5x!p>, tensor<1x5x!pu>) -> tensor<1x5x!p>
  // CHECK: lns.sub %x, %y : (tensor<1x5x!lns.number<5, 0, bias = 2>>, tensor<1x5x!lns.number<4, 0, bias = 2, unsigned>>) -> tensor<1x5x!lns.number<5, 0, bias = 2>>
  check.expect_eq %0, dense<[[2, 0, -2, 1, -5]]> : tensor<1x5x!p>
  %1 = lns.sub %x, %y {relu} : (tensor<1x5x!p>, tensor<1x5x!pu>) -> tensor<1x5x!pu>
  check.expect_eq %1, dense<[[2, 0, 0, 1, 0]]> : tensor<1x5x!pu>
  // Mitchell's antilog of a whole power of two is exact too.
  %2 = lns.sub %y, %x {arithmetic = #lns.arithmetic<antilog_bits = 4, accumulator = 24, mitchell>} : (tensor<1x5x!pu>, tensor<1x5x!p>) -> tensor<1x5x!p>
  // CHECK: lns.sub %y, %x {arithmetic = #lns.arithmetic<antilog_bits = 4, accumulator = 24, mitchell>} :
  check.expect_eq %2, dense<[[-2, 0, 2, -1, 5]]> : tensor<1x5x!p>
  func.return
}

func.func @broadcast() {
  %x = data.constant dense<[[[[3, 4]], [[2, 0]]]]> : tensor<1x2x1x2x!p>
  %m = data.constant dense<[[[[2]], [[2]]]]> : tensor<1x2x1x1x!p>
  %0 = lns.sub %x, %m : (tensor<1x2x1x2x!p>, tensor<1x2x1x1x!p>) -> tensor<1x2x1x2x!p>
  // 4 - 1 = 3 is nearer to 4.
  check.expect_eq %0, dense<[[[[2, 4]], [[0, -2]]]]> : tensor<1x2x1x2x!p>
  %1 = lns.add %m, %x : (tensor<1x2x1x1x!p>, tensor<1x2x1x2x!p>) -> tensor<1x2x1x2x!p>
  check.expect_eq %1, dense<[[[[4, 4]], [[3, 2]]]]> : tensor<1x2x1x2x!p>
  func.return
}
