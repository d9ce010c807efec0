// RUN: recog-opt %s -p run-checks

// Of 3, 1, 3, 2 the largest are 3 (at 0), 3 (at 2), 2 (at 3); the smallest 1 (at 1), 2 (at 3),
// 3 (at 0). Of equals the first comes first.
func.func @topk_indices() {
  %x = data.constant dense<[[3.0, 1.0, 3.0, 2.0]]> : tensor<1x4xf32>
  %0 = nn.topk_indices %x {k = 3 : i64, axis = 1 : i64} : (tensor<1x4xf32>) -> tensor<1x3xi64>
  check.expect_eq %0, dense<[[0, 2, 3]]> : tensor<1x3xi64>
  %1 = nn.topk_indices %x {k = 3 : i64, axis = 1 : i64, smallest} : (tensor<1x4xf32>) -> tensor<1x3xi64>
  check.expect_eq %1, dense<[[1, 3, 0]]> : tensor<1x3xi64>
  %2 = nn.topk_indices %x {k = 1 : i64, axis = 1 : i64} : (tensor<1x4xf32>) -> tensor<1x1xi64>
  check.expect_eq %2, dense<[[0]]> : tensor<1x1xi64>
  func.return
}

// Rows 1 4 -2 and 2 3 -1: along axis 0 the larger of each column; along axis 1 of each row.
func.func @axes() {
  %x = data.constant dense<[[1.0, 4.0, -2.0], [2.0, 3.0, -1.0]]> : tensor<2x3xf32>
  %0 = nn.topk_indices %x {k = 1 : i64, axis = 0 : i64} : (tensor<2x3xf32>) -> tensor<1x3xi64>
  check.expect_eq %0, dense<[[1, 0, 1]]> : tensor<1x3xi64>
  %1 = nn.topk_indices %x {k = 2 : i64, axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x2xi64>
  check.expect_eq %1, dense<[[1, 0], [1, 0]]> : tensor<2x2xi64>
  func.return
}
