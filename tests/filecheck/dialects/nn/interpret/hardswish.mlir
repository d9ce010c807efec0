// RUN: recog-opt %s -p run-checks

// x · clamp(x + 3, 0, 6) / 6: 0 up to -3, x from 3 on.
func.func @hardswish() {
  %x = data.constant dense<[-4.0, -3.0, -1.5, 0.0, 1.5, 3.0, 4.0]> : tensor<7xf32>
  // -4 · 0/6, -3 · 0/6, -1.5 · 1.5/6, 0 · 3/6, 1.5 · 4.5/6, 3 · 6/6, 4 · 6/6.
  %0 = nn.hardswish %x : (tensor<7xf32>) -> tensor<7xf32>
  check.expect_close %0, dense<[0.0, 0.0, -0.375, 0.0, 1.125, 3.0, 4.0]> : tensor<7xf32> within 5.0e-7
  func.return
}
