// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 4 the code 4 is 1, 5 is 2, 6 is 4, 7 is 8, 3 is 1/2; -5 is -2; 0 is 0.
// Weights have 8 bits and bias 8: the code 8 is 1, 9 is 2, and 137 (the sign bit and 9) is -2.
!p = !lns.number<4, 0, bias = 4>
!pu = !lns.number<4, 0, bias = 4, unsigned>

// A 1x2 kernel [1, -2], stride 2, of [1, 2]: sums [1, -2, 2, -4]. Without the first, and one more at
// the end that nothing reaches: it holds the initial value 1 (in units of 2^-(6 + 4 + 8) that is
// 2^18 = 262144: 20 bits), which all sums start from: [-1, 3, -3, 1].
// 3 is nearest to 4 in the logarithm.
chip.program @transposed {
  chip.segment @tables tables dense<[8, 137]> : tensor<2xui8>
  chip.segment @biases biases dense<[0, 0, 4]> : tensor<3xui8>
  chip.input @in {address = 0, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 1, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 1, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.codebook @codes {address = 0, entries = 2, frac = 0}
  chip.weights @w = @codes {out_channels = 1, in_channels = 1, kernel_w = 2, bias = 8, initial = 16, initial_bits = 20}
  chip.ldw @tables {size = 2, address = 0}
  chip.ldw @biases {size = 3, address = 16}
  chip.dma.in @x = @in
  chip.deconv @y = @x, @w {stride_w = 2, crop_left = 1}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @transposed(dense<[[[[4, 5]]]]> : tensor<1x1x1x2x!p>)
  gives (dense<[[[[-4, 6, -6, 4]]]]> : tensor<1x1x1x4x!p>)

// Two groups, a 2x1 kernel [1, 2] each, of the columns [1, 2] and [-1, 4]. With taps two rows apart and
// stride 2 the sums are [1, 0, 2 + 2, 0, 4] and [-1, 0, 4 - 2, 0, 8]; with stride 1
// [1, 2, 2, 4] and [-1, 4, -2, 8]. The first row is cropped. ReLU drops the -2.
chip.program @rows {
  chip.segment @tables tables dense<[8, 9, 8, 9]> : tensor<4xui8>
  chip.input @in {address = 0, channels = 2, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @two {address = 16, channels = 2, height = 4, code_bits = 4, frac = 0, bias = 4}
  chip.output @one {address = 32, channels = 2, height = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @rectified {address = 48, channels = 2, height = 3, code_bits = 4, frac = 0, bias = 4, unsigned}
  chip.tensor @x {address = 0, channels = 2, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 2, height = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @z {address = 32, channels = 2, height = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @r {address = 48, channels = 2, height = 3, code_bits = 4, frac = 0, bias = 4, unsigned}
  chip.codebook @codes {address = 0, entries = 4, frac = 0}
  chip.weights @w = @codes {out_channels = 2, in_channels = 1, kernel_h = 2, bias = 8}
  chip.ldw @tables {size = 4, address = 0}
  chip.dma.in @x = @in
  chip.deconv @y = @x, @w {stride_h = 2, dilation_h = 2, crop_top = 1}
  chip.deconv @z = @x, @w {dilation_h = 2, crop_top = 1}
  chip.deconv @r = @x, @w {dilation_h = 2, crop_top = 1, relu}
  chip.dma.out @two = @y
  chip.dma.out @one = @z
  chip.dma.out @rectified = @r
  chip.halt
}
check.expect_run @rows(dense<[[[[4], [5]], [[-4], [6]]]]> : tensor<1x2x2x1x!p>)
  gives (dense<[[[[0], [6], [0], [6]], [[0], [5], [0], [7]]]]> : tensor<1x2x4x1x!p>,
         dense<[[[[5], [5], [6]], [[6], [-5], [7]]]]> : tensor<1x2x3x1x!p>,
         dense<[[[[5], [5], [6]], [[6], [0], [7]]]]> : tensor<1x2x3x1x!pu>)
