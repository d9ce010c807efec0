// RUN: not recog-opt %s -p size-rings 2>&1 | filecheck %s

chip.program @hand for #chip.target<activation_memory = 64> unplaced attributes {cascades = [{rows = 1, strips = 1}]} {
  chip.input @in {address = 0, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4} attributes {keep = "disk"}
  chip.dma.in @x = @in
  chip.dma.out @out = @x attributes {cascade = 0}
  chip.halt
}

// CHECK: 'chip.tensor' op {{.*}} `keep` must be "memory" or "dram", got "disk"
