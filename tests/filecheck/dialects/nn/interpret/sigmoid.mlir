// RUN: recog-opt %s -p run-checks

// 1 / (1 + exp(-x)).
func.func @sigmoid() {
  // ln 3 = 1.0986123: 1 / (1 + 1/3) = 3/4, and 1 / (1 + 3) = 1/4 for its negative.
  // 1: 1 / (1 + 0.36787944) = 0.73105858; the negative complements it to 1.
  %x = data.constant dense<[0.0, 1.0986123, -1.0986123, 1.0, -1.0]> : tensor<5xf32>
  %0 = nn.sigmoid %x : (tensor<5xf32>) -> tensor<5xf32>
  check.expect_close %0, dense<[0.5, 0.75, 0.25, 0.7310586, 0.2689414]> : tensor<5xf32> within 1.0e-6
  // Neither end overflows: exp(1000) has no float.
  %far = data.constant dense<[-1000.0, 1000.0]> : tensor<2xf32>
  %1 = nn.sigmoid %far : (tensor<2xf32>) -> tensor<2xf32>
  check.expect_close %1, dense<[0.0, 1.0]> : tensor<2xf32> within 1.0e-9
  func.return
}
