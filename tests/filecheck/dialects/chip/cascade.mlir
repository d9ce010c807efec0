// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// Two layers, row by row: memory holds three rows of the input and of what the first layer gives, and one
// of the output. Rows that a later layer needs are made just before it.
!p = !lns.number<4, 0, bias = 4>

chip.program @cascade {
  chip.input @in {address = 0, channels = 1, height = 6, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 1, height = 6, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 1, height = 6, width = 2, ring_rows = 3, ring = 1, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 6, channels = 1, height = 6, width = 2, ring_rows = 3, ring = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @z {address = 12, channels = 1, height = 6, width = 2, ring_rows = 1, ring = 3, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in {rows = 2}
  chip.pool @y = @x {mode = max, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, rows = 1}
  chip.dma.in @x = @in {first_row = 2, rows = 1}
  chip.pool @y = @x {mode = max, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, first_row = 1, rows = 1}
  chip.pool @z = @y {mode = avg, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, rows = 1}
  chip.dma.out @out = @z {rows = 1}
  chip.dma.in @x = @in {first_row = 3, rows = 1}
  chip.pool @y = @x {mode = max, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, first_row = 2, rows = 1}
  chip.pool @z = @y {mode = avg, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, first_row = 1, rows = 1}
  chip.dma.out @out = @z {first_row = 1, rows = 1}
  chip.dma.in @x = @in {first_row = 4, rows = 1}
  chip.pool @y = @x {mode = max, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, first_row = 3, rows = 1}
  chip.pool @z = @y {mode = avg, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, first_row = 2, rows = 1}
  chip.dma.out @out = @z {first_row = 2, rows = 1}
  chip.dma.in @x = @in {first_row = 5, rows = 1}
  chip.pool @y = @x {mode = max, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, first_row = 4, rows = 1}
  chip.pool @z = @y {mode = avg, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, first_row = 3, rows = 1}
  chip.dma.out @out = @z {first_row = 3, rows = 1}
  chip.pool @y = @x {mode = max, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, first_row = 5, rows = 1}
  chip.pool @z = @y {mode = avg, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, first_row = 4, rows = 1}
  chip.dma.out @out = @z {first_row = 4, rows = 1}
  chip.pool @z = @y {mode = avg, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, first_row = 5, rows = 1}
  chip.dma.out @out = @z {first_row = 5, rows = 1}
  chip.halt
}
// The largest of three rows: 1 2 2 4 4 4 and 1 1 1 8 8 8. The means of three, or of two at the edges, and
// the nearest codes: 3/2, 5/3 and 8/3 are 2, 10/3 is 4, 4, 4; 1, 1, 10/3 is 4, 17/3 is 8, 8, 8.
check.expect_run @cascade(dense<[[[[4, -7], [4, 4], [5, -7], [0, 0], [6, 7], [0, 4]]]]> : tensor<1x1x6x2x!p>)
  gives (dense<[[[[5, 4], [5, 4], [5, 6], [6, 7], [6, 7], [6, 7]]]]> : tensor<1x1x6x2x!p>)
