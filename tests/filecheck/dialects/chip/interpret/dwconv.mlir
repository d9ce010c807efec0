// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 4 the code 4 is 1, 5 is 2, 6 is 4, 7 is 8, 3 is 1/2; -5 is -2; 0 is 0.
// Weights have 8 bits and bias 8: the code 8 is 1, 9 is 2, and 137 (the sign bit and 9) is -2.
!p = !lns.number<4, 0, bias = 4>
!pu = !lns.number<4, 0, bias = 4, unsigned>

// 2x1 kernels [1, 1] and [2, -2], a row of padding above, stride 2 downwards, ReLU.
// Channel 0 is [1, 1, 2], channel 1 is [4, 1, 2]: windows [0, 1] and [1, 2].
// Channel 0: 0 + 1 = 1, 1 + 2 = 3 -> 4. Channel 1: 0 - 8 -> 0, 2 - 4 -> 0.
chip.program @depthwise {
  chip.segment @tables tables dense<[8, 8, 9, 137]> : tensor<4xui8>
  chip.input @in {address = 0, channels = 2, height = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 2, height = 2, code_bits = 4, frac = 0, bias = 4, unsigned}
  chip.tensor @x {address = 0, channels = 2, height = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 2, height = 2, code_bits = 4, frac = 0, bias = 4, unsigned}
  chip.codebook @codes {address = 0, entries = 4, frac = 0}
  chip.weights @w = @codes {out_channels = 2, in_channels = 1, kernel_h = 2, bias = 8}
  chip.ldw @tables {size = 4, address = 0}
  chip.dma.in @x = @in
  chip.dwconv @y = @x, @w {stride_h = 2, pad_top = 1, relu}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @depthwise(dense<[[[[4], [4], [5]], [[6], [4], [5]]]]> : tensor<1x2x3x1x!p>)
  gives (dense<[[[[4], [6]], [[0], [0]]]]> : tensor<1x2x2x1x!pu>)

// 1x2 kernels [1, 1] and [2, -2] with taps two apart, a column of padding on either side: columns
// (pad, 1), (0, 2), (1, pad). Channel 0, [1, 2, 4]: 2, 1 + 4 = 5 -> 4, 2.
// Channel 1, [1, 1, -2]: -2 · 1, 2 · 1 + 2 · 2 = 6 -> 8, 2 · 1.
chip.program @dilated {
  chip.segment @tables tables dense<[8, 8, 9, 137]> : tensor<4xui8>
  chip.input @in {address = 0, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.codebook @codes {address = 0, entries = 4, frac = 0}
  chip.weights @w = @codes {out_channels = 2, in_channels = 1, kernel_w = 2, bias = 8}
  chip.ldw @tables {size = 4, address = 0}
  chip.dma.in @x = @in
  chip.dwconv @y = @x, @w {dilation_w = 2, pad_left = 1, pad_right = 1}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @dilated(dense<[[[[4, 5, 6]], [[4, 4, -5]]]]> : tensor<1x2x1x3x!p>)
  gives (dense<[[[[5, 6, 5]], [[-5, 7, 5]]]]> : tensor<1x2x1x3x!p>)
