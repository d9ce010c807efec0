// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s -p canonicalize | filecheck %s --check-prefix CANONICAL

func.func @conv_transpose2d(%x: tensor<1x4x3x3xf32>, %w: tensor<6x2x2x2xf32>, %b: tensor<6xf32>) -> (tensor<1x6x4x4xf32>, tensor<1x6x6x5xf32>) {
  %plain = nn.conv_transpose2d %x, %w {groups = 2 : i64} : (tensor<1x4x3x3xf32>, tensor<6x2x2x2xf32>) -> tensor<1x6x4x4xf32>
  // CHECK: %plain = nn.conv_transpose2d %x, %w {groups = 2 : i64} : (tensor<1x4x3x3xf32>, tensor<6x2x2x2xf32>) -> tensor<1x6x4x4xf32>
  %all = nn.conv_transpose2d %x, %w, %b {strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 0, 1>, output_padding = array<i64: 1, 0>, dilation = array<i64: 1, 2>, groups = 2 : i64} : (tensor<1x4x3x3xf32>, tensor<6x2x2x2xf32>, tensor<6xf32>) -> tensor<1x6x6x5xf32>
  // CHECK: %all = nn.conv_transpose2d %x, %w, %b {strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 0, 1>, output_padding = array<i64: 1, 0>, dilation = array<i64: 1, 2>, groups = 2 : i64} :
  func.return %plain, %all : tensor<1x6x4x4xf32>, tensor<1x6x6x5xf32>
}

func.func @resize(%x: tensor<1x2x3x3xf32>) -> (tensor<1x2x6x9xf32>, tensor<1x2x5x5xf32>, tensor<1x2x3x3xf32>) {
  %nearest = nn.resize %x {size = array<i64: 6, 9>, mode = "nearest"} : (tensor<1x2x3x3xf32>) -> tensor<1x2x6x9xf32>
  // CHECK: %nearest = nn.resize %x {size = array<i64: 6, 9>, mode = "nearest"} : (tensor<1x2x3x3xf32>) -> tensor<1x2x6x9xf32>
  %corners = nn.resize %x {size = array<i64: 5, 5>, mode = "bilinear", align_corners} : (tensor<1x2x3x3xf32>) -> tensor<1x2x5x5xf32>
  // CHECK: %corners = nn.resize %x {size = array<i64: 5, 5>, mode = "bilinear", align_corners} :
  %same = nn.resize %x {size = array<i64: 3, 3>, mode = "bilinear"} : (tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  func.return %nearest, %corners, %same : tensor<1x2x6x9xf32>, tensor<1x2x5x5xf32>, tensor<1x2x3x3xf32>
}
// CANONICAL-LABEL: @resize
// CANONICAL: func.return %nearest, %corners, %x

func.func @slice(%x: tensor<1x4x3x3xf32>) -> (tensor<1x2x2x3xf32>, tensor<1x4x3x3xf32>) {
  %part = nn.slice %x {starts = array<i64: 0, 1, 0, 0>, stops = array<i64: 1, 3, 3, 3>, steps = array<i64: 1, 1, 2, 1>} : (tensor<1x4x3x3xf32>) -> tensor<1x2x2x3xf32>
  // CHECK: %part = nn.slice %x {starts = array<i64: 0, 1, 0, 0>, stops = array<i64: 1, 3, 3, 3>, steps = array<i64: 1, 1, 2, 1>} : (tensor<1x4x3x3xf32>) -> tensor<1x2x2x3xf32>
  %whole = nn.slice %x {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 4, 3, 3>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x4x3x3xf32>) -> tensor<1x4x3x3xf32>
  func.return %part, %whole : tensor<1x2x2x3xf32>, tensor<1x4x3x3xf32>
}
// CANONICAL-LABEL: @slice
// CANONICAL: func.return %part, %x

func.func @permute(%x: tensor<1x2x3x4xf32>) -> (tensor<1x4x2x3xf32>, tensor<1x2x3x4xf32>) {
  %a = nn.permute %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x2x3x4xf32>) -> tensor<1x3x4x2xf32>
  // CHECK: %a = nn.permute %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x2x3x4xf32>) -> tensor<1x3x4x2xf32>
  %b = nn.permute %a {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x4x2xf32>) -> tensor<1x4x2x3xf32>
  %c = nn.permute %b {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x4x2x3xf32>) -> tensor<1x2x3x4xf32>
  func.return %b, %c : tensor<1x4x2x3xf32>, tensor<1x2x3x4xf32>
}
// CANONICAL-LABEL: @permute
// CANONICAL-NEXT: %b = nn.permute %x {permutation = array<i64: 0, 3, 1, 2>} :
// CANONICAL-NEXT: func.return %b, %x
