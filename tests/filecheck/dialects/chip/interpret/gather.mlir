// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

!p = !lns.number<5, 0, bias = 2>
// Boxes in sixteenths.
!px = !lns.fixed<32, 4>

// Index 4 of 2 x 3 is row 1, column 1; index 7 is of the second class: cell 7 - 6 = 1, row 0, column 1.
chip.program @elements {
  chip.input @indices {address = 0, channels = 2, code_bits = 64, integer, rank = 2}
  chip.input @in {address = 16, channels = 2, height = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.output @out {address = 32, channels = 2, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @i {address = 0, channels = 2, code_bits = 64, integer}
  chip.tensor @x {address = 16, channels = 2, height = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @y {address = 32, channels = 2, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.buffer @aside {address = 48, channels = 2, height = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.dma.in @i = @indices
  chip.dma.in @x = @in
  chip.spill @aside = @x
  chip.gather @y = @aside, @i
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @elements(dense<[[4, 7]]> : tensor<1x2xi64>, dense<[[[[0, 1, 2], [3, 4, 5]], [[6, 7, -1], [-2, -3, -4]]]]> : tensor<1x2x2x3x!p>)
  gives (dense<[[[[4, 1]], [[-3, 7]]]]> : tensor<1x2x1x2x!p>)

// The boxes of boxdec2d.mlir's @rows, of offsets taken from maps of 2 x 2 and of sizes whole in memory.
chip.program @boxes {
  chip.segment @tables tables dense<[0, 0, 2, 0, 0, 0, 0, 0]> : tensor<8xui8>
  chip.input @indices {address = 0, channels = 2, code_bits = 64, integer, rank = 2}
  chip.input @offset {address = 16, channels = 2, height = 2, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.input @size {address = 32, channels = 2, height = 2, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.output @boxes {address = 48, channels = 2, height = 4, code_bits = 32, frac = 4, integer, fixed, rank = 3}
  chip.tensor @i {address = 0, channels = 2, code_bits = 64, integer}
  chip.tensor @o {address = 16, channels = 2, height = 2, width = 2, ring_rows = 1, ring = 1, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @z {address = 32, channels = 2, height = 2, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @at {address = 80, channels = 2, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @b {address = 48, channels = 2, height = 4, code_bits = 32, frac = 4, integer, fixed}
  chip.buffer @aside {address = 96, channels = 2, height = 2, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.ldw @tables {size = 8, address = 0}
  chip.dma.in @i = @indices
  chip.dma.in @o = @offset {rows = 1}
  chip.spill @aside = @o {rows = 1}
  chip.dma.in @o = @offset {first_row = 1, rows = 1}
  chip.spill @aside = @o {first_row = 1, rows = 1}
  chip.dma.in @z = @size
  chip.gather @at = @aside, @i
  chip.boxdec2d @b = @i, @at, @z {parameters = 0, map_height = 2, map_width = 2}
  chip.dma.out @boxes = @b
  chip.halt
}
check.expect_run @boxes(dense<[[5, 2]]> : tensor<1x2xi64>, dense<[[[[0, -1], [0, 0]], [[0, 2], [0, 0]]]]> : tensor<1x2x2x2x!p>, dense<[[[[9, -1], [0, 9]], [[9, 1], [0, 9]]]]> : tensor<1x2x2x2x!p>)
  gives (dense<[[[6, 6, 26, 58], [-16, 16, 16, 48]]]> : tensor<1x2x4x!px>)
