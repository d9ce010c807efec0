// RUN: recog-opt %s -p run-checks

// Two channels of one row: left 1 2 3 and 1 0 2, right 4 5 6 and 2 2 1. Plane d at x is the mean
// over channels of left(x) · right(x - d), and 0 where x < d.
func.func @correlation() {
  %l = data.constant dense<[[[[1.0, 2.0, 3.0]], [[1.0, 0.0, 2.0]]]]> : tensor<1x2x1x3xf32>
  %r = data.constant dense<[[[[4.0, 5.0, 6.0]], [[2.0, 2.0, 1.0]]]]> : tensor<1x2x1x3xf32>
  // d = 0: (1 · 4 + 1 · 2) / 2 = 3, (2 · 5 + 0 · 2) / 2 = 5, (3 · 6 + 2 · 1) / 2 = 10.
  // d = 1: 0, (2 · 4 + 0 · 2) / 2 = 4, (3 · 5 + 2 · 2) / 2 = 9.5.
  // d = 2: 0, 0, (3 · 4 + 2 · 2) / 2 = 8.
  %0 = nn.correlation %l, %r {disparities = 3 : i64} : (tensor<1x2x1x3xf32>, tensor<1x2x1x3xf32>) -> tensor<1x3x1x3xf32>
  check.expect_eq %0, dense<[[[[3.0, 5.0, 10.0]], [[0.0, 4.0, 9.5]], [[0.0, 0.0, 8.0]]]]> : tensor<1x3x1x3xf32>
  %1 = nn.correlation %l, %r {disparities = 1 : i64} : (tensor<1x2x1x3xf32>, tensor<1x2x1x3xf32>) -> tensor<1x1x1x3xf32>
  check.expect_eq %1, dense<[[[[3.0, 5.0, 10.0]]]]> : tensor<1x1x1x3xf32>
  func.return
}

// Rows do not mix: 1 · 3, 2 · 5 and, one column on, 2 · 3; below, 10 · 1, 20 · 2, 20 · 1.
func.func @rows() {
  %l = data.constant dense<[[[[1.0, 2.0], [10.0, 20.0]]]]> : tensor<1x1x2x2xf32>
  %r = data.constant dense<[[[[3.0, 5.0], [1.0, 2.0]]]]> : tensor<1x1x2x2xf32>
  %0 = nn.correlation %l, %r {disparities = 2 : i64} : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32>
  check.expect_eq %0, dense<[[[[3.0, 10.0], [10.0, 40.0]], [[0.0, 6.0], [0.0, 20.0]]]]> : tensor<1x2x2x2xf32>
  func.return
}
