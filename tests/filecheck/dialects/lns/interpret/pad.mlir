// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Codes are written as sign and magnitude.
!p = !lns.number<5, 0, bias = 2>

// A row of zeros above, two columns to the right; the column on the left is cut off.
func.func @pad() {
  %x = data.constant dense<[[[[1, 2, 3], [4, 5, 6]]]]> : tensor<1x1x2x3x!p>
  %0 = lns.pad %x {padding = array<i64: 1, -1, 0, 2>} : (tensor<1x1x2x3x!p>) -> tensor<1x1x3x4x!p>
  check.expect_eq %0, dense<[[[[0, 0, 0, 0], [2, 3, 0, 0], [5, 6, 0, 0]]]]> : tensor<1x1x3x4x!p>
  func.return
}

// A column of zeros on the left, the bottom row and the last column cut off; then the top row cut off
// and a row of zeros below.
func.func @other_sides() {
  %x = data.constant dense<[[[[1, 2, 3], [4, 5, 6]]]]> : tensor<1x1x2x3x!p>
  %0 = lns.pad %x {padding = array<i64: 0, 1, -1, -1>} : (tensor<1x1x2x3x!p>) -> tensor<1x1x1x3x!p>
  check.expect_eq %0, dense<[[[[0, 1, 2]]]]> : tensor<1x1x1x3x!p>
  %1 = lns.pad %x {padding = array<i64: -1, 0, 1, 0>} : (tensor<1x1x2x3x!p>) -> tensor<1x1x2x3x!p>
  check.expect_eq %1, dense<[[[[4, 5, 6], [0, 0, 0]]]]> : tensor<1x1x2x3x!p>
  func.return
}
