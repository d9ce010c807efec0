// RUN: recog-opt %s -p run-checks

// Square root, correctly rounded: exact for squares, and √2 = 1.41421356.
func.func @sqrt() {
  %x = data.constant dense<[0.0, 0.25, 1.0, 9.0, 144.0, 2.0, 0x7F800000]> : tensor<7xf32>
  %0 = nn.sqrt %x : (tensor<7xf32>) -> tensor<7xf32>
  check.expect_eq %0, dense<[0.0, 0.5, 1.0, 3.0, 12.0, 1.4142135, 0x7F800000]> : tensor<7xf32>
  func.return
}
