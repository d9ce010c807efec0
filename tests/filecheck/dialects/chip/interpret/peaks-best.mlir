// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the codes 1, 2, 3, 4 are worth 1/2, 1, 2, 4; 0 is zero.
!p = !lns.number<5, 0, bias = 2>
// Scores from 2^-14 to 1: 15 is 1, 14 is 1/2.
!score = !lns.number<4, 0, bias = 15, unsigned>

chip.program @scores {
  chip.input @codes {address = 0, channels = 2, height = 3, width = 1, code_bits = 5, frac = 0, bias = 2}
  chip.input @found {address = 16, channels = 2, height = 3, width = 1, code_bits = 64, integer}
  chip.output @scores {address = 64, channels = 4, code_bits = 5, frac = 0, bias = 2, rank = 2}
  chip.output @indices {address = 80, channels = 4, code_bits = 64, integer, rank = 2}
  chip.tensor @c {address = 0, channels = 2, height = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @f {address = 16, channels = 2, height = 3, code_bits = 64, integer}
  chip.tensor @s {address = 64, channels = 4, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @i {address = 80, channels = 4, code_bits = 64, integer}
  chip.dma.in @c = @codes
  chip.dma.in @f = @found
  chip.peaks.best @s, @i = @c, @f
  chip.dma.out @scores = @s
  chip.dma.out @indices = @i
  chip.halt
}
// The highest first; of the three of code 3 those at 2 and 5, as their indices are lower than 11.
check.expect_run @scores(dense<[[[[3], [3], [4]], [[0], [2], [3]]]]> : tensor<1x2x3x1x!p>,
                         dense<[[[[2], [11], [7]], [[-1], [4], [5]]]]> : tensor<1x2x3x1xi64>)
  gives (dense<[[4, 3, 3, 3]]> : tensor<1x4x!p>, dense<[[7, 2, 5, 11]]> : tensor<1x4xi64>)
// Where there are fewer, score and index are 0.
check.expect_run @scores(dense<[[[[1], [0], [0]], [[0], [0], [0]]]]> : tensor<1x2x3x1x!p>,
                         dense<[[[[8], [-1], [-1]], [[-1], [-1], [-1]]]]> : tensor<1x2x3x1xi64>)
  gives (dense<[[1, 0, 0, 0]]> : tensor<1x4x!p>, dense<[[8, 0, 0, 0]]> : tensor<1x4xi64>)

// Logits: sigmoid(4) = 0.982 is nearest to 1, sigmoid(0) is 1/2, sigmoid(-4) = 0.018 = 2^-5.8, nearest to 2^-6. What has
// no index is none, though its code 0 is higher than -4.
chip.program @logits {
  chip.input @codes {address = 0, channels = 1, height = 4, width = 1, code_bits = 5, frac = 0, bias = 2}
  chip.input @found {address = 16, channels = 1, height = 4, width = 1, code_bits = 64, integer}
  chip.output @scores {address = 64, channels = 4, code_bits = 4, frac = 0, bias = 15, unsigned, rank = 2}
  chip.output @indices {address = 80, channels = 4, code_bits = 64, integer, rank = 2}
  chip.tensor @c {address = 0, channels = 1, height = 4, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @f {address = 16, channels = 1, height = 4, code_bits = 64, integer}
  chip.tensor @s {address = 64, channels = 4, code_bits = 4, frac = 0, bias = 15, unsigned}
  chip.tensor @i {address = 80, channels = 4, code_bits = 64, integer}
  chip.dma.in @c = @codes
  chip.dma.in @f = @found
  chip.peaks.best @s, @i = @c, @f {sigmoid}
  chip.dma.out @scores = @s
  chip.dma.out @indices = @i
  chip.halt
}
check.expect_run @logits(dense<[[[[0], [-4], [0], [4]]]]> : tensor<1x1x4x1x!p>,
                         dense<[[[[5], [3], [-1], [9]]]]> : tensor<1x1x4x1xi64>)
  gives (dense<[[15, 14, 9, 0]]> : tensor<1x4x!score>, dense<[[9, 5, 3, 0]]> : tensor<1x4xi64>)
