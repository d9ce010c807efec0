// RUN: recog-opt %s -p run-checks

// The same elements in row-major order.
func.func @reshape() {
  %x = data.constant dense<[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]> : tensor<1x2x3xf32>
  %0 = nn.reshape %x : (tensor<1x2x3xf32>) -> tensor<1x3x2xf32>
  check.expect_eq %0, dense<[[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]> : tensor<1x3x2xf32>
  %1 = nn.reshape %x : (tensor<1x2x3xf32>) -> tensor<1x6xf32>
  check.expect_eq %1, dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]> : tensor<1x6xf32>
  // The first axis may change too.
  %2 = nn.reshape %x : (tensor<1x2x3xf32>) -> tensor<3x2x1xf32>
  check.expect_eq %2, dense<[[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]]> : tensor<3x2x1xf32>
  func.return
}

// Integers as well.
func.func @integers() {
  %x = data.constant dense<[[1, -2], [3, 4]]> : tensor<2x2xi64>
  %0 = nn.reshape %x : (tensor<2x2xi64>) -> tensor<4xi64>
  check.expect_eq %0, dense<[1, -2, 3, 4]> : tensor<4xi64>
  func.return
}
