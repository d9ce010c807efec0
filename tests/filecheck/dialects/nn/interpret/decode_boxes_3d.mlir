// RUN: recog-opt %s -p run-checks

// Focal length 8, principal point (0, 0), baseline 1; disparity 2: z = 8 · 1 / 2 = 4. The pixel is
// (1 + 1, 0 + 0) · 4 = (8, 0), so x = 8 · 4 / 8 = 4. The sizes are 1.5, 2 · exp(ln 2) = 4 and 4.
// yaw = atan2(3, 3) + atan2(4, 4) = π/4 + π/4 = 1.5707963.
func.func @decode_boxes_3d() {
  %i = data.constant dense<[[1]]> : tensor<1x1xi64>
  %d = data.constant dense<[[[[0.0, 2.0]]]]> : tensor<1x1x1x2xf32>
  %box = data.constant dense<[[[[0.0, 1.0]], [[0.0, 0.0]], [[0.0, 0.0]], [[0.0, 0.6931472]], [[0.0, 0.0]], [[0.0, 3.0]], [[0.0, 3.0]]]]> : tensor<1x7x1x2xf32>
  %boxes = nn.decode_boxes_3d %i, %d, %box {stride = 4.0, camera = [8.0, 0.0, 0.0, 1.0], priors = [1.5, 2.0, 4.0]} : (tensor<1x1xi64>, tensor<1x1x1x2xf32>, tensor<1x7x1x2xf32>) -> tensor<1x1x7xf32>
  check.expect_close %boxes, dense<[[[4.0, 0.0, 4.0, 1.5, 4.0, 4.0, 1.5707963]]]> : tensor<1x1x7xf32> within 1.0e-5
  func.return
}

// A map of one cell, so index 1 is that cell of class 1, whose priors are 1, 2, 3; principal point
// (4, 2), baseline 1/2: z = 8 · 1/2 / 2 = 2. The pixel is (0 + 2, 0 + 1) · 4 = (8, 4),
// x = (8 - 4) · 2 / 8 = 1, y = (4 - 2) · 2 / 8 = 0.5. atan2(0, -1) = π, atan2(1, 2) = 0.4636476;
// their sum is above π, and a turn less is -π + 0.4636476 = -2.677945.
func.func @camera_and_class() {
  %i = data.constant dense<[[1]]> : tensor<1x1xi64>
  %d = data.constant dense<[[[[2.0]]]]> : tensor<1x1x1x1xf32>
  %box = data.constant dense<[[[[2.0]], [[1.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[-1.0]]]]> : tensor<1x7x1x1xf32>
  %boxes = nn.decode_boxes_3d %i, %d, %box {stride = 4.0, camera = [8.0, 4.0, 2.0, 0.5], priors = [7.0, 7.0, 7.0, 1.0, 2.0, 3.0]} : (tensor<1x1xi64>, tensor<1x1x1x1xf32>, tensor<1x7x1x1xf32>) -> tensor<1x1x7xf32>
  check.expect_close %boxes, dense<[[[1.0, 0.5, 2.0, 1.0, 2.0, 3.0, -2.677945]]]> : tensor<1x1x7xf32> within 1.0e-5
  func.return
}

// Disparities below 2^-10 count as 2^-10: z = 8 · 1 · 1024 = 8192. Sizes 1 · exp(ln 2),
// 1 · exp(ln 4), 1 · exp(-ln 2), with ln 4 = 1.3862944; yaw = atan2(2, 0) + atan2(0, z) = π/2.
func.func @far() {
  %i = data.constant dense<[[0]]> : tensor<1x1xi64>
  %d = data.constant dense<[[[[0.0]]]]> : tensor<1x1x1x1xf32>
  %box = data.constant dense<[[[[0.0]], [[0.0]], [[0.6931472]], [[1.3862944]], [[-0.6931472]], [[2.0]], [[0.0]]]]> : tensor<1x7x1x1xf32>
  %boxes = nn.decode_boxes_3d %i, %d, %box {stride = 4.0, camera = [8.0, 0.0, 0.0, 1.0], priors = [1.0, 1.0, 1.0]} : (tensor<1x1xi64>, tensor<1x1x1x1xf32>, tensor<1x7x1x1xf32>) -> tensor<1x1x7xf32>
  check.expect_close %boxes, dense<[[[0.0, 0.0, 8192.0, 2.0, 4.0, 0.5, 1.5707963]]]> : tensor<1x1x7xf32> within 1.0e-5
  func.return
}
