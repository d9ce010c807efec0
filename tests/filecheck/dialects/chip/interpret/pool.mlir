// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 4 the code 4 is 1, 5 is 2, 6 is 4, 7 is 8, 3 is 1/2; -5 is -2; 0 is 0.
!p = !lns.number<4, 0, bias = 4>

// Largest of 1x2 windows with a column of padding on either side: [-4], [-2, 1], [0].
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
check.expect_run @max(dense<[[[[-6, -5, 4, 0]]]]> : tensor<1x1x1x4x!p>)
  gives (dense<[[[[-6, 4, 0]]]]> : tensor<1x1x1x3x!p>)

// Means of 1x2 windows, with a column of padding on the left: [1], [4, 4].
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
check.expect_run @mean(dense<[[[[4, 6, 6]]]]> : tensor<1x1x1x3x!p>)
  gives (dense<[[[[3, 6]]]]> : tensor<1x1x1x2x!p>,
         dense<[[[[4, 6]]]]> : tensor<1x1x1x2x!p>)

// Largest of 1x2 windows whose taps are two columns apart: [-4, 1], [-2, 0].
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
check.expect_run @dilated(dense<[[[[-6, -5, 4, 0]]]]> : tensor<1x1x1x4x!p>)
  gives (dense<[[[[4, 0]]]]> : tensor<1x1x1x2x!p>)

// Downwards, on the column [-4, -2, 1]: windows of two rows with padding above, [-4], [-2, 1], and below,
// [-4, -2], [1]; taps two rows apart, [-4, 1]. Means of the first: -4 and (-2 + 1) / 2.
chip.program @rows {
  chip.input @in {address = 0, channels = 1, height = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @above {address = 16, channels = 1, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @below {address = 32, channels = 1, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @apart {address = 48, channels = 1, code_bits = 4, frac = 0, bias = 4}
  chip.output @means {address = 64, channels = 1, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 1, height = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @a {address = 16, channels = 1, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @b {address = 32, channels = 1, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @c {address = 48, channels = 1, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @d {address = 64, channels = 1, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in
  chip.pool @a = @x {mode = max, kernel_h = 2, kernel_w = 1, stride_h = 2, pad_top = 1}
  chip.pool @b = @x {mode = max, kernel_h = 2, kernel_w = 1, stride_h = 2, pad_bottom = 1}
  chip.pool @c = @x {mode = max, kernel_h = 2, kernel_w = 1, dilation_h = 2}
  chip.pool @d = @x {mode = avg, kernel_h = 2, kernel_w = 1, stride_h = 2, pad_top = 1}
  chip.dma.out @above = @a
  chip.dma.out @below = @b
  chip.dma.out @apart = @c
  chip.dma.out @means = @d
  chip.halt
}
check.expect_run @rows(dense<[[[[-6], [-5], [4]]]]> : tensor<1x1x3x1x!p>)
  gives (dense<[[[[-6], [4]]]]> : tensor<1x1x2x1x!p>, dense<[[[[-5], [4]]]]> : tensor<1x1x2x1x!p>,
         dense<[[[[4]]]]> : tensor<1x1x1x1x!p>, dense<[[[[-6], [-3]]]]> : tensor<1x1x2x1x!p>)

// The mean of [1, 4, 4], [2, -2, 4]: 13 / 6, nearest to 2 on the logarithm (code 5), at once and in steps, of
// sums along the rows, 9 and 4. Of a count of 3 it is 13 / 3, nearest to 4 (code 6).
chip.program @steps {
  chip.input @in {address = 0, channels = 1, height = 2, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.output @once {address = 16, channels = 1, code_bits = 4, frac = 0, bias = 4}
  chip.output @twice {address = 32, channels = 1, code_bits = 4, frac = 0, bias = 4}
  chip.output @thirds {address = 48, channels = 1, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 1, height = 2, width = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @rows {address = 16, channels = 1, height = 2, code_bits = 4, frac = 0, bias = 4, integer, sums = 3}
  chip.tensor @all {address = 32, channels = 1, code_bits = 4, frac = 0, bias = 4, integer, sums = 6, wide}
  chip.tensor @a {address = 48, channels = 1, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @b {address = 49, channels = 1, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @c {address = 50, channels = 1, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in
  chip.pool @a = @x {mode = avg, kernel_h = 2, kernel_w = 3}
  chip.pool @rows = @x {mode = sum, kernel_h = 1, kernel_w = 3}
  chip.pool @b = @rows {mode = avg, kernel_h = 2, kernel_w = 1, count = 6}
  chip.pool @all = @rows {mode = sum, kernel_h = 2, kernel_w = 1}
  chip.pool @c = @all {mode = avg, kernel_h = 1, kernel_w = 1, count = 3}
  chip.dma.out @once = @a
  chip.dma.out @twice = @b
  chip.dma.out @thirds = @c
  chip.halt
}
check.expect_run @steps(dense<[[[[4, 6, 6], [5, -5, 6]]]]> : tensor<1x1x2x3x!p>)
  gives (dense<[[[[5]]]]> : tensor<1x1x1x1x!p>,
         dense<[[[[5]]]]> : tensor<1x1x1x1x!p>,
         dense<[[[[6]]]]> : tensor<1x1x1x1x!p>)
