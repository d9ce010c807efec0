// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s

chip.program @stereo {
  chip.segment @tables tables dense<[8, 0, 0, 0, 232, 255, 255, 255]> : tensor<8xui8>
  chip.tensor @l {address = 0, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @r {address = 16, channels = 2, width = 3, code_bits = 3, frac = 0, bias = 2, unsigned}
  chip.tensor @x {address = 32, channels = 2, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.tensor @y {address = 48, channels = 1, width = 3, code_bits = 16, frac = 11}
  chip.tensor @z {address = 64, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 2}
  chip.ldw @tables {size = 8, address = 0x20}
  chip.corr @x = @l, @r
  // CHECK: chip.corr @x = @l, @r
  chip.expect @y = @x {bins = 0x20, frac = 2}
  // CHECK-NEXT: chip.expect @y = @x {bins = 0x20, frac = 2}
  chip.expect.add @z = @x, @z {frac = 2, bins = 0x20}
  // CHECK-NEXT: chip.expect.add @z = @x, @z {bins = 0x20, frac = 2}
  chip.disp2depth @z = @y {log_numerator = 4096}
  // CHECK-NEXT: chip.disp2depth @z = @y {log_numerator = 4096}
  chip.disp2depth @z = @y {log_numerator = -4096, negative}
  // CHECK-NEXT: chip.disp2depth @z = @y {log_numerator = -4096, negative}
  chip.halt
}
