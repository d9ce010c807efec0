// RUN: recog-opt %s -p run-checks

// Natural logarithm.
func.func @log() {
  // ln 1 = 0, ln 2 = 0.69314718, ln(1/2) = -ln 2, ln 8 = 3 · ln 2 = 2.07944154, ln e = 1.
  %x = data.constant dense<[1.0, 2.0, 0.5, 8.0, 2.7182818]> : tensor<5xf32>
  %0 = nn.log %x : (tensor<5xf32>) -> tensor<5xf32>
  check.expect_close %0, dense<[0.0, 0.6931472, -0.6931472, 2.0794415, 1.0]> : tensor<5xf32> within 1.0e-6
  // Minus infinity at 0, infinity at infinity.
  %ends = data.constant dense<[0.0, 0x7F800000]> : tensor<2xf32>
  %1 = nn.log %ends : (tensor<2xf32>) -> tensor<2xf32>
  check.expect_eq %1, dense<[0xFF800000, 0x7F800000]> : tensor<2xf32>
  // ln 2 with the digits of f64.
  %two = data.constant dense<2.0> : tensor<1xf64>
  %2 = nn.log %two : (tensor<1xf64>) -> tensor<1xf64>
  check.expect_close %2, dense<0.6931471805599453> : tensor<1xf64> within 1.0e-15
  func.return
}
