// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the codes 1, 2, 3, 4 are worth 1/2, 1, 2, 4; 0 is zero.
!p = !lns.number<5, 0, bias = 2>
// Boxes in sixteenths.
!px = !lns.fixed<32, 4>

// Cells of 4 pixels: stride 4 (0x40000), log2 of 4 / 2 (0x10000). Index 4 of 1 x 3 is cell 1: centre
// (1 + 1/2, 1/2) · 4 = (6, 2); sides exp(0) · 4 = 4 and exp(1) · 4 = 10.87: half of that is 5.437,
// 86.98 in sixteenths: 32 - 87, 32 + 87.
chip.program @image {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 1, 0]> : tensor<8xui8>
  chip.input @indices {address = 0, channels = 1, code_bits = 64, integer, rank = 2}
  chip.input @offset {address = 16, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.input @size {address = 32, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.output @boxes {address = 48, channels = 1, height = 4, code_bits = 32, frac = 4, integer, fixed, rank = 3}
  chip.tensor @i {address = 0, channels = 1, code_bits = 64, integer}
  chip.tensor @o {address = 16, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @z {address = 32, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @b {address = 48, channels = 1, height = 4, code_bits = 32, frac = 4, integer, fixed}
  chip.ldw @tables {size = 8, address = 0x100}
  chip.dma.in @i = @indices
  chip.dma.in @o = @offset
  chip.dma.in @z = @size
  chip.boxdec2d @b = @i, @o, @z {parameters = 0x100}
  chip.dma.out @boxes = @b
  chip.halt
}
check.expect_run @image(dense<[[4]]> : tensor<1x1xi64>, dense<[[[[0, 1, 0]], [[0, 1, 0]]]]> : tensor<1x2x1x3x!p>, dense<[[[[9, 0, 9]], [[9, 2, 9]]]]> : tensor<1x2x1x3x!p>)
  gives (dense<[[[64, -55, 128, 119]]]> : tensor<1x1x4x!px>)

// Cells of 2 pixels: stride 2 (0x20000), log2(2 / 2) = 0. Index 5 of 2 x 2 is cell 1, row 0, column 1;
// with offsets -1/2 and 1 the centre is (1 - 1/2, 0 + 1) · 2 = (1, 2), and half of each side is
// exp(-1/2) = 0.6065, 9.70 sixteenths, and exp(1/2) = 1.6487, 26.38: 16 - 9.70 = 6.30,
// 32 - 26.38 = 5.62, 16 + 9.70 = 25.70, 32 + 26.38 = 58.38. Index 2 is row 1: centre (0, 1) · 2, half
// sides 1.
chip.program @rows {
  chip.segment @tables tables dense<[0, 0, 2, 0, 0, 0, 0, 0]> : tensor<8xui8>
  chip.input @indices {address = 0, channels = 2, code_bits = 64, integer, rank = 2}
  chip.input @offset {address = 16, channels = 2, height = 2, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.input @size {address = 32, channels = 2, height = 2, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.output @boxes {address = 48, channels = 2, height = 4, code_bits = 32, frac = 4, integer, fixed, rank = 3}
  chip.tensor @i {address = 0, channels = 2, code_bits = 64, integer}
  chip.tensor @o {address = 16, channels = 2, height = 2, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @z {address = 32, channels = 2, height = 2, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @b {address = 48, channels = 2, height = 4, code_bits = 32, frac = 4, integer, fixed}
  chip.ldw @tables {size = 8, address = 0}
  chip.dma.in @i = @indices
  chip.dma.in @o = @offset
  chip.dma.in @z = @size
  chip.boxdec2d @b = @i, @o, @z {parameters = 0}
  chip.dma.out @boxes = @b
  chip.halt
}
check.expect_run @rows(dense<[[5, 2]]> : tensor<1x2xi64>, dense<[[[[0, -1], [0, 0]], [[0, 2], [0, 0]]]]> : tensor<1x2x2x2x!p>, dense<[[[[9, -1], [0, 9]], [[9, 1], [0, 9]]]]> : tensor<1x2x2x2x!p>)
  gives (dense<[[[6, 6, 26, 58], [-16, 16, 16, 48]]]> : tensor<1x2x4x!px>)
