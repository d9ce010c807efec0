// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 4 the code 4 is 1, 5 is 2, 6 is 4, 7 is 8, 3 is 1/2; -5 is -2; 0 is 0.
!p = !lns.number<4, 0, bias = 4>

// Three channels of two positions: [1, -2, 2] and [4, 4, 0]; the first of equals.
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
check.expect_run @largest(dense<[[[[4, 6]], [[-5, 6]], [[5, 0]]]]> : tensor<1x3x1x2x!p>)
  gives (dense<[[[[2, 0]]]]> : tensor<1x1x1x2xi32>)
// Zero is above every negative value, and of those the smallest magnitude is the largest value.
check.expect_run @largest(dense<[[[[-4, -6]], [[0, -3]], [[-1, -4]]]]> : tensor<1x3x1x2x!p>)
  gives (dense<[[[[1, 1]]]]> : tensor<1x1x1x2xi32>)

// The index in 8 bits.
chip.program @byte {
  chip.input @in {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @out {address = 16, channels = 1, code_bits = 8, frac = 0, integer, rank = 2}
  chip.tensor @x {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @i {address = 16, channels = 1, code_bits = 8, frac = 0, integer}
  chip.dma.in @x = @in
  chip.argmax @i = @x
  chip.dma.out @out = @i
  chip.halt
}
check.expect_run @byte(dense<[[4, 5, 6]]> : tensor<1x3x!p>) gives (dense<[[2]]> : tensor<1x1xi8>)

// In 8 bits without sign, which the host takes as 64 of the same values.
chip.program @widened {
  chip.input @in {address = 0, channels = 3, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 1, width = 2, frac = 0, unsigned, integer, host_bits = 64}
  chip.tensor @x {address = 0, channels = 3, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @i {address = 16, channels = 1, width = 2, frac = 0, unsigned, integer}
  chip.dma.in @x = @in
  chip.argmax @i = @x
  chip.dma.out @out = @i
  chip.halt
}
check.expect_run @widened(dense<[[[[4, 6]], [[-5, 6]], [[5, 0]]]]> : tensor<1x3x1x2x!p>)
  gives (dense<[[[[2, 0]]]]> : tensor<1x1x1x2xi64>)
