// RUN: recog-opt %s -p run-checks | filecheck %s
// RUN: recog-opt %s -p 'run-checks{engine=reference}' | filecheck %s
// CHECK: chip.program @transfer

// Each program is assembled, loaded from the file, and run. With frac = 0 and bias = 4 the code
// 4 is 1, 5 is 2, 6 is 4, 3 is 1/2; -5 is -2; 0 is 0. Weights have 8 bits and bias 8: the code
// 8 is 1, 9 is 2, and 137 (the sign bit and 9) is -2.

// dma.in, dma.out, mark, halt; a semaphore that is signalled before it is waited for.
chip.program @transfer {
  chip.input @in {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @out {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.tensor @x {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in {signal = 1}
  chip.mark {number = 7}
  chip.dma.out @out = @x {wait = 1}
  chip.halt
}
check.expect_run @transfer(dense<[[4, -5, 0]]> : tensor<1x3x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[4, -5, 0]]> : tensor<1x3x!lns.number<4, 0, bias = 4>>)
// Two frames in one call.
check.expect_run @transfer(dense<[[4, -5, 0], [-3, -2, -1]]> : tensor<2x3x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[4, -5, 0], [-3, -2, -1]]> : tensor<2x3x!lns.number<4, 0, bias = 4>>)

// ldw with an offset; conv as a fully connected layer with dense weights [[1, 2], [-4, 0]] and
// no bias: [1 + 2 * 2, -4] = [5, -4]; 5 is nearer to 4 than to 8 in the logarithm.
chip.program @linear {
  chip.segment @tables tables dense<[99, 8, 9, 138, 0]> : tensor<5xui8>
  chip.input @in {address = 0, channels = 2, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @out {address = 16, channels = 2, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.tensor @x {address = 0, channels = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 2, channels = 2, code_bits = 4, frac = 0, bias = 4}
  chip.codebook @codes {address = 0x100, entries = 4, frac = 0}
  chip.weights @w = @codes {out_channels = 2, in_channels = 2, bias = 8}
  chip.ldw @tables {offset = 1, size = 4, address = 0x100}
  chip.dma.in @x = @in
  chip.conv @y = @x, @w
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @linear(dense<[[4, 5]]> : tensor<1x2x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[6, -6]]> : tensor<1x2x!lns.number<4, 0, bias = 4>>)

// conv with clustered 1x2 kernels: pointers 1, 0 (one bit each: 0b01), codebook [[1, 0], [1, 1]],
// so the kernels are [1, 1] and [1, 0]. The bias table (two bits: 0, 1) makes channel 1's weights
// half as large: bias 8 and 9. Initial values (three bits: 0, -4) are in units of 2^-(6 + 4 + 9),
// too small to matter. Input [1, 2, 4], stride 1: [3, 6] and [1/2, 1].
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
check.expect_run @clustered(dense<[[[[4, 5, 6]]]]> : tensor<1x1x1x3x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[[[19, 21]], [[14, 16]]]]> : tensor<1x2x1x2x!lns.number<8, 1, bias = 16>>)

// dwconv, 2x1 kernels [1, 1] and [2, -2], a row of padding above, stride 2 downwards, ReLU.
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
check.expect_run @depthwise(dense<[[[[4], [4], [5]], [[6], [4], [5]]]]> : tensor<1x2x3x1x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[[[4], [6]], [[0], [0]]]]> : tensor<1x2x2x1x!lns.number<4, 0, bias = 4, unsigned>>)

// pool, largest of 1x2 windows with a column of padding on either side: [-4], [-2, 1], [0].
// Padding never wins.
chip.program @max {
  chip.input @in {address = 0, channels = 1, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 1, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in
  chip.pool @y = @x {mode = max, kernel_h = 1, kernel_w = 2, stride_w = 2, pad_left = 1, pad_right = 1}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @max(dense<[[[[-6, -5, 4, 0]]]]> : tensor<1x1x1x4x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[[[-6, 4, 0]]]]> : tensor<1x1x1x3x!lns.number<4, 0, bias = 4>>)

// pool, means of 1x2 windows, with a column of padding on the left: [1], [4, 4].
// @counted counts the padding: 1/2. @inside does not: 1.
chip.program @mean {
  chip.input @in {address = 0, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @counted {address = 16, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @inside {address = 32, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @z {address = 32, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in
  chip.pool @y = @x {mode = avg, kernel_h = 1, kernel_w = 2, stride_w = 2, pad_left = 1, count_padding}
  chip.pool @z = @x {mode = avg, kernel_h = 1, kernel_w = 2, stride_w = 2, pad_left = 1}
  chip.dma.out @counted = @y
  chip.dma.out @inside = @z
  chip.halt
}
check.expect_run @mean(dense<[[[[4, 6, 6]]]]> : tensor<1x1x1x3x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[[[3, 6]]]]> : tensor<1x1x1x2x!lns.number<4, 0, bias = 4>>,
         dense<[[[[4, 6]]]]> : tensor<1x1x1x2x!lns.number<4, 0, bias = 4>>)

// elt: [1, 4, -4] + [1, -4, 2] = [2, 0, -2], and with relu [2, 0, 0].
chip.program @sum {
  chip.input @a {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.input @b {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @plain {address = 32, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @rectified {address = 48, channels = 3, code_bits = 4, frac = 0, bias = 4, unsigned, rank = 2}
  chip.tensor @x {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @z {address = 32, channels = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @r {address = 48, channels = 3, code_bits = 4, frac = 0, bias = 4, unsigned}
  chip.dma.in @x = @a
  chip.dma.in @y = @b
  chip.elt @z = @x, @y {mode = add}
  chip.elt @r = @x, @y {mode = add, relu}
  chip.dma.out @plain = @z
  chip.dma.out @rectified = @r
  chip.halt
}
check.expect_run @sum(dense<[[4, 6, -6]]> : tensor<1x3x!lns.number<4, 0, bias = 4>>,
                      dense<[[4, -6, 5]]> : tensor<1x3x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[5, 0, -5]]> : tensor<1x3x!lns.number<4, 0, bias = 4>>,
         dense<[[5, 0, 0]]> : tensor<1x3x!lns.number<4, 0, bias = 4, unsigned>>)

// elt: [[1, 2], [4, 0]] - [[1], [-4]] = [[0, 1], [8, 4]], and times it [[1, 2], [-16, 0]]: one
// value a channel, as in squeeze-excite. 16 is the largest value that 4 bits hold here with bias 3.
chip.program @broadcast {
  chip.input @a {address = 0, channels = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.input @b {address = 16, channels = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @difference {address = 32, channels = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @product {address = 48, channels = 2, width = 2, code_bits = 4, frac = 0, bias = 3}
  chip.output @positive {address = 64, channels = 2, width = 2, code_bits = 4, frac = 0, bias = 3}
  chip.tensor @x {address = 0, channels = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @d {address = 32, channels = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @p {address = 48, channels = 2, width = 2, code_bits = 4, frac = 0, bias = 3}
  chip.tensor @q {address = 64, channels = 2, width = 2, code_bits = 4, frac = 0, bias = 3}
  chip.dma.in @x = @a
  chip.dma.in @y = @b
  chip.elt @d = @x, @y {mode = sub}
  chip.elt @p = @y, @x {mode = mul}
  chip.elt @q = @x, @y {mode = mul, relu}
  chip.dma.out @difference = @d
  chip.dma.out @product = @p
  chip.dma.out @positive = @q
  chip.halt
}
check.expect_run @broadcast(dense<[[[[4, 5]], [[6, 0]]]]> : tensor<1x2x1x2x!lns.number<4, 0, bias = 4>>,
                            dense<[[[[4]], [[-6]]]]> : tensor<1x2x1x1x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[[[0, 4]], [[7, 6]]]]> : tensor<1x2x1x2x!lns.number<4, 0, bias = 4>>,
         dense<[[[[3, 4]], [[-7, 0]]]]> : tensor<1x2x1x2x!lns.number<4, 0, bias = 3>>,
         dense<[[[[3, 4]], [[0, 0]]]]> : tensor<1x2x1x2x!lns.number<4, 0, bias = 3>>)

// pool, largest of 1x2 windows whose taps are two columns apart: [-4, 1], [-2, 0].
chip.program @dilated {
  chip.input @in {address = 0, channels = 1, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 1, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in
  chip.pool @y = @x {mode = max, kernel_h = 1, kernel_w = 2, dilation_w = 2}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @dilated(dense<[[[[-6, -5, 4, 0]]]]> : tensor<1x1x1x4x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[[[4, 0]]]]> : tensor<1x1x1x2x!lns.number<4, 0, bias = 4>>)

// deconv, a 1x2 kernel [1, -2], stride 2, of [1, 2]: sums [1, -2, 2, -4]. Without the first, and
// one more at the end that nothing reaches: it holds the initial value 1 (4096 in units of
// 2^-(6 + 4 + 8), that is 2^18 = 262144: 20 bits), which all sums start from: [-1, 3, -3, 1].
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
check.expect_run @transposed(dense<[[[[4, 5]]]]> : tensor<1x1x1x2x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[[[-4, 6, -6, 4]]]]> : tensor<1x1x1x4x!lns.number<4, 0, bias = 4>>)

// resize, [1, 4] to four columns. Nearest: [1, 1, 4, 4]. Bilinear lies at -1/4, 1/4, 3/4 and 5/4:
// [1, 1 3/4, 3 1/4, 4], or with the corners aligned at 0, 1/3, 2/3, 1: [1, 2, 3, 4]. 1 3/4 and
// 2 give 2; 3 and 3 1/4 give 4.
chip.program @resized {
  chip.input @in {address = 0, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @nearest {address = 16, channels = 1, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.output @bilinear {address = 32, channels = 1, width = 4, code_bits = 8, frac = 1, bias = 16}
  chip.output @aligned {address = 48, channels = 1, width = 4, code_bits = 8, frac = 1, bias = 16}
  chip.tensor @x {address = 0, channels = 1, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @n {address = 16, channels = 1, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @b {address = 32, channels = 1, width = 4, code_bits = 8, frac = 1, bias = 16}
  chip.tensor @c {address = 48, channels = 1, width = 4, code_bits = 8, frac = 1, bias = 16}
  chip.dma.in @x = @in
  chip.resize @n = @x {mode = nearest}
  chip.resize @b = @x {mode = bilinear, steps_w = 4}
  chip.resize @c = @x {mode = bilinear, align_corners, steps_w = 3}
  chip.dma.out @nearest = @n
  chip.dma.out @bilinear = @b
  chip.dma.out @aligned = @c
  chip.halt
}
// With frac = 1 and bias = 16 the code 16 is 1, 18 is 2, 19 is 2.83 (up to 3.36), 20 is 4.
check.expect_run @resized(dense<[[[[4, 6]]]]> : tensor<1x1x1x2x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[[[4, 4, 6, 6]]]]> : tensor<1x1x1x4x!lns.number<4, 0, bias = 4>>,
         dense<[[[[16, 18, 19, 20]]]]> : tensor<1x1x1x4x!lns.number<8, 1, bias = 16>>,
         dense<[[[[16, 18, 19, 20]]]]> : tensor<1x1x1x4x!lns.number<8, 1, bias = 16>>)

// zero a border of one column; read what it surrounds with rows and columns exchanged.
chip.program @bordered {
  chip.input @in {address = 0, channels = 1, height = 2, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @padded {address = 16, channels = 1, height = 2, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.output @turned {address = 32, channels = 1, height = 3, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @inside {address = 17, channels = 1, height = 2, width = 3, row_stride = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @border {address = 16, channels = 1, height = 2, row_stride = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @first {address = 17, channels = 1, height = 2, row_stride = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @whole {address = 16, channels = 1, height = 2, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @columns {address = 17, channels = 1, height = 3, width = 2, row_stride = 1, column_stride = 4, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @inside = @in
  chip.copy @border = @first
  chip.zero @border
  chip.dma.out @padded = @whole
  chip.dma.out @turned = @columns
  chip.halt
}
check.expect_run @bordered(dense<[[[[1, 2, 3], [4, 5, 6]]]]> : tensor<1x1x2x3x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[[[0, 1, 2, 3], [0, 4, 5, 6]]]]> : tensor<1x1x2x4x!lns.number<4, 0, bias = 4>>,
         dense<[[[[1, 4], [2, 5], [3, 6]]]]> : tensor<1x1x3x2x!lns.number<4, 0, bias = 4>>)

// table: codes 0, 1, 2, 3 of 2 unsigned bits become -1, 2, 0, 3 of 16 bits (little-endian).
chip.program @lookup {
  chip.segment @tables tables dense<[1, 128, 2, 0, 0, 0, 3, 0]> : tensor<8xui8>
  chip.input @in {address = 0, channels = 4, code_bits = 2, frac = 0, unsigned, rank = 2}
  chip.output @out {address = 16, channels = 4, code_bits = 16, rank = 2}
  chip.tensor @x {address = 0, channels = 4, code_bits = 2, frac = 0, unsigned}
  chip.tensor @y {address = 16, channels = 4, code_bits = 16}
  chip.ldw @tables {size = 8, address = 0x20}
  chip.dma.in @x = @in
  chip.table @y = @x {address = 0x20}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @lookup(dense<[[3, 1, 0, 2]]> : tensor<1x4x!lns.number<2, 0, bias = 0, unsigned>>)
  gives (dense<[[3, 2, -1, 0]]> : tensor<1x4x!lns.number<16, 4, bias = 0>>)

// constant: three codes of 16 bits, two of them in each frame's tensor.
chip.program @constant {
  chip.segment @tables tables dense<[9, 9, 1, 128, 2, 0]> : tensor<6xui8>
  chip.output @out {address = 16, channels = 2, code_bits = 16, rank = 2}
  chip.tensor @y {address = 1, channels = 2, code_bits = 16, channel_stride = 3}
  chip.ldw @tables {size = 6, address = 0}
  chip.constant @y {address = 2}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @constant() gives (dense<[[-1, 2]]> : tensor<1x2x!lns.number<16, 4, bias = 0>>)

// copy into every second element of a larger tensor, which is a concatenation; with another bias
// (code + 2, from half of the least value up 1), and with relu into a narrower unsigned format.
chip.program @concatenate {
  chip.input @in {address = 0, channels = 1, height = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 1, height = 3, width = 2, code_bits = 4, frac = 0, bias = 6}
  chip.output @positive {address = 32, channels = 1, height = 3, code_bits = 3, frac = 0, bias = 4, unsigned}
  chip.tensor @x {address = 0, channels = 1, height = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @left {address = 16, channels = 1, height = 3, code_bits = 4, frac = 0, bias = 6, row_stride = 2}
  chip.tensor @right {address = 17, channels = 1, height = 3, code_bits = 4, frac = 0, bias = 6, row_stride = 2}
  chip.tensor @both {address = 16, channels = 1, height = 3, width = 2, code_bits = 4, frac = 0, bias = 6}
  chip.tensor @r {address = 32, channels = 1, height = 3, code_bits = 3, frac = 0, bias = 4, unsigned}
  chip.dma.in @x = @in
  chip.copy @right = @x
  chip.copy @left = @right
  chip.copy @r = @x {relu}
  chip.dma.out @out = @both
  chip.dma.out @positive = @r
  chip.halt
}
check.expect_run @concatenate(dense<[[[[4], [-5], [7]]]]> : tensor<1x1x3x1x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[[[6, 6], [-7, -7], [7, 7]]]]> : tensor<1x1x3x2x!lns.number<4, 0, bias = 6>>,
         dense<[[[[4], [0], [7]]]]> : tensor<1x1x3x1x!lns.number<3, 0, bias = 4, unsigned>>)

// argmax over three channels of two positions: [1, -2, 2] and [4, 4, 0]; the first of equals.
chip.program @largest {
  chip.input @in {address = 0, channels = 3, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 1, width = 2, code_bits = 32, frac = 0, integer}
  chip.tensor @x {address = 0, channels = 3, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @i {address = 16, channels = 1, width = 2, code_bits = 32, frac = 0, integer}
  chip.dma.in @x = @in
  chip.argmax @i = @x
  chip.dma.out @out = @i
  chip.halt
}
check.expect_run @largest(dense<[[[[4, 6]], [[-5, 6]], [[5, 0]]]]> : tensor<1x3x1x2x!lns.number<4, 0, bias = 4>>)
  gives (dense<[[[[2, 0]]]]> : tensor<1x1x1x2xi32>)
