// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s

chip.program @boxes {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0]> : tensor<36xui8>
  chip.output @out {address = 64, channels = 3, height = 4, code_bits = 32, frac = 4, integer, fixed, rank = 3}
  // CHECK: chip.output @out {address = 0x40, channels = 3, height = 4, code_bits = 32, integer, rank = 3, fixed}
  chip.tensor @h {address = 0, channels = 2, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @d {address = 16, channels = 1, width = 3, code_bits = 4, frac = 0, bias = 2, unsigned}
  chip.tensor @m {address = 32, channels = 7, width = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @s {address = 64, channels = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @i {address = 72, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 4, code_bits = 32, frac = 4, integer, fixed}
  chip.tensor @c {address = 144, channels = 3, height = 7, code_bits = 32, frac = 4, integer, fixed}
  chip.tensor @pc {address = 256, channels = 3, code_bits = 5, frac = 0, bias = 2}
  chip.tensor @pf {address = 272, channels = 3, code_bits = 64, integer}
  chip.ldw @tables {size = 36, address = 0x100}
  chip.peaks @s, @i = @h
  // CHECK: {{^ *}}chip.peaks @s, @i = @h{{$}}
  chip.peaks @s, @i = @h {sigmoid}
  // CHECK-NEXT: chip.peaks @s, @i = @h {sigmoid}
  chip.peaks.rows @pc, @pf = @h
  // CHECK-NEXT: chip.peaks.rows @pc, @pf = @h{{$}}
  chip.peaks.rows @pc, @pf = @h {logits}
  // CHECK-NEXT: chip.peaks.rows @pc, @pf = @h {logits}
  chip.peaks.best @s, @i = @pc, @pf
  // CHECK-NEXT: chip.peaks.best @s, @i = @pc, @pf{{$}}
  chip.peaks.best @s, @i = @pc, @pf {sigmoid}
  // CHECK-NEXT: chip.peaks.best @s, @i = @pc, @pf {sigmoid}
  chip.boxdec2d @b = @i, @h, @h {parameters = 0x100}
  // CHECK-NEXT: chip.boxdec2d @b = @i, @h, @h {parameters = 0x100}
  chip.boxdec3d @c = @i, @d, @m {parameters = 256, classes = 1}
  // CHECK-NEXT: chip.boxdec3d @c = @i, @d, @m {parameters = 0x100, classes = 1}
  chip.nms @s = @b, @s, @i {cells = 3, overlap = 32768}
  // CHECK-NEXT: chip.nms @s = @b, @s, @i {cells = 3, overlap = 32768}
  chip.dma.out @out = @b
  chip.halt
}
