// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Pointer (r, c) says which row of the codebook is the block of 1 x 2 weights at (r, 2 c).
func.func @float() {
  %p = data.constant dense<[[0, 2], [1, 1]]> : tensor<2x2xui2>
  %c = data.constant dense<[[1.0, 2.0], [3.0, -0.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 2>} : (tensor<2x2xui2>, tensor<3x2xf32>) -> tensor<2x4xf32>
  check.expect_eq %0, dense<[[1.0, 2.0, 5.0, 6.0], [3.0, -0.0, 3.0, -0.0]]> : tensor<2x4xf32>
  // Each output channel, that is each row, times its scale.
  %s = data.constant dense<[0.5, 4.0]> : tensor<2xf32>
  %1 = cluster.lookup %p, %c scaled by %s {block = array<i64: 1, 2>} : (tensor<2x2xui2>, tensor<3x2xf32>, tensor<2xf32>) -> tensor<2x4xf32>
  check.expect_eq %1, dense<[[0.5, 1.0, 2.5, 3.0], [12.0, -0.0, 12.0, -0.0]]> : tensor<2x4xf32>
  func.return
}

// A block of 2 x 2 lies in the codebook row by row.
func.func @square_blocks() {
  %p = data.constant dense<[[1, 0]]> : tensor<1x2xui1>
  %c = data.constant dense<[[1, 2, 3, 4], [5, 6, 7, -8]]> : tensor<2x4x!lns.number<5, 0, bias = 2>>
  %0 = cluster.lookup %p, %c {block = array<i64: 2, 2>} : (tensor<1x2xui1>, tensor<2x4x!lns.number<5, 0, bias = 2>>) -> tensor<2x4x!lns.number<5, 0, bias = 2>>
  check.expect_eq %0, dense<[[5, 6, 1, 2], [7, -8, 3, 4]]> : tensor<2x4x!lns.number<5, 0, bias = 2>>
  func.return
}

// Codes stay as they are; biases per channel give them their values: code 2 is worth
// 2^(2 - 2) = 1 in the codebook, and 2^(2 - 1) = 2 and 2^(2 - 3) = 1/2 in the weight.
func.func @codes() {
  %p = data.constant dense<[[0], [0]]> : tensor<2x1xui1>
  %c = data.constant dense<[[2, -3]]> : tensor<1x2x!lns.number<5, 0, bias = 2>>
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 2>} : (tensor<2x1xui1>, tensor<1x2x!lns.number<5, 0, bias = 2>>) -> tensor<2x2x!lns.number<5, 0, bias = 0:{1, 3}>>
  check.expect_eq %0, dense<[[2, -3], [2, -3]]> : tensor<2x2x!lns.number<5, 0, bias = 0:{1, 3}>>
  %1 = lns.decode %0 : (tensor<2x2x!lns.number<5, 0, bias = 0:{1, 3}>>) -> tensor<2x2xf32>
  check.expect_eq %1, dense<[[2.0, -4.0], [0.5, -1.0]]> : tensor<2x2xf32>
  func.return
}

// A whole 2x2 kernel a pointer, as in a convolution.
func.func @kernels() {
  %p = data.constant dense<[[[[1]]], [[[0]]]]> : tensor<2x1x1x1xui1>
  %c = data.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %0 = cluster.lookup %p, %c {block = array<i64: 1, 1, 2, 2>} : (tensor<2x1x1x1xui1>, tensor<2x4xf32>) -> tensor<2x1x2x2xf32>
  check.expect_eq %0, dense<[[[[5.0, 6.0], [7.0, 8.0]]], [[[1.0, 2.0], [3.0, 4.0]]]]> : tensor<2x1x2x2xf32>
  func.return
}
