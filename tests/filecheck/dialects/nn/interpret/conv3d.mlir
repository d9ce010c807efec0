// RUN: recog-opt %s -p run-checks

// Two planes of one row of two: 1 2 and 3 4; the kernel's two planes weigh 1 and 10.
func.func @conv3d() {
  %x = data.constant dense<[[[[[1.0, 2.0]], [[3.0, 4.0]]]]]> : tensor<1x1x2x1x2xf32>
  %w = data.constant dense<[[[[[1.0]], [[10.0]]]]]> : tensor<1x1x2x1x1xf32>
  %b = data.constant dense<[0.5]> : tensor<1xf32>
  // 1 + 30, 2 + 40.
  %0 = nn.conv3d %x, %w : (tensor<1x1x2x1x2xf32>, tensor<1x1x2x1x1xf32>) -> tensor<1x1x1x1x2xf32>
  check.expect_close %0, dense<[[[[[31.0, 42.0]]]]]> : tensor<1x1x1x1x2xf32> within 1.0e-5
  // Zeros before the first plane and after the last: 0 + 10 + 0.5, 0 + 20 + 0.5 and, two planes
  // on, 3 + 0 + 0.5, 4 + 0 + 0.5.
  %1 = nn.conv3d %x, %w, %b {strides = array<i64: 2, 1, 1>, padding = array<i64: 1, 0, 0>} : (tensor<1x1x2x1x2xf32>, tensor<1x1x2x1x1xf32>, tensor<1xf32>) -> tensor<1x1x2x1x2xf32>
  check.expect_close %1, dense<[[[[[10.5, 20.5]], [[3.5, 4.5]]]]]> : tensor<1x1x2x1x2xf32> within 1.0e-5
  func.return
}

// One plane, 1 2 / 3 4: height and width are the kernel's last axes.
func.func @plane() {
  %x = data.constant dense<[[[[[1.0, 2.0], [3.0, 4.0]]]]]> : tensor<1x1x1x2x2xf32>
  // 1 · 1 + 2 · 10 + 3 · 100 + 4 · 1000.
  %w = data.constant dense<[[[[[1.0, 10.0], [100.0, 1000.0]]]]]> : tensor<1x1x1x2x2xf32>
  %0 = nn.conv3d %x, %w : (tensor<1x1x1x2x2xf32>, tensor<1x1x1x2x2xf32>) -> tensor<1x1x1x1x1xf32>
  check.expect_close %0, dense<4321.0> : tensor<1x1x1x1x1xf32> within 1.0e-3
  // Zeros at both ends of each row, every second column: 0 + 10, 2 + 0; 0 + 30, 4 + 0.
  %v = data.constant dense<[[[[[1.0, 10.0]]]]]> : tensor<1x1x1x1x2xf32>
  %1 = nn.conv3d %x, %v {strides = array<i64: 1, 1, 2>, padding = array<i64: 0, 0, 1>} : (tensor<1x1x1x2x2xf32>, tensor<1x1x1x1x2xf32>) -> tensor<1x1x1x2x2xf32>
  check.expect_close %1, dense<[[[[[10.0, 2.0], [30.0, 4.0]]]]]> : tensor<1x1x1x2x2xf32> within 1.0e-5
  // A row of zeros above and below, every third row: 0 0 / 1 2 alone, times 1 and 10.
  %u = data.constant dense<[[[[[1.0], [10.0]]]]]> : tensor<1x1x1x2x1xf32>
  %2 = nn.conv3d %x, %u {strides = array<i64: 1, 3, 1>, padding = array<i64: 0, 1, 0>} : (tensor<1x1x1x2x2xf32>, tensor<1x1x1x2x1xf32>) -> tensor<1x1x1x1x2xf32>
  check.expect_close %2, dense<[[[[[10.0, 20.0]]]]]> : tensor<1x1x1x1x2xf32> within 1.0e-5
  func.return
}

// Planes 1, 2, 3: taps two planes apart give 1 + 3 · 10.
func.func @dilation() {
  %x = data.constant dense<[[[[[1.0]], [[2.0]], [[3.0]]]]]> : tensor<1x1x3x1x1xf32>
  %w = data.constant dense<[[[[[1.0]], [[10.0]]]]]> : tensor<1x1x2x1x1xf32>
  %0 = nn.conv3d %x, %w {dilation = array<i64: 2, 1, 1>} : (tensor<1x1x3x1x1xf32>, tensor<1x1x2x1x1xf32>) -> tensor<1x1x1x1x1xf32>
  check.expect_close %0, dense<31.0> : tensor<1x1x1x1x1xf32> within 1.0e-5
  func.return
}

// Channels 2 and 3: one output of both, 2 · 10 + 3 · 100; in two groups an output of each.
func.func @channels() {
  %x = data.constant dense<[[[[[2.0]]], [[[3.0]]]]]> : tensor<1x2x1x1x1xf32>
  %w = data.constant dense<[[[[[10.0]]], [[[100.0]]]]]> : tensor<1x2x1x1x1xf32>
  %0 = nn.conv3d %x, %w : (tensor<1x2x1x1x1xf32>, tensor<1x2x1x1x1xf32>) -> tensor<1x1x1x1x1xf32>
  check.expect_close %0, dense<320.0> : tensor<1x1x1x1x1xf32> within 1.0e-4
  %g = data.constant dense<[[[[[10.0]]]], [[[[100.0]]]]]> : tensor<2x1x1x1x1xf32>
  %1 = nn.conv3d %x, %g {groups = 2 : i64} : (tensor<1x2x1x1x1xf32>, tensor<2x1x1x1x1xf32>) -> tensor<1x2x1x1x1xf32>
  check.expect_close %1, dense<[[[[[20.0]]], [[[300.0]]]]]> : tensor<1x2x1x1x1xf32> within 1.0e-4
  func.return
}
