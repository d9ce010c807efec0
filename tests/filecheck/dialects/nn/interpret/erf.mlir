// RUN: recog-opt %s -p run-checks

// 2/√π · ∫ exp(-t²) dt from 0 to x, an odd function. By its series
// 2/√π · (x - x³/3 + x⁵/10 - x⁷/42 + x⁹/216 - …), with 2/√π = 1.1283792:
// 1/2: 1.1283792 · (0.5 - 0.0416667 + 0.003125 - 0.000186 + 0.000009) = 0.5205.
// erf(1) and erf(2) are as tables have them; erf(9) is 1 but for 4e-37.
func.func @erf() {
  %x = data.constant dense<[0.0, 0.5, 1.0, 2.0, -0.5, -1.0, -9.0]> : tensor<7xf32>
  %0 = nn.erf %x : (tensor<7xf32>) -> tensor<7xf32>
  check.expect_close %0, dense<[0.0, 0.5204999, 0.8427008, 0.9953223, -0.5204999, -0.8427008, -1.0]> : tensor<7xf32> within 1.0e-6
  func.return
}
