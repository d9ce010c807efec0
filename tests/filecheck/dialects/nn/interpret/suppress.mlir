// RUN: recog-opt %s -p run-checks

// Boxes of width 4 from the same corner, of heights 4, 6, 4, 4, 8: the intersection of two over
// their union is the smaller height over the larger. With 9 cells, indices 0, 8, 1 and 2 are of
// class 0, and 9 is of class 1.
func.func @suppress() {
  %boxes = data.constant dense<[[[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 6.0], [0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 8.0]]]> : tensor<1x5x4xf32>
  %scores = data.constant dense<[[0.75, 0.5, 0.5, 0.0, 0.25]]> : tensor<1x5xf32>
  %i = data.constant dense<[[0, 8, 9, 1, 2]]> : tensor<1x5xi64>
  // Row 1 overlaps row 0 by 4/6; row 2 is of another class; row 3 has no score; row 4 meets row 1,
  // which is gone, and row 0 by 4/8, which is the limit.
  %0 = nn.suppress %boxes, %scores, %i {cells = 9 : i64, iou = 0.5} : (tensor<1x5x4xf32>, tensor<1x5xf32>, tensor<1x5xi64>) -> tensor<1x5xf32>
  check.expect_eq %0, dense<[[0.75, 0.0, 0.5, 0.0, 0.25]]> : tensor<1x5xf32>
  // Limit 0.7: row 1 stays, and row 4 overlaps it by 6/8.
  %1 = nn.suppress %boxes, %scores, %i {cells = 9 : i64, iou = 0.7} : (tensor<1x5x4xf32>, tensor<1x5xf32>, tensor<1x5xi64>) -> tensor<1x5xf32>
  check.expect_eq %1, dense<[[0.75, 0.5, 0.5, 0.0, 0.0]]> : tensor<1x5xf32>
  // With 10 cells all are of class 0: row 2 is row 0's box.
  %2 = nn.suppress %boxes, %scores, %i {cells = 10 : i64, iou = 0.5} : (tensor<1x5x4xf32>, tensor<1x5xf32>, tensor<1x5xi64>) -> tensor<1x5xf32>
  check.expect_eq %2, dense<[[0.75, 0.0, 0.0, 0.0, 0.25]]> : tensor<1x5xf32>
  func.return
}

// A row without a score suppresses nothing; boxes side by side do not overlap.
func.func @nothing_to_suppress() {
  %boxes = data.constant dense<[[[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0], [2.0, 0.0, 4.0, 2.0]]]> : tensor<1x3x4xf32>
  %scores = data.constant dense<[[0.0, 0.5, 0.25]]> : tensor<1x3xf32>
  %i = data.constant dense<[[0, 1, 2]]> : tensor<1x3xi64>
  %0 = nn.suppress %boxes, %scores, %i {cells = 9 : i64, iou = 0.0} : (tensor<1x3x4xf32>, tensor<1x3xf32>, tensor<1x3xi64>) -> tensor<1x3xf32>
  check.expect_eq %0, dense<[[0.0, 0.5, 0.25]]> : tensor<1x3xf32>
  func.return
}
