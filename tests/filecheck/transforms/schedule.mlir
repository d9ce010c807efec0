// RUN: recog-opt %s -p 'convert-lns-to-chip{activation_memory=256 schedule=false},plan-cascades,size-rings' | filecheck %s --check-prefix PLAN
// RUN: recog-opt %s -p 'convert-lns-to-chip{activation_memory=256 schedule=false},schedule' | filecheck %s
// RUN: recog-opt %s -p 'convert-lns-to-chip{activation_memory=256}' | filecheck %s
// RUN: recog-opt %s -p 'convert-lns-to-chip{activation_memory=512}' | filecheck %s --check-prefix FITS

!a = !lns.number<4, 0, bias = 4>

// Eight rows of sixteen columns, 128 bytes a tensor. Both instructions go down the image together, four
// rows at a time; the pool reads a row on, which is the fifth that memory holds of the input and begins
// before the first four.
func.func @two(%x: tensor<1x1x8x16x!a>) -> tensor<1x1x8x16x!a> {
  %y = lns.max_pool2d %x {kernel = array<i64: 3, 1>, padding = array<i64: 1, 0, 1, 0>} : (tensor<1x1x8x16x!a>) -> tensor<1x1x8x16x!a>
  %z = lns.add %y, %x : (tensor<1x1x8x16x!a>, tensor<1x1x8x16x!a>) -> tensor<1x1x8x16x!a>
  func.return %z : tensor<1x1x8x16x!a>
}

// PLAN:      chip.program @two for #chip.target<activation_memory = 256> unplaced attributes {cascades = [{rows = 4 : i64, strips = 1 : i64, rings = {y = 4 : i64, x.2 = 5 : i64, z = 4 : i64}}]} {
// PLAN-NEXT: chip.input @x {address = 0x0, channels = 1, height = 8, width = 16, code_bits = 4, frac = 0, bias = 4}
// PLAN-NEXT: chip.output @output {address = 0x80, channels = 1, height = 8, width = 16, code_bits = 4, frac = 0, bias = 4}
// PLAN-NEXT: chip.tensor @x.2 {address = 0x0, channels = 1, height = 8, width = 16, code_bits = 4, frac = 0, bias = 4}
// PLAN-NEXT: chip.tensor @y {address = 0x80, channels = 1, height = 8, width = 16, code_bits = 4, frac = 0, bias = 4}
// PLAN-NEXT: chip.tensor @z {address = 0x100, channels = 1, height = 8, width = 16, code_bits = 4, frac = 0, bias = 4}
// PLAN-NEXT: chip.dma.in @x.2 = @x
// PLAN-NEXT: chip.pool @y = @x.2 {mode = max, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1} attributes {cascade = 0 : i64}
// PLAN-NEXT: chip.elt @z = @y, @x.2 {mode = add} attributes {cascade = 0 : i64}
// PLAN-NEXT: chip.dma.out @output = @z attributes {cascade = 0 : i64}
// PLAN-NEXT: chip.halt

// CHECK:      chip.program @two for #chip.target<activation_memory = 256> {
// CHECK-NEXT: chip.input @x {address = 0x0, channels = 1, height = 8, width = 16, code_bits = 4, frac = 0, bias = 4}
// CHECK-NEXT: chip.output @output {address = 0x80, channels = 1, height = 8, width = 16, code_bits = 4, frac = 0, bias = 4}
// CHECK-NEXT: chip.tensor @x.2 {address = 0x0, channels = 1, height = 8, width = 16, code_bits = 4, frac = 0, bias = 4, ring_rows = 5, ring = 2}
// CHECK-NEXT: chip.tensor @y {address = 0x50, channels = 1, height = 8, width = 16, code_bits = 4, frac = 0, bias = 4, ring_rows = 4, ring = 1}
// CHECK-NEXT: chip.tensor @z {address = 0x90, channels = 1, height = 8, width = 16, code_bits = 4, frac = 0, bias = 4, ring_rows = 4, ring = 3}
// CHECK-NEXT: chip.dma.in @x.2 = @x {rows = 1}
// CHECK-NEXT: chip.dma.in @x.2 = @x {first_row = 1, rows = 4}
// CHECK-NEXT: chip.pool @y = @x.2 {mode = max, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, rows = 4}
// CHECK-NEXT: chip.elt @z = @y, @x.2 {mode = add, rows = 4}
// CHECK-NEXT: chip.dma.out @output = @z {rows = 4}
// CHECK-NEXT: chip.dma.in @x.2 = @x {first_row = 5, rows = 3}
// CHECK-NEXT: chip.pool @y = @x.2 {mode = max, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1, first_row = 4, rows = 4}
// CHECK-NEXT: chip.elt @z = @y, @x.2 {mode = add, first_row = 4, rows = 4}
// CHECK-NEXT: chip.dma.out @output = @z {first_row = 4, rows = 4}
// CHECK-NEXT: chip.halt

// What fits runs whole.
// FITS:      chip.dma.in @x.2 = @x
// FITS-NEXT: chip.pool @y = @x.2 {mode = max, kernel_h = 3, kernel_w = 1, pad_top = 1, pad_bottom = 1}
// FITS-NEXT: chip.elt @z = @y, @x.2 {mode = add}
