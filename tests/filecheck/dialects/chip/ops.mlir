// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | filecheck %s --check-prefix GENERIC
// RUN: xdsl-opt %s | filecheck %s

// Fields that have their default value are not printed; addresses are hexadecimal.

chip.program @main for #chip.target<name = "tiny", weight_memory = 256, activation_memory = 1024, antilog_bits = 5, mitchell = true> {
  chip.segment @pointers pointers dense<[2]> : tensor<1xui8>
  chip.segment @tables tables dense<[1, 2, 3, 4, 5, 6, 7, 8, 3, 2, 1, 0]> : tensor<12xui8>
  chip.segment @biases biases dense<[144, 255]> : tensor<2xui8>
  chip.input @x {address = 0x0, channels = 2, height = 4, width = 4, bias = -3, rank = 4, encoded}
  chip.input @raw {address = 32, channels = 2, code_bits = 16, frac = 8, bias = 7, unsigned, rank = 2}
  chip.output @y {address = 0x40, channels = 2, height = 4, width = 4, decoded}
  chip.output @index {address = 0x60, channels = 1, code_bits = 32, frac = 0, integer, rank = 1}
  chip.tensor @a {address = 0x0, channels = 2, height = 4, width = 4, bias = -3, row_stride = 0}
  chip.tensor @b {address = 0x20, channels = 2, height = 4, width = 4}
  chip.tensor @part {address = 0x40, channels = 2, height = 2, width = 2, row_stride = 4, channel_stride = 16}
  chip.tensor @turned {address = 0x20, channels = 4, height = 2, width = 4, channel_stride = 1, row_stride = 16, column_stride = 4}
  chip.tensor @small {address = 0x60, channels = 2, code_bits = 2, frac = 0, height = 1, width = 1, unsigned}
  chip.tensor @image {address = 0x70, channels = 2, code_bits = 16, frac = 8, bias = 7, unsigned}
  chip.tensor @best {address = 0x80, channels = 1, code_bits = 32, frac = 0, integer}
  chip.codebook @blocks {address = 0x10, entries = 2, block_h = 1, block_w = 2, block_out = 1, block_in = 2}
  chip.codebook @codes {address = 0x18, entries = 4, code_bits = 8, frac = 4, unsigned}
  chip.weights @w = @blocks {pointers = 0, pointer_bits = 1, out_channels = 2, in_channels = 2, kernel_w = 2, bias = 5, bias_table = 0x20, bias_bits = 4, initial = 0x21, initial_bits = 4}
  chip.weights @dw = @codes {out_channels = 2, in_channels = 1, kernel_w = 2}
  chip.ldw @pointers {size = 1, address = 0}
  chip.ldw @tables {size = 12, address = 0x10, offset = 0}
  chip.ldw @biases {size = 1, address = 0x20}
  chip.ldw @biases {offset = 1, size = 1, address = 0x21, signal = 3}
  chip.dma.in @a = @x
  chip.dma.in @image = @raw
  chip.conv @b = @a, @w {pad_left = 1, relu, wait = 3}
  chip.dwconv @b = @a, @dw {pad_right = 1, stride_h = 1, dilation_w = 1}
  chip.pool @part = @b {mode = max, kernel_h = 2, kernel_w = 2, stride_h = 2, stride_w = 2}
  chip.pool @part = @a {mode = avg, kernel_h = 3, kernel_w = 3, stride_h = 2, stride_w = 2, pad_top = 1, pad_left = 1, count_padding}
  chip.pool @part = @b {mode = max, kernel_h = 2, kernel_w = 2, stride_h = 2, stride_w = 2, dilation_h = 2, dilation_w = 1, pad_bottom = 1}
  chip.deconv @b = @part, @dw {stride_h = 2, stride_w = 2, dilation_w = 2, dilation_h = 1, crop_top = 0, crop_left = 1, relu}
  chip.elt @b = @a, @b {mode = sub}
  chip.elt @b = @a, @b {mode = mul, relu}
  chip.resize @b = @part {mode = bilinear, align_corners, steps_h = 4, steps_w = 1}
  chip.resize @b = @b {mode = nearest}
  chip.zero @turned {wait = 0}
  chip.constant @small {address = 24}
  chip.elt @b = @a, @b {mode = add, relu, signal = 31}
  chip.table @small = @small {address = 0x18}
  chip.copy @b = @a {relu}
  chip.argmax @best = @image
  chip.mark {number = 65535}
  chip.dma.out @y = @b
  chip.dma.out @index = @best
  chip.halt
}
// CHECK:      chip.program @main for #chip.target<name = "tiny", weight_memory = 256, activation_memory = 1024, antilog_bits = 5, mitchell = true> {
// CHECK-NEXT:   chip.segment @pointers pointers dense<[2]> : tensor<1xui8>
// CHECK-NEXT:   chip.segment @tables tables dense<[1, 2, 3, 4, 5, 6, 7, 8, 3, 2, 1, 0]> : tensor<12xui8>
// CHECK-NEXT:   chip.segment @biases biases dense<[144, 255]> : tensor<2xui8>
// CHECK-NEXT:   chip.input @x {address = 0x0, channels = 2, height = 4, width = 4, bias = -3, encoded}
// CHECK-NEXT:   chip.input @raw {address = 0x20, channels = 2, code_bits = 16, frac = 8, bias = 7, unsigned, rank = 2}
// CHECK-NEXT:   chip.output @y {address = 0x40, channels = 2, height = 4, width = 4, decoded}
// CHECK-NEXT:   chip.output @index {address = 0x60, channels = 1, code_bits = 32, frac = 0, integer, rank = 1}
// CHECK-NEXT:   chip.tensor @a {address = 0x0, channels = 2, height = 4, width = 4, bias = -3}
// CHECK-NEXT:   chip.tensor @b {address = 0x20, channels = 2, height = 4, width = 4}
// CHECK-NEXT:   chip.tensor @part {address = 0x40, channels = 2, height = 2, width = 2, row_stride = 4, channel_stride = 16}
// CHECK-NEXT:   chip.tensor @turned {address = 0x20, channels = 4, height = 2, width = 4, row_stride = 16, channel_stride = 1, column_stride = 4}
// CHECK-NEXT:   chip.tensor @small {address = 0x60, channels = 2, code_bits = 2, frac = 0, unsigned}
// CHECK-NEXT:   chip.tensor @image {address = 0x70, channels = 2, code_bits = 16, frac = 8, bias = 7, unsigned}
// CHECK-NEXT:   chip.tensor @best {address = 0x80, channels = 1, code_bits = 32, frac = 0, integer}
// CHECK-NEXT:   chip.codebook @blocks {address = 0x10, entries = 2, block_in = 2, block_w = 2}
// CHECK-NEXT:   chip.codebook @codes {address = 0x18, entries = 4, unsigned}
// CHECK-NEXT:   chip.weights @w = @blocks {pointer_bits = 1, out_channels = 2, in_channels = 2, kernel_w = 2, bias = 5, bias_table = 0x20, bias_bits = 4, initial = 0x21, initial_bits = 4}
// CHECK-NEXT:   chip.weights @dw = @codes {out_channels = 2, in_channels = 1, kernel_w = 2}
// CHECK-NEXT:   chip.ldw @pointers {size = 1, address = 0x0}
// CHECK-NEXT:   chip.ldw @tables {size = 12, address = 0x10}
// CHECK-NEXT:   chip.ldw @biases {size = 1, address = 0x20}
// CHECK-NEXT:   chip.ldw @biases {offset = 0x1, size = 1, address = 0x21, signal = 3}
// CHECK-NEXT:   chip.dma.in @a = @x
// CHECK-NEXT:   chip.dma.in @image = @raw
// CHECK-NEXT:   chip.conv @b = @a, @w {pad_left = 1, relu, wait = 3}
// CHECK-NEXT:   chip.dwconv @b = @a, @dw {pad_right = 1}
// CHECK-NEXT:   chip.pool @part = @b {mode = max, kernel_h = 2, kernel_w = 2, stride_h = 2, stride_w = 2}
// CHECK-NEXT:   chip.pool @part = @a {mode = avg, kernel_h = 3, kernel_w = 3, stride_h = 2, stride_w = 2, pad_top = 1, pad_left = 1, count_padding}
// CHECK-NEXT:   chip.pool @part = @b {mode = max, kernel_h = 2, kernel_w = 2, stride_h = 2, stride_w = 2, pad_bottom = 1, dilation_h = 2}
// CHECK-NEXT:   chip.deconv @b = @part, @dw {stride_h = 2, stride_w = 2, dilation_w = 2, crop_left = 1, relu}
// CHECK-NEXT:   chip.elt @b = @a, @b {mode = sub}
// CHECK-NEXT:   chip.elt @b = @a, @b {mode = mul, relu}
// CHECK-NEXT:   chip.resize @b = @part {mode = bilinear, align_corners, steps_h = 4}
// CHECK-NEXT:   chip.resize @b = @b {mode = nearest}
// CHECK-NEXT:   chip.zero @turned
// CHECK-NEXT:   chip.constant @small {address = 0x18}
// CHECK-NEXT:   chip.elt @b = @a, @b {mode = add, relu, signal = 31}
// CHECK-NEXT:   chip.table @small = @small {address = 0x18}
// CHECK-NEXT:   chip.copy @b = @a {relu}
// CHECK-NEXT:   chip.argmax @best = @image
// CHECK-NEXT:   chip.mark {number = 65535}
// CHECK-NEXT:   chip.dma.out @y = @b
// CHECK-NEXT:   chip.dma.out @index = @best
// CHECK-NEXT:   chip.halt
// CHECK-NEXT: }
// GENERIC: "chip.program"() <{sym_name = "main", target = #chip.target<name = "tiny", weight_memory = 256, activation_memory = 1024, antilog_bits = 5, mitchell = true>}> ({
// GENERIC: "chip.segment"() <{sym_name = "pointers", kind = "pointers", content = #data.dense<[2] : tensor<1xui8>>}> : () -> ()
// GENERIC: "chip.conv"() <{{.*}}output = @b, input = @a, weights = @w, {{.*}}relu{{.*}}wait = 3 : i64

