// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

!p = !lns.number<4, 0, bias = 4>

// A mark changes nothing.
chip.program @mark {
  chip.input @in {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @out {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.tensor @x {address = 0, channels = 3, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in
  chip.mark {number = 7}
  chip.dma.out @out = @x
  chip.halt
}
check.expect_run @mark(dense<[[4, -5, 0]]> : tensor<1x3x!p>) gives (dense<[[4, -5, 0]]> : tensor<1x3x!p>)
