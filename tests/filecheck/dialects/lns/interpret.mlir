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

// Rounding is on the logarithm: between 2 and 4 the border is 2 · sqrt(2) = 2.828. The smallest
// value is reached from half of it upward. Infinities and large values saturate.
func.func @encode() {
  %x = data.constant dense<[0.0, -0.0, 1.0, -2.0, 2.82, 2.83, 0.25, 0.249, -0.25, 1.0e30]> : tensor<10xf32>
  %0 = lns.encode %x : (tensor<10xf32>) -> tensor<10x!p>
  check.expect_eq %0, dense<[0, 0, 2, -3, 3, 4, 1, 0, -1, 15]> : tensor<10x!p>
  %infinities = data.constant dense<[0x7F800000, 0xFF800000, 0x7F7FFFFF]> : tensor<3xf32>
  %1 = lns.encode %infinities : (tensor<3xf32>) -> tensor<3x!p>
  check.expect_eq %1, dense<[15, -15, 15]> : tensor<3x!p>
  // Unsigned formats know no negative values.
  %2 = lns.encode %x : (tensor<10xf32>) -> tensor<10x!pu>
  check.expect_eq %2, dense<[0, 0, 2, 0, 3, 4, 1, 0, 0, 15]> : tensor<10x!pu>
  func.return
}

func.func @decode() {
  %x = data.constant dense<[0, 1, -2, 3, -129]> : tensor<5x!lns.number<9, 0, bias = 2>>
  %0 = lns.decode %x : (tensor<5x!lns.number<9, 0, bias = 2>>) -> tensor<5xf32>
  check.expect_eq %0, dense<[0.0, 0.5, -1.0, 2.0, -1.7014118e+38]> : tensor<5xf32>
  // 2^(8/16) = sqrt(2), correctly rounded.
  %y = data.constant dense<[24, -24]> : tensor<2x!f>
  %1 = lns.decode %y : (tensor<2x!f>) -> tensor<2xf32>
  check.expect_eq %1, dense<[1.4142135, -1.4142135]> : tensor<2xf32>
  check.expect_close %1, dense<[1.4142, -1.4142]> : tensor<2xf32> within 2.0e-5
  // One bias per row: code 2 is worth 2^(2 - 0) and 2^(2 - 3).
  %w = data.constant dense<2> : tensor<2x1x!lns.number<5, 0, bias = 0:{0, 3}>>
  %2 = lns.decode %w : (tensor<2x1x!lns.number<5, 0, bias = 0:{0, 3}>>) -> tensor<2x1xf32>
  check.expect_eq %2, dense<[[4.0], [0.5]]> : tensor<2x1xf32>
  func.return
}

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

func.func @conv2d() {
  %x = data.constant dense<[[[[2, 3, 4], [0, 2, 2], [-2, 0, 5]]]]> : tensor<1x1x3x3x!p>
  //   1  2  4
  //   0  1  1
  //  -1  0  8
  %w = data.constant dense<[[[[2, 2], [0, -3]]]]> : tensor<1x1x2x2x!p>
  // a + b - 2d: 1 + 2 - 2 = 1, 2 + 4 - 2 = 4, 0 + 1 - 0 = 1, 1 + 1 - 16 = -14, nearest -16.
  %0 = lns.conv2d %x, %w : (tensor<1x1x3x3x!p>, tensor<1x1x2x2x!p>) -> tensor<1x1x2x2x!p>
  check.expect_eq %0, dense<[[[[2, 4], [2, -6]]]]> : tensor<1x1x2x2x!p>
  %1 = lns.conv2d %x, %w {relu} : (tensor<1x1x3x3x!p>, tensor<1x1x2x2x!p>) -> tensor<1x1x2x2x!pu>
  check.expect_eq %1, dense<[[[[2, 4], [2, 0]]]]> : tensor<1x1x2x2x!pu>
  // Two steps at a time, one column and row of zeros at the left and top: -2 · 1, -2 · 4,
  // -2 · -1 and 0 + 1 - 2 · 8 = -15.
  %2 = lns.conv2d %x, %w {strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 0, 0>} : (tensor<1x1x3x3x!p>, tensor<1x1x2x2x!p>) -> tensor<1x1x2x2x!p>
  check.expect_eq %2, dense<[[[[-3, -5], [3, -6]]]]> : tensor<1x1x2x2x!p>
  // The corners: 1 + 4 - 16 = -11, nearest -8.
  %3 = lns.conv2d %x, %w {dilation = array<i64: 2, 2>} : (tensor<1x1x3x3x!p>, tensor<1x1x2x2x!p>) -> tensor<1x1x1x1x!p>
  check.expect_eq %3, dense<[[[[-5]]]]> : tensor<1x1x1x1x!p>
  func.return
}

