// RUN: recog-opt %s -p 'choose-layouts{budget="27"}' --split-input-file --verify-diagnostics | filecheck %s
// RUN: recog-opt %s -p 'choose-layouts{layouts="fi*: block 1x2 centroids 2 table pairs"}' --split-input-file --verify-diagnostics | filecheck %s --check-prefix NAME
// RUN: recog-opt %s -p 'choose-layouts{layouts="fi*: dense"},cluster-weights' --split-input-file --verify-diagnostics | filecheck %s --check-prefix DENSE
// RUN: recog-opt %s -p 'choose-layouts' --split-input-file --verify-diagnostics | filecheck %s --check-prefix NONE

// The layer that has a layout keeps it; the other one gets what loses least in the bytes that are
// left: one of two values for each weight, where a code for each would take more.
func.func @main(%x: tensor<1x8xf32>) -> tensor<1x4xf32> {
  %a = data.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [-1.0, 5.0, 2.0, -8.0, 9.0, 4.0, 3.0, -2.0]]> : tensor<2x8xf32>
  %b = data.constant dense<[[1.0, 2.0], [3.0, -1.0], [2.0, 4.0], [0.5, -3.0]]> : tensor<4x2xf32>
  %y = nn.linear %x, %a : (tensor<1x8xf32>, tensor<2x8xf32>) -> tensor<1x2xf32> loc("first"("net.py":3:1))
  %z = nn.linear %y, %b {cluster.layout = #cluster.layout<dense>} : (tensor<1x2xf32>, tensor<4x2xf32>) -> tensor<1x4xf32> loc("head"("net.py":4:1))
  func.return %z : tensor<1x4xf32>
}
// CHECK-LABEL: @main
// CHECK:         %y = nn.linear %x, %a {cluster.layout = #cluster.layout<block = [1, 1], centroids = 2>}
// CHECK-NEXT:    %z = nn.linear %y, %b {cluster.layout = #cluster.layout<dense>}
// NAME-LABEL: @main
// NAME:         %y = nn.linear %x, %a {cluster.layout = #cluster.layout<block = [1, 2], centroids = 2, table = "pairs">}
// NAME-NEXT:    %z = nn.linear %y, %b {cluster.layout = #cluster.layout<dense>}
// NONE-LABEL: @main
// NONE:         %y = nn.linear %x, %a :
// DENSE-LABEL: @main
// DENSE:         %y = nn.linear %x, %a {cluster.layout = #cluster.layout<dense>, cluster.kept_dense = "option layouts says so ('fi*')"}
// DENSE-NEXT:    %z = nn.linear %y, %b {cluster.layout = #cluster.layout<dense>, cluster.kept_dense = "its cluster.layout says so"}

// -----

// Rows that repeat themselves: two centroids of four weights each lose nothing to speak of.
func.func @main(%x: tensor<1x16xf32>) -> tensor<1x2xf32> {
  %a = data.constant dense<[[1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0], [-1.0, 5.0, 2.0, -8.0, -1.0, 5.0, 2.0, -8.0, -1.0, 5.0, 2.0, -8.0, -1.0, 5.0, 2.0, -8.1]]> : tensor<2x16xf32>
  %y = nn.linear %x, %a : (tensor<1x16xf32>, tensor<2x16xf32>) -> tensor<1x2xf32> loc("first"("net.py":3:1))
  func.return %y : tensor<1x2xf32>
}
// CHECK-LABEL: @main
// CHECK:         %y = nn.linear %x, %a {cluster.layout = #cluster.layout<block = [1, 4], centroids = 2>}

// -----

// A bias takes up to 4 bytes a channel: this is impossible.
func.func @main(%x: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %a = data.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [-1.0, 5.0, 2.0, -8.0, 9.0, 4.0, 3.0, -2.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [-1.0, 5.0, 2.0, -8.0, 9.0, 4.0, 3.0, -2.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [-1.0, 5.0, 2.0, -8.0, 9.0, 4.0, 3.0, -2.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [-1.0, 5.0, 2.0, -8.0, 9.0, 4.0, 3.0, -2.0]]> : tensor<8x8xf32>
  %b = data.constant dense<1.0> : tensor<8xf32>
  %y = nn.linear %x, %a, %b : (tensor<1x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<1x8xf32> loc("first"("net.py":3:1))
  func.return %y : tensor<1x8xf32>
}
// CHECK: option budget is below what is sure to fit: 27 of 60 bytes

// -----

func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %a = data.constant dense<[[1.0, 0x7FC00000], [3.0, 4.0]]> : tensor<2x2xf32>
  %y = nn.linear %x, %a : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("first"("net.py":3:1))
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'nn.linear' op at {{.*}}: the weight holds NaN or infinity

// -----

func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %a = data.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %y = nn.linear %x, %a {cluster.layout = #cluster.layout<block = [1, 2], centroids = 3>} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("other"("net.py":3:1))
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'nn.linear' op at {{.*}}: cluster.layout: 3 centroids are more than the weight's 2 blocks
// NAME: option layouts names no layer with 'fi*'
