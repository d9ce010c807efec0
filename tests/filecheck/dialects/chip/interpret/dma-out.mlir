// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

!p = !lns.number<4, 0, bias = 4>

// A semaphore is signalled before it is waited for.
chip.program @wait {
  chip.input @in {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @out {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.tensor @x {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in {signal = 1}
  chip.dma.out @out = @x {wait = 1}
  chip.halt
}
check.expect_run @wait(dense<[[4, -5, 0]]> : tensor<1x3x!p>) gives (dense<[[4, -5, 0]]> : tensor<1x3x!p>)

// Parts of one tensor: rows and columns exchanged, the second column alone, and channels as the
// last axis.
chip.program @parts {
  chip.input @in {address = 0, channels = 2, height = 1, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @turned {address = 16, channels = 2, height = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @column {address = 32, channels = 2, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @last {address = 48, channels = 1, height = 3, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 2, height = 1, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @t {address = 0, channels = 2, height = 3, row_stride = 1, channel_stride = 3, column_stride = 6, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @c {address = 1, channels = 2, channel_stride = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @l {address = 0, channels = 1, height = 3, width = 2, row_stride = 1, column_stride = 3, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in
  chip.dma.out @turned = @t
  chip.dma.out @column = @c
  chip.dma.out @last = @l
  chip.halt
}
check.expect_run @parts(dense<[[[[1, 2, 3]], [[4, 5, 6]]]]> : tensor<1x2x1x3x!p>)
  gives (dense<[[[[1], [2], [3]], [[4], [5], [6]]]]> : tensor<1x2x3x1x!p>, dense<[[2, 5]]> : tensor<1x2x!p>,
         dense<[[[[1, 4], [2, 5], [3, 6]]]]> : tensor<1x1x3x2x!p>)
