// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s

func.func @expectation(%logits: tensor<1x2x1x3xf32>, %bins: tensor<2xf32>, %residual: tensor<1x1x1x3xf32>) {
  // CHECK: %0 = nn.expectation %logits, %bins : (tensor<1x2x1x3xf32>, tensor<2xf32>) -> tensor<1x1x1x3xf32>
  %0 = nn.expectation %logits, %bins : (tensor<1x2x1x3xf32>, tensor<2xf32>) -> tensor<1x1x1x3xf32>
  // CHECK: %1 = nn.expectation %logits, %bins, %residual : (tensor<1x2x1x3xf32>, tensor<2xf32>, tensor<1x1x1x3xf32>) -> tensor<1x1x1x3xf32>
  %1 = nn.expectation %logits, %bins, %residual : (tensor<1x2x1x3xf32>, tensor<2xf32>, tensor<1x1x1x3xf32>) -> tensor<1x1x1x3xf32>
  func.return
}