// Indices in few bits, which the host takes as 64.
chip.program @classes {
  chip.output @map {host_bits = 64, address = 0x0, channels = 3, height = 5, integer, unsigned, rank = 3}
  chip.tensor @logits {address = 0x10, channels = 200, height = 3, width = 5}
  chip.tensor @index {address = 0x0, channels = 1, height = 3, width = 5, unsigned, integer}
  chip.argmax @index = @logits
  chip.dma.out @map = @index
  chip.halt
}
// CHECK:      chip.program @classes {
// CHECK-NEXT:   chip.output @map {address = 0x0, channels = 3, height = 5, unsigned, integer, rank = 3, host_bits = 64}
// CHECK-NEXT:   chip.tensor @logits {address = 0x10, channels = 200, height = 3, width = 5}
// CHECK-NEXT:   chip.tensor @index {address = 0x0, channels = 1, height = 3, width = 5, unsigned, integer}
// CHECK-NEXT:   chip.argmax @index = @logits
// CHECK-NEXT:   chip.dma.out @map = @index
// CHECK-NEXT:   chip.halt
// CHECK-NEXT: }

// Sums that are not encoded yet.
chip.program @sums {
  chip.tensor @x {address = 0x0, channels = 2, height = 3, width = 500, unsigned}
  chip.tensor @rows {address = 0x1000, channels = 2, height = 3, sums = 500, integer, unsigned}
  chip.tensor @all {address = 0x1020, wide, channels = 2, integer, unsigned, sums = 1500}
  chip.tensor @y {address = 0x1040, channels = 2}
  chip.pool @rows = @x {kernel_h = 1, kernel_w = 500, mode = sum}
  chip.pool @all = @rows {mode = sum, kernel_h = 3, kernel_w = 1}
  chip.pool @y = @all {mode = avg, count = 1500, kernel_h = 1, kernel_w = 1}
  chip.halt
}
// CHECK:      chip.program @sums {
// CHECK-NEXT:   chip.tensor @x {address = 0x0, channels = 2, height = 3, width = 500, unsigned}
// CHECK-NEXT:   chip.tensor @rows {address = 0x1000, channels = 2, height = 3, unsigned, integer, sums = 500}
// CHECK-NEXT:   chip.tensor @all {address = 0x1020, channels = 2, unsigned, integer, sums = 1500, wide}
// CHECK-NEXT:   chip.tensor @y {address = 0x1040, channels = 2}
// CHECK-NEXT:   chip.pool @rows = @x {mode = sum, kernel_h = 1, kernel_w = 500}
// CHECK-NEXT:   chip.pool @all = @rows {mode = sum, kernel_h = 3, kernel_w = 1}
// CHECK-NEXT:   chip.pool @y = @all {mode = avg, kernel_h = 1, kernel_w = 1, count = 1500}
// CHECK-NEXT:   chip.halt
// CHECK-NEXT: }

// An empty program; attributes that are not the dialect's own; the default target.
chip.program @empty stripped attributes {note = "kept"} {
  chip.halt attributes {why = "nothing to do"}
}
// CHECK:      chip.program @empty stripped attributes {note = "kept"} {
// CHECK-NEXT:   chip.halt attributes {why = "nothing to do"}
// CHECK-NEXT: }
