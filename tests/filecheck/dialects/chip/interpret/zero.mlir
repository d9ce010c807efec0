// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

!p = !lns.number<4, 0, bias = 4>

// A border of one column becomes zero, after it was given the input's first column; what it surrounds
// stays, and is read with rows and columns exchanged too.
chip.program @bordered {
  chip.input @in {address = 0, channels = 1, height = 2, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @padded {address = 16, channels = 1, height = 2, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.output @turned {address = 32, channels = 1, height = 3, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @inside {address = 17, channels = 1, height = 2, width = 3, row_stride = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @border {address = 16, channels = 1, height = 2, row_stride = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @first {address = 17, channels = 1, height = 2, row_stride = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @whole {address = 16, channels = 1, height = 2, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @columns {address = 17, channels = 1, height = 3, width = 2, row_stride = 1, column_stride = 4, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @inside = @in
  chip.copy @border = @first
  chip.zero @border
  chip.dma.out @padded = @whole
  chip.dma.out @turned = @columns
  chip.halt
}
check.expect_run @bordered(dense<[[[[1, 2, 3], [4, 5, 6]]]]> : tensor<1x1x2x3x!p>)
  gives (dense<[[[[0, 1, 2, 3], [0, 4, 5, 6]]]]> : tensor<1x1x2x4x!p>,
         dense<[[[[1, 4], [2, 5], [3, 6]]]]> : tensor<1x1x3x2x!p>)
