// RUN: recog-opt %s -p run-checks

// Floats are cut toward zero.
func.func @floats_to_integers() {
  %x = data.constant dense<[1.0, 1.9, -1.9, 0.5, -0.5, 1.0e6]> : tensor<6xf32>
  %0 = nn.convert %x : (tensor<6xf32>) -> tensor<6xi64>
  check.expect_eq %0, dense<[1, 1, -1, 0, 0, 1000000]> : tensor<6xi64>
  func.return
}

// Integers as they are; 2^24 + 1 has one digit too many for f32 and goes to the even 2^24.
// A mask as 0 and 1.
func.func @integers_to_floats() {
  %i = data.constant dense<[-3, 0, 16777217]> : tensor<3xi64>
  %0 = nn.convert %i : (tensor<3xi64>) -> tensor<3xf32>
  check.expect_eq %0, dense<[-3.0, 0.0, 16777216.0]> : tensor<3xf32>
  %m = data.constant dense<[1, 0]> : tensor<2xi1>
  %1 = nn.convert %m : (tensor<2xi1>) -> tensor<2xf32>
  check.expect_eq %1, dense<[1.0, 0.0]> : tensor<2xf32>
  %2 = nn.convert %m : (tensor<2xi1>) -> tensor<2xi64>
  check.expect_eq %2, dense<[1, 0]> : tensor<2xi64>
  func.return
}

// As a mask, all but zeros is 1.
func.func @masks() {
  %x = data.constant dense<[0.0, -0.0, 0.5, -3.0]> : tensor<4xf32>
  %0 = nn.convert %x : (tensor<4xf32>) -> tensor<4xi1>
  check.expect_eq %0, dense<[0, 0, 1, 1]> : tensor<4xi1>
  func.return
}

// 1 + 2^-30 is nearest to 1 in f32; every f32 is an f64.
func.func @floats_to_floats() {
  %d = data.constant dense<[1.000000000931322574615478515625, -2.5]> : tensor<2xf64>
  %0 = nn.convert %d : (tensor<2xf64>) -> tensor<2xf32>
  check.expect_eq %0, dense<[1.0, -2.5]> : tensor<2xf32>
  %1 = nn.convert %0 : (tensor<2xf32>) -> tensor<2xf64>
  check.expect_eq %1, dense<[1.0, -2.5]> : tensor<2xf64>
  func.return
}
