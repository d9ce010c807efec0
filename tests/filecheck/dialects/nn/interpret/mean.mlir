// RUN: recog-opt %s -p run-checks

// Σ x / number of elements, over the axes given.
func.func @mean() {
  //   1  2  6      0  4 -4
  //   3  5  7      8  0  1
  %x = data.constant dense<[[[1.0, 2.0, 6.0], [3.0, 5.0, 7.0]], [[0.0, 4.0, -4.0], [8.0, 0.0, 1.0]]]> : tensor<2x2x3xf32>
  // Rows: 9/3, 15/3, 0/3, 9/3.
  %0 = nn.mean %x {axes = array<i64: 2>} : (tensor<2x2x3xf32>) -> tensor<2x2xf32>
  check.expect_eq %0, dense<[[3.0, 5.0], [0.0, 3.0]]> : tensor<2x2xf32>
  // Columns: 4/2, 7/2, 13/2, 8/2, 4/2, -3/2; the axis stays.
  %1 = nn.mean %x {axes = array<i64: 1>, keepdims} : (tensor<2x2x3xf32>) -> tensor<2x1x3xf32>
  check.expect_eq %1, dense<[[[2.0, 3.5, 6.5]], [[4.0, 2.0, -1.5]]]> : tensor<2x1x3xf32>
  // Each of the two by itself: 24/6, 9/6.
  %2 = nn.mean %x {axes = array<i64: 1, 2>} : (tensor<2x2x3xf32>) -> tensor<2xf32>
  check.expect_eq %2, dense<[4.0, 1.5]> : tensor<2xf32>
  // Rows of both: (9 + 0)/6, (15 + 9)/6.
  %3 = nn.mean %x {axes = array<i64: 0, 2>, keepdims} : (tensor<2x2x3xf32>) -> tensor<1x2x1xf32>
  check.expect_eq %3, dense<[[[1.5], [4.0]]]> : tensor<1x2x1xf32>
  // All: 33/12.
  %4 = nn.mean %x {axes = array<i64: 0, 1, 2>} : (tensor<2x2x3xf32>) -> tensor<f32>
  check.expect_eq %4, dense<2.75> : tensor<f32>
  func.return
}
