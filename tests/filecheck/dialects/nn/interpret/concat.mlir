// RUN: recog-opt %s -p run-checks

// Operands follow one another along an axis, 1 if none is given.
func.func @concat() {
  %x = data.constant dense<[[[1.0, 2.0], [3.0, 4.0]]]> : tensor<1x2x2xf32>
  %y = data.constant dense<[[[5.0, 6.0]]]> : tensor<1x1x2xf32>
  %0 = nn.concat %x, %y, %x : (tensor<1x2x2xf32>, tensor<1x1x2xf32>, tensor<1x2x2xf32>) -> tensor<1x5x2xf32>
  check.expect_eq %0, dense<[[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [1.0, 2.0], [3.0, 4.0]]]> : tensor<1x5x2xf32>
  %z = data.constant dense<[[[7.0], [8.0]]]> : tensor<1x2x1xf32>
  %1 = nn.concat %x, %z {axis = 2 : i64} : (tensor<1x2x2xf32>, tensor<1x2x1xf32>) -> tensor<1x2x3xf32>
  check.expect_eq %1, dense<[[[1.0, 2.0, 7.0], [3.0, 4.0, 8.0]]]> : tensor<1x2x3xf32>
  func.return
}

// Integers as well, and the first axis.
func.func @integers() {
  %x = data.constant dense<[[1, -2]]> : tensor<1x2xi64>
  %y = data.constant dense<[[3, 4], [5, 6]]> : tensor<2x2xi64>
  %0 = nn.concat %x, %y {axis = 0 : i64} : (tensor<1x2xi64>, tensor<2x2xi64>) -> tensor<3x2xi64>
  check.expect_eq %0, dense<[[1, -2], [3, 4], [5, 6]]> : tensor<3x2xi64>
  func.return
}
