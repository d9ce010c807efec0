// RUN: recog-opt %s -p run-checks

func.func @gather() {
  %x = data.constant dense<[[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]]> : tensor<2x3xf32>
  // Along axis 1, y[i, j] = x[i, indices[i, j]]: x[0, 2], x[0, 0], x[1, 1], x[1, 1].
  %i = data.constant dense<[[2, 0], [1, 1]]> : tensor<2x2xi64>
  %0 = nn.gather %x, %i {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x2xi64>) -> tensor<2x2xf32>
  check.expect_eq %0, dense<[[30.0, 10.0], [50.0, 50.0]]> : tensor<2x2xf32>
  // Along axis 0, y[i, j] = x[indices[i, j], j]: x[1, 0], x[0, 1], x[1, 2].
  %j = data.constant dense<[[1, 0, 1]]> : tensor<1x3xi64>
  %1 = nn.gather %x, %j {axis = 0 : i64} : (tensor<2x3xf32>, tensor<1x3xi64>) -> tensor<1x3xf32>
  check.expect_eq %1, dense<[[40.0, 20.0, 60.0]]> : tensor<1x3xf32>
  // Fewer indices than the input has along the other axis, more along this one: x[0, 0] three
  // times, and x[0, 2].
  %k = data.constant dense<[[0, 0, 0, 2]]> : tensor<1x4xi64>
  %2 = nn.gather %x, %k {axis = 1 : i64} : (tensor<2x3xf32>, tensor<1x4xi64>) -> tensor<1x4xf32>
  check.expect_eq %2, dense<[[10.0, 10.0, 10.0, 30.0]]> : tensor<1x4xf32>
  func.return
}

// Of integers as well.
func.func @integers() {
  %x = data.constant dense<[[7, -8]]> : tensor<1x2xi64>
  %i = data.constant dense<[[1, 0]]> : tensor<1x2xi64>
  %0 = nn.gather %x, %i {axis = 1 : i64} : (tensor<1x2xi64>, tensor<1x2xi64>) -> tensor<1x2xi64>
  check.expect_eq %0, dense<[[-8, 7]]> : tensor<1x2xi64>
  func.return
}
