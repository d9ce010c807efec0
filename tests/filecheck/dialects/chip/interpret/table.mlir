// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

!p = !lns.number<4, 0, bias = 4>

// Codes 0, 1, 2, 3 of 2 unsigned bits become -1, 2, 0, 3 of 16 bits (little-endian; the sign is bit 15).
chip.program @lookup {
  chip.segment @tables tables dense<[1, 128, 2, 0, 0, 0, 3, 0]> : tensor<8xui8>
  chip.input @in {address = 0, channels = 4, code_bits = 2, frac = 0, unsigned, rank = 2}
  chip.output @out {address = 16, channels = 4, code_bits = 16, rank = 2}
  chip.tensor @x {address = 0, channels = 4, code_bits = 2, frac = 0, unsigned}
  chip.tensor @y {address = 16, channels = 4, code_bits = 16}
  chip.ldw @tables {size = 8, address = 0x20}
  chip.dma.in @x = @in
  chip.table @y = @x {address = 0x20}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @lookup(dense<[[3, 1, 0, 2]]> : tensor<1x4x!lns.number<2, 0, bias = 0, unsigned>>)
  gives (dense<[[3, 2, -1, 0]]> : tensor<1x4x!lns.number<16, 4, bias = 0>>)

// Codes 0 and 1 of 2 signed bits, the illegal negative zero and -1: 4, 5, 7 and 13, which is -5.
chip.program @signed {
  chip.segment @tables tables dense<[4, 5, 7, 13]> : tensor<4xui8>
  chip.input @in {address = 0, channels = 3, code_bits = 2, frac = 0, rank = 2}
  chip.output @out {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.tensor @x {address = 0, channels = 3, code_bits = 2, frac = 0}
  chip.tensor @y {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 4}
  chip.ldw @tables {size = 4, address = 0}
  chip.dma.in @x = @in
  chip.table @y = @x {address = 0}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @signed(dense<[[0, 1, -1]]> : tensor<1x3x!lns.number<2, 0, bias = 0>>)
  gives (dense<[[4, 5, -5]]> : tensor<1x3x!p>)

// The pixels 0, 1, 200 and 255 of an image; the code 13 is -5.
chip.program @pixels {
  chip.segment @tables tables dense<[0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13]> : tensor<256xui8>
  chip.input @in {address = 0, channels = 4, frac = 0, unsigned, integer, rank = 2}
  chip.output @out {address = 16, channels = 4, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.tensor @x {address = 0, channels = 4, frac = 0, unsigned, integer}
  chip.tensor @y {address = 16, channels = 4, code_bits = 4, frac = 0, bias = 4}
  chip.ldw @tables {size = 256, address = 0}
  chip.dma.in @x = @in
  chip.table @y = @x {address = 0}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @pixels(dense<[[0, 1, 200, 255]]> : tensor<1x4xui8>)
  gives (dense<[[0, 4, 5, -5]]> : tensor<1x4x!p>)