// Two channels in two groups: outputs 0 and 1 see channel 0 (value 2), output 2 and 3 channel 1 (4).
func.func @groups() {
  %x = data.constant dense<[[[[3]], [[4]]]]> : tensor<1x2x1x1x!p>
  %w = data.constant dense<[[[[2]]], [[[-2]]], [[[3]]], [[[1]]]]> : tensor<4x1x1x1x!p>
  %b = data.constant dense<[0, 0, -8192, 2048]> : tensor<4xi32>
  %0 = lns.conv2d %x, %w, %b {groups = 2} : (tensor<1x2x1x1x!p>, tensor<4x1x1x1x!p>, tensor<4xi32>) -> tensor<1x4x1x1x!p>
  // 2, -2, 8 - 8, 2 + 2.
  check.expect_eq %0, dense<[[[[3]], [[-3]], [[0]], [[4]]]]> : tensor<1x4x1x1x!p>
  func.return
}

func.func @add() {
  %x = data.constant dense<[2, 3, -3, 2, 0, 15]> : tensor<6x!p>
  %y = data.constant dense<[2, 2, 2, -2, 0, 15]> : tensor<6x!p>
  // 1 + 1, 2 + 1 (nearest 4), -2 + 1, 1 - 1, 0 + 0, and 15 is the largest code.
  %0 = lns.add %x, %y : (tensor<6x!p>, tensor<6x!p>) -> tensor<6x!p>
  check.expect_eq %0, dense<[3, 4, -2, 0, 0, 15]> : tensor<6x!p>
  %1 = lns.add %x, %y {relu} : (tensor<6x!p>, tensor<6x!p>) -> tensor<6x!pu>
  check.expect_eq %1, dense<[3, 4, 0, 0, 0, 15]> : tensor<6x!pu>
  // Operands and result of three formats: 1 + sqrt(2) = 2.414, and 32 · log2 of that is 40.7.
  %a = data.constant dense<2> : tensor<1x!p>
  %b = data.constant dense<24> : tensor<1x!f>
  %2 = lns.add %a, %b : (tensor<1x!p>, tensor<1x!f>) -> tensor<1x!lns.number<8, 5, bias = -1>>
  check.expect_eq %2, dense<40> : tensor<1x!lns.number<8, 5, bias = -1>>
  func.return
}

func.func @relu() {
  %x = data.constant dense<[0, 1, -1, 15, -15]> : tensor<5x!p>
  %0 = lns.relu %x : (tensor<5x!p>) -> tensor<5x!p>
  check.expect_eq %0, dense<[0, 1, 0, 15, 0]> : tensor<5x!p>
  %1 = lns.relu %x : (tensor<5x!p>) -> tensor<5x!pu>
  check.expect_eq %1, dense<[0, 1, 0, 15, 0]> : tensor<5x!pu>
  // A 16-bit code without its sign is still a 16-bit code.
  %y = data.constant dense<[-32767, 32767]> : tensor<2x!lns.number<16, 8, bias = 0>>
  %2 = lns.relu %y : (tensor<2x!lns.number<16, 8, bias = 0>>) -> tensor<2x!lns.number<15, 8, bias = 0, unsigned>>
  check.expect_eq %2, dense<[0, 32767]> : tensor<2x!lns.number<15, 8, bias = 0, unsigned>>
  func.return
}

func.func @convert() {
  %x = data.constant dense<[0, 1, 2, -3, 14, 15]> : tensor<6x!p>
  // Bias 3 in place of 2: one more to each code, and 15 is the largest.
  %0 = lns.convert %x : (tensor<6x!p>) -> tensor<6x!lns.number<5, 0, bias = 3>>
  check.expect_eq %0, dense<[0, 2, 3, -4, 15, 15]> : tensor<6x!lns.number<5, 0, bias = 3>>
  // Bias 0: two less. 1 is half of the smallest value, 2, and becomes it; 1/2 becomes zero.
  %1 = lns.convert %x : (tensor<6x!p>) -> tensor<6x!lns.number<5, 0, bias = 0>>
  check.expect_eq %1, dense<[0, 0, 1, -1, 12, 13]> : tensor<6x!lns.number<5, 0, bias = 0>>
  // frac 4 to frac 0: 16 + 7, 8, 9 sixteenths above 1; the middle goes up.
  %y = data.constant dense<[23, 24, 25, -24]> : tensor<4x!f>
  %2 = lns.convert %y : (tensor<4x!f>) -> tensor<4x!p>
  check.expect_eq %2, dense<[2, 3, 3, -3]> : tensor<4x!p>
  // frac 0 to frac 4 is exact: 1 is 16, 2 is 32, 64 is 112; 128 is beyond 127.
  %z = data.constant dense<[2, 3, 8, 9]> : tensor<4x!p>
  %3 = lns.convert %z : (tensor<4x!p>) -> tensor<4x!f>
  check.expect_eq %3, dense<[16, 32, 112, 127]> : tensor<4x!f>
  func.return
}

// A 2-bit code is 0, 1, 2 (the illegal negative zero) or 3 (-1). The table gives 8, 5, 8 and -5.
func.func @table() {
  %x = data.constant dense<[0, 1, -1]> : tensor<3x!lns.number<2, 0, bias = 0>>
  %t = data.constant dense<[8, 5, 8, -5]> : tensor<4x!p>
  %0 = lns.table %x, %t : (tensor<3x!lns.number<2, 0, bias = 0>>, tensor<4x!p>) -> tensor<3x!p>
  check.expect_eq %0, dense<[8, 5, -5]> : tensor<3x!p>
  func.return
}

