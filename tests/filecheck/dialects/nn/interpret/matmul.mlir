// RUN: recog-opt %s -p run-checks

// Rows times columns.
func.func @matmul() {
  %x = data.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %y = data.constant dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf32>
  // 1 · 5 + 2 · 7, 1 · 6 + 2 · 8, 3 · 5 + 4 · 7, 3 · 6 + 4 · 8.
  %0 = nn.matmul %x, %y : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  check.expect_eq %0, dense<[[19.0, 22.0], [43.0, 50.0]]> : tensor<2x2xf32>
  // 2 x 1 times 1 x 3.
  %column = data.constant dense<[[2.0], [-1.0]]> : tensor<2x1xf32>
  %row = data.constant dense<[[1.0, 10.0, 100.0]]> : tensor<1x3xf32>
  %1 = nn.matmul %column, %row : (tensor<2x1xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>
  check.expect_eq %1, dense<[[2.0, 20.0, 200.0], [-1.0, -10.0, -100.0]]> : tensor<2x3xf32>
  func.return
}

// The axes before the last two broadcast: two rows, 1 2 and 3 4, in two images, and one matrix for
// both, or two, the columns 1 10 and 100 -1, for each of the images.
func.func @leading_axes() {
  %x = data.constant dense<[[[[1.0, 2.0]]], [[[3.0, 4.0]]]]> : tensor<2x1x1x2xf32>
  %y = data.constant dense<[[5.0], [7.0]]> : tensor<2x1xf32>
  // 1 · 5 + 2 · 7, 3 · 5 + 4 · 7.
  %0 = nn.matmul %x, %y : (tensor<2x1x1x2xf32>, tensor<2x1xf32>) -> tensor<2x1x1x1xf32>
  check.expect_eq %0, dense<[[[[19.0]]], [[[43.0]]]]> : tensor<2x1x1x1xf32>
  // 1 + 20, 100 - 2, 3 + 40, 300 - 4.
  %z = data.constant dense<[[[1.0], [10.0]], [[100.0], [-1.0]]]> : tensor<2x2x1xf32>
  %1 = nn.matmul %x, %z : (tensor<2x1x1x2xf32>, tensor<2x2x1xf32>) -> tensor<2x2x1x1xf32>
  check.expect_eq %1, dense<[[[[21.0]], [[98.0]]], [[[43.0]], [[296.0]]]]> : tensor<2x2x1x1xf32>
  func.return
}
