// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

func.func @groups(%x: tensor<1x4x3x3xf32>, %w: tensor<6x4x2x2xf32>) {
  %y = nn.conv_transpose2d %x, %w {groups = 2 : i64} : (tensor<1x4x3x3xf32>, tensor<6x4x2x2xf32>) -> tensor<1x6x4x4xf32>
  func.return
}
// CHECK: 'nn.conv_transpose2d' op at {{.*}}: the input has 4 channels, the weight wants 4 for each of 2 groups

// -----

func.func @output_padding(%x: tensor<1x4x3x3xf32>, %w: tensor<6x4x2x2xf32>) {
  %y = nn.conv_transpose2d %x, %w {output_padding = array<i64: 0, -1>} : (tensor<1x4x3x3xf32>, tensor<6x4x2x2xf32>) -> tensor<1x6x4x3xf32>
  func.return
}
// CHECK: 'nn.conv_transpose2d' op at {{.*}}: output_padding takes 2 values of at least 0, got [0, -1]

// -----

func.func @nothing_left(%x: tensor<1x4x3x3xf32>, %w: tensor<6x4x2x2xf32>) {
  %y = nn.conv_transpose2d %x, %w {padding = array<i64: 2, 0, 2, 0>} : (tensor<1x4x3x3xf32>, tensor<6x4x2x2xf32>) -> tensor<1x6x4x4xf32>
  func.return
}
// CHECK: 'nn.conv_transpose2d' op at {{.*}}: padding [2, 0, 2, 0] leaves nothing of the result

// -----

func.func @bias(%x: tensor<1x4x3x3xf32>, %w: tensor<6x4x2x2xf32>, %b: tensor<4xf32>) {
  %y = nn.conv_transpose2d %x, %w, %b : (tensor<1x4x3x3xf32>, tensor<6x4x2x2xf32>, tensor<4xf32>) -> tensor<1x6x4x4xf32>
  func.return
}
// CHECK: 'nn.conv_transpose2d' op at {{.*}}: bias must have shape [6], got [4]

// -----

func.func @mode(%x: tensor<1x4x3x3xf32>) {
  %y = nn.resize %x {size = array<i64: 6, 6>, mode = "bicubic"} : (tensor<1x4x3x3xf32>) -> tensor<1x4x6x6xf32>
  func.return
}
// CHECK: 'nn.resize' op at {{.*}}: mode must be "nearest" or "bilinear", got "bicubic"

// -----

func.func @align_corners(%x: tensor<1x4x3x3xf32>) {
  %y = nn.resize %x {size = array<i64: 6, 6>, mode = "nearest", align_corners} : (tensor<1x4x3x3xf32>) -> tensor<1x4x6x6xf32>
  func.return
}
// CHECK: 'nn.resize' op at {{.*}}: align_corners goes with bilinear only

// -----

func.func @size(%x: tensor<1x4x3x3xf32>) {
  %y = nn.resize %x {size = array<i64: 6>, mode = "nearest"} : (tensor<1x4x3x3xf32>) -> tensor<1x4x6x6xf32>
  func.return
}
// CHECK: 'nn.resize' op at {{.*}}: size takes 2 values of at least 1, got [6]

// -----

func.func @slice_beyond(%x: tensor<1x4xf32>) {
  %y = nn.slice %x {starts = array<i64: 0, 2>, stops = array<i64: 1, 5>, steps = array<i64: 1, 1>} : (tensor<1x4xf32>) -> tensor<1x3xf32>
  func.return
}
// CHECK: 'nn.slice' op at {{.*}}: axis 1 of size 4 has no slice from 2 to 5 by 1

// -----

func.func @slice_rank(%x: tensor<2x4xf32>) {
  %y = nn.slice %x {starts = array<i64: 0>, stops = array<i64: 2>, steps = array<i64: 1>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  func.return
}
// CHECK: 'nn.slice' op at {{.*}}: starts, stops and steps take 2 values, one an axis, got 1, 1 and 1

// -----

func.func @permute_twice(%x: tensor<1x2x3xf32>) {
  %y = nn.permute %x {permutation = array<i64: 0, 1, 1>} : (tensor<1x2x3xf32>) -> tensor<1x2x2xf32>
  func.return
}
// CHECK: 'nn.permute' op at {{.*}}: [0, 1, 1] is no permutation of 3 axes

// -----

func.func @slice_step_beyond_32_bits(%x: tensor<3x5xf32>) {
  %y = nn.slice %x {starts = array<i64: 0, 0>, stops = array<i64: 3, 5>, steps = array<i64: 1, 4611686018427387904>} : (tensor<3x5xf32>) -> tensor<3x1xf32>
  func.return
}
// CHECK: 'nn.slice' op at {{.*}}: steps must be at most 2147483647, got [1, 4611686018427387904]

// -----

func.func @transposed_beyond_32_bits(%x: tensor<1x1x3x3xf32>, %w: tensor<1x1x1x1xf32>) {
  %y = nn.conv_transpose2d %x, %w {strides = array<i64: 1, 2147483647>, padding = array<i64: 0, 2147483647, 0, 0>} : (tensor<1x1x3x3xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x3x2147483648xf32>
  func.return
}
// CHECK: 'nn.conv_transpose2d' op at {{.*}}: an axis has at most 2147483647 elements, got [1, 1, 3, 2147483648]
