// RUN: recog-opt %s -p run-checks

// Two bins, 10 and 20: equal logits give (10 + 20) / 2 = 15; one that is 100 larger wins; one that
// is ln 3 larger has 3/4 of the weight: (1 · 10 + 3 · 20) / 4 = 17.5. A residual adds.
func.func @expectation() {
  %logits = data.constant dense<[[[[3.0, 100.0, -50.0, 1.0]], [[3.0, 0.0, 50.0, 2.0986123]]]]> : tensor<1x2x1x4xf32>
  %bins = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %residual = data.constant dense<[[[[0.5, -1.0, 0.0, 2.0]]]]> : tensor<1x1x1x4xf32>
  %0 = nn.expectation %logits, %bins : (tensor<1x2x1x4xf32>, tensor<2xf32>) -> tensor<1x1x1x4xf32>
  check.expect_close %0, dense<[[[[15.0, 10.0, 20.0, 17.5]]]]> : tensor<1x1x1x4xf32> within 1.0e-5
  %1 = nn.expectation %logits, %bins, %residual : (tensor<1x2x1x4xf32>, tensor<2xf32>, tensor<1x1x1x4xf32>) -> tensor<1x1x1x4xf32>
  check.expect_close %1, dense<[[[[15.5, 9.0, 20.0, 19.5]]]]> : tensor<1x1x1x4xf32> within 1.0e-5
  func.return
}
