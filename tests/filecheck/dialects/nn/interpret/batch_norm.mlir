// RUN: recog-opt %s -p run-checks

// (x - mean) / sqrt(variance + eps) · scale + bias, by channel.
func.func @batch_norm() {
  %x = data.constant dense<[[[[3.0, -1.0]], [[3.0, 8.0]]]]> : tensor<1x2x1x2xf32>
  %scale = data.constant dense<[10.0, -1.0]> : tensor<2xf32>
  %bias = data.constant dense<[5.0, 0.5]> : tensor<2xf32>
  %mean = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %variance = data.constant dense<[3.0, 8.0]> : tensor<2xf32>
  // sqrt(3 + 1) = 2: (3 - 1) / 2 · 10 + 5 = 15, (-1 - 1) / 2 · 10 + 5 = -5.
  // sqrt(8 + 1) = 3: (3 - 2) / 3 · -1 + 0.5 = 0.166667, (8 - 2) / 3 · -1 + 0.5 = -1.5.
  %0 = nn.batch_norm %x, %scale, %bias, %mean, %variance {eps = 1.0 : f64} : (tensor<1x2x1x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x1x2xf32>
  check.expect_close %0, dense<[[[[15.0, -5.0]], [[0.1666667, -1.5]]]]> : tensor<1x2x1x2xf32> within 1.0e-5
  func.return
}

// eps is 1e-5 if none is given: sqrt(1e-5) = 0.00316228, and 1 / that is 316.228.
// The channels are axis 1 of two axes as well.
func.func @default_eps() {
  %x = data.constant dense<[[1.0, 1.0]]> : tensor<1x2xf32>
  %one = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %zero = data.constant dense<0.0> : tensor<2xf32>
  %0 = nn.batch_norm %x, %one, %zero, %zero, %zero : (tensor<1x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  check.expect_close %0, dense<[[316.22777, 632.45553]]> : tensor<1x2xf32> within 1.0e-3
  func.return
}
