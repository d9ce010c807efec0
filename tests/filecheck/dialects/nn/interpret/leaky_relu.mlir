// RUN: recog-opt %s -p run-checks

// x where x > 0, else negative_slope · x.
func.func @leaky_relu() {
  %x = data.constant dense<[-8.0, -1.0, 0.0, 1.0, 8.0]> : tensor<5xf32>
  // The slope is 0.01 if none is given: 0.01 · -8 = -0.08.
  %0 = nn.leaky_relu %x : (tensor<5xf32>) -> tensor<5xf32>
  check.expect_close %0, dense<[-0.08, -0.01, 0.0, 1.0, 8.0]> : tensor<5xf32> within 1.0e-8
  %1 = nn.leaky_relu %x {negative_slope = 0.25 : f64} : (tensor<5xf32>) -> tensor<5xf32>
  check.expect_eq %1, dense<[-2.0, -0.25, 0.0, 1.0, 8.0]> : tensor<5xf32>
  // A slope above 1, where max(x, slope · x) would be wrong on both sides of 0.
  %2 = nn.leaky_relu %x {negative_slope = 2.0 : f64} : (tensor<5xf32>) -> tensor<5xf32>
  check.expect_eq %2, dense<[-16.0, -2.0, 0.0, 1.0, 8.0]> : tensor<5xf32>
  func.return
}
