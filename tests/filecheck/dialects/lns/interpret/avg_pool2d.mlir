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

func.func @avg_pool2d() {
  %x = data.constant dense<[[[[2, 3], [3, -4]], [[5, 5], [5, 5]]]]> : tensor<1x2x2x2x!p>
  // (1 + 2 + 2 - 4) / 4 = 1/4, half of the smallest value; 8.
  %0 = lns.avg_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<1x2x2x2x!p>) -> tensor<1x2x1x1x!p>
  check.expect_eq %0, dense<[[[[1]], [[5]]]]> : tensor<1x2x1x1x!p>
  // Windows of two rows; those of the first row are half padding: (0 + 1) / 2, (0 + 2) / 2, 8 / 2,
  // or 1, 2, 8 where padding does not count. Then (1 + 2) / 2, nearest 2, (2 - 4) / 2, and 8.
  %1 = lns.avg_pool2d %x {kernel = array<i64: 2, 1>, padding = array<i64: 1, 0, 0, 0>, count_include_pad} : (tensor<1x2x2x2x!p>) -> tensor<1x2x2x2x!p>
  check.expect_eq %1, dense<[[[[1, 2], [3, -2]], [[4, 4], [5, 5]]]]> : tensor<1x2x2x2x!p>
  %2 = lns.avg_pool2d %x {kernel = array<i64: 2, 1>, padding = array<i64: 1, 0, 0, 0>} : (tensor<1x2x2x2x!p>) -> tensor<1x2x2x2x!p>
  check.expect_eq %2, dense<[[[[2, 3], [3, -2]], [[5, 5], [5, 5]]]]> : tensor<1x2x2x2x!p>
  func.return
}
