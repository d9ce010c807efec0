// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the codes 1, 2, 3, 4 are worth 1/2, 1, 2, 4; 0 is zero.
!p = !lns.number<5, 0, bias = 2>
!u = !lns.number<4, 0, bias = 2, unsigned>
// Boxes in sixteenths.
!px = !lns.fixed<32, 4>

// Half of the union, 32768 in 2^-16, is the limit; a map of 9 cells: index 9 is of class 1.
// Rows 0 and 1 overlap by 2/3; row 2 is of another class; row 3 has no score; row 4 meets row 1, which is
// gone, and row 0 by half, which is not more than the limit.
chip.program @suppress {
  chip.input @boxes {address = 0, channels = 5, height = 4, code_bits = 32, frac = 4, integer, fixed, rank = 3}
  chip.input @scores {address = 80, channels = 5, code_bits = 4, frac = 0, bias = 2, unsigned, rank = 2}
  chip.input @indices {address = 96, channels = 5, code_bits = 64, integer, rank = 2}
  chip.output @kept {address = 144, channels = 5, code_bits = 4, frac = 0, bias = 2, unsigned, rank = 2}
  chip.tensor @b {address = 0, channels = 5, height = 4, code_bits = 32, frac = 4, integer, fixed}
  chip.tensor @s {address = 80, channels = 5, code_bits = 4, frac = 0, bias = 2, unsigned}
  chip.tensor @i {address = 96, channels = 5, code_bits = 64, integer}
  chip.tensor @k {address = 144, channels = 5, code_bits = 4, frac = 0, bias = 2, unsigned}
  chip.dma.in @b = @boxes
  chip.dma.in @s = @scores
  chip.dma.in @i = @indices
  chip.nms @k = @b, @s, @i {cells = 9, overlap = 32768}
  chip.dma.out @kept = @k
  chip.halt
}
check.expect_run @suppress(
    dense<[[[0, 0, 4, 4], [0, 0, 4, 6], [0, 0, 4, 4], [0, 0, 4, 4], [0, 0, 4, 8]]]> : tensor<1x5x4x!px>,
    dense<[[5, 4, 4, 0, 3]]> : tensor<1x5x!u>, dense<[[0, 8, 9, 1, 2]]> : tensor<1x5xi64>)
  gives (dense<[[5, 0, 4, 0, 3]]> : tensor<1x5x!u>)

// Overlap 0: rows 0 and 1 share an edge and no area, so both stay; row 2 meets row 0. Nothing is more
// than all of a union, 65536.
chip.program @touch {
  chip.input @boxes {address = 0, channels = 3, height = 4, code_bits = 32, frac = 4, integer, fixed, rank = 3}
  chip.input @scores {address = 48, channels = 3, code_bits = 4, frac = 0, bias = 2, unsigned, rank = 2}
  chip.input @indices {address = 64, channels = 3, code_bits = 64, integer, rank = 2}
  chip.output @none {address = 96, channels = 3, code_bits = 4, frac = 0, bias = 2, unsigned, rank = 2}
  chip.output @all {address = 112, channels = 3, code_bits = 4, frac = 0, bias = 2, unsigned, rank = 2}
  chip.tensor @b {address = 0, channels = 3, height = 4, code_bits = 32, frac = 4, integer, fixed}
  chip.tensor @s {address = 48, channels = 3, code_bits = 4, frac = 0, bias = 2, unsigned}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @k {address = 96, channels = 3, code_bits = 4, frac = 0, bias = 2, unsigned}
  chip.tensor @a {address = 112, channels = 3, code_bits = 4, frac = 0, bias = 2, unsigned}
  chip.dma.in @b = @boxes
  chip.dma.in @s = @scores
  chip.dma.in @i = @indices
  chip.nms @k = @b, @s, @i {cells = 1, overlap = 0}
  chip.nms @a = @b, @s, @i {cells = 1, overlap = 65536}
  chip.dma.out @none = @k
  chip.dma.out @all = @a
  chip.halt
}
check.expect_run @touch(
    dense<[[[0, 0, 4, 4], [4, 0, 8, 4], [3, 0, 4, 4]]]> : tensor<1x3x4x!px>,
    dense<[[5, 4, 3]]> : tensor<1x3x!u>, dense<0> : tensor<1x3xi64>)
  gives (dense<[[5, 4, 0]]> : tensor<1x3x!u>, dense<[[5, 4, 3]]> : tensor<1x3x!u>)

