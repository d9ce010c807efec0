// RUN: recog-opt %s -p run-checks

// The position of the largest element along an axis.
func.func @argmax() {
  //   1  6 -3
  //  -4 -9 -2
  %x = data.constant dense<[[1.0, 6.0, -3.0], [-4.0, -9.0, -2.0]]> : tensor<2x3xf32>
  // In the rows.
  %0 = nn.argmax %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2xi64>
  check.expect_eq %0, dense<[1, 2]> : tensor<2xi64>
  // In the columns; the axis stays.
  %1 = nn.argmax %x {axis = 0 : i64, keepdims} : (tensor<2x3xf32>) -> tensor<1x3xi64>
  check.expect_eq %1, dense<[[0, 0, 1]]> : tensor<1x3xi64>
  func.return
}

// Of equal elements the first, zeros of either sign being equal.
func.func @equals() {
  %x = data.constant dense<[[3.0, 5.0, 5.0], [2.0, 2.0, 2.0], [-1.0, -0.0, 0.0]]> : tensor<3x3xf32>
  %0 = nn.argmax %x {axis = 1 : i64} : (tensor<3x3xf32>) -> tensor<3xi64>
  check.expect_eq %0, dense<[1, 0, 1]> : tensor<3xi64>
  %y = data.constant dense<[[1.0, 4.0], [7.0, 4.0], [7.0, -4.0]]> : tensor<3x2xf32>
  // Columns 1 7 7 and 4 4 -4.
  %1 = nn.argmax %y {axis = 0 : i64} : (tensor<3x2xf32>) -> tensor<2xi64>
  check.expect_eq %1, dense<[1, 0]> : tensor<2xi64>
  func.return
}
