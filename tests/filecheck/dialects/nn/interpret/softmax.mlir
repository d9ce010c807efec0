// RUN: recog-opt %s -p run-checks

// exp(x) / Σ exp(x) along an axis; ln 2 = 0.6931472, ln 3 = 1.0986123, ln 5 = 1.609438.
func.func @softmax() {
  // exp: 1 2 5
  //      1 1 3
  %x = data.constant dense<[[0.0, 0.6931472, 1.609438], [0.0, 0.0, 1.0986123]]> : tensor<2x3xf32>
  // Rows sum to 8 and 5: 1/8, 2/8, 5/8 and 1/5, 1/5, 3/5.
  %0 = nn.softmax %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  check.expect_close %0, dense<[[0.125, 0.25, 0.625], [0.2, 0.2, 0.6]]> : tensor<2x3xf32> within 1.0e-6
  // Columns sum to 2, 3 and 8: 1/2 twice, 2/3 and 1/3, 5/8 and 3/8.
  %1 = nn.softmax %x {axis = 0 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  check.expect_close %1, dense<[[0.5, 0.6666667, 0.625], [0.5, 0.3333333, 0.375]]> : tensor<2x3xf32> within 1.0e-6
  func.return
}

// Only differences count, so that large values do not overflow: exp(1000) has no float.
func.func @large() {
  %x = data.constant dense<[1000.0, 1000.0, -1000.0]> : tensor<3xf32>
  %0 = nn.softmax %x {axis = 0 : i64} : (tensor<3xf32>) -> tensor<3xf32>
  check.expect_eq %0, dense<[0.5, 0.5, 0.0]> : tensor<3xf32>
  func.return
}
