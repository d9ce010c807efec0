// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 4 the code 4 is 1, 5 is 2, 6 is 4, 7 is 8, 3 is 1/2; -5 is -2; 0 is 0.
// Weights have 8 bits and bias 8: the code 8 is 1, 9 is 2, and 137 (the sign bit and 9) is -2.
!p = !lns.number<4, 0, bias = 4>
!pu = !lns.number<4, 0, bias = 4, unsigned>

// A fully connected layer with dense weights [[1, 2], [-4, 0]] and no bias:
// [1 + 2 · 2, -4] = [5, -4]; 5 is nearer to 4 than to 8 in the logarithm.
chip.program @linear {
  chip.segment @tables tables dense<[8, 9, 138, 0]> : tensor<4xui8>
  chip.input @in {address = 0, channels = 2, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @out {address = 16, channels = 2, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.tensor @x {address = 0, channels = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 2, channels = 2, code_bits = 4, frac = 0, bias = 4}
  chip.codebook @codes {address = 0x100, entries = 4, frac = 0}
  chip.weights @w = @codes {out_channels = 2, in_channels = 2, bias = 8}
  chip.ldw @tables {size = 4, address = 0x100}
  chip.dma.in @x = @in
  chip.conv @y = @x, @w
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @linear(dense<[[4, 5]]> : tensor<1x2x!p>) gives (dense<[[6, -6]]> : tensor<1x2x!p>)

// The kernel [[1, 1], [0, -2]] over
//   1  2  4
//   0  1  1
//  -1  0  8
// a + b - 2d: 1 + 2 - 2 = 1, 2 + 4 - 2 = 4, 0 + 1 - 0 = 1, 1 + 1 - 16 = -14, and no more than -8.
// With steps of two and zeros above and on the left: -2 · 1, -2 · 4, -2 · -1 and 0 + 1 - 16 = -15; with
// zeros below and on the right: 1, 4, -1, 8. With taps two apart the corners: 1 + 4 - 16 = -11.
chip.program @plane {
  chip.segment @tables tables dense<[8, 8, 0, 137]> : tensor<4xui8>
  chip.input @in {address = 0, channels = 1, height = 3, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @plain {address = 16, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @rectified {address = 32, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4, unsigned}
  chip.output @before {address = 48, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @behind {address = 64, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @corners {address = 80, channels = 1, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 1, height = 3, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @r {address = 32, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4, unsigned}
  chip.tensor @a {address = 48, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @b {address = 64, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @c {address = 80, channels = 1, code_bits = 4, frac = 0, bias = 4}
  chip.codebook @codes {address = 0, entries = 4, frac = 0}
  chip.weights @w = @codes {out_channels = 1, in_channels = 1, kernel_h = 2, kernel_w = 2, bias = 8}
  chip.ldw @tables {size = 4, address = 0}
  chip.dma.in @x = @in
  chip.conv @y = @x, @w
  chip.conv @r = @x, @w {relu}
  chip.conv @a = @x, @w {stride_h = 2, stride_w = 2, pad_top = 1, pad_left = 1}
  chip.conv @b = @x, @w {stride_h = 2, stride_w = 2, pad_bottom = 1, pad_right = 1}
  chip.conv @c = @x, @w {dilation_h = 2, dilation_w = 2}
  chip.dma.out @plain = @y
  chip.dma.out @rectified = @r
  chip.dma.out @before = @a
  chip.dma.out @behind = @b
  chip.dma.out @corners = @c
  chip.halt
}
check.expect_run @plane(dense<[[[[4, 5, 6], [0, 4, 4], [-4, 0, 7]]]]> : tensor<1x1x3x3x!p>)
  gives (dense<[[[[4, 6], [4, -7]]]]> : tensor<1x1x2x2x!p>,
         dense<[[[[4, 6], [4, 0]]]]> : tensor<1x1x2x2x!pu>,
         dense<[[[[-5, -7], [5, -7]]]]> : tensor<1x1x2x2x!p>,
         dense<[[[[4, 6], [-4, 7]]]]> : tensor<1x1x2x2x!p>,
         dense<[[[[-7]]]]> : tensor<1x1x1x1x!p>)

// Two groups: outputs 0 and 1 see channel 0 (value 2), outputs 2 and 3 channel 1 (4). With bias 1 the
// weight codes 1, 129, 2, 1 are 1, -1, 2, 1. Initial values, 16 bits each, are in units of
// 2^-(6 + 4 + 1): 0, 0, -16384 = -8, 4096 = 2. Sums: 2, -2, 8 - 8, 4 + 2 = 6, nearest to 8.
chip.program @groups {
  chip.segment @tables tables dense<[1, 129, 2, 1]> : tensor<4xui8>
  chip.segment @biases biases dense<[0, 0, 0, 0, 0, 192, 0, 16]> : tensor<8xui8>
  chip.input @in {address = 0, channels = 2, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @out {address = 16, channels = 4, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.tensor @x {address = 0, channels = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 4, code_bits = 4, frac = 0, bias = 4}
  chip.codebook @codes {address = 0, entries = 4, frac = 0}
  chip.weights @w = @codes {out_channels = 4, in_channels = 1, bias = 1, initial = 16, initial_bits = 16}
  chip.ldw @tables {size = 4, address = 0}
  chip.ldw @biases {size = 8, address = 16}
  chip.dma.in @x = @in
  chip.conv @y = @x, @w
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @groups(dense<[[5, 6]]> : tensor<1x2x!p>) gives (dense<[[5, -5, 0, 7]]> : tensor<1x4x!p>)

// Clustered 1x2 kernels: pointers 1, 0 (one bit each: 0b01), codebook [[1, 0], [1, 1]], so the
// kernels are [1, 1] and [1, 0]. The bias table (two bits: 0, 1) makes channel 1's weights half as
// large: bias 8 and 9. Initial values (three bits: 0, -4) are in units of 2^-(6 + 4 + 9), too small
// to matter. Input [1, 2, 4], stride 1: [3, 6] and [1/2, 1].
chip.program @clustered {
  chip.segment @pointers pointers dense<[1]> : tensor<1xui8>
  chip.segment @tables tables dense<[8, 0, 8, 8]> : tensor<4xui8>
  chip.segment @biases biases dense<[4, 32]> : tensor<2xui8>
  chip.input @in {address = 0, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 2, width = 2, frac = 1, bias = 16}
  chip.tensor @x {address = 0, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 2, width = 2, frac = 1, bias = 16}
  chip.codebook @blocks {address = 16, entries = 2, block_w = 2, frac = 0}
  chip.weights @w = @blocks {pointers = 0, pointer_bits = 1, out_channels = 2, in_channels = 1, kernel_w = 2, bias = 8, bias_table = 32, bias_bits = 2, initial = 33, initial_bits = 3}
  chip.ldw @pointers {size = 1, address = 0}
  chip.ldw @tables {size = 4, address = 16}
  chip.ldw @biases {size = 2, address = 32}
  chip.dma.in @x = @in
  chip.conv @y = @x, @w
  chip.dma.out @out = @y
  chip.halt
}
// With frac = 1 and bias = 16 the code 16 is 1, 14 is 1/2, 19 is 2.83 (nearest to 3), 21 is 5.66.
check.expect_run @clustered(dense<[[[[4, 5, 6]]]]> : tensor<1x1x1x3x!p>)
  gives (dense<[[[[19, 21]], [[14, 16]]]]> : tensor<1x2x1x2x!lns.number<8, 1, bias = 16>>)
