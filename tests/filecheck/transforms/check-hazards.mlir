// RUN: not recog-opt %s -p 'emit-stripes,place-tensors,check-hazards' 2>&1 | filecheck %s

// Memory holds two rows of @x, and the pool needs three at a time.
chip.program @hand for #chip.target<activation_memory = 64> unplaced attributes {cascades = [{rows = 1, strips = 1, rings = {x = 2, y = 2}}, {rows = 4, strips = 2, rings = {x = 4, y = 4, z = 4}}]} {
  chip.input @in {address = 0, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.output @out {address = 16, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @x {address = 0, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.tensor @y {address = 16, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4} attributes {keep = "dram"}
  chip.tensor @z {address = 32, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
  chip.dma.in @x = @in
  chip.pool @y = @x {mode = max, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1} attributes {cascade = 0}
  chip.elt @z = @y, @x {mode = add} attributes {cascade = 1}
  chip.dma.out @out = @z attributes {cascade = 1}
  chip.halt
}

// CHECK: row 0 of ring 2 is not there: it holds row 2 in its place
