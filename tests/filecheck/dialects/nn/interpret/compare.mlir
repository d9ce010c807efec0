// RUN: recog-opt %s -p run-checks

// 1, 2, 3 and NaN against 2: NaN is unlike everything, and not in order with anything.
func.func @compare() {
  %x = data.constant dense<[1.0, 2.0, 3.0, 0x7FC00000]> : tensor<4xf32>
  %y = data.constant dense<[2.0]> : tensor<1xf32>
  %0 = nn.compare %x, %y {predicate = "eq"} : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xi1>
  check.expect_eq %0, dense<[0, 1, 0, 0]> : tensor<4xi1>
  %1 = nn.compare %x, %y {predicate = "ne"} : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xi1>
  check.expect_eq %1, dense<[1, 0, 1, 1]> : tensor<4xi1>
  %2 = nn.compare %x, %y {predicate = "lt"} : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xi1>
  check.expect_eq %2, dense<[1, 0, 0, 0]> : tensor<4xi1>
  %3 = nn.compare %x, %y {predicate = "le"} : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xi1>
  check.expect_eq %3, dense<[1, 1, 0, 0]> : tensor<4xi1>
  %4 = nn.compare %x, %y {predicate = "gt"} : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xi1>
  check.expect_eq %4, dense<[0, 0, 1, 0]> : tensor<4xi1>
  %5 = nn.compare %x, %y {predicate = "ge"} : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xi1>
  check.expect_eq %5, dense<[0, 1, 1, 0]> : tensor<4xi1>
  func.return
}

// Zeros are equal; operands broadcast, a column 1, 2 against a row 1, 2: 1 < 2 alone.
func.func @zeros_and_shapes() {
  %zero = data.constant dense<[0.0]> : tensor<1xf32>
  %minus = data.constant dense<[-0.0]> : tensor<1xf32>
  %0 = nn.compare %zero, %minus {predicate = "eq"} : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xi1>
  check.expect_eq %0, dense<[1]> : tensor<1xi1>
  %column = data.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %row = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %1 = nn.compare %column, %row {predicate = "lt"} : (tensor<2x1xf32>, tensor<2xf32>) -> tensor<2x2xi1>
  check.expect_eq %1, dense<[[0, 1], [0, 0]]> : tensor<2x2xi1>
  func.return
}

// Integers have signs: -1 < 0.
func.func @integers() {
  %x = data.constant dense<[-1, 0, 5]> : tensor<3xi64>
  %y = data.constant dense<[0, 0, 4]> : tensor<3xi64>
  %0 = nn.compare %x, %y {predicate = "lt"} : (tensor<3xi64>, tensor<3xi64>) -> tensor<3xi1>
  check.expect_eq %0, dense<[1, 0, 0]> : tensor<3xi1>
  func.return
}
