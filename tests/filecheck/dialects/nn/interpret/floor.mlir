// RUN: recog-opt %s -p run-checks

// The largest integer not above x: toward minus infinity, not toward 0.
func.func @floor() {
  %x = data.constant dense<[-2.0, -1.5, -0.25, 0.0, 0.75, 1.0, 1.5, 2.9999998]> : tensor<8xf32>
  %0 = nn.floor %x : (tensor<8xf32>) -> tensor<8xf32>
  check.expect_eq %0, dense<[-2.0, -2.0, -1.0, 0.0, 0.0, 1.0, 1.0, 2.0]> : tensor<8xf32>
  func.return
}
