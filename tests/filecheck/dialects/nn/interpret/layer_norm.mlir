// RUN: recog-opt %s -p run-checks

// (x - mean) / sqrt(variance + eps) · scale + bias; the variance divides by the count, not by one
// less.
func.func @layer_norm() {
  %x = data.constant dense<[[[1.0, 3.0], [10.0, -10.0]]]> : tensor<1x2x2xf32>
  %scale = data.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %bias = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  // Row 0: mean 2, variance 1: -1 · 2 + 10 = 8, 1 · 4 + 20 = 24.
  // Row 1: mean 0, variance 100: 1 · 2 + 10 = 12, -1 · 4 + 20 = 16.
  %0 = nn.layer_norm %x, %scale, %bias {eps = 0.0 : f64} : (tensor<1x2x2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2xf32>
  check.expect_close %0, dense<[[[8.0, 24.0], [12.0, 16.0]]]> : tensor<1x2x2xf32> within 1.0e-5
  // eps 3: row 0 divides by sqrt(1 + 3) = 2: -1/2 · 2 + 10 = 9, 1/2 · 4 + 20 = 22.
  // Row 1 by sqrt(103): 10 / 10.148892 = 0.985329: 11.970659, 16.058683.
  %1 = nn.layer_norm %x, %scale, %bias {eps = 3.0 : f64} : (tensor<1x2x2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2xf32>
  check.expect_close %1, dense<[[[9.0, 22.0], [11.970659, 16.058683]]]> : tensor<1x2x2xf32> within 1.0e-5
  func.return
}

// A scale of two axes normalizes over both: 1 1 / 3 3 has mean 2 and variance 1. Over the last
// axis alone every row is constant: x - mean is 0, and the default eps keeps 0 / 0 away.
func.func @axes() {
  %x = data.constant dense<[[[1.0, 1.0], [3.0, 3.0]]]> : tensor<1x2x2xf32>
  %scale2 = data.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %bias2 = data.constant dense<0.5> : tensor<2x2xf32>
  %0 = nn.layer_norm %x, %scale2, %bias2 {eps = 0.0 : f64} : (tensor<1x2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<1x2x2xf32>
  check.expect_close %0, dense<[[[-0.5, -1.5], [3.5, 4.5]]]> : tensor<1x2x2xf32> within 1.0e-5
  %scale1 = data.constant dense<1.0> : tensor<2xf32>
  %bias1 = data.constant dense<[0.25, -0.25]> : tensor<2xf32>
  %1 = nn.layer_norm %x, %scale1, %bias1 : (tensor<1x2x2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2xf32>
  check.expect_close %1, dense<[[[0.25, -0.25], [0.25, -0.25]]]> : tensor<1x2x2xf32> within 1.0e-6
  func.return
}
