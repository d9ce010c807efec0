// RUN: recog-opt %s | recog-opt --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// A detector on two classes of 1 x 3 cells of 4 pixels, from its heads to boxes. With frac = 0 and
// bias = 2 the codes 1, 2, 3, 4 are worth 1/2, 1, 2, 4. Parameters: stride 4 (0x40000), and
// log2 of 4 / 2 (0x10000).
//
// The maxima are 4 at index 4 and 3 at index 0; the third row is empty. Their cells are 1 and 0.
// Boxes in sixteenths: centre (1 + 1/2, 1/2) · 4, sides 4; centre (0, 0), sides 4; the empty row is
// at index 0 too.
chip.program @image {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 1, 0]> : tensor<8xui8>
  chip.input @heat {address = 0, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.input @offset {address = 16, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.input @size {address = 32, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.output @scores {address = 48, channels = 3, code_bits = 5, frac = 0, bias = 2, rank = 2}
  // CHECK: chip.output @boxes {address = 0x40, channels = 3, height = 4, code_bits = 32, integer, rank = 3, fixed}
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
  // CHECK: chip.peaks @s, @i = @h
  chip.peaks @s, @i = @h
  // CHECK-NEXT: chip.boxdec2d @b = @i, @o, @z {parameters = 0x100}
  chip.boxdec2d @b = @i, @o, @z {parameters = 0x100}
  // CHECK-NEXT: chip.nms @k = @b, @s, @i {cells = 3, overlap = 32768}
  chip.nms @k = @b, @s, @i {cells = 3, overlap = 32768}
  chip.dma.out @scores = @s
  chip.dma.out @boxes = @b
  chip.dma.out @kept = @k
  chip.halt
}
check.expect_run @image(
    dense<[[[[3, 2, 0]], [[0, 4, 0]]]]> : tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>,
    dense<[[[[0, 1, 0]], [[0, 1, 0]]]]> : tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>,
    dense<0> : tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>)
  gives (dense<[[4, 3, 0]]> : tensor<1x3x!lns.number<5, 0, bias = 2>>,
    dense<[[[64, 0, 128, 64], [-32, -32, 32, 32], [-32, -32, 32, 32]]]> : tensor<1x3x4x!lns.fixed<32, 4>>,
    dense<[[4, 3, 0]]> : tensor<1x3x!lns.number<5, 0, bias = 2>>)
// Overlapping boxes of one class: the second goes.
check.expect_run @image(
    dense<[[[[3, 0, 3]], [[0, 0, 0]]]]> : tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>,
    dense<[[[[3, 0, 0]], [[0, 0, 0]]]]> : tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>,
    dense<0> : tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>)
  gives (dense<[[3, 3, 0]]> : tensor<1x3x!lns.number<5, 0, bias = 2>>,
    dense<[[[96, -32, 160, 32], [96, -32, 160, 32], [96, -32, 160, 32]]]> : tensor<1x3x4x!lns.fixed<32, 4>>,
    dense<[[3, 0, 0]]> : tensor<1x3x!lns.number<5, 0, bias = 2>>)
// An empty scene.
check.expect_run @image(
    dense<0> : tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>,
    dense<0> : tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>,
    dense<0> : tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>)
  gives (dense<0> : tensor<1x3x!lns.number<5, 0, bias = 2>>,
    dense<[[[-32, -32, 32, 32], [-32, -32, 32, 32], [-32, -32, 32, 32]]]> : tensor<1x3x4x!lns.fixed<32, 4>>,
    dense<0> : tensor<1x3x!lns.number<5, 0, bias = 2>>)

// Scores are sigmoids of the heat: of 4, 0.982, nearest to 1 in octaves; of 0, a half. A box in
// space: stride 4, cu = cv = 0, focal length 8 (0x80000), log2(8 · 1) = 3 (0x30000), log2(1) = 0,
// priors 1, 2, 4. Cell 1 at disparity 2: z = 8 / 2; pixel (1 + 1) · 4 = 8, x = 8 · 4 / 8; both
// angles are π/4, together 25.13 sixteenths.
chip.program @space {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0]> : tensor<36xui8>
  chip.input @heat {address = 0, channels = 1, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.input @disparity {address = 16, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 2, unsigned}
  chip.input @box {address = 32, channels = 7, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.output @scores {address = 48, channels = 1, code_bits = 4, frac = 0, bias = 15, unsigned, rank = 2}
  chip.output @boxes {address = 64, channels = 1, height = 7, code_bits = 32, frac = 4, integer, fixed, rank = 3}
  chip.tensor @h {address = 0, channels = 1, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @d {address = 16, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 2, unsigned}
  chip.tensor @m {address = 32, channels = 7, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @s {address = 48, channels = 1, code_bits = 4, frac = 0, bias = 15, unsigned}
  chip.tensor @i {address = 64, channels = 1, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 1, height = 7, code_bits = 32, frac = 4, integer, fixed}
  chip.ldw @tables {size = 36, address = 0}
  chip.dma.in @h = @heat
  chip.dma.in @d = @disparity
  chip.dma.in @m = @box
  // CHECK: chip.peaks @s, @i = @h {sigmoid}
  chip.peaks @s, @i = @h {sigmoid}
  // CHECK-NEXT: chip.boxdec3d @b = @i, @d, @m {parameters = 0x0, classes = 1}
  chip.boxdec3d @b = @i, @d, @m {parameters = 0, classes = 1}
  chip.dma.out @scores = @s
  chip.dma.out @boxes = @b
  chip.halt
}
check.expect_run @space(
    dense<[[[[0, 4]]]]> : tensor<1x1x1x2x!lns.number<5, 0, bias = 2>>,
    dense<[[[[0, 3]]]]> : tensor<1x1x1x2x!lns.number<4, 0, bias = 2, unsigned>>,
    dense<[[[[0, 2]], [[0, 0]], [[0, 0]], [[0, 0]], [[0, 2]], [[0, 4]], [[-1, 4]]]]> : tensor<1x7x1x2x!lns.number<5, 0, bias = 2>>)
  gives (dense<[[15]]> : tensor<1x1x!lns.number<4, 0, bias = 15, unsigned>>,
    dense<[[[64, 0, 64, 16, 32, 174, 25]]]> : tensor<1x1x7x!lns.fixed<32, 4>>)
