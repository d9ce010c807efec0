// RUN: recog-opt %s -p canonicalize,cse | filecheck %s

// A lookup is pure: equal ones are one, and what nothing uses goes with its constants.
func.func @main() -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %p = data.constant dense<[[0, 1], [1, 0]]> : tensor<2x2xui1>
  %c = data.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 1>} : (tensor<2x2xui1>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %1 = cluster.lookup %p, %c {block = array<i64: 1, 1>} : (tensor<2x2xui1>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %unused = data.constant dense<[[3.0], [4.0]]> : tensor<2x1xf32>
  %2 = cluster.lookup %p, %unused {block = array<i64: 1, 1>} : (tensor<2x2xui1>, tensor<2x1xf32>) -> tensor<2x2xf32>
  func.return %0, %1 : tensor<2x2xf32>, tensor<2x2xf32>
}
// CHECK:      func.func @main
// CHECK-NEXT:   %p = data.constant dense<{{\[\[}}0, 1], [1, 0]]> : tensor<2x2xui1>
// CHECK-NEXT:   %c = data.constant dense<{{\[\[}}1.0], [2.0]]> : tensor<2x1xf32>
// CHECK-NEXT:   %0 = cluster.lookup %p, %c
// CHECK-NEXT:   func.return %0, %0
