// RUN: recog-opt %s -p run-checks

// A table of three rows, 1 2, 3 4, 5 6. Negative positions count from the end: -3 is row 0.
func.func @take() {
  %t = data.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %i = data.constant dense<[2, -3, 2, -1]> : tensor<4xi64>
  %0 = nn.take %t, %i : (tensor<3x2xf32>, tensor<4xi64>) -> tensor<4x2xf32>
  check.expect_eq %0, dense<[[5.0, 6.0], [1.0, 2.0], [5.0, 6.0], [5.0, 6.0]]> : tensor<4x2xf32>
  // The shape of the indices, then that of a row.
  %j = data.constant dense<[[0, 1], [1, 0]]> : tensor<2x2xi64>
  %1 = nn.take %t, %j : (tensor<3x2xf32>, tensor<2x2xi64>) -> tensor<2x2x2xf32>
  check.expect_eq %1, dense<[[[1.0, 2.0], [3.0, 4.0]], [[3.0, 4.0], [1.0, 2.0]]]> : tensor<2x2x2xf32>
  func.return
}

// Single elements, here integers.
func.func @elements() {
  %t = data.constant dense<[7, -8, 9]> : tensor<3xi64>
  %i = data.constant dense<[[1, -1]]> : tensor<1x2xi64>
  %0 = nn.take %t, %i : (tensor<3xi64>, tensor<1x2xi64>) -> tensor<1x2xi64>
  check.expect_eq %0, dense<[[-8, 9]]> : tensor<1x2xi64>
  func.return
}
