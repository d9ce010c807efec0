// RUN: recog-opt %s -p run-checks

// Sine of x in radians, an odd function.
func.func @sin() {
  // 0, π/6, π/4, π/3, π/2, π, 3π/2 and -π/6: 0, 1/2, √2/2, √3/2, 1, 0, -1, -1/2.
  %x = data.constant dense<[0.0, 0.5235988, 0.7853982, 1.0471976, 1.5707964, 3.1415927, 4.712389, -0.5235988]> : tensor<8xf32>
  %0 = nn.sin %x : (tensor<8xf32>) -> tensor<8xf32>
  check.expect_close %0, dense<[0.0, 0.5, 0.7071068, 0.8660254, 1.0, 0.0, -1.0, -0.5]> : tensor<8xf32> within 1.0e-6
  func.return
}
