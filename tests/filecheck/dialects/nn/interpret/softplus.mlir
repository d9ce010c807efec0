// RUN: recog-opt %s -p run-checks

// ln(1 + exp(beta · x)) / beta.
func.func @softplus() {
  // exp(x) is 1, 3 and 1/3: ln 2 = 0.6931472, ln 4 = 1.3862944, ln(4/3) = 0.2876821.
  %x = data.constant dense<[0.0, 1.0986123, -1.0986123]> : tensor<3xf32>
  %0 = nn.softplus %x : (tensor<3xf32>) -> tensor<3xf32>
  check.expect_close %0, dense<[0.6931472, 1.3862944, 0.2876821]> : tensor<3xf32> within 1.0e-6
  // exp(2x) is 1, 9 and 1/9: ln(2)/2 = 0.3465736, ln(10)/2 = 1.1512925, ln(10/9)/2 = 0.0526803.
  %1 = nn.softplus %x {beta = 2.0 : f64} : (tensor<3xf32>) -> tensor<3xf32>
  check.expect_close %1, dense<[0.3465736, 1.1512925, 0.0526803]> : tensor<3xf32> within 1.0e-6
  // -ln(1 + exp(-x)): -ln 2, -ln(4/3), -ln 4.
  %2 = nn.softplus %x {beta = -1.0 : f64} : (tensor<3xf32>) -> tensor<3xf32>
  check.expect_close %2, dense<[-0.6931472, -0.2876821, -1.3862944]> : tensor<3xf32> within 1.0e-6
  func.return
}

// No threshold from which on the result is x: 30 + ln(1 + exp(-30)) = 30 + 9.36e-14.
// Nor does exp(1000) overflow.
func.func @large() {
  %x = data.constant dense<[30.0, 1000.0]> : tensor<2xf64>
  %0 = nn.softplus %x : (tensor<2xf64>) -> tensor<2xf64>
  check.expect_close %0, dense<[30.0000000000000936, 1000.0]> : tensor<2xf64> within 8.0e-15
  func.return
}
