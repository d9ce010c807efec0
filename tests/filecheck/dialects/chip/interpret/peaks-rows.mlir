// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the codes 1, 2, 3, 4 are worth 1/2, 1, 2, 4; 0 is zero.
!p = !lns.number<5, 0, bias = 2>

chip.program @rows {
  chip.input @heat {address = 0, channels = 2, height = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.output @codes {address = 16, channels = 3, height = 2, width = 1, code_bits = 5, frac = 0, bias = 2}
  chip.output @found {address = 32, channels = 3, height = 2, width = 1, code_bits = 64, integer}
  chip.tensor @h {address = 0, channels = 2, height = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @c {address = 16, channels = 3, height = 2, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @f {address = 32, channels = 3, height = 2, code_bits = 64, integer}
  chip.dma.in @h = @heat
  chip.peaks.rows @c, @f = @h
  chip.dma.out @codes = @c
  chip.dma.out @found = @f
  chip.halt
}
// Of the upper row the 4 of the second channel, index 6 + 2, then the first 3 of two equal neighbours and the other;
// nothing of the lower row, where the 2 is below a 3.
check.expect_run @rows(dense<[[[[2, 3, 3], [0, 2, 0]], [[-1, 0, 4], [0, 0, 0]]]]> : tensor<1x2x2x3x!p>)
  gives (dense<[[[[4], [0]], [[3], [0]], [[3], [0]]]]> : tensor<1x3x2x1x!p>,
         dense<[[[[8], [-1]], [[1], [-1]], [[2], [-1]]]]> : tensor<1x3x2x1xi64>)
// The lower row's 2 and 3 are maxima: indices 6 + 5 and 3.
check.expect_run @rows(dense<[[[[1, 1, 1], [3, 1, 0]], [[0, 0, 0], [0, 0, 2]]]]> : tensor<1x2x2x3x!p>)
  gives (dense<[[[[1], [3]], [[0], [2]], [[0], [0]]]]> : tensor<1x3x2x1x!p>,
         dense<[[[[2], [3]], [[-1], [11]], [[-1], [-1]]]]> : tensor<1x3x2x1xi64>)

// One row at a time, from the last: each sees the rows beside it.
chip.program @parts {
  chip.input @heat {address = 0, channels = 1, height = 3, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.output @codes {address = 16, channels = 2, height = 3, width = 1, code_bits = 5, frac = 0, bias = 2}
  chip.output @found {address = 32, channels = 2, height = 3, width = 1, code_bits = 64, integer}
  chip.tensor @h {address = 0, channels = 1, height = 3, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @c {address = 16, channels = 2, height = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @f {address = 32, channels = 2, height = 3, code_bits = 64, integer}
  chip.dma.in @h = @heat
  chip.peaks.rows @c, @f = @h {logits, first_row = 2, rows = 1}
  chip.peaks.rows @c, @f = @h {logits, first_row = 1, rows = 1}
  chip.peaks.rows @c, @f = @h {logits, rows = 1}
  chip.dma.out @codes = @c
  chip.dma.out @found = @f
  chip.halt
}
// Logits: negative ones and zeros are maxima too. 3 hides the 2 above it and the 2 below; the corners -1 and 1 are hidden.
check.expect_run @parts(dense<[[[[2, 2, -1], [-2, 3, -3], [2, 1, 1]]]]> : tensor<1x1x3x3x!p>)
  gives (dense<[[[[0], [3], [0]], [[0], [0], [0]]]]> : tensor<1x2x3x1x!p>,
         dense<[[[[-1], [4], [-1]], [[-1], [-1], [-1]]]]> : tensor<1x2x3x1xi64>)
check.expect_run @parts(dense<[[[[-1, -2, -2], [-3, -4, -2], [-4, -4, -4]]]]> : tensor<1x1x3x3x!p>)
  gives (dense<[[[[-1], [-2], [0]], [[-2], [0], [0]]]]> : tensor<1x2x3x1x!p>,
         dense<[[[[0], [5], [-1]], [[2], [-1], [-1]]]]> : tensor<1x2x3x1xi64>)
