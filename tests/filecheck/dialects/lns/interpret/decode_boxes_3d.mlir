// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the codes 1, 2, 3, 4 are worth 1/2, 1, 2, 4; 0 is zero.
!p = !lns.number<5, 0, bias = 2>
!u = !lns.number<4, 0, bias = 2, unsigned>
// Boxes in sixteenths.
!px = !lns.fixed<32, 4>

// Stride 4, principal point (0, 0), focal length 8, baseline 1, priors 1, 2, 4. Cell 1 at
// disparity 2: z = 8 / 2 = 4; pixel (1 + 1) · 4 = 8, so x = 8 · 4 / 8; angles of π/4 each add up
// to 25.13 sixteenths. Disparity 0 counts as 2^-10: z = 8192, and of the centre's ray x = 0.
func.func @space() {
  %i = data.constant dense<[[1, 0]]> : tensor<1x2xi64>
  %d = data.constant dense<[[[[0, 3]]]]> : tensor<1x1x1x2x!u>
  %box = data.constant dense<[[[[0, 2]], [[0, 0]], [[0, 0]], [[0, 0]], [[0, 2]], [[0, 4]], [[-1, 4]]]]> : tensor<1x7x1x2x!p>
  %boxes = lns.decode_boxes_3d %i, %d, %box {stride = 262144 : i64, centre = array<i64: 0, 0>, focal = 524288 : i64, depth = 196608 : i64, baseline = 0 : i64, priors = array<i64: 0, 65536, 131072>} : (tensor<1x2xi64>, tensor<1x1x1x2x!u>, tensor<1x7x1x2x!p>) -> tensor<1x2x7x!px>
  // exp(1) · 4 = 10.873 is 173.97 sixteenths; π is 50.27 of them.
  check.expect_eq %boxes, dense<[[[64, 0, 64, 16, 32, 174, 25], [0, 0, 131072, 16, 32, 64, 50]]]> : tensor<1x2x7x!px>
  func.return
}

// Focal length 4, baseline 2 (its logarithm is 1), so depth = log2(4 · 2) = 3; principal point (4, 2),
// stride 2; priors 1, 1, 1 of class 0 and 2, 4, 8 of class 1. Index 3 of 1 x 2 is cell 1 of class 1, at
// disparity 4: z = 8 / 4 = 2. Pixel (1 - 1, 0) · 2 = (0, 0) is -4 and -2 off the centre, so
// x = -4 · 2 / 4 = -2 and y = -1. Sides 2, 4, 8. The ray is at atan(-4 / 4) = -π/4, the angle of
// (sin, cos) = (0, -1) is π: together 3/4 π, 37.70 sixteenths.
func.func @camera() {
  %i = data.constant dense<[[3]]> : tensor<1x1xi64>
  %d = data.constant dense<[[[[0, 4]]]]> : tensor<1x1x1x2x!u>
  %box = data.constant dense<[[[[0, -2]], [[0, 0]], [[0, 0]], [[0, 0]], [[0, 0]], [[0, 0]], [[0, -2]]]]> : tensor<1x7x1x2x!p>
  %boxes = lns.decode_boxes_3d %i, %d, %box {stride = 131072 : i64, centre = array<i64: 262144, 131072>, focal = 262144 : i64, depth = 196608 : i64, baseline = 65536 : i64, priors = array<i64: 0, 0, 0, 65536, 131072, 196608>} : (tensor<1x1xi64>, tensor<1x1x1x2x!u>, tensor<1x7x1x2x!p>) -> tensor<1x1x7x!px>
  check.expect_eq %boxes, dense<[[[-32, -16, 32, 32, 64, 128, 38]]]> : tensor<1x1x7x!px>
  func.return
}
