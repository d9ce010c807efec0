// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 4 the code 4 is 1, 5 is 2, 6 is 4, 7 is 8, 3 is 1/2; -5 is -2; 0 is 0.
!p = !lns.number<4, 0, bias = 4>

// Into every second element of a larger tensor, which is a concatenation; with another bias
// (code + 2, 7 is the largest), and with relu into a narrower unsigned format.
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
check.expect_run @concatenate(dense<[[[[4], [-5], [7]]]]> : tensor<1x1x3x1x!p>)
  gives (dense<[[[[6, 6], [-7, -7], [7, 7]]]]> : tensor<1x1x3x2x!lns.number<4, 0, bias = 6>>,
         dense<[[[[4], [0], [7]]]]> : tensor<1x1x3x1x!lns.number<3, 0, bias = 4, unsigned>>)

// To a smaller bias: code - 2. Of 2^(m - 2), code 2 would be 0, half of the smallest value, 1, and
// becomes it; code 1 is less and becomes zero.
chip.program @smaller {
  chip.input @in {address = 0, channels = 4, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @out {address = 16, channels = 4, code_bits = 4, frac = 0, bias = 2, rank = 2}
  chip.tensor @x {address = 0, channels = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 4, code_bits = 4, frac = 0, bias = 2}
  chip.dma.in @x = @in
  chip.copy @y = @x
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @smaller(dense<[[7, -3, 2, 1]]> : tensor<1x4x!p>)
  gives (dense<[[5, -1, 1, 0]]> : tensor<1x4x!lns.number<4, 0, bias = 2>>)

// From frac = 1 and bias = 16, where 16 is 1, 17 is sqrt(2), 18 is 2, to frac = 0: whole octaves, and
// sqrt(2), in the middle, goes up.
chip.program @rounded {
  chip.input @in {address = 0, channels = 4, frac = 1, bias = 16, rank = 2}
  chip.output @out {address = 16, channels = 4, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.tensor @x {address = 0, channels = 4, frac = 1, bias = 16}
  chip.tensor @y {address = 16, channels = 4, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in
  chip.copy @y = @x
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @rounded(dense<[[16, 17, -18, -15]]> : tensor<1x4x!lns.number<8, 1, bias = 16>>)
  gives (dense<[[4, 5, -5, -4]]> : tensor<1x4x!p>)

// Integers stay what they are.
chip.program @integers {
  chip.input @in {address = 0, channels = 2, code_bits = 32, frac = 0, integer, rank = 2}
  chip.output @out {address = 16, channels = 2, code_bits = 32, frac = 0, integer, rank = 2}
  chip.tensor @x {address = 0, channels = 2, code_bits = 32, frac = 0, integer}
  chip.tensor @y {address = 8, channels = 2, code_bits = 32, frac = 0, integer}
  chip.dma.in @x = @in
  chip.copy @y = @x
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @integers(dense<[[-1, 70000]]> : tensor<1x2xi32>) gives (dense<[[-1, 70000]]> : tensor<1x2xi32>)
