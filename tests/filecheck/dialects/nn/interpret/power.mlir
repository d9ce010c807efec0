// RUN: recog-opt %s -p run-checks

// Each element to the power of another; a base of one element is spread.
func.func @power() {
  %x = data.constant dense<[2.0, 3.0, -2.0, 0.0]> : tensor<4xf32>
  %y = data.constant dense<[3.0, -1.0, 2.0, 0.0]> : tensor<4xf32>
  %0 = nn.power %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  check.expect_close %0, dense<[8.0, 0.3333333, 4.0, 1.0]> : tensor<4xf32> within 1.0e-6
  %two = data.constant dense<2.0> : tensor<1xf32>
  %1 = nn.power %two, %y : (tensor<1xf32>, tensor<4xf32>) -> tensor<4xf32>
  check.expect_eq %1, dense<[8.0, 0.5, 4.0, 1.0]> : tensor<4xf32>
  func.return
}
