// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Codes are written as sign and magnitude m; a code is worth 2^((m - bias) / 2^frac), 0 is zero.
// With frac = 0 and bias = 2:
//
//   code    0    1    2    3    4    5    6   …   15
//   value   0   1/2   1    2    4    8   16   … 8192
!p = !lns.number<5, 0, bias = 2>

#a = #lns.arithmetic<antilog_bits = 6, accumulator = 32>

func.func @nearest() {
  %x = data.constant dense<[[[[2, -3, 4]]]]> : tensor<1x1x1x3x!p>
  %0 = lns.resize %x {mode = "nearest"} : (tensor<1x1x1x3x!p>) -> tensor<1x1x2x6x!p>
  check.expect_eq %0, dense<[[[[2, 2, -3, -3, 4, 4], [2, 2, -3, -3, 4, 4]]]]> : tensor<1x1x2x6x!p>
  // ⌊0 · 3/4⌋, ⌊1 · 3/4⌋, ⌊2 · 3/4⌋, ⌊3 · 3/4⌋ = 0, 0, 1, 2.
  %1 = lns.resize %x {mode = "nearest"} : (tensor<1x1x1x3x!p>) -> tensor<1x1x1x4x!p>
  check.expect_eq %1, dense<[[[[2, 2, -3, 4]]]]> : tensor<1x1x1x4x!p>
  func.return
}

// Doubled: columns lie at -1/4, 1/4, 3/4 and 5/4, clipped: 1, (3 · 1 + 4) / 4, (1 + 3 · 4) / 4, 4.
// 7/4 is nearer to 2 and 13/4 to 4.
func.func @bilinear() {
  %x = data.constant dense<[[[[2, 4]], [[2, -2]]]]> : tensor<1x2x1x2x!p>
  %0 = lns.resize %x {mode = "bilinear", steps = array<i64: 1, 4>, arithmetic = #a} : (tensor<1x2x1x2x!p>) -> tensor<1x2x1x4x!p>
  check.expect_eq %0, dense<[[[[2, 3, 4, 4]], [[2, 1, -1, -2]]]]> : tensor<1x2x1x4x!p>
  // Corners on corners: 1, 5/2, 4 and 1, 0, -1.
  %1 = lns.resize %x {mode = "bilinear", align_corners, steps = array<i64: 1, 2>, arithmetic = #a} : (tensor<1x2x1x2x!p>) -> tensor<1x2x1x3x!p>
  check.expect_eq %1, dense<[[[[2, 3, 4]], [[2, 0, -2]]]]> : tensor<1x2x1x3x!p>
  // Positions in whole columns, halves up: 0, 0, 1, 1.
  %2 = lns.resize %x {mode = "bilinear", steps = array<i64: 1, 1>, arithmetic = #a} : (tensor<1x2x1x2x!p>) -> tensor<1x2x1x4x!p>
  check.expect_eq %2, dense<[[[[2, 2, 4, 4]], [[2, 2, -2, -2]]]]> : tensor<1x2x1x4x!p>
  func.return
}

// Both axes: the middle of 1, 2, 4 and -8 is -1/4, half of the smallest value, which it becomes.
func.func @both_axes() {
  %x = data.constant dense<[[[[2, 3], [4, -5]]]]> : tensor<1x1x2x2x!p>
  %0 = lns.resize %x {mode = "bilinear", align_corners, steps = array<i64: 2, 2>, arithmetic = #a} : (tensor<1x1x2x2x!p>) -> tensor<1x1x3x3x!p>
  // 1, 3/2, 2; 5/2, -1/4, -3; 4, -2, -8.
  check.expect_eq %0, dense<[[[[2, 3, 3], [3, -1, -4], [4, -3, -5]]]]> : tensor<1x1x3x3x!p>
  func.return
}

// Fewer rows. Nearest: ⌊0 · 4/2⌋, ⌊1 · 4/2⌋ = 0, 2. Bilinear: ((2y + 1) · 4 - 2) / 4 = 1/2, 5/2:
// (1 + 1) / 2 and (4 + 8) / 2 = 6, nearer to 8.
func.func @smaller() {
  %x = data.constant dense<[[[[2], [2], [4], [5]]]]> : tensor<1x1x4x1x!p>
  %0 = lns.resize %x {mode = "nearest"} : (tensor<1x1x4x1x!p>) -> tensor<1x1x2x1x!p>
  check.expect_eq %0, dense<[[[[2], [4]]]]> : tensor<1x1x2x1x!p>
  %1 = lns.resize %x {mode = "bilinear", steps = array<i64: 2, 1>, arithmetic = #a} : (tensor<1x1x4x1x!p>) -> tensor<1x1x2x1x!p>
  check.expect_eq %1, dense<[[[[2], [5]]]]> : tensor<1x1x2x1x!p>
  func.return
}
