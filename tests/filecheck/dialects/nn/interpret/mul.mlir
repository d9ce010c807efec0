// RUN: recog-opt %s -p run-checks

// lhs · rhs.
func.func @mul() {
  %x = data.constant dense<[1.5, -2.0, -3.0, 0.0]> : tensor<4xf32>
  %y = data.constant dense<[4.0, 0.25, -0.5, 8.0]> : tensor<4xf32>
  %0 = nn.mul %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  check.expect_eq %0, dense<[6.0, -0.5, 1.5, 0.0]> : tensor<4xf32>
  func.return
}

// A column by a row, and a scalar by all.
func.func @broadcast() {
  %row = data.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %column = data.constant dense<[[10.0], [-1.0]]> : tensor<2x1xf32>
  %scalar = data.constant dense<0.5> : tensor<f32>
  %0 = nn.mul %column, %row : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  check.expect_eq %0, dense<[[10.0, 20.0, 30.0], [-1.0, -2.0, -3.0]]> : tensor<2x3xf32>
  %1 = nn.mul %scalar, %row : (tensor<f32>, tensor<3xf32>) -> tensor<3xf32>
  check.expect_eq %1, dense<[0.5, 1.0, 1.5]> : tensor<3xf32>
  func.return
}

// Indices are exact beyond what a float holds: 3 · 3002399751580331 = 2^53 + 1.
func.func @indices() {
  %i = data.constant dense<[7, -7, 3002399751580331]> : tensor<3xi64>
  %j = data.constant dense<[-9, -2, 3]> : tensor<3xi64>
  %0 = nn.mul %i, %j : (tensor<3xi64>, tensor<3xi64>) -> tensor<3xi64>
  check.expect_eq %0, dense<[-63, 14, 9007199254740993]> : tensor<3xi64>
  func.return
}
