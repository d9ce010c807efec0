// RUN: recog-opt %s -p run-checks

// The smaller of two elements.
func.func @minimum() {
  %x = data.constant dense<[1.0, -2.0, -3.0, 0x7F800000]> : tensor<4xf32>
  %y = data.constant dense<[0.5, -1.0, -3.0, 8.0]> : tensor<4xf32>
  %0 = nn.minimum %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  check.expect_eq %0, dense<[0.5, -2.0, -3.0, 8.0]> : tensor<4xf32>
  // A column and a row.
  %column = data.constant dense<[[0.0], [2.0]]> : tensor<2x1xf32>
  %row = data.constant dense<[-1.0, 1.0, 3.0]> : tensor<3xf32>
  %1 = nn.minimum %column, %row : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  check.expect_eq %1, dense<[[-1.0, 0.0, 0.0], [-1.0, 1.0, 2.0]]> : tensor<2x3xf32>
  func.return
}

// Beyond what a float holds: 2^53 + 1 and 2^53 + 3.
func.func @indices() {
  %i = data.constant dense<[7, -7, 9007199254740993]> : tensor<3xi64>
  %j = data.constant dense<[-9, -2, 9007199254740995]> : tensor<3xi64>
  %0 = nn.minimum %i, %j : (tensor<3xi64>, tensor<3xi64>) -> tensor<3xi64>
  check.expect_eq %0, dense<[-9, -7, 9007199254740993]> : tensor<3xi64>
  func.return
}
