// RUN: recog-opt %s -p run-checks

// min(max(x, min), max).
func.func @clamp() {
  %x = data.constant dense<[-7.0, -1.0, 0.0, 0.25, 6.0, 7.0]> : tensor<6xf32>
  // ReLU6.
  %0 = nn.clamp %x {min = 0.0 : f64, max = 6.0 : f64} : (tensor<6xf32>) -> tensor<6xf32>
  check.expect_eq %0, dense<[0.0, 0.0, 0.0, 0.25, 6.0, 6.0]> : tensor<6xf32>
  // Neither bound need be 0 or positive.
  %1 = nn.clamp %x {min = -1.5 : f64, max = -0.5 : f64} : (tensor<6xf32>) -> tensor<6xf32>
  check.expect_eq %1, dense<[-1.5, -1.0, -0.5, -0.5, -0.5, -0.5]> : tensor<6xf32>
  // Equal bounds leave one value, infinite ones all.
  %2 = nn.clamp %x {min = 3.0 : f64, max = 3.0 : f64} : (tensor<6xf32>) -> tensor<6xf32>
  check.expect_eq %2, dense<3.0> : tensor<6xf32>
  %3 = nn.clamp %x {min = 0xFFF0000000000000 : f64, max = 0x7FF0000000000000 : f64} : (tensor<6xf32>) -> tensor<6xf32>
  check.expect_eq %3, dense<[-7.0, -1.0, 0.0, 0.25, 6.0, 7.0]> : tensor<6xf32>
  func.return
}
