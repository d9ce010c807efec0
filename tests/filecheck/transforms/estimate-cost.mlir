// RUN: recog-opt %s -p estimate-cost | filecheck %s
// RUN: echo 'clock_mhz = 100' > %t.toml
// RUN: echo 'overhead = 0' >> %t.toml
// RUN: echo '[array]' >> %t.toml
// RUN: echo 'pixels = 1' >> %t.toml
// RUN: recog-opt %s -p 'estimate-cost{target="%t.toml"}' | filecheck %s --check-prefix SLOW
// RUN: not recog-opt %s -p 'estimate-cost{target=recog-2}' 2>&1 | filecheck %s --check-prefix NONE
// NONE: target recog-2: No such file or directory
// RUN: recog-opt %s -t chip-program -o %t.recog
// RUN: recog cost %t.recog | filecheck %s --check-prefix TABLE

// The convolution: one tile of outputs and of inputs, 9 taps, 8 rows of ceil(10 / 4) steps are 216
// cycles of the array, 16 more pass before the next instruction starts. DMA waits 100 cycles for
// DRAM, then moves 32 bytes a cycle. The sum waits for the convolution, and the next frame's
// input until the convolution has read the one before.
chip.program @main {
  chip.segment @tables tables dense<1> : tensor<72xui8>
  chip.input @in {address = 0x0, channels = 2, height = 8, width = 10}
  chip.output @out {address = 0xA0, channels = 4, height = 8, width = 10}
  chip.tensor @x {address = 0x0, channels = 2, height = 8, width = 10}
  chip.tensor @y {address = 0xA0, channels = 4, height = 8, width = 10}
  chip.tensor @z {address = 0x1E0, channels = 4, height = 8, width = 10}
  chip.codebook @book {address = 0x0, entries = 72}
  chip.weights @w = @book {out_channels = 4, in_channels = 2, kernel_h = 3, kernel_w = 3}
  chip.ldw @tables {size = 72, address = 0x0}
  chip.dma.in @x = @in
  chip.conv @y = @x, @w {pad_top = 1, pad_left = 1, pad_bottom = 1, pad_right = 1}
  chip.elt @z = @y, @y {mode = add}
  chip.dma.out @out = @z
  chip.halt
}
// CHECK:      chip.program @main attributes {cost = {cycles = 499 : i64, period = 353 : i64}} {
// CHECK:        chip.ldw @tables {size = 72, address = 0x0}
// CHECK-NEXT:   chip.dma.in @x = @in attributes {cost = {queue = "dma-in", start = 0 : i64, end = 121 : i64, activation_memory = 1 : i64, dram = 5 : i64, bound = "overhead"}}
// CHECK-NEXT:   chip.conv @y = @x, @w {{{.*}}} attributes {cost = {queue = "mac", start = 121 : i64, end = 353 : i64, array = 216 : i64, weight_memory = 1 : i64, activation_memory = 7 : i64, bound = "array"}}
// CHECK-NEXT:   chip.elt @z = @y, @y {mode = add} attributes {cost = {queue = "vector", start = 353 : i64, end = 373 : i64, vector = 3 : i64, activation_memory = 4 : i64, bound = "overhead"}}
// CHECK-NEXT:   chip.dma.out @out = @z attributes {cost = {queue = "dma-out", start = 373 : i64, end = 499 : i64, activation_memory = 2 : i64, dram = 10 : i64, bound = "overhead"}}
// CHECK-NEXT:   chip.halt

// SLOW: chip.conv @y = {{.*}} array = 720 : i64,
// SLOW: chip.elt {{.*}} end = 829 : i64, vector = 3 : i64, activation_memory = 4 : i64, bound = "activation_memory"

// TABLE: On recog-1: 32 x 32 x 4 products a cycle, 800 MHz
// TABLE: y {{ *}} conv {{ *}} 4x8x10 {{ *}} 5,760 {{ *}} 232 {{ *}} array
// TABLE: frame: 499 cycles, 0.001 ms
