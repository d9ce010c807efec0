// RUN: recog-opt %s -p run-checks

// The larger of two elements.
func.func @maximum() {
  %x = data.constant dense<[1.0, -2.0, -3.0, 0xFF800000]> : tensor<4xf32>
  %y = data.constant dense<[0.5, -1.0, -3.0, -8.0]> : tensor<4xf32>
  %0 = nn.maximum %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  check.expect_eq %0, dense<[1.0, -1.0, -3.0, -8.0]> : tensor<4xf32>
  // A column and a row.
  %column = data.constant dense<[[0.0], [2.0]]> : tensor<2x1xf32>
  %row = data.constant dense<[-1.0, 1.0, 3.0]> : tensor<3xf32>
  %1 = nn.maximum %column, %row : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  check.expect_eq %1, dense<[[0.0, 1.0, 3.0], [2.0, 2.0, 3.0]]> : tensor<2x3xf32>
  func.return
}

// 2^53 and 2^53 + 1 are one number as floats.
func.func @indices() {
  %i = data.constant dense<[7, -7, 9007199254740992]> : tensor<3xi64>
  %j = data.constant dense<[-9, -2, 9007199254740993]> : tensor<3xi64>
  %0 = nn.maximum %i, %j : (tensor<3xi64>, tensor<3xi64>) -> tensor<3xi64>
  check.expect_eq %0, dense<[7, -2, 9007199254740993]> : tensor<3xi64>
  func.return
}
