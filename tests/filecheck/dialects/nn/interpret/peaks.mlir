// RUN: recog-opt %s -p run-checks

// Two classes of 2 x 3. Of the neighbours 0.75 and 0.5 the first is the maximum; equal scores by
// the lower index, and class 1 begins at 2 · 3 = 6; where there are no more maxima, 0 and 0.
func.func @peaks() {
  %heat = data.constant dense<[[[[0.25, 0.75, 0.5], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.75], [0.0, 0.0, 0.0]]]]> : tensor<1x2x2x3xf32>
  %scores, %indices = nn.peaks %heat {k = 3 : i64} : (tensor<1x2x2x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xi64>)
  check.expect_eq %scores, dense<[[0.75, 0.75, 0.0]]> : tensor<1x3xf32>
  check.expect_eq %indices, dense<[[1, 8, 0]]> : tensor<1x3xi64>
  func.return
}

// Neighbours are diagonal too, and equal neighbours are both maxima: 3 and 3, not 2; then 1.
func.func @neighbours() {
  %heat = data.constant dense<[[[[2.0, 0.0, 0.0, 1.0], [3.0, 3.0, 0.0, 0.5]]]]> : tensor<1x1x2x4xf32>
  %scores, %indices = nn.peaks %heat {k = 4 : i64} : (tensor<1x1x2x4xf32>) -> (tensor<1x4xf32>, tensor<1x4xi64>)
  check.expect_eq %scores, dense<[[3.0, 3.0, 1.0, 0.0]]> : tensor<1x4xf32>
  check.expect_eq %indices, dense<[[4, 5, 3, 0]]> : tensor<1x4xi64>
  %diagonal = data.constant dense<[[[[1.0, 0.0], [0.0, 2.0]]]]> : tensor<1x1x2x2xf32>
  %s, %i = nn.peaks %diagonal {k = 2 : i64} : (tensor<1x1x2x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xi64>)
  check.expect_eq %s, dense<[[2.0, 0.0]]> : tensor<1x2xf32>
  check.expect_eq %i, dense<[[3, 0]]> : tensor<1x2xi64>
  func.return
}

// Logits: what is not positive may be a peak. sigmoid(0) is a half, sigmoid(-4) is
// 1 / (1 + exp(4)) = 1 / 55.59815 = 0.017986. Without sigmoid neither counts.
func.func @sigmoid() {
  %logits = data.constant dense<[[[[0.0, -1.0]], [[-4.0, -4.0]]]]> : tensor<1x2x1x2xf32>
  %s, %i = nn.peaks %logits {k = 2 : i64, sigmoid} : (tensor<1x2x1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xi64>)
  check.expect_close %s, dense<[[0.5, 0.017986]]> : tensor<1x2xf32> within 1.0e-6
  check.expect_eq %i, dense<[[0, 2]]> : tensor<1x2xi64>
  %t, %j = nn.peaks %logits {k = 2 : i64} : (tensor<1x2x1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xi64>)
  check.expect_eq %t, dense<[[0.0, 0.0]]> : tensor<1x2xf32>
  check.expect_eq %j, dense<[[0, 0]]> : tensor<1x2xi64>
  func.return
}

// Each image has its own.
func.func @images() {
  %heat = data.constant dense<[[[[1.0, 2.0]]], [[[3.0, 1.0]]]]> : tensor<2x1x1x2xf32>
  %s, %i = nn.peaks %heat {k = 1 : i64} : (tensor<2x1x1x2xf32>) -> (tensor<2x1xf32>, tensor<2x1xi64>)
  check.expect_eq %s, dense<[[2.0], [3.0]]> : tensor<2x1xf32>
  check.expect_eq %i, dense<[[1], [0]]> : tensor<2x1xi64>
  func.return
}
