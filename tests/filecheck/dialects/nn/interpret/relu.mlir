// RUN: recog-opt %s -p run-checks

// max(x, 0).
func.func @relu() {
  %x = data.constant dense<[-2.0, -0.5, 0.0, 0.5, 2.0, 0xFF800000, 0x7F800000]> : tensor<7xf32>
  // Minus infinity becomes 0, infinity stays.
  %0 = nn.relu %x : (tensor<7xf32>) -> tensor<7xf32>
  check.expect_eq %0, dense<[0.0, 0.0, 0.0, 0.5, 2.0, 0.0, 0x7F800000]> : tensor<7xf32>
  // Double precision stays double: 0.1 has other bits as f32.
  %d = data.constant dense<[-0.1, 0.1]> : tensor<2xf64>
  %1 = nn.relu %d : (tensor<2xf64>) -> tensor<2xf64>
  check.expect_eq %1, dense<[0.0, 0.1]> : tensor<2xf64>
  func.return
}
