// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

!p = !lns.number<4, 0, bias = 4>

// The left column goes aside in one piece, the right one row by row; both come back together, the last
// row first: what a buffer holds has the tensor's own positions.
chip.program @aside {
  chip.input @in {address = 0, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @left {address = 0, channels = 1, height = 2, width = 2, columns = 1, ring = 1, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @right {address = 0, channels = 1, height = 2, width = 2, ring_rows = 1, first_column = 1, ring = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @both {address = 4, channels = 1, height = 2, width = 2, ring_rows = 1, ring = 3, code_bits = 4, frac = 0, bias = 4}
  chip.buffer @aside {address = 32, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @left = @in
  chip.spill @aside = @left
  chip.dma.in @right = @in {rows = 1}
  chip.spill @aside = @right {rows = 1}
  chip.dma.in @right = @in {first_row = 1, rows = 1}
  chip.spill @aside = @right {first_row = 1, rows = 1}
  chip.fill @both = @aside {first_row = 1, rows = 1}
  chip.dma.out @out = @both {first_row = 1, rows = 1}
  chip.fill @both = @aside {rows = 1}
  chip.dma.out @out = @both {rows = 1}
  chip.halt
}
check.expect_run @aside(dense<[[[[4, 5], [0, -6]]]]> : tensor<1x1x2x2x!p>)
  gives (dense<[[[[4, 5], [0, -6]]]]> : tensor<1x1x2x2x!p>)
