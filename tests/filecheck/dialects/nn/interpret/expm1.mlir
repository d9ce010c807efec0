// RUN: recog-opt %s -p run-checks

// exp(x) - 1, which is x for small x, where exp(x) itself is 1.
func.func @expm1() {
  %x = data.constant dense<[0.0, 1.0, -1.0, 0.6931472, 1.0e-12]> : tensor<5xf32>
  %0 = nn.expm1 %x : (tensor<5xf32>) -> tensor<5xf32>
  check.expect_close %0, dense<[0.0, 1.7182818, -0.6321206, 1.0, 1.0e-12]> : tensor<5xf32> within 1.0e-6
  %small = data.constant dense<1.0e-12> : tensor<1xf32>
  %1 = nn.expm1 %small : (tensor<1xf32>) -> tensor<1xf32>
  check.expect_eq %1, dense<1.0e-12> : tensor<1xf32>
  func.return
}
