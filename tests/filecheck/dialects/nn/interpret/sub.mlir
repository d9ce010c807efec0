// RUN: recog-opt %s -p run-checks

// lhs - rhs.
func.func @sub() {
  %x = data.constant dense<[1.0, 2.0, -3.0, 0.0]> : tensor<4xf32>
  %y = data.constant dense<[0.25, 2.0, -4.5, 8.0]> : tensor<4xf32>
  %0 = nn.sub %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  check.expect_eq %0, dense<[0.75, 0.0, 1.5, -8.0]> : tensor<4xf32>
  func.return
}

// A row from a column, a scalar from all.
func.func @broadcast() {
  %row = data.constant dense<[10.0, 20.0, 30.0]> : tensor<3xf32>
  %column = data.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %scalar = data.constant dense<0.5> : tensor<f32>
  %0 = nn.sub %column, %row : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  check.expect_eq %0, dense<[[-9.0, -19.0, -29.0], [-8.0, -18.0, -28.0]]> : tensor<2x3xf32>
  %1 = nn.sub %row, %scalar : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  check.expect_eq %1, dense<[9.5, 19.5, 29.5]> : tensor<3xf32>
  func.return
}

// Indices are exact beyond what a float holds: -2^53 - 1.
func.func @indices() {
  %i = data.constant dense<[7, -7, -9007199254740992]> : tensor<3xi64>
  %j = data.constant dense<[9, -2, 1]> : tensor<3xi64>
  %0 = nn.sub %i, %j : (tensor<3xi64>, tensor<3xi64>) -> tensor<3xi64>
  check.expect_eq %0, dense<[-2, -5, -9007199254740993]> : tensor<3xi64>
  func.return
}
