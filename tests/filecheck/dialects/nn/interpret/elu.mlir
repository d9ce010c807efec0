// RUN: recog-opt %s -p run-checks

// x where x > 0, else alpha · (exp(x) - 1).
func.func @elu() {
  // ln 2 = 0.6931472 and ln 4 = 1.3862944: 1/2 - 1 and 1/4 - 1; far below, -1.
  %x = data.constant dense<[0.0, -0.6931472, -1.3862944, -1000.0, 0.5, 3.0]> : tensor<6xf32>
  %0 = nn.elu %x : (tensor<6xf32>) -> tensor<6xf32>
  check.expect_close %0, dense<[0.0, -0.5, -0.75, -1.0, 0.5, 3.0]> : tensor<6xf32> within 1.0e-6
  // Three times that below 0; above 0 nothing changes.
  %1 = nn.elu %x {alpha = 3.0 : f64} : (tensor<6xf32>) -> tensor<6xf32>
  check.expect_close %1, dense<[0.0, -1.5, -2.25, -3.0, 0.5, 3.0]> : tensor<6xf32> within 1.0e-6
  func.return
}
