// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s -p run-checks

// Two planes of one row of two: 1 2 and 3 4; the kernel's two planes weigh 1 and 10.
func.func @conv3d() {
  %x = data.constant dense<[[[[[1.0, 2.0]], [[3.0, 4.0]]]]]> : tensor<1x1x2x1x2xf32>
  %w = data.constant dense<[[[[[1.0]], [[10.0]]]]]> : tensor<1x1x2x1x1xf32>
  %b = data.constant dense<[0.5]> : tensor<1xf32>
  // CHECK: %0 = nn.conv3d %x, %w : (tensor<1x1x2x1x2xf32>, tensor<1x1x2x1x1xf32>) -> tensor<1x1x1x1x2xf32>
  %0 = nn.conv3d %x, %w : (tensor<1x1x2x1x2xf32>, tensor<1x1x2x1x1xf32>) -> tensor<1x1x1x1x2xf32>
  check.expect_close %0, dense<[[[[[31.0, 42.0]]]]]> : tensor<1x1x1x1x2xf32> within 1.0e-5
  // CHECK: %1 = nn.conv3d %x, %w, %b {strides = array<i64: 2, 1, 1>, padding = array<i64: 1, 0, 0>} :
  %1 = nn.conv3d %x, %w, %b {strides = array<i64: 2, 1, 1>, padding = array<i64: 1, 0, 0>} : (tensor<1x1x2x1x2xf32>, tensor<1x1x2x1x1xf32>, tensor<1xf32>) -> tensor<1x1x2x1x2xf32>
  // Zeros before the first plane and after the last.
  check.expect_close %1, dense<[[[[[10.5, 20.5]], [[3.5, 4.5]]]]]> : tensor<1x1x2x1x2xf32> within 1.0e-5
  func.return
}
