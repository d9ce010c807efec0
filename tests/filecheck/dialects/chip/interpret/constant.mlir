// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

!p = !lns.number<4, 0, bias = 4>

// Two codes of 16 bits, little-endian, from address 2: 0x8001 is -1, 2 is 2. They lie three bytes apart.
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

// Codes of 4 bits take a byte each, channel after channel, row after row: 13 is -5.
chip.program @map {
  chip.segment @tables tables dense<[1, 2, 3, 13]> : tensor<4xui8>
  chip.output @out {address = 16, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 0, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, bias = 4}
  chip.ldw @tables {size = 4, address = 0}
  chip.constant @y {address = 0}
  chip.dma.out @out = @y
  chip.halt
}
check.expect_run @map() gives (dense<[[[[1, 2], [3, -5]]]]> : tensor<1x1x2x2x!p>)
