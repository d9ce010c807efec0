// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the code 1 is 1/2, 2 is 1, 3 is 2, 4 is 4, 5 is 8; 0 is 0.
!p = !lns.number<4, 0, bias = 2>

// Bins of 2 and -6 in quarters: 8 and -24, little-endian. Equal logits: (2 - 6) / 2 = -2; one that
// is 32 larger wins: 2 and -6. The residuals are -2, 0 and 4, the sums -4, 2 and -2.
chip.program @sum {
  chip.segment @tables tables dense<[8, 0, 0, 0, 232, 255, 255, 255]> : tensor<8xui8>
  chip.input @logits {address = 0, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.input @residual {address = 16, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.output @out {address = 48, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @x {address = 0, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @r {address = 16, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @y {address = 48, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.ldw @tables {size = 8, address = 0x20}
  chip.dma.in @x = @logits
  chip.dma.in @r = @residual
  chip.expect.add @y = @x, @r {frac = 2, bins = 0x20}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @sum(dense<[[[[4, 7, 0]], [[4, 0, 7]]]]> : tensor<1x2x1x3x!p>, dense<[[[[-3, 0, 4]]]]> : tensor<1x1x1x3x!p>)
  gives (dense<[[[[-4, 3, -3]]]]> : tensor<1x1x1x3x!p>)

// The residual 1/2 counts in units of 2^-frac too. In halves the bins 4 and 4 are 2 and the sum is
// 5/2: 2048 · log2 of that is 2707.4. In whole numbers the bins are 4 and 1/2 becomes 0, the even
// neighbour: 4, 2048 · 2.
chip.program @fractions {
  chip.segment @tables tables dense<[4, 0, 0, 0, 4, 0, 0, 0]> : tensor<8xui8>
  chip.input @logits {address = 0, channels = 2, code_bits = 4, frac = 0, bias = 2}
  chip.input @residual {address = 16, channels = 1, code_bits = 4, frac = 0, bias = 2}
  chip.output @halves {address = 32, channels = 1, code_bits = 16, frac = 11}
  chip.output @wholes {address = 48, channels = 1, code_bits = 16, frac = 11}
  chip.tensor @x {address = 0, channels = 2, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @r {address = 16, channels = 1, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @y {address = 32, channels = 1, code_bits = 16, frac = 11}
  chip.tensor @z {address = 48, channels = 1, code_bits = 16, frac = 11}
  chip.ldw @tables {size = 8, address = 0}
  chip.dma.in @x = @logits
  chip.dma.in @r = @residual
  chip.expect.add @y = @x, @r {bins = 0, frac = 1}
  chip.expect.add @z = @x, @r {bins = 0, frac = 0}
  chip.dma.out @halves = @y
  chip.dma.out @wholes = @z
  chip.halt
}
check.expect_run @fractions(dense<[[[[2]], [[3]]]]> : tensor<1x2x1x1x!p>, dense<[[[[1]]]]> : tensor<1x1x1x1x!p>)
  gives (dense<[[[[2707]]]]> : tensor<1x1x1x1x!lns.number<16, 11, bias = 0>>,
         dense<[[[[4096]]]]> : tensor<1x1x1x1x!lns.number<16, 11, bias = 0>>)
