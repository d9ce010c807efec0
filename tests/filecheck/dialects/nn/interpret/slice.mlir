// RUN: recog-opt %s -p run-checks

// Elements start, start + step, ... below stop along each axis.
func.func @slice() {
  %x = data.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]]> : tensor<2x5xf32>
  // x[:, 1:3].
  %0 = nn.slice %x {starts = array<i64: 0, 1>, stops = array<i64: 2, 3>, steps = array<i64: 1, 1>} : (tensor<2x5xf32>) -> tensor<2x2xf32>
  check.expect_eq %0, dense<[[2.0, 3.0], [7.0, 8.0]]> : tensor<2x2xf32>
  // x[:, ::2] and x[:, ::3]: elements 0, 2, 4 and 0, 3.
  %1 = nn.slice %x {starts = array<i64: 0, 0>, stops = array<i64: 2, 5>, steps = array<i64: 1, 2>} : (tensor<2x5xf32>) -> tensor<2x3xf32>
  check.expect_eq %1, dense<[[1.0, 3.0, 5.0], [6.0, 8.0, 10.0]]> : tensor<2x3xf32>
  %2 = nn.slice %x {starts = array<i64: 0, 0>, stops = array<i64: 2, 5>, steps = array<i64: 1, 3>} : (tensor<2x5xf32>) -> tensor<2x2xf32>
  check.expect_eq %2, dense<[[1.0, 4.0], [6.0, 9.0]]> : tensor<2x2xf32>
  // x[1:2, 4:5]: the first axis too.
  %3 = nn.slice %x {starts = array<i64: 1, 4>, stops = array<i64: 2, 5>, steps = array<i64: 1, 1>} : (tensor<2x5xf32>) -> tensor<1x1xf32>
  check.expect_eq %3, dense<[[10.0]]> : tensor<1x1xf32>
  func.return
}

// Integers as well: x[:, 1:].
func.func @integers() {
  %x = data.constant dense<[[1, -2, 3]]> : tensor<1x3xi64>
  %0 = nn.slice %x {starts = array<i64: 0, 1>, stops = array<i64: 1, 3>, steps = array<i64: 1, 1>} : (tensor<1x3xi64>) -> tensor<1x2xi64>
  check.expect_eq %0, dense<[[-2, 3]]> : tensor<1x2xi64>
  func.return
}
