// RUN: recog-opt %s -p run-checks

// The angle of the point (rhs, lhs) in radians, from -π to π; π = 3.1415927.
func.func @atan2() {
  // One point in each quadrant: π/4, 3π/4, -3π/4, -π/4.
  %y = data.constant dense<[1.0, 2.0, -1.0, -2.0]> : tensor<4xf32>
  %x = data.constant dense<[1.0, -2.0, -1.0, 2.0]> : tensor<4xf32>
  %0 = nn.atan2 %y, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  check.expect_close %0, dense<[0.7853982, 2.3561945, -2.3561945, -0.7853982]> : tensor<4xf32> within 1.0e-6
  // The axes, right, up, left and down: 0, π/2, π, -π/2. The sign of zero picks the side of the cut.
  %v = data.constant dense<[0.0, 1.0, 0.0, -1.0, -0.0]> : tensor<5xf32>
  %u = data.constant dense<[1.0, 0.0, -1.0, 0.0, -1.0]> : tensor<5xf32>
  %1 = nn.atan2 %v, %u : (tensor<5xf32>, tensor<5xf32>) -> tensor<5xf32>
  check.expect_close %1, dense<[0.0, 1.5707963, 3.1415927, -1.5707963, -3.1415927]> : tensor<5xf32> within 1.0e-6
  func.return
}

// A column of heights and a row of widths, both of 1 and √3 = 1.7320508. Height by width is √3, 1
// and 1/√3, the tangents of π/3 = 1.0471976, π/4 = 0.7853982 and π/6 = 0.5235988.
func.func @broadcast() {
  %y = data.constant dense<[[1.7320508], [1.0]]> : tensor<2x1xf32>
  %x = data.constant dense<[1.0, 1.7320508]> : tensor<2xf32>
  %0 = nn.atan2 %y, %x : (tensor<2x1xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  check.expect_close %0, dense<[[1.0471976, 0.7853982], [0.7853982, 0.5235988]]> : tensor<2x2xf32> within 1.0e-6
  func.return
}
