// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

func.func @f(%x: tensor<1x2x3xf32>, %b: tensor<2xf32>) {
  %y = nn.expectation %x, %b : (tensor<1x2x3xf32>, tensor<2xf32>) -> tensor<1x1x3xf32>
  func.return
}
// CHECK: 'nn.expectation' op at {{.*}}: logits must have 4 axes, got [1, 2, 3]

// -----

func.func @f(%x: tensor<1x2x3x3xf32>, %b: tensor<3xf32>) {
  %y = nn.expectation %x, %b : (tensor<1x2x3x3xf32>, tensor<3xf32>) -> tensor<1x1x3x3xf32>
  func.return
}
// CHECK: 'nn.expectation' op at {{.*}}: bins must be one for each of 2 channels, got [3]

// -----

func.func @f(%x: tensor<1x2x3x3xf32>, %b: tensor<2xf32>, %r: tensor<1x2x3x3xf32>) {
  %y = nn.expectation %x, %b, %r : (tensor<1x2x3x3xf32>, tensor<2xf32>, tensor<1x2x3x3xf32>) -> tensor<1x1x3x3xf32>
  func.return
}
// CHECK: 'nn.expectation' op at {{.*}}: the residual must have shape [1, 1, 3, 3], got [1, 2, 3, 3]
