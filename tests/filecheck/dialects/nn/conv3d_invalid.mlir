// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

func.func @f(%x: tensor<1x1x2x2xf32>, %w: tensor<1x1x1x1x1xf32>) {
  %y = nn.conv3d %x, %w : (tensor<1x1x2x2xf32>, tensor<1x1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  func.return
}
// CHECK: 'nn.conv3d' op at {{.*}}: input and weight must have 5 axes, got 4 and 5

// -----

func.func @f(%x: tensor<1x1x2x2x2xf32>, %w: tensor<1x1x1x1x1xf32>) {
  %y = nn.conv3d %x, %w {strides = array<i64: 1, 1>} : (tensor<1x1x2x2x2xf32>, tensor<1x1x1x1x1xf32>) -> tensor<1x1x2x2x2xf32>
  func.return
}
// CHECK: 'nn.conv3d' op at {{.*}}: strides takes 3 values, got [1, 1]

// -----

func.func @f(%x: tensor<1x2x2x2x2xf32>, %w: tensor<1x1x1x1x1xf32>) {
  %y = nn.conv3d %x, %w : (tensor<1x2x2x2x2xf32>, tensor<1x1x1x1x1xf32>) -> tensor<1x1x2x2x2xf32>
  func.return
}
// CHECK: 'nn.conv3d' op at {{.*}}: the input has 2 channels, the weight wants 1 for each of 1 group

// -----

func.func @f(%x: tensor<1x1x2x2x2xf32>, %w: tensor<2x1x1x1x1xf32>, %b: tensor<1xf32>) {
  %y = nn.conv3d %x, %w, %b : (tensor<1x1x2x2x2xf32>, tensor<2x1x1x1x1xf32>, tensor<1xf32>) -> tensor<1x2x2x2x2xf32>
  func.return
}
// CHECK: 'nn.conv3d' op at {{.*}}: bias must have shape [2], got [1]
