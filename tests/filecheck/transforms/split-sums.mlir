// RUN: recog-opt %s -p split-sums | filecheck %s

// Weights that are all alike take the smallest codes, of which 131,072 are too many.
func.func @linear(%x: tensor<1x131072xf32>) -> tensor<1x2xf32> {
  %w = data.constant dense<1.0> : tensor<2x131072xf32>
  %b = data.constant dense<[0.5, -0.5]> : tensor<2xf32>
  %y = nn.linear %x, %w, %b : (tensor<1x131072xf32>, tensor<2x131072xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK-LABEL: func.func @linear
// CHECK-NOT:   2x131072xf32
// CHECK:       [[FIRST:%.*]] = nn.slice %x {starts = array<i64: 0, 0>, stops = array<i64: 1, 65536>,
// CHECK-NEXT:  [[A:%.*]] = nn.linear [[FIRST]], {{%.*}}, %b : (tensor<1x65536xf32>,
// CHECK:       [[LAST:%.*]] = nn.slice %x {starts = array<i64: 0, 65536>, stops = array<i64: 1, 131072>,
// CHECK-NEXT:  [[B:%.*]] = nn.linear [[LAST]], {{%.*}} : (tensor<1x65536xf32>,
// CHECK-NEXT:  [[SUM:%.*]] = nn.add [[A]], [[B]]
// CHECK-NEXT:  func.return [[SUM]]

func.func @conv(%x: tensor<1x20000x3x3xf32>) -> tensor<1x1x3x3xf32> {
  %w = data.constant dense<1.0> : tensor<1x20000x3x3xf32>
  %y = nn.conv2d %x, %w {padding = array<i64: 1, 1, 1, 1>} : (tensor<1x20000x3x3xf32>, tensor<1x20000x3x3xf32>) -> tensor<1x1x3x3xf32>
  func.return %y : tensor<1x1x3x3xf32>
}
// CHECK-LABEL:   func.func @conv
// CHECK-COUNT-4: nn.conv2d {{%.*}}, {{%.*}} {padding = array<i64: 1, 1, 1, 1>} : (tensor<1x5000x3x3xf32>,
// CHECK-COUNT-3: nn.add

// What fits stays.
func.func @fits(%x: tensor<1x4096xf32>) -> tensor<1x2xf32> {
  %w = data.constant dense<1.0> : tensor<2x4096xf32>
  %y = nn.linear %x, %w : (tensor<1x4096xf32>, tensor<2x4096xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK-LABEL: func.func @fits
// CHECK-NOT:   nn.slice