func.func @max_pool2d() {
  %x = data.constant dense<[[[[1, -2, 3], [-4, -5, -6], [0, -7, -1]]]]> : tensor<1x1x3x3x!p>
  %0 = lns.max_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<1x1x3x3x!p>) -> tensor<1x1x2x2x!p>
  check.expect_eq %0, dense<[[[[1, 3], [0, -1]]]]> : tensor<1x1x2x2x!p>
  // Padding never wins, not even over negative values.
  %1 = lns.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 0, 1, 1, 0>} : (tensor<1x1x3x3x!p>) -> tensor<1x1x2x2x!p>
  check.expect_eq %1, dense<[[[[1, 3], [0, -1]]]]> : tensor<1x1x2x2x!p>
  %2 = lns.max_pool2d %x {kernel = array<i64: 3, 1>, strides = array<i64: 3, 1>, padding = array<i64: 1, 0, 1, 0>} : (tensor<1x1x3x3x!p>) -> tensor<1x1x1x3x!p>
  check.expect_eq %2, dense<[[[[1, -2, 3]]]]> : tensor<1x1x1x3x!p>
  func.return
}

func.func @avg_pool2d() {
  %x = data.constant dense<[[[[2, 3], [3, -4]], [[5, 5], [5, 5]]]]> : tensor<1x2x2x2x!p>
  // (1 + 2 + 2 - 4) / 4 = 1/4, half of the smallest value; 8.
  %0 = lns.avg_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<1x2x2x2x!p>) -> tensor<1x2x1x1x!p>
  check.expect_eq %0, dense<[[[[1]], [[5]]]]> : tensor<1x2x1x1x!p>
  // Windows of two rows; those of the first row are half padding: (0 + 1) / 2, (0 + 2) / 2, 8 / 2,
  // or 1, 2, 8 where padding does not count. Then (1 + 2) / 2, nearest 2, (2 - 4) / 2, and 8.
  %1 = lns.avg_pool2d %x {kernel = array<i64: 2, 1>, padding = array<i64: 1, 0, 0, 0>, count_include_pad} : (tensor<1x2x2x2x!p>) -> tensor<1x2x2x2x!p>
  check.expect_eq %1, dense<[[[[1, 2], [3, -2]], [[4, 4], [5, 5]]]]> : tensor<1x2x2x2x!p>
  %2 = lns.avg_pool2d %x {kernel = array<i64: 2, 1>, padding = array<i64: 1, 0, 0, 0>} : (tensor<1x2x2x2x!p>) -> tensor<1x2x2x2x!p>
  check.expect_eq %2, dense<[[[[2, 3], [3, -2]], [[5, 5], [5, 5]]]]> : tensor<1x2x2x2x!p>
  func.return
}

func.func @structure() {
  %x = data.constant dense<[[[1, 2], [3, 4]]]> : tensor<1x2x2x!p>
  %0 = lns.reshape %x : (tensor<1x2x2x!p>) -> tensor<1x4x1x!p>
  check.expect_eq %0, dense<[[[1], [2], [3], [4]]]> : tensor<1x4x1x!p>
  %y = data.constant dense<[[[5, 6]]]> : tensor<1x1x2x!p>
  %1 = lns.concat %x, %y, %x : (tensor<1x2x2x!p>, tensor<1x1x2x!p>, tensor<1x2x2x!p>) -> tensor<1x5x2x!p>
  check.expect_eq %1, dense<[[[1, 2], [3, 4], [5, 6], [1, 2], [3, 4]]]> : tensor<1x5x2x!p>
  %2 = lns.concat %x, %x {axis = 2} : (tensor<1x2x2x!p>, tensor<1x2x2x!p>) -> tensor<1x2x4x!p>
  check.expect_eq %2, dense<[[[1, 2, 1, 2], [3, 4, 3, 4]]]> : tensor<1x2x4x!p>
  func.return
}

// The lowest index of equals wins; zero is above every negative value.
func.func @argmax() {
  %x = data.constant dense<[[-9, -1, -5], [0, -1, -15], [3, 4, 4]]> : tensor<3x3x!p>
  %0 = lns.argmax %x : (tensor<3x3x!p>) -> tensor<3xi32>
  check.expect_eq %0, dense<[1, 0, 1]> : tensor<3xi32>
  %y = data.constant dense<[[[1, 2], [8, 15]]]> : tensor<1x2x2x!pu>
  %1 = lns.argmax %y {axis = 2} : (tensor<1x2x2x!pu>) -> tensor<1x2xi8>
  check.expect_eq %1, dense<1> : tensor<1x2xi8>
  %2 = lns.argmax %y : (tensor<1x2x2x!pu>) -> tensor<1x2xi64>
  check.expect_eq %2, dense<1> : tensor<1x2xi64>
  func.return
}
