// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Codes are written as sign and magnitude m; a code is worth 2^((m - bias) / 2^frac), 0 is zero.
// With frac = 0 and bias = 2:
//
//   code    0    1    2    3    4    5    6    7
//   value   0   1/2   1    2    4    8   16   32
!p = !lns.number<4, 0, bias = 2>

// Bins of 2 and 6 in quarters. Equal logits: (2 + 6) / 2 = 4; one that is 32 larger wins. The residual
// -1/2 adds, and with -4 the sum 4 - 4 is zero.
func.func @expectation() {
  %x = data.constant dense<[[[[4, 7, 0]], [[4, 0, 7]]]]> : tensor<1x2x1x3x!p>
  %bins = data.constant dense<[8, 24]> : tensor<2xi32>
  %0 = lns.expectation %x, %bins {frac = 2 : i64} : (tensor<1x2x1x3x!p>, tensor<2xi32>) -> tensor<1x1x1x3x!lns.number<16, 11, bias = 0>>
  // 4 = 2^(4096 / 2048), 2 = 2^(2048 / 2048), 6 = 2^(5294 / 2048).
  check.expect_eq %0, dense<[[[[4096, 2048, 5294]]]]> : tensor<1x1x1x3x!lns.number<16, 11, bias = 0>>
  %r = data.constant dense<[[[[-4, -1, 2]]]]> : tensor<1x1x1x3x!p>
  %1 = lns.expectation %x, %bins, %r {frac = 2 : i64} : (tensor<1x2x1x3x!p>, tensor<2xi32>, tensor<1x1x1x3x!p>) -> tensor<1x1x1x3x!p>
  // 0; 1.5 is nearer to 2 than to 1; 7 is nearer to 8.
  check.expect_eq %1, dense<[[[[0, 3, 5]]]]> : tensor<1x1x1x3x!p>
  func.return
}

// Logits 0 and 1/2 lie 1/2 · log2(e) = 0.7213 octaves apart, 739 in units of 2^-10. Exponentials are
// 2^16 and 2^(16 - 739/1024) = 39740.4, that is 39740; the expectation of the bins 0 and 1 is
// 65536 / (65536 + 39740) = 0.62251, or 40797 · 2^-16. 2048 · log2 of that is -1400.47, and with a
// bias of 2048 that is 647.53.
func.func @softmax() {
  %x = data.constant dense<[[[[0]], [[1]]]]> : tensor<1x2x1x1x!p>
  %bins = data.constant dense<[0, 65536]> : tensor<2xi32>
  %0 = lns.expectation %x, %bins {frac = 16 : i64} : (tensor<1x2x1x1x!p>, tensor<2xi32>) -> tensor<1x1x1x1x!lns.number<16, 11, bias = 2048>>
  check.expect_eq %0, dense<648> : tensor<1x1x1x1x!lns.number<16, 11, bias = 2048>>
  // Bins of -1 and 1: (65536 - 39740) / 105276 = 0.24503, or 16058 · 2^-16; 8192 - 4155.4 = 4036.6.
  %c = data.constant dense<[-65536, 65536]> : tensor<2xi32>
  %1 = lns.expectation %x, %c {frac = 16 : i64} : (tensor<1x2x1x1x!p>, tensor<2xi32>) -> tensor<1x1x1x1x!lns.number<16, 11, bias = 8192>>
  check.expect_eq %1, dense<4037> : tensor<1x1x1x1x!lns.number<16, 11, bias = 8192>>
  func.return
}
