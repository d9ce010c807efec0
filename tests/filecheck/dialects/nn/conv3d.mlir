// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s

func.func @conv3d(%x: tensor<1x1x2x1x2xf32>, %w: tensor<1x1x2x1x1xf32>, %b: tensor<1xf32>) {
  // CHECK: %0 = nn.conv3d %x, %w : (tensor<1x1x2x1x2xf32>, tensor<1x1x2x1x1xf32>) -> tensor<1x1x1x1x2xf32>
  %0 = nn.conv3d %x, %w : (tensor<1x1x2x1x2xf32>, tensor<1x1x2x1x1xf32>) -> tensor<1x1x1x1x2xf32>
  // CHECK: %1 = nn.conv3d %x, %w, %b {strides = array<i64: 2, 1, 1>, padding = array<i64: 1, 0, 0>} :
  %1 = nn.conv3d %x, %w, %b {strides = array<i64: 2, 1, 1>, padding = array<i64: 1, 0, 0>} : (tensor<1x1x2x1x2xf32>, tensor<1x1x2x1x1xf32>, tensor<1xf32>) -> tensor<1x1x2x1x2xf32>
  func.return
}
