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

// The lowest index of equals wins; zero is above every negative value.
func.func @argmax() {
  %x = data.constant dense<[[-9, -1, -5], [0, -1, -15], [3, 4, 4]]> : tensor<3x3x!p>
  %0 = lns.argmax %x : (tensor<3x3x!p>) -> tensor<3xi32>
  check.expect_eq %0, dense<[1, 0, 1]> : tensor<3xi32>
  %y = data.constant dense<[[[1, 2], [8, 15]]]> : tensor<1x2x2x!pu>
  %1 = lns.argmax %y {axis = 2} : (tensor<1x2x2x!pu>) -> tensor<1x2xi8>
  check.expect_eq %1, dense<1> : tensor<1x2xi8>
  %2 = lns.argmax %y : (tensor<1x2x2x!pu>) -> tensor<1x2xi64>
  check.expect_eq %2, dense<1> : tensor<1x2xi64>
  %3 = lns.argmax %y {axis = 2, keepdims} : (tensor<1x2x2x!pu>) -> tensor<1x2x1xi8>
  check.expect_eq %3, dense<1> : tensor<1x2x1xi8>
  func.return
}
