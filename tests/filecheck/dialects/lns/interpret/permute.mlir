// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Codes are written as sign and magnitude.
!p = !lns.number<5, 0, bias = 2>

// Columns become channels, channels columns: result [0, i, 0, j] is operand [0, j, 0, i].
func.func @permute() {
  %x = data.constant dense<[[[[1, 2, 3]], [[4, 5, 6]]]]> : tensor<1x2x1x3x!p>
  %0 = lns.permute %x {permutation = array<i64: 0, 3, 2, 1>} : (tensor<1x2x1x3x!p>) -> tensor<1x3x1x2x!p>
  check.expect_eq %0, dense<[[[[1, 4]], [[2, 5]], [[3, 6]]]]> : tensor<1x3x1x2x!p>
  func.return
}

// Axis i of the result is axis permutation[i] of the operand. With 0, 3, 1, 2 result [0, i, j, k] is
// operand [0, j, k, i]; with 0, 2, 3, 1 it is operand [0, k, i, j].
func.func @rotate() {
  %x = data.constant dense<[[[[1, 2, 3]], [[4, 5, 6]]]]> : tensor<1x2x1x3x!p>
  %0 = lns.permute %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x2x1x3x!p>) -> tensor<1x3x2x1x!p>
  check.expect_eq %0, dense<[[[[1], [4]], [[2], [5]], [[3], [6]]]]> : tensor<1x3x2x1x!p>
  %1 = lns.permute %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x2x1x3x!p>) -> tensor<1x1x3x2x!p>
  check.expect_eq %1, dense<[[[[1, 4], [2, 5], [3, 6]]]]> : tensor<1x1x3x2x!p>
  func.return
}
