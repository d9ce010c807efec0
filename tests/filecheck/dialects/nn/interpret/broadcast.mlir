// RUN: recog-opt %s -p run-checks

// Repeated along axes of size 1.
func.func @broadcast() {
  %row = data.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %0 = nn.broadcast %row : (tensor<1x2xf32>) -> tensor<3x2xf32>
  check.expect_eq %0, dense<[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]> : tensor<3x2xf32>
  %column = data.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %1 = nn.broadcast %column : (tensor<2x1xf32>) -> tensor<2x3xf32>
  check.expect_eq %1, dense<[[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]> : tensor<2x3xf32>
  func.return
}

// New axes come in front; a scalar has none of its own. Integers as well.
func.func @new_axes() {
  %x = data.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %0 = nn.broadcast %x : (tensor<2x1xf32>) -> tensor<2x2x2xf32>
  check.expect_eq %0, dense<[[[1.0, 1.0], [2.0, 2.0]], [[1.0, 1.0], [2.0, 2.0]]]> : tensor<2x2x2xf32>
  %scalar = data.constant dense<-7> : tensor<i64>
  %1 = nn.broadcast %scalar : (tensor<i64>) -> tensor<1x2xi64>
  check.expect_eq %1, dense<[[-7, -7]]> : tensor<1x2xi64>
  func.return
}
