// RUN: recog-opt %s -p run-checks

// clamp(x + 3, 0, 6) / 6: 0 up to -3, 1 from 3 on.
func.func @hardsigmoid() {
  %x = data.constant dense<[-4.0, -3.0, -1.5, 0.0, 1.5, 3.0, 4.0]> : tensor<7xf32>
  // 0/6, 0/6, 1.5/6, 3/6, 4.5/6, 6/6, 6/6.
  %0 = nn.hardsigmoid %x : (tensor<7xf32>) -> tensor<7xf32>
  check.expect_close %0, dense<[0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0]> : tensor<7xf32> within 1.0e-7
  func.return
}
