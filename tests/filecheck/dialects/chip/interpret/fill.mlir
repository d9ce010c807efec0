// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 4 the code 4 is 1, 5 is 2, 6 is 4, 7 is 8.
!p = !lns.number<4, 0, bias = 4>

// A sum of a tensor and itself that was put aside: 1 + 1 = 2, 2 + 2 = 4, 4 + 4 = 8.
chip.program @again {
  chip.input @in {address = 0, channels = 1, height = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 1, height = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 1, height = 3, ring_rows = 1, ring = 1, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @again {address = 1, channels = 1, height = 3, ring_rows = 1, ring = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 2, channels = 1, height = 3, ring_rows = 1, ring = 3, code_bits = 4, frac = 0, bias = 4}
  chip.buffer @aside {address = 32, channels = 1, height = 3, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in {rows = 1}
  chip.spill @aside = @x {rows = 1}
  chip.fill @again = @aside {rows = 1}
  chip.elt @y = @x, @again {mode = add, rows = 1}
  chip.dma.out @out = @y {rows = 1}
  chip.dma.in @x = @in {first_row = 1, rows = 1}
  chip.spill @aside = @x {first_row = 1, rows = 1}
  chip.fill @again = @aside {first_row = 1, rows = 1}
  chip.elt @y = @x, @again {mode = add, first_row = 1, rows = 1}
  chip.dma.out @out = @y {first_row = 1, rows = 1}
  chip.dma.in @x = @in {first_row = 2, rows = 1}
  chip.spill @aside = @x {first_row = 2, rows = 1}
  chip.fill @again = @aside {first_row = 2, rows = 1}
  chip.elt @y = @x, @again {mode = add, first_row = 2, rows = 1}
  chip.dma.out @out = @y {first_row = 2, rows = 1}
  chip.halt
}
check.expect_run @again(dense<[[[[4], [5], [6]]]]> : tensor<1x1x3x1x!p>)
  gives (dense<[[[[5], [6], [7]]]]> : tensor<1x1x3x1x!p>)
