// RUN: recog-opt %s -p run-checks

// Axis i of the result is axis permutation[i] of the operand.
func.func @permute() {
  %x = data.constant dense<[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]> : tensor<1x2x3xf32>
  // The last two exchanged: y[0, j, i] = x[0, i, j].
  %0 = nn.permute %x {permutation = array<i64: 0, 2, 1>} : (tensor<1x2x3xf32>) -> tensor<1x3x2xf32>
  check.expect_eq %0, dense<[[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]]> : tensor<1x3x2xf32>
  // The last to the front, y[j, 0, i] = x[0, i, j], which is not its own inverse.
  %1 = nn.permute %x {permutation = array<i64: 2, 0, 1>} : (tensor<1x2x3xf32>) -> tensor<3x1x2xf32>
  check.expect_eq %1, dense<[[[1.0, 4.0]], [[2.0, 5.0]], [[3.0, 6.0]]]> : tensor<3x1x2xf32>
  // The first to the end, y[i, j, 0] = x[0, i, j]: the order of the elements stays.
  %2 = nn.permute %x {permutation = array<i64: 1, 2, 0>} : (tensor<1x2x3xf32>) -> tensor<2x3x1xf32>
  check.expect_eq %2, dense<[[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]]> : tensor<2x3x1xf32>
  func.return
}

// Integers as well.
func.func @integers() {
  %x = data.constant dense<[[1, -2], [3, 4]]> : tensor<2x2xi64>
  %0 = nn.permute %x {permutation = array<i64: 1, 0>} : (tensor<2x2xi64>) -> tensor<2x2xi64>
  check.expect_eq %0, dense<[[1, 3], [-2, 4]]> : tensor<2x2xi64>
  func.return
}
