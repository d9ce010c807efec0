// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the code 1 is 1/2, 2 is 1, 3 is 2, 4 is 4, 5 is 8; 0 is 0.
!p = !lns.number<4, 0, bias = 2>

// 2 / x and -2 / x: the logarithm of 2 in units of 2^-12 is 4096. 2 / 1, 2 / -2, 2 / 8 = 1/4, which is
// half of the smallest value and becomes it, 2 / (1/2); what is divided by zero becomes the largest.
chip.program @divide {
  chip.input @in {address = 0, channels = 5, code_bits = 4, frac = 0, bias = 2, rank = 2}
  chip.output @out {address = 16, channels = 5, code_bits = 4, frac = 0, bias = 2, rank = 2}
  chip.output @minus {address = 32, channels = 5, code_bits = 4, frac = 0, bias = 2, rank = 2}
  chip.tensor @x {address = 0, channels = 5, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @y {address = 16, channels = 5, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @z {address = 32, channels = 5, code_bits = 4, frac = 0, bias = 2}
  chip.dma.in @x = @in
  chip.disp2depth @y = @x {log_numerator = 4096}
  chip.disp2depth @z = @x {log_numerator = 4096, negative}
  chip.dma.out @out = @y
  chip.dma.out @minus = @z
  chip.halt
}
check.expect_run @divide(dense<[[2, -3, 5, 1, 0]]> : tensor<1x5x!p>)
  gives (dense<[[3, -2, 1, 4, 7]]> : tensor<1x5x!p>, dense<[[-3, 2, -1, -4, -7]]> : tensor<1x5x!p>)

// With frac = 4 and bias = 16 the code 16 is 1, 24 is sqrt(2), 32 is 2. 2^(6144 / 4096) over 1, sqrt(2)
// and -2 is 2^1.5, 2 and -sqrt(2): 16 + 24, 16 + 16, 16 + 8. A negative logarithm: 1/2 over them is 2^-1,
// 2^-1.5 and -2^-2, in whole octaves 1/2, 1/2 (the middle goes up), and -1/4, which becomes -1/2.
!f = !lns.number<8, 4, bias = 16>
chip.program @fractions {
  chip.input @in {address = 0, channels = 3, bias = 16, rank = 2}
  chip.output @large {address = 16, channels = 3, bias = 16, rank = 2}
  chip.output @small {address = 32, channels = 3, code_bits = 4, frac = 0, bias = 2, rank = 2}
  chip.tensor @x {address = 0, channels = 3, bias = 16}
  chip.tensor @y {address = 16, channels = 3, bias = 16}
  chip.tensor @z {address = 32, channels = 3, code_bits = 4, frac = 0, bias = 2}
  chip.dma.in @x = @in
  chip.disp2depth @y = @x {log_numerator = 6144}
  chip.disp2depth @z = @x {log_numerator = -4096}
  chip.dma.out @large = @y
  chip.dma.out @small = @z
  chip.halt
}
check.expect_run @fractions(dense<[[16, 24, -32]]> : tensor<1x3x!f>)
  gives (dense<[[40, 32, -24]]> : tensor<1x3x!f>, dense<[[1, 1, -1]]> : tensor<1x3x!p>)
