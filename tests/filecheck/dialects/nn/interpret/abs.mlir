// RUN: recog-opt %s -p run-checks

// |x|: only the sign goes, also that of zero and of infinity.
func.func @abs() {
  %x = data.constant dense<[-2.5, -0.0, 0.0, 2.5, 0xFF800000]> : tensor<5xf32>
  %0 = nn.abs %x : (tensor<5xf32>) -> tensor<5xf32>
  check.expect_eq %0, dense<[2.5, 0.0, 0.0, 2.5, 0x7F800000]> : tensor<5xf32>
  func.return
}
