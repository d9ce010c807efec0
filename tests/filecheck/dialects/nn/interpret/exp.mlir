// RUN: recog-opt %s -p run-checks

// e to the power of x, e = 2.7182818.
func.func @exp() {
  // exp(0) = 1, exp(1) = e, exp(-1) = 1/e = 0.36787944; ln 2 = 0.6931472 gives 2, its negative 1/2.
  %x = data.constant dense<[0.0, 1.0, -1.0, 0.6931472, -0.6931472]> : tensor<5xf32>
  %0 = nn.exp %x : (tensor<5xf32>) -> tensor<5xf32>
  check.expect_close %0, dense<[1.0, 2.7182818, 0.3678794, 2.0, 0.5]> : tensor<5xf32> within 1.0e-6
  // f32 ends at exp(88.7) and, in subnormals, at exp(-104).
  %far = data.constant dense<[89.0, -105.0, 0xFF800000]> : tensor<3xf32>
  %1 = nn.exp %far : (tensor<3xf32>) -> tensor<3xf32>
  check.expect_eq %1, dense<[0x7F800000, 0.0, 0.0]> : tensor<3xf32>
  // e with the digits of f64.
  %one = data.constant dense<1.0> : tensor<1xf64>
  %2 = nn.exp %one : (tensor<1xf64>) -> tensor<1xf64>
  check.expect_close %2, dense<2.718281828459045> : tensor<1xf64> within 1.0e-15
  func.return
}
