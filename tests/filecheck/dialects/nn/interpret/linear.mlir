// RUN: recog-opt %s -p run-checks

// Row o of the weight times the features: 1 · 3 + 2 · 4 = 11, 1 · 5 - 2 · 6 = -7, -1 · 1 + 0 = -1.
func.func @linear() {
  %x = data.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %w = data.constant dense<[[3.0, 4.0], [5.0, -6.0], [-1.0, 0.0]]> : tensor<3x2xf32>
  %0 = nn.linear %x, %w : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<1x3xf32>
  check.expect_eq %0, dense<[[11.0, -7.0, -1.0]]> : tensor<1x3xf32>
  // And a bias a row.
  %b = data.constant dense<[0.5, 100.0, 1.0]> : tensor<3xf32>
  %1 = nn.linear %x, %w, %b : (tensor<1x2xf32>, tensor<3x2xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  check.expect_eq %1, dense<[[11.5, 93.0, 0.0]]> : tensor<1x3xf32>
  func.return
}

// The features are the last axis, however many come before it: 1 + 20, 3 + 40, 5 + 60, 7 + 80.
func.func @leading_axes() {
  %x = data.constant dense<[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]> : tensor<2x2x2xf32>
  %w = data.constant dense<[[1.0, 10.0]]> : tensor<1x2xf32>
  %0 = nn.linear %x, %w : (tensor<2x2x2xf32>, tensor<1x2xf32>) -> tensor<2x2x1xf32>
  check.expect_eq %0, dense<[[[21.0], [43.0]], [[65.0], [87.0]]]> : tensor<2x2x1xf32>
  func.return
}
