// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the code 1 is 1/2, 2 is 1, 3 is 2, 4 is 4, 5 is 8; 0 is 0.

// Two channels of one row: left 1 2 4 and -1 0 4, right 2 4 1 and 4 1 1. Plane 0 is
// (1 * 2 - 1 * 4) / 2 = -1, 2 * 4 / 2 = 4 and (4 * 1 + 4 * 1) / 2 = 4; plane 1 has
// (2 * 2 + 0) / 2 = 2 and (4 * 4 + 4 * 1) / 2 = 10, nearer to 8.
chip.program @correlate {
  chip.input @left {address = 0, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.input @right {address = 16, channels = 2, width = 3, code_bits = 3, frac = 0, bias = 2, unsigned}
  chip.output @out {address = 32, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @l {address = 0, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @r {address = 16, channels = 2, width = 3, code_bits = 3, frac = 0, bias = 2, unsigned}
  chip.tensor @y {address = 32, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.dma.in @l = @left
  chip.dma.in @r = @right
  chip.corr @y = @l, @r
  chip.dma.out @out = @y
  chip.halt
}
// CHECK: chip.corr @y = @l, @r
check.expect_run @correlate(dense<[[[[2, 3, 4]], [[-2, 0, 4]]]]> : tensor<1x2x1x3x!lns.number<4, 0, bias = 2>>, dense<[[[[3, 4, 2]], [[4, 2, 2]]]]> : tensor<1x2x1x3x!lns.number<3, 0, bias = 2, unsigned>>)
  gives (dense<[[[[-2, 4, 4]], [[0, 3, 5]]]]> : tensor<1x2x1x3x!lns.number<4, 0, bias = 2>>)

// Bins of 2 and -6 in quarters: 8 and -24, little-endian. Equal logits: (2 - 6) / 2 = -2; one that
// is 32 larger wins. The residuals are -2, 0 and 4.
chip.program @expected {
  chip.segment @tables tables dense<[8, 0, 0, 0, 232, 255, 255, 255]> : tensor<8xui8>
  chip.input @logits {address = 0, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.input @residual {address = 16, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.output @alone {address = 32, channels = 1, width = 3, code_bits = 16, frac = 11}
  chip.output @sum {address = 48, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @x {address = 0, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @r {address = 16, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @y {address = 32, channels = 1, width = 3, code_bits = 16, frac = 11}
  chip.tensor @z {address = 48, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.ldw @tables {size = 8, address = 0x20}
  chip.dma.in @x = @logits
  chip.dma.in @r = @residual
  chip.expect @y = @x {bins = 0x20, frac = 2}
  chip.expect.add @z = @x, @r {frac = 2, bins = 0x20}
  chip.dma.out @alone = @y
  chip.dma.out @sum = @z
  chip.halt
}
// CHECK: chip.expect @y = @x {bins = 0x20, frac = 2}
// CHECK: chip.expect.add @z = @x, @r {bins = 0x20, frac = 2}
// -2, 2 and -6; -4, 2 and -2.
check.expect_run @expected(dense<[[[[4, 7, 0]], [[4, 0, 7]]]]> : tensor<1x2x1x3x!lns.number<4, 0, bias = 2>>, dense<[[[[-3, 0, 4]]]]> : tensor<1x1x1x3x!lns.number<4, 0, bias = 2>>)
  gives (dense<[[[[-2048, 2048, -5294]]]]> : tensor<1x1x1x3x!lns.number<16, 11, bias = 0>>,
         dense<[[[[-4, 3, -3]]]]> : tensor<1x1x1x3x!lns.number<4, 0, bias = 2>>)

// 2 / x and -2 / x; what is divided by zero becomes the largest.
chip.program @divide {
  chip.input @in {address = 0, channels = 5, code_bits = 4, frac = 0, bias = 2, rank = 2}
  chip.output @out {address = 16, channels = 5, code_bits = 4, frac = 0, bias = 2, rank = 2}
  chip.output @minus {address = 32, channels = 5, code_bits = 4, frac = 0, bias = 2, rank = 2}
  chip.tensor @x {address = 0, channels = 5, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @y {address = 16, channels = 5, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @z {address = 32, channels = 5, code_bits = 4, frac = 0, bias = 2}
  chip.dma.in @x = @in
  chip.disp2depth @y = @x {log_numerator = 4096}
  chip.disp2depth @z = @x {log_numerator = 4096, negative}
  chip.dma.out @out = @y
  chip.dma.out @minus = @z
  chip.halt
}
// CHECK: chip.disp2depth @y = @x {log_numerator = 4096}
// CHECK: chip.disp2depth @z = @x {log_numerator = 4096, negative}
check.expect_run @divide(dense<[[2, -3, 5, 1, 0]]> : tensor<1x5x!lns.number<4, 0, bias = 2>>)
  gives (dense<[[3, -2, 1, 4, 7]]> : tensor<1x5x!lns.number<4, 0, bias = 2>>,
         dense<[[-3, 2, -1, -4, -7]]> : tensor<1x5x!lns.number<4, 0, bias = 2>>)
