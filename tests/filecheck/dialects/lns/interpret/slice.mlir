// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Codes are written as sign and magnitude.
!p = !lns.number<5, 0, bias = 2>

// Channel 1, all rows, columns 0 and 2.
func.func @slice() {
  %x = data.constant dense<[[[[1, 2, 3], [4, 5, 6]], [[-1, -2, -3], [-4, -5, -6]]]]> : tensor<1x2x2x3x!p>
  %0 = lns.slice %x {starts = array<i64: 0, 1, 0, 0>, stops = array<i64: 1, 2, 2, 3>, steps = array<i64: 1, 1, 1, 2>} : (tensor<1x2x2x3x!p>) -> tensor<1x1x2x2x!p>
  check.expect_eq %0, dense<[[[[-1, -3], [-4, -6]]]]> : tensor<1x1x2x2x!p>
  func.return
}

// A stop is the first that is left out: both rows of column 1.
func.func @bounds() {
  %x = data.constant dense<[[[[1, 2, 3], [4, 5, 6]]]]> : tensor<1x1x2x3x!p>
  %0 = lns.slice %x {starts = array<i64: 0, 0, 0, 1>, stops = array<i64: 1, 1, 2, 2>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x1x2x3x!p>) -> tensor<1x1x2x1x!p>
  check.expect_eq %0, dense<[[[[2], [5]]]]> : tensor<1x1x2x1x!p>
  // Columns 0 and 1 of row 1: two rows further there is none.
  %1 = lns.slice %x {starts = array<i64: 0, 0, 1, 0>, stops = array<i64: 1, 1, 2, 2>, steps = array<i64: 1, 1, 2, 1>} : (tensor<1x1x2x3x!p>) -> tensor<1x1x1x2x!p>
  check.expect_eq %1, dense<[[[[4, 5]]]]> : tensor<1x1x1x2x!p>
  func.return
}
