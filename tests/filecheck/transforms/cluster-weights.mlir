// RUN: recog-opt %s -p 'cluster-weights{channel-block=2 linear-block=2 table-share=100 weight-frac=0 scalar-centroids=0}' --print-debuginfo | filecheck %s
// RUN: recog-opt %s -p 'cluster-weights{centroids=2 channel-block=1 linear-block=1 table-share=100 weight-frac=0}' | filecheck %s --check-prefix ONE
// RUN: recog-opt %s -p cluster-weights | filecheck %s --check-prefix SMALL

// Four output channels of four input channels each; the blocks are pairs of input channels. With
// scales 1, 4, 1/2 and, for a channel of zeros, 1, the blocks are (1, 1), (-1, -1) or (0, 0):
// three centroids say all, and pointers of 2 bits. All new ops stand where the layer stood.
func.func @pairs(%x: tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32> {
  %w = data.constant dense<[[[[1.0]], [[1.0]], [[-1.0]], [[-1.0]]], [[[4.0]], [[4.0]], [[4.0]], [[4.0]]], [[[0.5]], [[0.5]], [[0.5]], [[0.5]]], [[[0.0]], [[0.0]], [[0.0]], [[0.0]]]]> : tensor<4x4x1x1xf32>
  %b = data.constant dense<[0.5, 1.5, 2.5, 3.5]> : tensor<4xf32>
  %y = nn.conv2d %x, %w, %b : (tensor<1x4x2x2xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<1x4x2x2xf32> loc("net.stem"("net.py":3:1))
  func.return %y : tensor<1x4x2x2xf32>
}
// CHECK-LABEL: @pairs
// CHECK-NEXT:    %w_pointers = data.constant dense<{{\[\[\[\[}}0]], {{\[\[}}2]]], {{\[\[\[}}0]], {{\[\[}}0]]], {{\[\[\[}}0]], {{\[\[}}0]]], {{\[\[\[}}1]], {{\[\[}}1]]]]> : tensor<4x2x1x1xui2> loc("net.stem"("net.py":3:1))
// CHECK-NEXT:    %w_codebook = data.constant dense<{{\[\[}}1.0, 1.0], [0.0, 0.0], [-1.0, -1.0]]> : tensor<3x2xf32> loc("net.stem"("net.py":3:1))
// CHECK-NEXT:    %w_scales = data.constant dense<[1.0, 4.0, 0.5, 1.0]> : tensor<4xf32> loc("net.stem"("net.py":3:1))
// CHECK-NEXT:    %w = cluster.lookup %w_pointers, %w_codebook scaled by %w_scales {block = array<i64: 1, 2, 1, 1>} : (tensor<4x2x1x1xui2>, tensor<3x2xf32>, tensor<4xf32>) -> tensor<4x4x1x1xf32> loc("net.stem"("net.py":3:1))
// CHECK-NEXT:    %b = data.constant dense<[0.5, 1.5, 2.5, 3.5]> : tensor<4xf32>
// CHECK-NEXT:    %y = nn.conv2d %x, %w, %b : (tensor<1x4x2x2xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<1x4x2x2xf32> loc("net.stem"("net.py":3:1))

// With the defaults the table may not outweigh the pointers, and a layer as small stays dense.
// SMALL-LABEL: @pairs
// SMALL:         %w = data.constant
// SMALL:         %y = nn.conv2d %x, %w, %b {cluster.kept_dense = "pointers and a table want more than 16 weights"}

// Two centroids for single weights: the means of what is near them, most used first. Five of the
// weights are about 1, three about -1.
func.func @means(%x: tensor<1x8xf32>) -> tensor<1x1xf32> {
  %w = data.constant dense<[[0.75, 1.25, 1.0, 0.75, 1.25, -1.0, -0.75, -1.25]]> : tensor<1x8xf32>
  %y = nn.linear %x, %w : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x1xf32>
  func.return %y : tensor<1x1xf32>
}
// ONE-LABEL: @means
// ONE-NEXT:    %w_pointers = data.constant dense<{{\[\[}}0, 0, 0, 0, 0, 1, 1, 1]]> : tensor<1x8xui1>
// ONE-NEXT:    %w_codebook = data.constant dense<{{\[\[}}1.0], [-1.0]]> : tensor<2x1xf32>
// ONE-NEXT:    %w_scales = data.constant dense<[1.0]> : tensor<1xf32>
// ONE-NEXT:    %w = cluster.lookup %w_pointers, %w_codebook scaled by %w_scales {block = array<i64: 1, 1>}

// Whole kernels are blocks, whatever the channel block; layers that share a weight go on sharing
// it; other users of the constant keep it.
func.func @shared(%x: tensor<1x1x2x2xf32>) -> (tensor<1x8x1x1xf32>, tensor<1x8x1x1xf32>, tensor<8x1x2x2xf32>) {
  %w = data.constant dense<[[[[1.0, -1.0], [1.0, -1.0]]], [[[1.0, -1.0], [1.0, -1.0]]], [[[1.0, -1.0], [1.0, -1.0]]], [[[1.0, -1.0], [1.0, -1.0]]], [[[2.0, 2.0], [2.0, 2.0]]], [[[2.0, 2.0], [2.0, 2.0]]], [[[2.0, 2.0], [2.0, 2.0]]], [[[2.0, 2.0], [2.0, 2.0]]]]> : tensor<8x1x2x2xf32>
  %y = nn.conv2d %x, %w : (tensor<1x1x2x2xf32>, tensor<8x1x2x2xf32>) -> tensor<1x8x1x1xf32>
  %z = nn.conv2d %x, %w : (tensor<1x1x2x2xf32>, tensor<8x1x2x2xf32>) -> tensor<1x8x1x1xf32>
  %relu = nn.relu %w : (tensor<8x1x2x2xf32>) -> tensor<8x1x2x2xf32>
  func.return %y, %z, %relu : tensor<1x8x1x1xf32>, tensor<1x8x1x1xf32>, tensor<8x1x2x2xf32>
}
// CHECK-LABEL: @shared
// CHECK-NEXT:    %w = data.constant
// CHECK-NEXT:    %w_pointers = data.constant dense<{{.*}}> : tensor<8x1x1x1xui1>
// CHECK-NEXT:    %w_codebook = data.constant dense<{{\[\[}}1.0, -1.0, 1.0, -1.0], [1.0, 1.0, 1.0, 1.0]]> : tensor<2x4xf32>
// CHECK-NEXT:    %w_scales = data.constant dense<[1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]>
// CHECK-NEXT:    [[W:%.*]] = cluster.lookup %w_pointers, %w_codebook scaled by %w_scales {block = array<i64: 1, 1, 2, 2>}
// CHECK-NEXT:    %y = nn.conv2d %x, [[W]] :
// CHECK-NEXT:    %z = nn.conv2d %x, [[W]] :
// CHECK-NEXT:    %relu = nn.relu %w :

// What stays dense says why.
func.func @dense(%x: tensor<1x2xf32>, %d: tensor<1x64xf64>, %w: tensor<3x2xf32>) -> (tensor<1x3xf32>, tensor<1x1xf64>) {
  %y = nn.linear %x, %w : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<1x3xf32>
  %v = data.constant dense<1.0> : tensor<1x64xf64>
  %z = nn.linear %d, %v : (tensor<1x64xf64>, tensor<1x64xf64>) -> tensor<1x1xf64>
  func.return %y, %z : tensor<1x3xf32>, tensor<1x1xf64>
}
// CHECK-LABEL: @dense
// CHECK-NEXT:    %y = nn.linear %x, %w {cluster.kept_dense = "the weight is computed, not constant"}
// CHECK-NEXT:    %v = data.constant
// CHECK-NEXT:    %z = nn.linear %d, %v {cluster.kept_dense = "only weights of f32 are clustered"}

// What is clustered already stays as it is.
func.func @clustered(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %p = data.constant dense<[[0, 1], [1, 0]]> : tensor<2x2xui1>
  %c = data.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %w = cluster.lookup %p, %c {block = array<i64: 1, 1>} : (tensor<2x2xui1>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %y = nn.linear %x, %w : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK-LABEL: @clustered
// CHECK-NEXT:    %p = data.constant
// CHECK-NEXT:    %c = data.constant
// CHECK-NEXT:    %w = cluster.lookup %p, %c {block
// CHECK-NEXT:    %y = nn.linear %x, %w :
