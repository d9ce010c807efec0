// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Codes are written as sign and magnitude m; a code is worth 2^((m - bias) / 2^frac), 0 is zero.
// Most formats here have frac = 0 and bias = 2, so that codes are powers of two:
//
//   code    0    1    2    3    4    5    6   …   15
//   value   0   1/2   1    2    4    8   16   … 8192
!p = !lns.number<5, 0, bias = 2>
!pu = !lns.number<4, 0, bias = 2, unsigned>
// With frac = 4 and bias = 16, one is code 16, two is 32, and sqrt(2) is 24.
!f = !lns.number<8, 4, bias = 16>

// A product adds codes, the antilog of a sum s is 64 · 2^s (P = 6), one is 64 · 2^(2 + 2) = 1024.
func.func @linear() {
  %x = data.constant dense<[[2, 3]]> : tensor<1x2x!p>
  %w = data.constant dense<[[4, -2], [1, 1], [-3, 2], [0, 2]]> : tensor<4x2x!p>
  // 1·4 - 2·1 = 2; 1/2 + 2·1/2 = 1.5, above sqrt(2), so 2; -2 + 2 = 0; 2.
  %0 = lns.linear %x, %w : (tensor<1x2x!p>, tensor<4x2x!p>) -> tensor<1x4x!p>
  check.expect_eq %0, dense<[[3, 3, 0, 3]]> : tensor<1x4x!p>
  // The bias is the sum's first value, in units of 1/1024: -4, 1/2, 1/4, -1024/1024.
  %b = data.constant dense<[-4096, 512, 256, -1024]> : tensor<4xi32>
  %1 = lns.linear %x, %w, %b : (tensor<1x2x!p>, tensor<4x2x!p>, tensor<4xi32>) -> tensor<1x4x!p>
  check.expect_eq %1, dense<[[-3, 3, 1, 2]]> : tensor<1x4x!p>
  // 1/4 is half of the smallest value and becomes it; 1/4 - 1/1024 becomes zero.
  %c = data.constant dense<[-4096, 512, 255, -1024]> : tensor<4xi32>
  %2 = lns.linear %x, %w, %c {relu} : (tensor<1x2x!p>, tensor<4x2x!p>, tensor<4xi32>) -> tensor<1x4x!pu>
  check.expect_eq %2, dense<[[0, 3, 0, 2]]> : tensor<1x4x!pu>
  func.return
}

// Output channels may have biases of their own: the same code 2 is worth 1 or 2^(2 - 3) = 1/2.
func.func @bias_per_channel() {
  %x = data.constant dense<[[3]]> : tensor<1x1x!p>
  %w = data.constant dense<2> : tensor<2x1x!lns.number<5, 0, bias = 0:{2, 3}>>
  %0 = lns.linear %x, %w : (tensor<1x1x!p>, tensor<2x1x!lns.number<5, 0, bias = 0:{2, 3}>>) -> tensor<1x2x!p>
  check.expect_eq %0, dense<[[3, 2]]> : tensor<1x2x!p>
  func.return
}

// frac = 4: T(s) = A[s mod 16] << (s div 16), A[8] = round(64 · sqrt(2)) = 91.
// Twice 1 · sqrt(2) is 2 · (91 << 2) = 728, in units of 2^-8: 2.84, that is 16 + 24.1 in the log.
// Mitchell's A[8] = 64 · (1 + 8/16) = 96 gives 768 = 3.0, that is 16 + 25.4.
func.func @fractions() {
  %x = data.constant dense<[[16, 16]]> : tensor<1x2x!f>
  %w = data.constant dense<[[24, 24]]> : tensor<1x2x!f>
  %0 = lns.linear %x, %w : (tensor<1x2x!f>, tensor<1x2x!f>) -> tensor<1x1x!f>
  check.expect_eq %0, dense<[[40]]> : tensor<1x1x!f>
  %1 = lns.linear %x, %w {arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 32, mitchell>} : (tensor<1x2x!f>, tensor<1x2x!f>) -> tensor<1x1x!f>
  check.expect_eq %1, dense<[[41]]> : tensor<1x1x!f>
  // P = 12 and a 16-bit result of frac 10: A[8] = round(4096 · 1.41421356) = 5793 and
  // 2 · 5793 / 4096 = 2.82861: 1024 · log2 of that is 1536.08.
  %2 = lns.linear %x, %w {arithmetic = #lns.arithmetic<antilog_bits = 12, accumulator = 48>} : (tensor<1x2x!f>, tensor<1x2x!f>) -> tensor<1x1x!lns.number<16, 10, bias = 0>>
  check.expect_eq %2, dense<[[1536]]> : tensor<1x1x!lns.number<16, 10, bias = 0>>
  // Operands of different frac meet on the finer one: 2 · sqrt(2) · 2 = 4 · sqrt(2), 16 + 40.
  %y = data.constant dense<[[3]]> : tensor<1x1x!p>
  %v = data.constant dense<[[40]]> : tensor<1x1x!f>
  %3 = lns.linear %y, %v : (tensor<1x1x!p>, tensor<1x1x!f>) -> tensor<1x1x!f>
  check.expect_eq %3, dense<[[56]]> : tensor<1x1x!f>
  func.return
}
