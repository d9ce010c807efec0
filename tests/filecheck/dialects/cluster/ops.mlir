// RUN: recog-opt %s | recog-opt --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | filecheck %s --check-prefix GENERIC

!c = !lns.number<8, 4, bias = 10>

func.func @float(%p: tensor<4x2x1x1xui10>, %c: tensor<1024x9xf32>, %s: tensor<4xf32>) {
  // Blocks of a whole kernel.
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 1, 3, 3>} : (tensor<4x2x1x1xui10>, tensor<1024x9xf32>) -> tensor<4x2x3x3xf32>
  // CHECK:      %0 = cluster.lookup %p, %c {block = array<i64: 1, 1, 3, 3>} : (tensor<4x2x1x1xui10>, tensor<1024x9xf32>) -> tensor<4x2x3x3xf32>
  // GENERIC:    %0 = "cluster.lookup"(%p, %c) <{block = array<i64: 1, 1, 3, 3>}> : (tensor<4x2x1x1xui10>, tensor<1024x9xf32>) -> tensor<4x2x3x3xf32>
  %1 = cluster.lookup %p, %c scaled by %s {block = array<i64: 1, 1, 3, 3>, note = "scaled"} : (tensor<4x2x1x1xui10>, tensor<1024x9xf32>, tensor<4xf32>) -> tensor<4x2x3x3xf32>
  // CHECK-NEXT: %1 = cluster.lookup %p, %c scaled by %s {note = "scaled", block = array<i64: 1, 1, 3, 3>} : (tensor<4x2x1x1xui10>, tensor<1024x9xf32>, tensor<4xf32>) -> tensor<4x2x3x3xf32>
  // GENERIC:    %1 = "cluster.lookup"(%p, %c, %s) <{block = array<i64: 1, 1, 3, 3>}> {note = "scaled"} :
  func.return
}

func.func @codes(%p: tensor<4x2xui1>, %c: tensor<2x8x!c>) {
  // CHECK-LABEL: @codes
  // Eight input features of a linear layer; one bias as the codebook has, or one per channel.
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 8>} : (tensor<4x2xui1>, tensor<2x8x!c>) -> tensor<4x16x!c>
  // CHECK:      %0 = cluster.lookup %p, %c {block = array<i64: 1, 8>} : (tensor<4x2xui1>, tensor<2x8x!lns.number<8, 4, bias = 10>>) -> tensor<4x16x!lns.number<8, 4, bias = 10>>
  %1 = cluster.lookup %p, %c {block = array<i64: 1, 8>} : (tensor<4x2xui1>, tensor<2x8x!c>) -> tensor<4x16x!lns.number<8, 4, bias = 0:{10, 11, 9, -3}>>
  // CHECK-NEXT: %1 = cluster.lookup %p, %c {block = array<i64: 1, 8>} : (tensor<4x2xui1>, tensor<2x8x!lns.number<8, 4, bias = 10>>) -> tensor<4x16x!lns.number<8, 4, bias = 0:{10, 11, 9, -3}>>
  // A block of two output channels.
  %2 = cluster.lookup %p, %c {block = array<i64: 2, 4>} : (tensor<4x2xui1>, tensor<2x8x!c>) -> tensor<8x8x!c>
  // CHECK-NEXT: %2 = cluster.lookup %p, %c {block = array<i64: 2, 4>} : (tensor<4x2xui1>, tensor<2x8x!lns.number<8, 4, bias = 10>>) -> tensor<8x8x!lns.number<8, 4, bias = 10>>
  func.return
}

func.func @layouts(%x: tensor<1x4xf32>, %w: tensor<2x4xf32>) {
  %0 = nn.linear %x, %w {cluster.layout = #cluster.layout<dense>} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  // CHECK: {cluster.layout = #cluster.layout<dense>}
  %1 = nn.linear %x, %w {cluster.layout = #cluster.layout<block = [1, 2], centroids = 256>} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  // CHECK-NEXT: {cluster.layout = #cluster.layout<block = [1, 2], centroids = 256>}
  %2 = nn.linear %x, %w {cluster.layout = #cluster.layout<block = [1, 2], centroids = 2, table = "a \"b\"">} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  // CHECK-NEXT: {cluster.layout = #cluster.layout<block = [1, 2], centroids = 2, table = "a \22b\22">}
  func.return
}
