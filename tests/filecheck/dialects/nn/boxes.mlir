// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s -p run-checks

// Two classes of 2 x 3. Of the neighbours 0.75 and 0.5 the first is the maximum; equal scores by
// the lower index; where there are no more maxima, 0 and 0.
func.func @peaks() {
  %heat = data.constant dense<[[[[0.25, 0.75, 0.5], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.75], [0.0, 0.0, 0.0]]]]> : tensor<1x2x2x3xf32>
  // CHECK: %scores, %indices = nn.peaks %heat {k = 3 : i64} : (tensor<1x2x2x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xi64>)
  %scores, %indices = nn.peaks %heat {k = 3 : i64} : (tensor<1x2x2x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xi64>)
  check.expect_eq %scores, dense<[[0.75, 0.75, 0.0]]> : tensor<1x3xf32>
  check.expect_eq %indices, dense<[[1, 8, 0]]> : tensor<1x3xi64>
  // Logits: what is not positive may be a peak, and sigmoid(0) is a half.
  %logits = data.constant dense<[[[[0.0, -1.0]], [[-4.0, -4.0]]]]> : tensor<1x2x1x2xf32>
  // CHECK: nn.peaks %logits {k = 2 : i64, sigmoid} :
  %s, %i = nn.peaks %logits {k = 2 : i64, sigmoid} : (tensor<1x2x1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xi64>)
  check.expect_close %s, dense<[[0.5, 0.017986]]> : tensor<1x2xf32> within 1.0e-6
  check.expect_eq %i, dense<[[0, 2]]> : tensor<1x2xi64>
  func.return
}

// Index 4 of a map of 1 x 3 is cell 1 of class 1. Centre (1.5, 0.25) · 4, sides 4 and 8.
func.func @image() {
  %i = data.constant dense<[[4]]> : tensor<1x1xi64>
  %offset = data.constant dense<[[[[0.0, 0.5, 0.0]], [[0.0, 0.25, 0.0]]]]> : tensor<1x2x1x3xf32>
  %size = data.constant dense<[[[[9.0, 0.0, 9.0]], [[9.0, 0.6931472, 9.0]]]]> : tensor<1x2x1x3xf32>
  // CHECK: nn.decode_boxes_2d %i, %offset, %size {stride = 4.000000e+00 : f64} : (tensor<1x1xi64>, tensor<1x2x1x3xf32>, tensor<1x2x1x3xf32>) -> tensor<1x1x4xf32>
  %boxes = nn.decode_boxes_2d %i, %offset, %size {stride = 4.0} : (tensor<1x1xi64>, tensor<1x2x1x3xf32>, tensor<1x2x1x3xf32>) -> tensor<1x1x4xf32>
  check.expect_close %boxes, dense<[[[4.0, -3.0, 8.0, 5.0]]]> : tensor<1x1x4xf32> within 1.0e-5
  func.return
}

// Focal length 8, principal point (0, 0), baseline 1; disparity 2: z = 4. The pixel is
// (1.5 + 0.5, 0) · 4 = (8, 0), so x = 8 · 4 / 8 = 4, and the ray's angle is a quarter of π, as is alpha.
func.func @space() {
  %i = data.constant dense<[[1]]> : tensor<1x1xi64>
  %d = data.constant dense<[[[[0.0, 2.0]]]]> : tensor<1x1x1x2xf32>
  %box = data.constant dense<[[[[0.0, 1.0]], [[0.0, 0.0]], [[0.0, 0.0]], [[0.0, 0.6931472]], [[0.0, 0.0]], [[0.0, 3.0]], [[0.0, 3.0]]]]> : tensor<1x7x1x2xf32>
  // CHECK: nn.decode_boxes_3d %i, %d, %box {stride = 4.000000e+00 : f64, camera = [8.000000e+00 : f64, 0.000000e+00 : f64, 0.000000e+00 : f64, 1.000000e+00 : f64], priors = [1.500000e+00 : f64, 2.000000e+00 : f64, 4.000000e+00 : f64]} :
  %boxes = nn.decode_boxes_3d %i, %d, %box {stride = 4.0, camera = [8.0, 0.0, 0.0, 1.0], priors = [1.5, 2.0, 4.0]} : (tensor<1x1xi64>, tensor<1x1x1x2xf32>, tensor<1x7x1x2xf32>) -> tensor<1x1x7xf32>
  check.expect_close %boxes, dense<[[[4.0, 0.0, 4.0, 1.5, 4.0, 4.0, 1.5707963]]]> : tensor<1x1x7xf32> within 1.0e-5
  func.return
}

// Rows 0 and 1 overlap by 2/3; row 2 is of another class; row 3 has no score; row 4 meets row 1,
// which is gone, and row 0 by half, which is the limit.
func.func @suppress() {
  %boxes = data.constant dense<[[[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 6.0], [0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 8.0]]]> : tensor<1x5x4xf32>
  %scores = data.constant dense<[[0.75, 0.5, 0.5, 0.0, 0.25]]> : tensor<1x5xf32>
  %i = data.constant dense<[[0, 8, 9, 1, 2]]> : tensor<1x5xi64>
  // CHECK: nn.suppress %boxes, %scores, %i {cells = 9 : i64, iou = 5.000000e-01 : f64} : (tensor<1x5x4xf32>, tensor<1x5xf32>, tensor<1x5xi64>) -> tensor<1x5xf32>
  %kept = nn.suppress %boxes, %scores, %i {cells = 9 : i64, iou = 0.5} : (tensor<1x5x4xf32>, tensor<1x5xf32>, tensor<1x5xi64>) -> tensor<1x5xf32>
  check.expect_eq %kept, dense<[[0.75, 0.0, 0.5, 0.0, 0.25]]> : tensor<1x5xf32>
  func.return
}
