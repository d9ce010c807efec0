// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 4 the code 4 is 1, 5 is 2, 6 is 4, 7 is 8, 3 is 1/2; -5 is -2; 0 is 0.
!p = !lns.number<4, 0, bias = 4>
// With frac = 1 and bias = 16 the code 16 is 1, 18 is 2, 19 is 2.83 (up to 3.36), 20 is 4.
!h = !lns.number<8, 1, bias = 16>

// [1, 4] to four columns. Nearest: [1, 1, 4, 4]. Bilinear lies at -1/4, 1/4, 3/4 and 5/4:
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
check.expect_run @resized(dense<[[[[4, 6]]]]> : tensor<1x1x1x2x!p>)
  gives (dense<[[[[4, 4, 6, 6]]]]> : tensor<1x1x1x4x!p>,
         dense<[[[[16, 18, 19, 20]]]]> : tensor<1x1x1x4x!h>,
         dense<[[[[16, 18, 19, 20]]]]> : tensor<1x1x1x4x!h>)

// The column [1, -1, 4, 8] to two rows. Nearest: rows 0 and 2. Bilinear lies at 1/2 and 5/2:
// (1 - 1) / 2 and (4 + 8) / 2 = 6, nearer to 8; in whole rows, halves up, at 1 and 3.
chip.program @rows {
  chip.input @in {address = 0, channels = 1, height = 4, code_bits = 4, frac = 0, bias = 4}
  chip.output @nearest {address = 16, channels = 1, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @bilinear {address = 32, channels = 1, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @whole {address = 48, channels = 1, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 1, height = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @n {address = 16, channels = 1, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @b {address = 32, channels = 1, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @c {address = 48, channels = 1, height = 2, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in
  chip.resize @n = @x {mode = nearest}
  chip.resize @b = @x {mode = bilinear, steps_h = 2}
  chip.resize @c = @x {mode = bilinear}
  chip.dma.out @nearest = @n
  chip.dma.out @bilinear = @b
  chip.dma.out @whole = @c
  chip.halt
}
check.expect_run @rows(dense<[[[[4], [-4], [6], [7]]]]> : tensor<1x1x4x1x!p>)
  gives (dense<[[[[4], [6]]]]> : tensor<1x1x2x1x!p>, dense<[[[[0], [7]]]]> : tensor<1x1x2x1x!p>,
         dense<[[[[-4], [7]]]]> : tensor<1x1x2x1x!p>)
