// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s

!p = !lns.number<5, 0, bias = 2>
!pu = !lns.number<4, 0, bias = 2, unsigned>

func.func @conv_transpose2d(%x: tensor<1x1x1x2x!p>, %w: tensor<1x1x1x3x!p>, %b: tensor<1xi32>) {
  %0 = lns.conv_transpose2d %x, %w {strides = array<i64: 1, 2>} : (tensor<1x1x1x2x!p>, tensor<1x1x1x3x!p>) -> tensor<1x1x1x5x!p>
  // CHECK: lns.conv_transpose2d %x, %w {strides = array<i64: 1, 2>} : (tensor<1x1x1x2x!lns.number<5, 0, bias = 2>>, tensor<1x1x1x3x!lns.number<5, 0, bias = 2>>) -> tensor<1x1x1x5x!lns.number<5, 0, bias = 2>>
  %1 = lns.conv_transpose2d %x, %w, %b {strides = array<i64: 1, 2>, output_padding = array<i64: 0, 1>} : (tensor<1x1x1x2x!p>, tensor<1x1x1x3x!p>, tensor<1xi32>) -> tensor<1x1x1x6x!p>
  // CHECK: lns.conv_transpose2d %x, %w, %b {strides = array<i64: 1, 2>, output_padding = array<i64: 0, 1>} : (tensor<1x1x1x2x!lns.number<5, 0, bias = 2>>, tensor<1x1x1x3x!lns.number<5, 0, bias = 2>>, tensor<1xi32>) -> tensor<1x1x1x6x!lns.number<5, 0, bias = 2>>
  %2 = lns.conv_transpose2d %x, %w, %b {strides = array<i64: 1, 2>, padding = array<i64: 0, 2, 0, 1>, output_padding = array<i64: 0, 2>, relu} : (tensor<1x1x1x2x!p>, tensor<1x1x1x3x!p>, tensor<1xi32>) -> tensor<1x1x1x4x!pu>
  // CHECK: lns.conv_transpose2d %x, %w, %b {strides = array<i64: 1, 2>, padding = array<i64: 0, 2, 0, 1>, output_padding = array<i64: 0, 2>, relu} : (tensor<1x1x1x2x!lns.number<5, 0, bias = 2>>, tensor<1x1x1x3x!lns.number<5, 0, bias = 2>>, tensor<1xi32>) -> tensor<1x1x1x4x!lns.number<4, 0, bias = 2, unsigned>>
  func.return
}

func.func @groups(%x: tensor<1x2x1x1x!p>, %w: tensor<4x1x2x1x!lns.number<5, 0, bias = 0:{2, 2, 3, 1}>>) {
  %0 = lns.conv_transpose2d %x, %w {dilation = array<i64: 2, 1>, groups = 2 : i64} : (tensor<1x2x1x1x!p>, tensor<4x1x2x1x!lns.number<5, 0, bias = 0:{2, 2, 3, 1}>>) -> tensor<1x4x3x1x!p>
  // CHECK: lns.conv_transpose2d %x, %w {dilation = array<i64: 2, 1>, groups = 2 : i64} : (tensor<1x2x1x1x!lns.number<5, 0, bias = 2>>, tensor<4x1x2x1x!lns.number<5, 0, bias = 0:{2, 2, 3, 1}>>) -> tensor<1x4x3x1x!lns.number<5, 0, bias = 2>>
  func.return
}
