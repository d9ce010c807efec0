// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s -p canonicalize | filecheck %s --check-prefix CANONICAL

func.func @reductions(%x: tensor<1x4x5xf32>) -> (tensor<1x5xf32>, tensor<1x4x1xf32>, tensor<1x4xi64>) {
  // CHECK: %0 = nn.sum %x {axes = array<i64: 1>} : (tensor<1x4x5xf32>) -> tensor<1x5xf32>
  %0 = nn.sum %x {axes = array<i64: 1>} : (tensor<1x4x5xf32>) -> tensor<1x5xf32>
  // CHECK: %1 = nn.max %x {axes = array<i64: 2>, keepdims} : (tensor<1x4x5xf32>) -> tensor<1x4x1xf32>
  %1 = nn.max %x {axes = array<i64: 2>, keepdims} : (tensor<1x4x5xf32>) -> tensor<1x4x1xf32>
  // CHECK: %2 = nn.argmax %x {axis = 2 : i64} : (tensor<1x4x5xf32>) -> tensor<1x4xi64>
  %2 = nn.argmax %x {axis = 2 : i64} : (tensor<1x4x5xf32>) -> tensor<1x4xi64>
  func.return %0, %1, %2 : tensor<1x5xf32>, tensor<1x4x1xf32>, tensor<1x4xi64>
}

func.func @positions(%x: tensor<1x9xf32>, %t: tensor<9x2xf32>) -> (tensor<1x3xf32>, tensor<1x3x2xf32>) {
  // CHECK: %0 = nn.topk_indices %x {k = 3 : i64, axis = 1 : i64} : (tensor<1x9xf32>) -> tensor<1x3xi64>
  %0 = nn.topk_indices %x {k = 3 : i64, axis = 1 : i64} : (tensor<1x9xf32>) -> tensor<1x3xi64>
  // CHECK: %1 = nn.topk_indices %x {k = 3 : i64, axis = 1 : i64, smallest} :
  %1 = nn.topk_indices %x {k = 3 : i64, axis = 1 : i64, smallest} : (tensor<1x9xf32>) -> tensor<1x3xi64>
  // CHECK: %2 = nn.gather %x, %0 {axis = 1 : i64} : (tensor<1x9xf32>, tensor<1x3xi64>) -> tensor<1x3xf32>
  %2 = nn.gather %x, %0 {axis = 1 : i64} : (tensor<1x9xf32>, tensor<1x3xi64>) -> tensor<1x3xf32>
  // CHECK: %3 = nn.take %t, %1 : (tensor<9x2xf32>, tensor<1x3xi64>) -> tensor<1x3x2xf32>
  %3 = nn.take %t, %1 : (tensor<9x2xf32>, tensor<1x3xi64>) -> tensor<1x3x2xf32>
  func.return %2, %3 : tensor<1x3xf32>, tensor<1x3x2xf32>
}

func.func @masks(%x: tensor<1x3xf32>, %y: tensor<1x1xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>) {
  // CHECK: %0 = nn.compare %x, %y {predicate = "le"} : (tensor<1x3xf32>, tensor<1x1xf32>) -> tensor<1x3xi1>
  %0 = nn.compare %x, %y {predicate = "le"} : (tensor<1x3xf32>, tensor<1x1xf32>) -> tensor<1x3xi1>
  // CHECK: %1 = nn.where %0, %x, %y : (tensor<1x3xi1>, tensor<1x3xf32>, tensor<1x1xf32>) -> tensor<1x3xf32>
  %1 = nn.where %0, %x, %y : (tensor<1x3xi1>, tensor<1x3xf32>, tensor<1x1xf32>) -> tensor<1x3xf32>
  // CHECK: %2 = nn.convert %0 : (tensor<1x3xi1>) -> tensor<1x3xf32>
  %2 = nn.convert %0 : (tensor<1x3xi1>) -> tensor<1x3xf32>
  func.return %1, %2 : tensor<1x3xf32>, tensor<1x3xf32>
}

func.func @nothing_to_do(%x: tensor<1x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>, tensor<2x1x3xf32>) {
  %same = nn.convert %x : (tensor<1x3xf32>) -> tensor<1x3xf32>
  %whole = nn.broadcast %x : (tensor<1x3xf32>) -> tensor<1x3xf32>
  // CHECK: %more = nn.broadcast %x : (tensor<1x3xf32>) -> tensor<2x1x3xf32>
  %more = nn.broadcast %x : (tensor<1x3xf32>) -> tensor<2x1x3xf32>
  func.return %same, %whole, %more : tensor<1x3xf32>, tensor<1x3xf32>, tensor<2x1x3xf32>
}
// CANONICAL-LABEL: @nothing_to_do
// CANONICAL-NEXT: %more = nn.broadcast
// CANONICAL-NEXT: func.return %x, %x, %more

func.func @slice_of_constant() -> tensor<2x1xf32> {
  %c = data.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %s = nn.slice %c {starts = array<i64: 0, 1>, stops = array<i64: 2, 2>, steps = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  func.return %s : tensor<2x1xf32>
}
// CANONICAL-LABEL: @slice_of_constant
// CANONICAL-NEXT: data.constant dense<{{\[\[}}2.0], [5.0]]> : tensor<2x1xf32>

func.func @slice_of_concat(%a: tensor<1x2xf32>, %b: tensor<1x3xf32>, %c: tensor<1x4xf32>) -> (tensor<1x3xf32>, tensor<1x4xf32>) {
  %all = nn.concat %a, %b, %c : (tensor<1x2xf32>, tensor<1x3xf32>, tensor<1x4xf32>) -> tensor<1x9xf32>
  %middle = nn.slice %all {starts = array<i64: 0, 2>, stops = array<i64: 1, 5>, steps = array<i64: 1, 1>} : (tensor<1x9xf32>) -> tensor<1x3xf32>
  %across = nn.slice %all {starts = array<i64: 0, 1>, stops = array<i64: 1, 5>, steps = array<i64: 1, 1>} : (tensor<1x9xf32>) -> tensor<1x4xf32>
  func.return %middle, %across : tensor<1x3xf32>, tensor<1x4xf32>
}
// CANONICAL-LABEL: @slice_of_concat
// CANONICAL: [[PART:%.*]] = nn.slice %a {starts = array<i64: 0, 1>, stops = array<i64: 1, 2>,
// CANONICAL: [[ALL:%.*]] = nn.concat [[PART]], %b :
// CANONICAL: func.return %b, [[ALL]]
