// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s -p run-checks

// Two bins, 10 and 20: equal logits give 15; one that is 100 larger wins. A residual adds.
func.func @expectation() {
  %logits = data.constant dense<[[[[3.0, 100.0, -50.0]], [[3.0, 0.0, 50.0]]]]> : tensor<1x2x1x3xf32>
  %bins = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %residual = data.constant dense<[[[[0.5, -1.0, 0.0]]]]> : tensor<1x1x1x3xf32>
  // CHECK: %0 = nn.expectation %logits, %bins : (tensor<1x2x1x3xf32>, tensor<2xf32>) -> tensor<1x1x1x3xf32>
  %0 = nn.expectation %logits, %bins : (tensor<1x2x1x3xf32>, tensor<2xf32>) -> tensor<1x1x1x3xf32>
  check.expect_close %0, dense<[[[[15.0, 10.0, 20.0]]]]> : tensor<1x1x1x3xf32> within 1.0e-5
  // CHECK: %1 = nn.expectation %logits, %bins, %residual : (tensor<1x2x1x3xf32>, tensor<2xf32>, tensor<1x1x1x3xf32>) -> tensor<1x1x1x3xf32>
  %1 = nn.expectation %logits, %bins, %residual : (tensor<1x2x1x3xf32>, tensor<2xf32>, tensor<1x1x1x3xf32>) -> tensor<1x1x1x3xf32>
  check.expect_close %1, dense<[[[[15.5, 9.0, 20.0]]]]> : tensor<1x1x1x3xf32> within 1.0e-5
  func.return
}
