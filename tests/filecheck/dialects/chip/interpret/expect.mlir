// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the code 1 is 1/2, 2 is 1, 3 is 2, 4 is 4, 5 is 8; 0 is 0.
!p = !lns.number<4, 0, bias = 2>

// Bins of 2 and -6 in quarters: 8 and -24, little-endian. Equal logits: (2 - 6) / 2 = -2; one that
// is 32 larger wins: 2 and -6. 2048 · log2 of 2 and of 6 is 2048 and 5294.
chip.program @expected {
  chip.segment @tables tables dense<[8, 0, 0, 0, 232, 255, 255, 255]> : tensor<8xui8>
  chip.input @logits {address = 0, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.output @out {address = 32, channels = 1, width = 3, code_bits = 16, frac = 11}
  chip.tensor @x {address = 0, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @y {address = 32, channels = 1, width = 3, code_bits = 16, frac = 11}
  chip.ldw @tables {size = 8, address = 0x20}
  chip.dma.in @x = @logits
  chip.expect @y = @x {bins = 0x20, frac = 2}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @expected(dense<[[[[4, 7, 0]], [[4, 0, 7]]]]> : tensor<1x2x1x3x!p>)
  gives (dense<[[[[-2048, 2048, -5294]]]]> : tensor<1x1x1x3x!lns.number<16, 11, bias = 0>>)

// Logits 0 and 1/2 lie 1/2 · log2(e) = 0.7213 octaves apart, 739 in units of 2^-10. Exponentials are
// 2^16 and 2^(16 - 739/1024) = 39740.4, that is 39740; the expectation of the bins 0 and 1, 65536 in
// units of 2^-16, is 65536 / (65536 + 39740) = 0.62251, or 40797 · 2^-16. 2048 · log2 of that is -1400.47,
// and with a bias of 2048 that is 647.53.
chip.program @softmax {
  chip.segment @tables tables dense<[0, 0, 0, 0, 0, 0, 1, 0]> : tensor<8xui8>
  chip.input @logits {address = 0, channels = 2, code_bits = 4, frac = 0, bias = 2}
  chip.output @out {address = 16, channels = 1, code_bits = 16, frac = 11, bias = 2048}
  chip.tensor @x {address = 0, channels = 2, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @y {address = 16, channels = 1, code_bits = 16, frac = 11, bias = 2048}
  chip.ldw @tables {size = 8, address = 0}
  chip.dma.in @x = @logits
  chip.expect @y = @x {bins = 0, frac = 16}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @softmax(dense<[[[[0]], [[1]]]]> : tensor<1x2x1x1x!p>)
  gives (dense<[[[[648]]]]> : tensor<1x1x1x1x!lns.number<16, 11, bias = 2048>>)
