// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 4 the code 4 is 1, 5 is 2, 6 is 4, 7 is 8, 3 is 1/2; -5 is -2; 0 is 0.
!p = !lns.number<4, 0, bias = 4>
!pu = !lns.number<4, 0, bias = 4, unsigned>

// [1, 4, -4] + [1, -4, 2] = [2, 0, -2], and with relu [2, 0, 0]; the difference is [0, 8, -6], of which
// relu leaves [0, 8, 0].
chip.program @sum {
  chip.input @a {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.input @b {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @plain {address = 32, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @rectified {address = 48, channels = 3, code_bits = 4, frac = 0, bias = 4, unsigned, rank = 2}
  chip.output @difference {address = 64, channels = 3, code_bits = 4, frac = 0, bias = 4, unsigned, rank = 2}
  chip.tensor @x {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @z {address = 32, channels = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @r {address = 48, channels = 3, code_bits = 4, frac = 0, bias = 4, unsigned}
  chip.tensor @d {address = 64, channels = 3, code_bits = 4, frac = 0, bias = 4, unsigned}
  chip.dma.in @x = @a
  chip.dma.in @y = @b
  chip.elt @z = @x, @y {mode = add}
  chip.elt @r = @x, @y {mode = add, relu}
  chip.elt @d = @x, @y {mode = sub, relu}
  chip.dma.out @plain = @z
  chip.dma.out @rectified = @r
  chip.dma.out @difference = @d
  chip.halt
}
check.expect_run @sum(dense<[[4, 6, -6]]> : tensor<1x3x!p>, dense<[[4, -6, 5]]> : tensor<1x3x!p>)
  gives (dense<[[5, 0, -5]]> : tensor<1x3x!p>, dense<[[5, 0, 0]]> : tensor<1x3x!pu>,
         dense<[[0, 7, 0]]> : tensor<1x3x!pu>)

// [[1, 2], [4, 0]] - [[1], [-4]] = [[0, 1], [8, 4]], and times it [[1, 2], [-16, 0]]: one value a
// channel, as in squeeze-excite. 16 is the largest value that 4 bits hold here with bias 3.
!q = !lns.number<4, 0, bias = 3>
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
check.expect_run @broadcast(dense<[[[[4, 5]], [[6, 0]]]]> : tensor<1x2x1x2x!p>, dense<[[[[4]], [[-6]]]]> : tensor<1x2x1x1x!p>)
  gives (dense<[[[[0, 4]], [[7, 6]]]]> : tensor<1x2x1x2x!p>,
         dense<[[[[3, 4]], [[-7, 0]]]]> : tensor<1x2x1x2x!q>,
         dense<[[[[3, 4]], [[0, 0]]]]> : tensor<1x2x1x2x!q>)
