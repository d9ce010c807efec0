// RUN: recog-opt %s -p run-checks

// (x - mean) / sqrt(variance + eps) over a group of channels and all their pixels, then a scale and
// a bias by channel.
func.func @group_norm() {
  %x = data.constant dense<[[[1.0], [3.0], [10.0], [30.0]]]> : tensor<1x4x1xf32>
  %scale = data.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %bias = data.constant dense<[0.0, 0.0, 10.0, 10.0]> : tensor<4xf32>
  // Group 0: mean 2, variance 1: -1, 1. Group 1: mean 20, variance 100: -1, 1.
  // -1 · 1 = -1, 1 · 2 = 2, -1 · 3 + 10 = 7, 1 · 4 + 10 = 14.
  %0 = nn.group_norm %x, %scale, %bias {groups = 2 : i64, eps = 0.0 : f64} : (tensor<1x4x1xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x1xf32>
  check.expect_close %0, dense<[[[-1.0], [2.0], [7.0], [14.0]]]> : tensor<1x4x1xf32> within 1.0e-5
  // One group: mean 11, squares of -10, -8, -1, 19 sum to 526, variance 131.5, deviation 11.467345:
  // -0.872041, -0.697632 · 2, -0.087204 · 3 + 10, 1.656878 · 4 + 10.
  %1 = nn.group_norm %x, %scale, %bias {groups = 1 : i64, eps = 0.0 : f64} : (tensor<1x4x1xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x1xf32>
  check.expect_close %1, dense<[[[-0.872041], [-1.395265], [9.738388], [16.627515]]]> : tensor<1x4x1xf32> within 1.0e-5
  func.return
}

// A group a channel is instance norm: 1 3 has mean 2 and variance 1, 0 8 has mean 4 and variance 16.
// Images are normalized by themselves: 0 0 has variance 0, and the default eps keeps 0 / 0 away.
func.func @instances() {
  %x = data.constant dense<[[[1.0, 3.0], [0.0, 8.0]], [[0.0, 0.0], [2.0, -2.0]]]> : tensor<2x2x2xf32>
  %one = data.constant dense<1.0> : tensor<2xf32>
  %zero = data.constant dense<0.0> : tensor<2xf32>
  %0 = nn.group_norm %x, %one, %zero {groups = 2 : i64} : (tensor<2x2x2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2x2x2xf32>
  check.expect_close %0, dense<[[[-1.0, 1.0], [-1.0, 1.0]], [[0.0, 0.0], [1.0, -1.0]]]> : tensor<2x2x2xf32> within 1.0e-5
  // eps 9: sqrt(1 + 9) = 3.162278, sqrt(16 + 9) = 5, sqrt(0 + 9) = 3, sqrt(4 + 9) = 3.605551:
  // 1 / 3.162278, 4 / 5, 0, 2 / 3.605551.
  %1 = nn.group_norm %x, %one, %zero {groups = 2 : i64, eps = 9.0 : f64} : (tensor<2x2x2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2x2x2xf32>
  check.expect_close %1, dense<[[[-0.316228, 0.316228], [-0.8, 0.8]], [[0.0, 0.0], [0.5547, -0.5547]]]> : tensor<2x2x2xf32> within 1.0e-5
  func.return
}
