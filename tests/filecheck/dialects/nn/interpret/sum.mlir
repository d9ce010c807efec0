// RUN: recog-opt %s -p run-checks

// Σ x over the axes given.
func.func @sum() {
  //   1  2  6      0  4 -4
  //   3  5  7      8  0  1
  %x = data.constant dense<[[[1.0, 2.0, 6.0], [3.0, 5.0, 7.0]], [[0.0, 4.0, -4.0], [8.0, 0.0, 1.0]]]> : tensor<2x2x3xf32>
  // Rows.
  %0 = nn.sum %x {axes = array<i64: 2>} : (tensor<2x2x3xf32>) -> tensor<2x2xf32>
  check.expect_eq %0, dense<[[9.0, 15.0], [0.0, 9.0]]> : tensor<2x2xf32>
  // Columns; the axis stays.
  %1 = nn.sum %x {axes = array<i64: 1>, keepdims} : (tensor<2x2x3xf32>) -> tensor<2x1x3xf32>
  check.expect_eq %1, dense<[[[4.0, 7.0, 13.0]], [[8.0, 4.0, -3.0]]]> : tensor<2x1x3xf32>
  // Each of the two by itself: 9 + 15, 0 + 9.
  %2 = nn.sum %x {axes = array<i64: 1, 2>} : (tensor<2x2x3xf32>) -> tensor<2xf32>
  check.expect_eq %2, dense<[24.0, 9.0]> : tensor<2xf32>
  // Rows of both: 9 + 0, 15 + 9.
  %3 = nn.sum %x {axes = array<i64: 0, 2>, keepdims} : (tensor<2x2x3xf32>) -> tensor<1x2x1xf32>
  check.expect_eq %3, dense<[[[9.0], [24.0]]]> : tensor<1x2x1xf32>
  // All.
  %4 = nn.sum %x {axes = array<i64: 0, 1, 2>} : (tensor<2x2x3xf32>) -> tensor<f32>
  check.expect_eq %4, dense<33.0> : tensor<f32>
  func.return
}
