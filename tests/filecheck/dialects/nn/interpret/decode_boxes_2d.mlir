// RUN: recog-opt %s -p run-checks

// Indices 4 and 2 of maps of 1 x 3: cell 1 of class 1 and cell 2 of class 0. ln 2 = 0.6931472.
// Cell 1: centre (1 + 0.5, 0 + 0.25) · 4 = (6, 1), sides exp(0) · 4 = 4 and exp(ln 2) · 4 = 8:
// 6 - 2, 1 - 4, 6 + 2, 1 + 4. Cell 2: centre (2 - 0.5, 0) · 4 = (6, 0), sides 4 and 4.
func.func @decode_boxes_2d() {
  %i = data.constant dense<[[4, 2]]> : tensor<1x2xi64>
  %offset = data.constant dense<[[[[0.0, 0.5, -0.5]], [[0.0, 0.25, 0.0]]]]> : tensor<1x2x1x3xf32>
  %size = data.constant dense<[[[[9.0, 0.0, 0.0]], [[9.0, 0.6931472, 0.0]]]]> : tensor<1x2x1x3xf32>
  %boxes = nn.decode_boxes_2d %i, %offset, %size {stride = 4.0} : (tensor<1x2xi64>, tensor<1x2x1x3xf32>, tensor<1x2x1x3xf32>) -> tensor<1x2x4xf32>
  check.expect_close %boxes, dense<[[[4.0, -3.0, 8.0, 5.0], [4.0, -2.0, 8.0, 2.0]]]> : tensor<1x2x4xf32> within 1.0e-5
  func.return
}

// Indices run along rows: 2 of a map of 2 x 2 is row 1, column 0. Stride 2, no offset, sizes of a
// cell: centre (0, 2), sides 2.
func.func @rows() {
  %i = data.constant dense<[[2]]> : tensor<1x1xi64>
  %zeros = data.constant dense<0.0> : tensor<1x2x2x2xf32>
  %boxes = nn.decode_boxes_2d %i, %zeros, %zeros {stride = 2.0} : (tensor<1x1xi64>, tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>) -> tensor<1x1x4xf32>
  check.expect_close %boxes, dense<[[[-1.0, 1.0, 1.0, 3.0]]]> : tensor<1x1x4xf32> within 1.0e-5
  func.return
}
