// RUN: recog-opt %s -p run-checks

// ⌊lhs / rhs⌋: toward minus infinity, not toward 0.
func.func @floor_divide() {
  // 7/2 = 3.5, -7/2 = -3.5, 7/-2 = -3.5, -7/-2 = 3.5, 6/2 = 3, -0.5/2 = -0.25, 5.5/0.5 = 11.
  %x = data.constant dense<[7.0, -7.0, 7.0, -7.0, 6.0, -0.5, 5.5]> : tensor<7xf32>
  %y = data.constant dense<[2.0, 2.0, -2.0, -2.0, 2.0, 2.0, 0.5]> : tensor<7xf32>
  %0 = nn.floor_divide %x, %y : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32>
  check.expect_eq %0, dense<[3.0, -4.0, -4.0, 3.0, 3.0, -1.0, 11.0]> : tensor<7xf32>
  // A column by a row: 8/3 = 2.67, 8/4 = 2; -8/3 = -2.67, -8/4 = -2.
  %column = data.constant dense<[[8.0], [-8.0]]> : tensor<2x1xf32>
  %row = data.constant dense<[3.0, 4.0]> : tensor<2xf32>
  %1 = nn.floor_divide %column, %row : (tensor<2x1xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  check.expect_eq %1, dense<[[2.0, 2.0], [-3.0, -2.0]]> : tensor<2x2xf32>
  func.return
}

// The same of indices, beyond what a float holds: (2^53 + 1) / 1.
func.func @indices() {
  %i = data.constant dense<[7, -7, 7, -7, 6, 9007199254740993]> : tensor<6xi64>
  %j = data.constant dense<[2, 2, -2, -2, 2, 1]> : tensor<6xi64>
  %0 = nn.floor_divide %i, %j : (tensor<6xi64>, tensor<6xi64>) -> tensor<6xi64>
  check.expect_eq %0, dense<[3, -4, -4, 3, 3, 9007199254740993]> : tensor<6xi64>
  func.return
}
