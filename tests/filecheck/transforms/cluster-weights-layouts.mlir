// RUN: recog-opt %s -p 'cluster-weights{weight-frac=0}' --split-input-file --verify-diagnostics | filecheck %s

// Both layers take the one table of the blocks of both: the centroids are (1, 1) and (1, -1),
// whatever the channels' scales. The third layer stays dense though it could be clustered.
func.func @f(%x: tensor<1x4xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>) {
  %a = data.constant dense<[[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, -2.0]]> : tensor<2x4xf32>
  %b = data.constant dense<[[4.0, -4.0, 4.0, 4.0], [1.0, 1.0, 1.0, 1.0]]> : tensor<2x4xf32>
  %c = data.constant dense<[[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, -2.0]]> : tensor<2x4xf32>
  %y = nn.linear %x, %a {cluster.layout = #cluster.layout<block = [1, 2], centroids = 2, table = "pairs">} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %z = nn.linear %x, %b {cluster.layout = #cluster.layout<block = [1, 2], centroids = 2, table = "pairs">} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %u = nn.linear %x, %c {cluster.layout = #cluster.layout<dense>} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  func.return %y, %z, %u : tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: @f
// CHECK-NEXT:    %shared_codebook = data.constant dense<{{\[\[}}1.0, 1.0], [1.0, -1.0]]> : tensor<2x2xf32>
// CHECK-NEXT:    %a_pointers = data.constant dense<{{\[\[}}0, 0], [0, 1]]> : tensor<2x2xui1>
// CHECK-NEXT:    %a_scales = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
// CHECK-NEXT:    %a = cluster.lookup %a_pointers, %shared_codebook scaled by %a_scales {block = array<i64: 1, 2>}
// CHECK-NEXT:    %b_pointers = data.constant dense<{{\[\[}}1, 0], [0, 0]]> : tensor<2x2xui1>
// CHECK-NEXT:    %b_scales = data.constant dense<[4.0, 1.0]> : tensor<2xf32>
// CHECK-NEXT:    %b = cluster.lookup %b_pointers, %shared_codebook scaled by %b_scales {block = array<i64: 1, 2>}
// CHECK-NEXT:    %c = data.constant
// CHECK-NEXT:    %y = nn.linear %x, %a {cluster.layout = #cluster.layout<block = [1, 2], centroids = 2, table = "pairs">}
// CHECK-NEXT:    %z = nn.linear %x, %b
// CHECK-NEXT:    %u = nn.linear %x, %c {cluster.layout = #cluster.layout<dense>, cluster.kept_dense = "its cluster.layout says so"}

// -----

// A table of its own.
func.func @own(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %a = data.constant dense<[[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, -2.0]]> : tensor<2x4xf32>
  %y = nn.linear %x, %a {cluster.layout = #cluster.layout<block = [1, 1], centroids = 2>} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK-LABEL: @own
// CHECK-NEXT:    %a_pointers = data.constant dense<{{\[\[}}0, 0, 0, 0], [0, 0, 0, 1]]> : tensor<2x4xui1>
// CHECK-NEXT:    %a_codebook = data.constant dense<{{\[\[}}1.0], [-1.0]]> : tensor<2x1xf32>

// -----

func.func @f(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %a = data.constant dense<[[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, -2.0]]> : tensor<2x4xf32>
  %y = nn.linear %x, %a {cluster.layout = #cluster.layout<block = [1, 3], centroids = 2>} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'nn.linear' op at {{.*}}: cluster.layout: blocks of [1, 3] do not tile a weight of [2, 4]

// -----

func.func @f(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %a = data.constant dense<[[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, -2.0]]> : tensor<2x4xf32>
  %y = nn.linear %x, %a {cluster.layout = #cluster.layout<block = [1, 2], centroids = 5>} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'nn.linear' op at {{.*}}: cluster.layout: 5 centroids are more than the weight's 4 blocks

// -----

func.func @f(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %a = data.constant dense<[[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, -2.0]]> : tensor<2x4xf32>
  %y = nn.linear %x, %a {cluster.layout = "dense"} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'nn.linear' op at {{.*}}: cluster.layout must be a #cluster.layout, got "dense"

// -----

func.func @f(%x: tensor<1x4xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %a = data.constant dense<[[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, -2.0]]> : tensor<2x4xf32>
  %b = data.constant dense<[[4.0, -4.0, 4.0, 4.0], [1.0, 1.0, 1.0, 1.0]]> : tensor<2x4xf32>
  %y = nn.linear %x, %a {cluster.layout = #cluster.layout<block = [1, 2], centroids = 2, table = "t">} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %z = nn.linear %x, %b {cluster.layout = #cluster.layout<block = [1, 2], centroids = 3, table = "t">} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  func.return %y, %z : tensor<1x2xf32>, tensor<1x2xf32>
}
// CHECK: 'nn.linear' op at {{.*}}: the layers of table "t" need one layout: [1, 2] with 3 centroids is not [1, 2] with 2

// -----

func.func @f(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %a = data.constant dense<[[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, -2.0]]> : tensor<2x4xf32>
  %y = nn.linear %x, %a {cluster.layout = #cluster.layout<block = [1, 2], centroids = 5, table = "t">} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'nn.linear' op at {{.*}}: table "t" has 5 centroids for 4 blocks in all
