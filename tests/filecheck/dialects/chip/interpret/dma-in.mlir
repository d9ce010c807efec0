// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

!p = !lns.number<4, 0, bias = 4>

// An input as the host has it; dma.out takes it back.
chip.program @transfer {
  chip.input @in {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @out {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.tensor @x {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in
  chip.dma.out @out = @x
  chip.halt
}
check.expect_run @transfer(dense<[[4, -5, 0]]> : tensor<1x3x!p>) gives (dense<[[4, -5, 0]]> : tensor<1x3x!p>)
// Two frames in one call.
check.expect_run @transfer(dense<[[4, -5, 0], [-3, -2, -1]]> : tensor<2x3x!p>)
  gives (dense<[[4, -5, 0], [-3, -2, -1]]> : tensor<2x3x!p>)

// Into every second column of a larger tensor; the second input fills the others.
chip.program @interleave {
  chip.input @a {address = 0, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.input @b {address = 16, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 32, channels = 1, height = 2, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @even {address = 0, channels = 1, height = 2, width = 2, row_stride = 4, column_stride = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @odd {address = 1, channels = 1, height = 2, width = 2, row_stride = 4, column_stride = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @all {address = 0, channels = 1, height = 2, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @even = @a
  chip.dma.in @odd = @b
  chip.dma.out @out = @all
  chip.halt
}
check.expect_run @interleave(dense<[[[[1, 2], [3, 4]]]]> : tensor<1x1x2x2x!p>, dense<[[[[-1, -2], [-3, -4]]]]> : tensor<1x1x2x2x!p>)
  gives (dense<[[[[1, -1, 2, -2], [3, -3, 4, -4]]]]> : tensor<1x1x2x4x!p>)

// Integers and fixed point pass as they are.
chip.program @integers {
  chip.input @a {address = 0, channels = 2, code_bits = 64, frac = 0, integer, rank = 2}
  chip.input @b {address = 16, channels = 2, code_bits = 32, frac = 4, integer, fixed, rank = 2}
  chip.output @wide {address = 32, channels = 2, code_bits = 64, frac = 0, integer, rank = 2}
  chip.output @fixed {address = 48, channels = 2, code_bits = 32, frac = 4, integer, fixed, rank = 2}
  chip.tensor @x {address = 0, channels = 2, code_bits = 64, frac = 0, integer}
  chip.tensor @y {address = 16, channels = 2, code_bits = 32, frac = 4, integer, fixed}
  chip.dma.in @x = @a
  chip.dma.in @y = @b
  chip.dma.out @wide = @x
  chip.dma.out @fixed = @y
  chip.halt
}
check.expect_run @integers(dense<[[-1, 5000000000]]> : tensor<1x2xi64>, dense<[[24, -1]]> : tensor<1x2x!lns.fixed<32, 4>>)
  gives (dense<[[-1, 5000000000]]> : tensor<1x2xi64>, dense<[[24, -1]]> : tensor<1x2x!lns.fixed<32, 4>>)
