// RUN: recog-opt %s -p size-rings --split-input-file --verify-diagnostics | filecheck %s

chip.program @hand for #chip.target<activation_memory = 64> unplaced attributes {cascades = [{rows = 1, strips = 1}]} {
  chip.input @in {address = 0, channels = 2, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 32, channels = 2, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 2, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4} attributes {keep = "disk"}
  chip.dma.in @x = @in
  chip.dma.out @out = @x attributes {cascade = 0}
  chip.halt
}

// CHECK: 'chip.tensor' op {{.*}} `keep` must be "memory" or "dram", got "disk"

// -----

chip.program @hand for #chip.target<activation_memory = 64> unplaced attributes {cascades = [{rows = 1, strips = 2, edge = ["x"]}]} {
  chip.input @in {address = 0, channels = 2, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 32, channels = 2, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 2, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in
  chip.dma.out @out = @x attributes {cascade = 0}
  chip.halt
}

// CHECK: 'chip.program' op {{.*}} a cascade has no `edge`, expected: rows, strips, rings, edges

// -----

chip.program @hand for #chip.target<activation_memory = 64> unplaced attributes {cascades = [{rows = 1, strips = 1, rings = {x = 1, y = 1}}]} {
  chip.input @in {address = 0, channels = 2, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 32, channels = 2, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 2, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in
  chip.dma.out @out = @x attributes {cascade = 0}
  chip.halt
}

// CHECK: 'chip.program' op {{.*}} `rings` of cascade 0 names @y, which has none

// -----

// The halves of @both stay together, or none does.
chip.program @joined for #chip.target<activation_memory = 64> unplaced attributes {cascades = [{rows = 1, strips = 1}]} {
  chip.input @in1 {address = 0, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.input @in2 {address = 16, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 32, channels = 2, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @a {address = 0, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4} attributes {keep = "dram"}
  chip.tensor @b {address = 16, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4} attributes {keep = "memory"}
  chip.tensor @both {address = 0, channels = 2, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @a = @in1
  chip.dma.in @b = @in2
  chip.dma.out @out = @both attributes {cascade = 0}
  chip.halt
}

// CHECK: 'chip.tensor' op {{.*}} @b has keep = "memory" and @a, which lies with it, keep = "dram"
