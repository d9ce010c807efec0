// RUN: recog-opt %s -p run-checks

// x · Φ(x), Φ(x) = (1 + erf(x / √2)) / 2 being the normal distribution's: Φ(1) = 0.84134475,
// Φ(2) = 0.97724987, Φ(-x) = 1 - Φ(x).
func.func @gelu() {
  %x = data.constant dense<[0.0, 1.0, 2.0, -1.0, -2.0]> : tensor<5xf32>
  // 2 · 0.97724987 = 1.9544997, -1 · 0.15865525, -2 · 0.02275013 = -0.04550026.
  %0 = nn.gelu %x : (tensor<5xf32>) -> tensor<5xf32>
  check.expect_close %0, dense<[0.0, 0.8413447, 1.9544997, -0.1586553, -0.0455003]> : tensor<5xf32> within 1.0e-6
  func.return
}

// x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2, with √(2/π) = 0.79788456.
func.func @tanh() {
  %x = data.constant dense<[0.0, 1.0, 2.0, -1.0, -2.0]> : tensor<5xf32>
  // 1: tanh(0.79788456 · 1.044715) = tanh(0.83356197) = 0.68238398, so 1.68238398 / 2.
  // 2: tanh(0.79788456 · 2.35772) = tanh(1.88118839) = 0.95459769, so 2 · 1.95459769 / 2.
  // -1: -(1 - 0.68238398) / 2 = -0.15880801. -2: -2 · (1 - 0.95459769) / 2 = -0.04540231.
  %0 = nn.gelu %x {approximate = "tanh"} : (tensor<5xf32>) -> tensor<5xf32>
  check.expect_close %0, dense<[0.0, 0.841192, 1.9545977, -0.158808, -0.0454023]> : tensor<5xf32> within 1.0e-6
  func.return
}
