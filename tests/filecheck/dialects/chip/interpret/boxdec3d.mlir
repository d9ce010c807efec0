// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the codes 1, 2, 3, 4 are worth 1/2, 1, 2, 4; 0 is zero.
!p = !lns.number<5, 0, bias = 2>
!u = !lns.number<4, 0, bias = 2, unsigned>
// Scores from 2^-14 to 1: 15 is 1, 14 is 1/2.
!score = !lns.number<4, 0, bias = 15, unsigned>
// Boxes in sixteenths.
!px = !lns.fixed<32, 4>

// The highest peak of heat, as a box in space: stride 4, cu = cv = 0, focal length 8 (0x80000),
// log2(8 · 1) = 3 (0x30000), log2(1) = 0, priors 1, 2, 4 (logarithms 0, 1, 2). The score is the sigmoid
// of 4, 0.982, nearest to 1 in octaves. Cell 1 at disparity 2: z = 8 / 2; pixel (1 + 1) · 4 = 8, so
// x = 8 · 4 / 8; length exp(1) · 4 = 10.873, 173.97 sixteenths; both angles are π/4, together 25.13
// sixteenths.
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
  chip.peaks @s, @i = @h {sigmoid}
  chip.boxdec3d @b = @i, @d, @m {parameters = 0, classes = 1}
  chip.dma.out @scores = @s
  chip.dma.out @boxes = @b
  chip.halt
}
check.expect_run @space(
    dense<[[[[0, 4]]]]> : tensor<1x1x1x2x!p>,
    dense<[[[[0, 3]]]]> : tensor<1x1x1x2x!u>,
    dense<[[[[0, 2]], [[0, 0]], [[0, 0]], [[0, 0]], [[0, 2]], [[0, 4]], [[-1, 4]]]]> : tensor<1x7x1x2x!p>)
  gives (dense<[[15]]> : tensor<1x1x!score>, dense<[[[64, 0, 64, 16, 32, 174, 25]]]> : tensor<1x1x7x!px>)
// Cell 0, at disparity 0, which counts as 2^-10: z = 8192. Its pixel is the centre, so x = 0; the angle
// of (sin, cos) = (0, -1/2) is π, 50.27 sixteenths.
check.expect_run @space(
    dense<[[[[4, 0]]]]> : tensor<1x1x1x2x!p>,
    dense<[[[[0, 3]]]]> : tensor<1x1x1x2x!u>,
    dense<[[[[0, 2]], [[0, 0]], [[0, 0]], [[0, 0]], [[0, 2]], [[0, 4]], [[-1, 4]]]]> : tensor<1x7x1x2x!p>)
  gives (dense<[[15]]> : tensor<1x1x!score>, dense<[[[0, 0, 131072, 16, 32, 64, 50]]]> : tensor<1x1x7x!px>)

// Stride 2, cu = 4, cv = 2, focal length 4, log2(4 · 2) = 3, baseline 2 (its logarithm is 1); priors
// 1, 1, 1 of class 0 and 2, 4, 8 of class 1. Index 3 of 1 x 2 is cell 1 of class 1, at disparity 4:
// z = 8 / 4 = 2. Pixel (1 - 1, 0) · 2 = (0, 0) is -4 and -2 off the centre, so x = -4 · 2 / 4 = -2 and
// y = -1. The ray is at atan(-4 / 4) = -π/4, the angle of (sin, cos) = (0, -1) is π: together 3/4 π, 37.70
// sixteenths.
chip.program @camera {
  chip.segment @tables tables dense<[0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0]> : tensor<48xui8>
  chip.input @indices {address = 0, channels = 1, code_bits = 64, integer, rank = 2}
  chip.input @disparity {address = 16, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 2, unsigned}
  chip.input @box {address = 32, channels = 7, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.output @boxes {address = 64, channels = 1, height = 7, code_bits = 32, frac = 4, integer, fixed, rank = 3}
  chip.tensor @i {address = 0, channels = 1, code_bits = 64, integer}
  chip.tensor @d {address = 16, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 2, unsigned}
  chip.tensor @m {address = 32, channels = 7, width = 2, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @b {address = 64, channels = 1, height = 7, code_bits = 32, frac = 4, integer, fixed}
  chip.ldw @tables {size = 48, address = 0x20}
  chip.dma.in @i = @indices
  chip.dma.in @d = @disparity
  chip.dma.in @m = @box
  chip.boxdec3d @b = @i, @d, @m {parameters = 0x20, classes = 2}
  chip.dma.out @boxes = @b
  chip.halt
}
check.expect_run @camera(
    dense<[[3]]> : tensor<1x1xi64>,
    dense<[[[[0, 4]]]]> : tensor<1x1x1x2x!u>,
    dense<[[[[0, -2]], [[0, 0]], [[0, 0]], [[0, 0]], [[0, 0]], [[0, 0]], [[0, -2]]]]> : tensor<1x7x1x2x!p>)
  gives (dense<[[[-32, -16, 32, 32, 64, 128, 38]]]> : tensor<1x1x7x!px>)