// A detector on two classes of 1 x 3 cells of 4 pixels, from its heads to boxes. Parameters: stride 4
// (0x40000), and log2 of 4 / 2 (0x10000).
//
// The maxima are 4 at index 4 and 3 at index 0; the third row is empty. Their cells are 1 and 0.
// Boxes in sixteenths: centre (1 + 1/2, 1/2) · 4, sides 4; centre (0, 0), sides 4; the empty row is
// at index 0 too.
chip.program @detector {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 1, 0]> : tensor<8xui8>
  chip.input @heat {address = 0, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.input @offset {address = 16, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.input @size {address = 32, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.output @scores {address = 48, channels = 3, code_bits = 5, frac = 0, bias = 2, rank = 2}
  chip.output @boxes {address = 64, channels = 3, height = 4, code_bits = 32, frac = 4, integer, fixed, rank = 3}
  chip.output @kept {address = 128, channels = 3, code_bits = 5, frac = 0, bias = 2, rank = 2}
  chip.tensor @h {address = 0, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @o {address = 16, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @z {address = 32, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @s {address = 48, channels = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 4, code_bits = 32, frac = 4, integer, fixed}
  chip.tensor @k {address = 160, channels = 3, code_bits = 5, frac = 0, bias = 2}
  chip.ldw @tables {size = 8, address = 0x100}
  chip.dma.in @h = @heat
  chip.dma.in @o = @offset
  chip.dma.in @z = @size
  chip.peaks @s, @i = @h
  chip.boxdec2d @b = @i, @o, @z {parameters = 0x100}
  chip.nms @k = @b, @s, @i {cells = 3, overlap = 32768}
  chip.dma.out @scores = @s
  chip.dma.out @boxes = @b
  chip.dma.out @kept = @k
  chip.halt
}
check.expect_run @detector(
    dense<[[[[3, 2, 0]], [[0, 4, 0]]]]> : tensor<1x2x1x3x!p>,
    dense<[[[[0, 1, 0]], [[0, 1, 0]]]]> : tensor<1x2x1x3x!p>,
    dense<0> : tensor<1x2x1x3x!p>)
  gives (dense<[[4, 3, 0]]> : tensor<1x3x!p>,
    dense<[[[64, 0, 128, 64], [-32, -32, 32, 32], [-32, -32, 32, 32]]]> : tensor<1x3x4x!px>,
    dense<[[4, 3, 0]]> : tensor<1x3x!p>)
// Overlapping boxes of one class: cell 0 is offset by 2 cells to where cell 2 is, and the second goes.
check.expect_run @detector(
    dense<[[[[3, 0, 3]], [[0, 0, 0]]]]> : tensor<1x2x1x3x!p>,
    dense<[[[[3, 0, 0]], [[0, 0, 0]]]]> : tensor<1x2x1x3x!p>,
    dense<0> : tensor<1x2x1x3x!p>)
  gives (dense<[[3, 3, 0]]> : tensor<1x3x!p>,
    dense<[[[96, -32, 160, 32], [96, -32, 160, 32], [96, -32, 160, 32]]]> : tensor<1x3x4x!px>,
    dense<[[3, 0, 0]]> : tensor<1x3x!p>)
// An empty scene.
check.expect_run @detector(
    dense<0> : tensor<1x2x1x3x!p>, dense<0> : tensor<1x2x1x3x!p>, dense<0> : tensor<1x2x1x3x!p>)
  gives (dense<0> : tensor<1x3x!p>,
    dense<[[[-32, -32, 32, 32], [-32, -32, 32, 32], [-32, -32, 32, 32]]]> : tensor<1x3x4x!px>,
    dense<0> : tensor<1x3x!p>)
