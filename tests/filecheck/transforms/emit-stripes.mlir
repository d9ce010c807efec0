// RUN: recog-opt %s -p 'emit-stripes,place-tensors,check-hazards' | filecheck %s

// A plan by hand: the pool goes down the image first, and its result to DRAM; then the sum, in two
// strips.
chip.program @hand for #chip.target<activation_memory = 64> unplaced attributes {cascades = [{rows = 2, strips = 1, rings = {x = 4, y = 2}}, {rows = 4, strips = 2, rings = {x = 4, y = 4, z = 4}}]} {
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

// CHECK:      chip.program @hand for #chip.target<activation_memory = 64> {
// CHECK-NEXT: chip.input @in {address = 0x0, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
// CHECK-NEXT: chip.output @out {address = 0x10, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
// CHECK-NEXT: chip.tensor @x {address = 0x0, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4, ring = 2}
// CHECK-NEXT: chip.tensor @y {address = 0x10, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4, ring_rows = 2, ring = 1}
// CHECK-NEXT: chip.buffer @y.aside {address = 0x20, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4}
// CHECK-NEXT: chip.tensor @y.1 {address = 0x0, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4, columns = 2, ring = 4}
// CHECK-NEXT: chip.tensor @x.1 {address = 0x10, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4, columns = 2, ring = 5}
// CHECK-NEXT: chip.tensor @z {address = 0x20, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4, columns = 2, ring = 3}
// CHECK-NEXT: chip.tensor @y.2 {address = 0x0, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4, first_column = 2, ring = 7}
// CHECK-NEXT: chip.tensor @x.2 {address = 0x10, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4, first_column = 2, ring = 8}
// CHECK-NEXT: chip.tensor @z.1 {address = 0x20, channels = 1, height = 4, width = 4, code_bits = 4, frac = 0, bias = 4, first_column = 2, ring = 6}
// CHECK-NEXT: chip.dma.in @x = @in {rows = 1}
// CHECK-NEXT: chip.dma.in @x = @in {first_row = 1, rows = 2}
// CHECK-NEXT: chip.pool @y = @x {mode = max, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, rows = 2}
// CHECK-NEXT: chip.spill @y.aside = @y {rows = 2}
// CHECK-NEXT: chip.dma.in @x = @in {first_row = 3, rows = 1}
// CHECK-NEXT: chip.pool @y = @x {mode = max, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, first_row = 2, rows = 2}
// CHECK-NEXT: chip.spill @y.aside = @y {first_row = 2, rows = 2}
// CHECK-NEXT: chip.fill @y.1 = @y.aside
// CHECK-NEXT: chip.dma.in @x.1 = @in
// CHECK-NEXT: chip.elt @z = @y.1, @x.1 {mode = add}
// CHECK-NEXT: chip.dma.out @out = @z
// CHECK-NEXT: chip.fill @y.2 = @y.aside
// CHECK-NEXT: chip.dma.in @x.2 = @in
// CHECK-NEXT: chip.elt @z.1 = @y.2, @x.2 {mode = add}
// CHECK-NEXT: chip.dma.out @out = @z.1
// CHECK-NEXT: chip.halt
