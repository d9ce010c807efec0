// RUN: recog-opt %s -p run-checks

// lhs + rhs.
func.func @add() {
  %x = data.constant dense<[[1.0, 2.0, 3.0], [-0.5, 0.25, 16777216.0]]> : tensor<2x3xf32>
  %y = data.constant dense<[[0.5, -2.0, 4.0], [0.5, 0.5, 1.0]]> : tensor<2x3xf32>
  // 2^24 + 1 has no f32, and the middle goes to the even neighbour 2^24.
  %0 = nn.add %x, %y : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  check.expect_eq %0, dense<[[1.5, 0.0, 7.0], [0.0, 0.75, 16777216.0]]> : tensor<2x3xf32>
  func.return
}

// A row to each row, a column to a row, a scalar to all.
func.func @broadcast() {
  %row = data.constant dense<[10.0, 20.0, 30.0]> : tensor<3xf32>
  %column = data.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %scalar = data.constant dense<0.5> : tensor<f32>
  %0 = nn.add %column, %row : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  check.expect_eq %0, dense<[[11.0, 21.0, 31.0], [12.0, 22.0, 32.0]]> : tensor<2x3xf32>
  %1 = nn.add %0, %row : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  check.expect_eq %1, dense<[[21.0, 41.0, 61.0], [22.0, 42.0, 62.0]]> : tensor<2x3xf32>
  %2 = nn.add %scalar, %row : (tensor<f32>, tensor<3xf32>) -> tensor<3xf32>
  check.expect_eq %2, dense<[10.5, 20.5, 30.5]> : tensor<3xf32>
  func.return
}

// Indices are exact beyond what a float holds: 2^53 + 1.
func.func @indices() {
  %i = data.constant dense<[7, -7, 9007199254740992]> : tensor<3xi64>
  %j = data.constant dense<[-9, 2, 1]> : tensor<3xi64>
  %0 = nn.add %i, %j : (tensor<3xi64>, tensor<3xi64>) -> tensor<3xi64>
  check.expect_eq %0, dense<[-2, -5, 9007199254740993]> : tensor<3xi64>
  func.return
}
