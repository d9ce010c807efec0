// RUN: recog-opt %s -p run-checks

// lhs / rhs, correctly rounded: 1/3 = 0.33333334 as f32.
func.func @div() {
  %x = data.constant dense<[6.0, -1.0, -3.0, 0.0, 1.0]> : tensor<5xf32>
  %y = data.constant dense<[4.0, 8.0, -0.5, 8.0, 3.0]> : tensor<5xf32>
  %0 = nn.div %x, %y : (tensor<5xf32>, tensor<5xf32>) -> tensor<5xf32>
  check.expect_eq %0, dense<[1.5, -0.125, 6.0, 0.0, 0.33333334]> : tensor<5xf32>
  // Division by zero gives an infinity.
  %ones = data.constant dense<[1.0, -1.0]> : tensor<2xf32>
  %zero = data.constant dense<0.0> : tensor<f32>
  %1 = nn.div %ones, %zero : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  check.expect_eq %1, dense<[0x7F800000, 0xFF800000]> : tensor<2xf32>
  func.return
}

// A column by a row, each divided by the other.
func.func @broadcast() {
  %row = data.constant dense<[1.0, 2.0, 4.0]> : tensor<3xf32>
  %column = data.constant dense<[[8.0], [-1.0]]> : tensor<2x1xf32>
  %0 = nn.div %column, %row : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  check.expect_eq %0, dense<[[8.0, 4.0, 2.0], [-1.0, -0.5, -0.25]]> : tensor<2x3xf32>
  %1 = nn.div %row, %column : (tensor<3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  check.expect_eq %1, dense<[[0.125, 0.25, 0.5], [-1.0, -2.0, -4.0]]> : tensor<2x3xf32>
  func.return
}
