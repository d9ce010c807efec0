// RUN: recog-opt %s -p run-checks

// x to the power of a constant.
func.func @pow() {
  %x = data.constant dense<[-2.0, -0.5, 0.5, 4.0]> : tensor<4xf32>
  // Even, odd and negative integers are for bases of any sign.
  %0 = nn.pow %x {exponent = 2.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  check.expect_close %0, dense<[4.0, 0.25, 0.25, 16.0]> : tensor<4xf32> within 1.0e-6
  %1 = nn.pow %x {exponent = 3.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  check.expect_close %1, dense<[-8.0, -0.125, 0.125, 64.0]> : tensor<4xf32> within 1.0e-6
  %2 = nn.pow %x {exponent = -1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  check.expect_close %2, dense<[-0.5, -2.0, 2.0, 0.25]> : tensor<4xf32> within 1.0e-6
  %3 = nn.pow %x {exponent = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  check.expect_close %3, dense<1.0> : tensor<4xf32> within 1.0e-6
  func.return
}

// x^1.5 = x · √x: 0, 1, 8, 2 · √2 = 2.8284271; x^-0.5 = 1/√x, infinity at 0.
func.func @fractions() {
  %x = data.constant dense<[0.0, 1.0, 4.0, 2.0]> : tensor<4xf32>
  %0 = nn.pow %x {exponent = 1.5 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  check.expect_close %0, dense<[0.0, 1.0, 8.0, 2.8284271]> : tensor<4xf32> within 1.0e-6
  %1 = nn.pow %x {exponent = -0.5 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  check.expect_close %1, dense<[0x7F800000, 1.0, 0.5, 0.7071068]> : tensor<4xf32> within 1.0e-6
  func.return
}
