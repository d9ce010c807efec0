// RUN: recog-opt %s -p run-checks

// 1 / √x.
func.func @rsqrt() {
  // 1/1, 1/2, 1/(1/2), 1/4, and 1/√2 = 0.70710678.
  %x = data.constant dense<[1.0, 4.0, 0.25, 16.0, 2.0]> : tensor<5xf32>
  %0 = nn.rsqrt %x : (tensor<5xf32>) -> tensor<5xf32>
  check.expect_close %0, dense<[1.0, 0.5, 2.0, 0.25, 0.7071068]> : tensor<5xf32> within 5.0e-7
  // Infinity at 0, 0 at infinity.
  %ends = data.constant dense<[0.0, 0x7F800000]> : tensor<2xf32>
  %1 = nn.rsqrt %ends : (tensor<2xf32>) -> tensor<2xf32>
  check.expect_eq %1, dense<[0x7F800000, 0.0]> : tensor<2xf32>
  func.return
}
