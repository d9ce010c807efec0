// RUN: recog-opt %s -p run-checks

// (exp(x) - exp(-x)) / (exp(x) + exp(-x)).
func.func @tanh() {
  // ln 2 = 0.6931472: (2 - 1/2) / (2 + 1/2) = 0.6. ln 3 = 1.0986123: (3 - 1/3) / (3 + 1/3) = 0.8.
  %x = data.constant dense<[0.0, 0.6931472, -0.6931472, 1.0986123, -1.0986123]> : tensor<5xf32>
  %0 = nn.tanh %x : (tensor<5xf32>) -> tensor<5xf32>
  check.expect_close %0, dense<[0.0, 0.6, -0.6, 0.8, -0.8]> : tensor<5xf32> within 1.0e-6
  // Neither end overflows.
  %far = data.constant dense<[-1000.0, 1000.0]> : tensor<2xf32>
  %1 = nn.tanh %far : (tensor<2xf32>) -> tensor<2xf32>
  check.expect_eq %1, dense<[-1.0, 1.0]> : tensor<2xf32>
  func.return
}
