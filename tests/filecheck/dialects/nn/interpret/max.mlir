// RUN: recog-opt %s -p run-checks

// The largest element over the axes given.
func.func @max() {
  //   1  2  6     -3 -1 -4
  //   3  5  2     -8 -9 -2
  %x = data.constant dense<[[[1.0, 2.0, 6.0], [3.0, 5.0, 2.0]], [[-3.0, -1.0, -4.0], [-8.0, -9.0, -2.0]]]> : tensor<2x2x3xf32>
  // Rows.
  %0 = nn.max %x {axes = array<i64: 2>} : (tensor<2x2x3xf32>) -> tensor<2x2xf32>
  check.expect_eq %0, dense<[[6.0, 5.0], [-1.0, -2.0]]> : tensor<2x2xf32>
  // Columns; the axis stays.
  %1 = nn.max %x {axes = array<i64: 1>, keepdims} : (tensor<2x2x3xf32>) -> tensor<2x1x3xf32>
  check.expect_eq %1, dense<[[[3.0, 5.0, 6.0]], [[-3.0, -1.0, -2.0]]]> : tensor<2x1x3xf32>
  // Each of the two by itself.
  %2 = nn.max %x {axes = array<i64: 1, 2>} : (tensor<2x2x3xf32>) -> tensor<2xf32>
  check.expect_eq %2, dense<[6.0, -1.0]> : tensor<2xf32>
  // Rows of both.
  %3 = nn.max %x {axes = array<i64: 0, 2>, keepdims} : (tensor<2x2x3xf32>) -> tensor<1x2x1xf32>
  check.expect_eq %3, dense<[[[6.0], [5.0]]]> : tensor<1x2x1xf32>
  // All.
  %4 = nn.max %x {axes = array<i64: 0, 1, 2>} : (tensor<2x2x3xf32>) -> tensor<f32>
  check.expect_eq %4, dense<6.0> : tensor<f32>
  func.return
}
