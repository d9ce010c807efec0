// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// An integer that counts 2^-frac, as the nearest float32: 2^31 - 1 has 31 bits, float32 has 24.
func.func @decode_fixed() {
  %x = data.constant dense<[-2147483648, -1, 2147483647]> : tensor<3x!lns.fixed<32, 0>>
  %0 = lns.decode_fixed %x : (tensor<3x!lns.fixed<32, 0>>) -> tensor<3xf32>
  check.expect_eq %0, dense<[-2147483648.0, -1.0, 2147483648.0]> : tensor<3xf32>
  // 64 / 16, -55 / 16, 119 / 16.
  %y = data.constant dense<[64, -55, 119]> : tensor<3x!lns.fixed<32, 4>>
  %1 = lns.decode_fixed %y : (tensor<3x!lns.fixed<32, 4>>) -> tensor<3xf32>
  check.expect_eq %1, dense<[4.0, -3.4375, 7.4375]> : tensor<3xf32>
  func.return
}
