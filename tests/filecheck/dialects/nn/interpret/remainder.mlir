// RUN: recog-opt %s -p run-checks

// lhs - rhs · ⌊lhs / rhs⌋, of rhs's sign.
func.func @remainder() {
  // 7 - 3 · 2, -7 - 3 · -3, 7 + 3 · -3, -7 + 3 · 2, 6 - 3 · 2, 5.5 - 2 · 2, -0.5 - 2 · -1.
  %x = data.constant dense<[7.0, -7.0, 7.0, -7.0, 6.0, 5.5, -0.5]> : tensor<7xf32>
  %y = data.constant dense<[3.0, 3.0, -3.0, -3.0, 3.0, 2.0, 2.0]> : tensor<7xf32>
  %0 = nn.remainder %x, %y : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32>
  check.expect_eq %0, dense<[1.0, 2.0, -2.0, -1.0, 0.0, 1.5, 1.5]> : tensor<7xf32>
  // A column by a row: 8 - 3 · 2, 8 - 5 · 1; -8 - 3 · -3, -8 - 5 · -2.
  %column = data.constant dense<[[8.0], [-8.0]]> : tensor<2x1xf32>
  %row = data.constant dense<[3.0, 5.0]> : tensor<2xf32>
  %1 = nn.remainder %column, %row : (tensor<2x1xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  check.expect_eq %1, dense<[[2.0, 3.0], [1.0, 2.0]]> : tensor<2x2xf32>
  func.return
}

// The same of indices, beyond what a float holds: 2^53 + 1 is odd.
func.func @indices() {
  %i = data.constant dense<[7, -7, 7, -7, 6, 9007199254740993]> : tensor<6xi64>
  %j = data.constant dense<[3, 3, -3, -3, 3, 2]> : tensor<6xi64>
  %0 = nn.remainder %i, %j : (tensor<6xi64>, tensor<6xi64>) -> tensor<6xi64>
  check.expect_eq %0, dense<[1, 2, -2, -1, 0, 1]> : tensor<6xi64>
  func.return
}
