// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the codes 1, 2, 3, 4 are worth 1/2, 1, 2, 4; 0 is zero.
!p = !lns.number<5, 0, bias = 2>
// Scores from 2^-14 to 1: 15 is 1, 14 is 1/2.
!score = !lns.number<4, 0, bias = 15, unsigned>

chip.program @scores {
  chip.input @heat {address = 0, channels = 2, height = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.output @scores {address = 16, channels = 4, code_bits = 5, frac = 0, bias = 2, rank = 2}
  chip.output @indices {address = 32, channels = 4, code_bits = 64, integer, rank = 2}
  chip.tensor @h {address = 0, channels = 2, height = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @s {address = 16, channels = 4, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @i {address = 32, channels = 4, code_bits = 64, integer}
  chip.dma.in @h = @heat
  chip.peaks @s, @i = @h
  chip.dma.out @scores = @s
  chip.dma.out @indices = @i
  chip.halt
}
// Of equal neighbours both are maxima, the lower index first; -1 is none; what is left is 0.
check.expect_run @scores(dense<[[[[2, 3, 3], [0, 0, 0]], [[-1, 0, 4], [0, 0, 0]]]]> : tensor<1x2x2x3x!p>)
  gives (dense<[[4, 3, 3, 0]]> : tensor<1x4x!p>, dense<[[8, 1, 2, 0]]> : tensor<1x4xi64>)
// Diagonal neighbours count: 3 in the middle is beside 4, and 2 in the corner beside 3. Those in other
// channels do not: index 6 + 4 is the 2 below that 3.
check.expect_run @scores(dense<[[[[4, 1, 2], [1, 3, 1]], [[0, 0, 0], [0, 2, 0]]]]> : tensor<1x2x2x3x!p>)
  gives (dense<[[4, 2, 0, 0]]> : tensor<1x4x!p>, dense<[[0, 10, 0, 0]]> : tensor<1x4xi64>)
// An empty scene: no maximum is positive.
check.expect_run @scores(dense<0> : tensor<1x2x2x3x!p>)
  gives (dense<0> : tensor<1x4x!p>, dense<0> : tensor<1x4xi64>)

// Logits, negative ones too: sigmoid(4) = 0.982 is nearest to 1, sigmoid(0) is 1/2,
// sigmoid(-4) = 0.018 = 2^-5.8, nearest to 2^-6.
chip.program @logits {
  chip.input @heat {address = 0, channels = 3, code_bits = 5, frac = 0, bias = 2}
  chip.output @scores {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 15, unsigned, rank = 2}
  chip.output @indices {address = 32, channels = 3, code_bits = 64, integer, rank = 2}
  chip.tensor @h {address = 0, channels = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @s {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 15, unsigned}
  chip.tensor @i {address = 32, channels = 3, code_bits = 64, integer}
  chip.dma.in @h = @heat
  chip.peaks @s, @i = @h {sigmoid}
  chip.dma.out @scores = @s
  chip.dma.out @indices = @i
  chip.halt
}
check.expect_run @logits(dense<[[[[0]], [[-4]], [[4]]]]> : tensor<1x3x1x1x!p>)
  gives (dense<[[15, 14, 9]]> : tensor<1x3x!score>, dense<[[2, 0, 1]]> : tensor<1x3xi64>)
