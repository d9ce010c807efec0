// RUN: recog-opt %s -p run-checks

// lhs where the mask is 1, rhs where it is 0, NaN or not.
func.func @where() {
  %m = data.constant dense<[1, 0, 1, 0]> : tensor<4xi1>
  %x = data.constant dense<[1.0, 0x7FC00000, -0.0, 4.0]> : tensor<4xf32>
  %y = data.constant dense<[0x7FC00000, 20.0, 30.0, 40.0]> : tensor<4xf32>
  %0 = nn.where %m, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  check.expect_eq %0, dense<[1.0, 20.0, -0.0, 40.0]> : tensor<4xf32>
  func.return
}

// All three broadcast: a column, a row and a scalar.
func.func @shapes() {
  %m = data.constant dense<[[1], [0]]> : tensor<2x1xi1>
  %x = data.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %y = data.constant dense<-1.0> : tensor<f32>
  %0 = nn.where %m, %x, %y : (tensor<2x1xi1>, tensor<2xf32>, tensor<f32>) -> tensor<2x2xf32>
  check.expect_eq %0, dense<[[10.0, 20.0], [-1.0, -1.0]]> : tensor<2x2xf32>
  func.return
}

// Of integers as well.
func.func @integers() {
  %m = data.constant dense<[0, 1]> : tensor<2xi1>
  %x = data.constant dense<[1, 2]> : tensor<2xi64>
  %y = data.constant dense<[-3, -4]> : tensor<2xi64>
  %0 = nn.where %m, %x, %y : (tensor<2xi1>, tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  check.expect_eq %0, dense<[-3, 2]> : tensor<2xi64>
  func.return
}
