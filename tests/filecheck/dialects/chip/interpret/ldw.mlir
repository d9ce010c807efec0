// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 4 the code 4 is 1, 5 is 2, 6 is 4; 13 (the sign bit and 5) is -2.
!p = !lns.number<4, 0, bias = 4>

// Bytes 1, 2 and 4 of a segment, at addresses 17, 18 and 16: 4, 5 and 13. Between loads memory can
// be read: @first is made of the first load alone.
chip.program @load {
  chip.segment @tables tables dense<[99, 5, 13, 99, 4]> : tensor<5xui8>
  chip.output @first {address = 0, channels = 2, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.output @all {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 4, rank = 2}
  chip.tensor @x {address = 0, channels = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 3, code_bits = 4, frac = 0, bias = 4}
  chip.ldw @tables {offset = 1, size = 2, address = 17}
  chip.constant @x {address = 17}
  chip.ldw @tables {offset = 4, size = 1, address = 16}
  chip.constant @y {address = 16}
  chip.dma.out @first = @x
  chip.dma.out @all = @y
  chip.halt
}
check.expect_run @load() gives (dense<[[5, -5]]> : tensor<1x2x!p>, dense<[[4, 5, -5]]> : tensor<1x3x!p>)
