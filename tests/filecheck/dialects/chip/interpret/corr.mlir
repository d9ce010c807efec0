// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the code 1 is 1/2, 2 is 1, 3 is 2, 4 is 4, 5 is 8; 0 is 0.
!p = !lns.number<4, 0, bias = 2>

// Two channels of one row: left 1 2 4 and -1 0 4, right 2 4 1 and 4 1 1. Plane 0 is
// (1 · 2 - 1 · 4) / 2 = -1, 2 · 4 / 2 = 4 and (4 · 1 + 4 · 1) / 2 = 4; plane 1 has zero left of the
// image, (2 · 2 + 0) / 2 = 2 and (4 · 4 + 4 · 1) / 2 = 10, nearer to 8.
chip.program @correlate {
  chip.input @left {address = 0, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.input @right {address = 16, channels = 2, width = 3, code_bits = 3, frac = 0, bias = 2, unsigned}
  chip.output @out {address = 32, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @l {address = 0, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @r {address = 16, channels = 2, width = 3, code_bits = 3, frac = 0, bias = 2, unsigned}
  chip.tensor @y {address = 32, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.dma.in @l = @left
  chip.dma.in @r = @right
  chip.corr @y = @l, @r
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @correlate(dense<[[[[2, 3, 4]], [[-2, 0, 4]]]]> : tensor<1x2x1x3x!p>, dense<[[[[3, 4, 2]], [[4, 2, 2]]]]> : tensor<1x2x1x3x!lns.number<3, 0, bias = 2, unsigned>>)
  gives (dense<[[[[-2, 4, 4]], [[0, 3, 5]]]]> : tensor<1x2x1x3x!p>)
