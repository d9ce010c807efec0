// RUN: recog-opt %s -p convert-lns-to-chip --split-input-file | filecheck %s

// A layer with a codebook: pointers 0 and 1 take one bit each (0b10), the two blocks of four
// codes 8 bytes. B_w is 80 and 82: the least one, and offsets of two bits (0b1000). The initial
// values 100 and -200 take 9 bits each. Encoding and decoding is left to the host.
func.func @layer(%image: tensor<1x1x4x4xf32>) -> tensor<1x2x2x2xf32> {
  %x = lns.encode %image : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4x!lns.number<8, 4, bias = 64>>
  %p = data.constant dense<[[[[0]]], [[[1]]]]> : tensor<2x1x1x1xui8>
  %c = data.constant dense<[[1, 2, 3, 4], [-1, 0, 5, 100]]> : tensor<2x4x!lns.number<8, 4, bias = 80>>
  %w = cluster.lookup %p, %c {block = array<i64: 1, 1, 2, 2>} : (tensor<2x1x1x1xui8>, tensor<2x4x!lns.number<8, 4, bias = 80>>) -> tensor<2x1x2x2x!lns.number<8, 4, bias = 0:{80, 82}>>
  %b = data.constant dense<[100, -200]> : tensor<2xi32>
  %y = lns.conv2d %x, %w, %b {strides = array<i64: 2, 2>, padding = array<i64: 0, 0, 1, 1>, relu} : (tensor<1x1x4x4x!lns.number<8, 4, bias = 64>>, tensor<2x1x2x2x!lns.number<8, 4, bias = 0:{80, 82}>>, tensor<2xi32>) -> tensor<1x2x2x2x!lns.number<8, 4, bias = 70, unsigned>>
  %out = lns.decode %y : (tensor<1x2x2x2x!lns.number<8, 4, bias = 70, unsigned>>) -> tensor<1x2x2x2xf32>
  func.return %out : tensor<1x2x2x2xf32>
}
// CHECK:      chip.program @layer {
// CHECK-NEXT:   chip.segment @pointers pointers dense<[2]> : tensor<1xui8>
// CHECK-NEXT:   chip.segment @tables tables dense<[1, 2, 3, 4, 129, 0, 5, 100]> : tensor<8xui8>
// CHECK-NEXT:   chip.segment @biases biases dense<[8, 100, 112, 2]> : tensor<4xui8>
// CHECK-NEXT:   chip.input @image {address = 0x0, channels = 1, height = 4, width = 4, bias = 64, encoded}
// CHECK-NEXT:   chip.output @output {address = 0x10, channels = 2, height = 2, width = 2, bias = 70, unsigned, decoded}
// CHECK-NEXT:   chip.tensor @x {address = 0x0, channels = 1, height = 4, width = 4, bias = 64}
// CHECK-NEXT:   chip.tensor @y {address = 0x10, channels = 2, height = 2, width = 2, bias = 70, unsigned}
// CHECK-NEXT:   chip.codebook @y.codebook {address = 0x10, entries = 2, block_h = 2, block_w = 2}
// CHECK-NEXT:   chip.weights @y.weight = @y.codebook {pointer_bits = 1, out_channels = 2, in_channels = 1, kernel_h = 2, kernel_w = 2, bias = 80, bias_table = 0x20, bias_bits = 2, initial = 0x21, initial_bits = 9}
// CHECK-NEXT:   chip.ldw @pointers {size = 1, address = 0x0}
// CHECK-NEXT:   chip.ldw @tables {size = 8, address = 0x10}
// CHECK-NEXT:   chip.ldw @biases {size = 4, address = 0x20}
// CHECK-NEXT:   chip.dma.in @x = @image
// CHECK-NEXT:   chip.conv @y = @x, @y.weight {stride_h = 2, stride_w = 2, pad_bottom = 1, pad_right = 1, relu}
// CHECK-NEXT:   chip.dma.out @output = @y
// CHECK-NEXT:   chip.halt
// CHECK-NEXT: }

// -----

// Dense weights are a codebook without pointers; layers with equal weights share them. Depthwise
// convolution has its own instruction; a linear layer is a 1x1 convolution of the flattened
// tensor, and flattening moves nothing: @flat and @dw share their address.
func.func @dense(%x: tensor<1x2x2x1x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x!lns.number<16, 8, bias = 0>> {
  %d = data.constant dense<[[[[1]]], [[[2]]]]> : tensor<2x1x1x1x!lns.number<8, 4, bias = 0>>
  %dw = lns.conv2d %x, %d {groups = 2 : i64} : (tensor<1x2x2x1x!lns.number<8, 4, bias = 0>>, tensor<2x1x1x1x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x2x1x!lns.number<8, 4, bias = 0>>
  %again = lns.conv2d %dw, %d {groups = 2 : i64} : (tensor<1x2x2x1x!lns.number<8, 4, bias = 0>>, tensor<2x1x1x1x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x2x1x!lns.number<8, 4, bias = 0>>
  %flat = lns.reshape %again : (tensor<1x2x2x1x!lns.number<8, 4, bias = 0>>) -> tensor<1x4x!lns.number<8, 4, bias = 0>>
  %w = data.constant dense<3> : tensor<3x4x!lns.number<8, 4, bias = 0>>
  %y = lns.linear %flat, %w : (tensor<1x4x!lns.number<8, 4, bias = 0>>, tensor<3x4x!lns.number<8, 4, bias = 0>>) -> tensor<1x3x!lns.number<16, 8, bias = 0>>
  func.return %y : tensor<1x3x!lns.number<16, 8, bias = 0>>
}
// CHECK:      chip.program @dense {
// CHECK-NEXT:   chip.segment @tables tables dense<[1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]> : tensor<14xui8>
// CHECK-NEXT:   chip.input @x {address = 0x0, channels = 2, height = 2}
// CHECK-NEXT:   chip.output @output {address = 0x10, channels = 3, code_bits = 16, frac = 8, rank = 2}
// CHECK-NEXT:   chip.tensor @x.2 {address = 0x0, channels = 2, height = 2}
// CHECK-NEXT:   chip.tensor @dw {address = 0x10, channels = 2, height = 2}
// CHECK-NEXT:   chip.codebook @dw.codebook {address = 0x0, entries = 2}
// CHECK-NEXT:   chip.weights @dw.weight = @dw.codebook {out_channels = 2, in_channels = 1}
// CHECK-NEXT:   chip.tensor @again {address = 0x0, channels = 2, height = 2}
// CHECK-NEXT:   chip.tensor @flat {address = 0x0, channels = 4}
// CHECK-NEXT:   chip.tensor @y {address = 0x10, channels = 3, code_bits = 16, frac = 8}
// CHECK-NEXT:   chip.codebook @y.codebook {address = 0x2, entries = 12}
// CHECK-NEXT:   chip.weights @y.weight = @y.codebook {out_channels = 3, in_channels = 4}
// CHECK-NEXT:   chip.ldw @tables {size = 14, address = 0x0}
// CHECK-NEXT:   chip.dma.in @x.2 = @x
// CHECK-NEXT:   chip.dwconv @dw = @x.2, @dw.weight
// CHECK-NEXT:   chip.dwconv @again = @dw, @dw.weight
// CHECK-NEXT:   chip.conv @y = @flat, @y.weight
// CHECK-NEXT:   chip.dma.out @output = @y
// CHECK-NEXT:   chip.halt

// -----

// Concatenation is addressing, also along the width, where rows interleave. What two
// concatenations want in two places is copied for one of them.
func.func @concat(%a: tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) -> (tensor<1x4x2x3x!lns.number<8, 4, bias = 0>>, tensor<1x2x2x6x!lns.number<8, 4, bias = 0>>) {
  %b = lns.relu %a : (tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>
  %deep = lns.concat %a, %b : (tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>, tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x4x2x3x!lns.number<8, 4, bias = 0>>
  %c = lns.convert %a : (tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x2x3x!lns.number<8, 4, bias = 3>>
  %d = lns.convert %c : (tensor<1x2x2x3x!lns.number<8, 4, bias = 3>>) -> tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>
  %wide = lns.concat %d, %a {axis = 3 : i64} : (tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>, tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x2x6x!lns.number<8, 4, bias = 0>>
  func.return %deep, %wide : tensor<1x4x2x3x!lns.number<8, 4, bias = 0>>, tensor<1x2x2x6x!lns.number<8, 4, bias = 0>>
}
// CHECK:      chip.program @concat {
// CHECK-NEXT:   chip.input @a {address = 0x0, channels = 2, height = 2, width = 3}
// CHECK-NEXT:   chip.output @output0 {address = 0x10, channels = 4, height = 2, width = 3}
// CHECK-NEXT:   chip.output @output1 {address = 0x30, channels = 2, height = 2, width = 6}
// CHECK-NEXT:   chip.tensor @a.2 {address = 0x3, channels = 2, height = 2, width = 3, row_stride = 6}
// CHECK-NEXT:   chip.tensor @b {address = 0x2c, channels = 2, height = 2, width = 3}
// CHECK-NEXT:   chip.tensor @a.copy {address = 0x20, channels = 2, height = 2, width = 3}
// CHECK-NEXT:   chip.tensor @c {address = 0x40, channels = 2, height = 2, width = 3, bias = 3}
// CHECK-NEXT:   chip.tensor @d {address = 0x0, channels = 2, height = 2, width = 3, row_stride = 6}
// CHECK-NEXT:   chip.tensor @deep {address = 0x20, channels = 4, height = 2, width = 3}
// CHECK-NEXT:   chip.tensor @wide {address = 0x0, channels = 2, height = 2, width = 6}
// CHECK-NEXT:   chip.dma.in @a.2 = @a
// CHECK-NEXT:   chip.copy @b = @a.2 {relu}
// CHECK-NEXT:   chip.copy @a.copy = @a.2
// CHECK-NEXT:   chip.copy @c = @a.2
// CHECK-NEXT:   chip.copy @d = @c
// CHECK-NEXT:   chip.dma.out @output0 = @deep
// CHECK-NEXT:   chip.dma.out @output1 = @wide
// CHECK-NEXT:   chip.halt

// -----

// The other instructions. Ops without users are dropped; the arithmetic of the layers becomes
// the target's; functions without arguments (tests of the module itself) stay.
func.func @rest(%a: tensor<1x2x2x2xf32>, %b: tensor<1x2x2x2x!lns.number<4, 0, bias = 0>>) -> (tensor<1x2x2x!lns.number<8, 4, bias = 1>>, tensor<1x2xi16>) {
  %x = lns.encode %a : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2x!lns.number<4, 0, bias = 0>>
  %s = lns.add %x, %b {relu, arithmetic = #lns.arithmetic<antilog_bits = 5, accumulator = 48>} : (tensor<1x2x2x2x!lns.number<4, 0, bias = 0>>, tensor<1x2x2x2x!lns.number<4, 0, bias = 0>>) -> tensor<1x2x2x2x!lns.number<2, 0, bias = 0, unsigned>>
  %m = lns.max_pool2d %s {kernel = array<i64: 2, 1>, strides = array<i64: 2, 1>, padding = array<i64: 1, 0, 1, 0>} : (tensor<1x2x2x2x!lns.number<2, 0, bias = 0, unsigned>>) -> tensor<1x2x2x2x!lns.number<2, 0, bias = 0, unsigned>>
  %g = lns.avg_pool2d %m {kernel = array<i64: 1, 2>, count_include_pad, arithmetic = #lns.arithmetic<antilog_bits = 5, accumulator = 48>} : (tensor<1x2x2x2x!lns.number<2, 0, bias = 0, unsigned>>) -> tensor<1x2x2x1x!lns.number<2, 0, bias = 0, unsigned>>
  %entries = data.constant dense<[0, -1, 2, 3]> : tensor<4x!lns.number<8, 4, bias = 1>>
  %t = lns.table %g, %entries : (tensor<1x2x2x1x!lns.number<2, 0, bias = 0, unsigned>>, tensor<4x!lns.number<8, 4, bias = 1>>) -> tensor<1x2x2x1x!lns.number<8, 4, bias = 1>>
  %r = lns.reshape %t : (tensor<1x2x2x1x!lns.number<8, 4, bias = 1>>) -> tensor<1x2x2x!lns.number<8, 4, bias = 1>>
  %unused = lns.relu %t : (tensor<1x2x2x1x!lns.number<8, 4, bias = 1>>) -> tensor<1x2x2x1x!lns.number<8, 4, bias = 1>>
  %unused2 = lns.relu %unused : (tensor<1x2x2x1x!lns.number<8, 4, bias = 1>>) -> tensor<1x2x2x1x!lns.number<8, 4, bias = 1>>
  %i = lns.argmax %r : (tensor<1x2x2x!lns.number<8, 4, bias = 1>>) -> tensor<1x2xi16>
  func.return %r, %i : tensor<1x2x2x!lns.number<8, 4, bias = 1>>, tensor<1x2xi16>
}
func.func @constant() -> tensor<1xi8> {
  %c = data.constant dense<1> : tensor<1xi8>
  func.return %c : tensor<1xi8>
}
// CHECK:      chip.program @rest for #chip.target<antilog_bits = 5, accumulator = 48, fine_antilog_bits = 0> {
// CHECK-NEXT:   chip.segment @tables tables dense<[0, 129, 2, 3]> : tensor<4xui8>
// CHECK-NEXT:   chip.input @a {address = 0x0, channels = 2, height = 2, width = 2, code_bits = 4, frac = 0, encoded}
// CHECK-NEXT:   chip.input @b {address = 0x10, channels = 2, height = 2, width = 2, code_bits = 4, frac = 0}
// CHECK-NEXT:   chip.output @output0 {address = 0x20, channels = 2, height = 2, bias = 1, rank = 3}
// CHECK-NEXT:   chip.output @output1 {address = 0x30, channels = 2, frac = 0, unsigned, integer, rank = 2, host_bits = 16}
// CHECK:        chip.ldw @tables {size = 4, address = 0x0}
// CHECK-NEXT:   chip.dma.in @b.2 = @b
// CHECK-NEXT:   chip.dma.in @x = @a
// CHECK-NEXT:   chip.elt @s = @x, @b.2 {mode = add, relu}
// CHECK-NEXT:   chip.pool @m = @s {mode = max, kernel_h = 2, kernel_w = 1, stride_h = 2, pad_top = 1, pad_bottom = 1}
// CHECK-NEXT:   chip.pool @g = @m {mode = avg, kernel_h = 1, kernel_w = 2, count_padding}
// CHECK-NEXT:   chip.table @t = @g {address = 0x0}
// CHECK-NEXT:   chip.argmax @i = @t
// CHECK-NEXT:   chip.dma.out @output0 = @t
// CHECK-NEXT:   chip.dma.out @output1 = @i.2
// CHECK-NEXT:   chip.halt
// CHECK:      func.func @constant()

// -----

// What a target does not give is the module's: here the antilog bits.
// RUN: echo 'dram = 65536' > %t.toml
// RUN: recog-opt %s -p 'convert-lns-to-chip{target="%t.toml" activation_memory=128 weight_memory=256}' --split-input-file | filecheck %s --check-prefix SIZES
// SIZES: chip.program @rest for #chip.target<weight_memory = 256, activation_memory = 128, dram = 65536, antilog_bits = 5, accumulator = 48, fine_antilog_bits = 0> {
// RUN: recog-opt %s -p 'convert-lns-to-chip{target=recog-edge}' --split-input-file | filecheck %s --check-prefix EDGE
// EDGE: chip.program @rest for #chip.target<name = "recog-edge", weight_memory = 4194304, activation_memory = 1048576, dram = 268435456, antilog_bits = 5, accumulator = 48, memory.weight_memory.banks = 8,

// Ops with two operands broadcast; a transposed convolution says where the sums begin that it
// keeps, and its output where they end.
!n = !lns.number<4, 0, bias = 0>
func.func @broadcast(%x: tensor<1x2x2x3x!n>, %s: tensor<1x2x1x1x!n>) -> tensor<1x2x3x5x!n> {
  %m = lns.mul %x, %s {relu} : (tensor<1x2x2x3x!n>, tensor<1x2x1x1x!n>) -> tensor<1x2x2x3x!n>
  %d = lns.sub %s, %m : (tensor<1x2x1x1x!n>, tensor<1x2x2x3x!n>) -> tensor<1x2x2x3x!n>
  %w = data.constant dense<1> : tensor<2x1x3x2x!n>
  %t = lns.conv_transpose2d %d, %w {strides = array<i64: 2, 2>, padding = array<i64: 1, 0, 1, 1>, groups = 2 : i64} : (tensor<1x2x2x3x!n>, tensor<2x1x3x2x!n>) -> tensor<1x2x3x5x!n>
  func.return %t : tensor<1x2x3x5x!n>
}
// CHECK:      chip.program @broadcast {
// CHECK:        chip.elt @m = @x.2, @s.2 {mode = mul, relu}
// CHECK-NEXT:   chip.elt @d = @s.2, @m {mode = sub}
// CHECK-NEXT:   chip.deconv @t = @d, @t.weight {stride_h = 2, stride_w = 2, crop_top = 1}
// CHECK-NEXT:   chip.dma.out @output = @t

// -----

// Resizing, and a pool whose taps lie apart.
!n = !lns.number<4, 0, bias = 0>
func.func @windows(%x: tensor<1x1x3x3x!n>) -> (tensor<1x1x2x2x!n>, tensor<1x1x4x4x!n>) {
  %m = lns.max_pool2d %x {kernel = array<i64: 2, 1>, dilation = array<i64: 2, 1>} : (tensor<1x1x3x3x!n>) -> tensor<1x1x1x3x!n>
  %r = lns.resize %m {mode = "nearest"} : (tensor<1x1x1x3x!n>) -> tensor<1x1x2x2x!n>
  %b = lns.resize %x {mode = "bilinear", align_corners, steps = array<i64: 3, 3>, arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 32, fine_antilog_bits = 10>} : (tensor<1x1x3x3x!n>) -> tensor<1x1x4x4x!n>
  func.return %r, %b : tensor<1x1x2x2x!n>, tensor<1x1x4x4x!n>
}
// CHECK:      chip.program @windows {
// CHECK:        chip.pool @m = @x.2 {mode = max, kernel_h = 2, kernel_w = 1, dilation_h = 2}
// CHECK-NEXT:   chip.resize @r = @m {mode = nearest}
// CHECK-NEXT:   chip.resize @b = @x.2 {mode = bilinear, align_corners, steps_h = 3, steps_w = 3}
// CHECK-NEXT:   chip.dma.out

// -----

// Slices and permutations are other views of the operand; halves that are joined again, with
// something in between, are where the join wants them, so the operand is too. Nothing is copied.
!n = !lns.number<4, 0, bias = 0>
func.func @seen(%x: tensor<1x4x2x3x!n>) -> (tensor<1x8x2x3x!n>, tensor<1x1x3x2x!n>) {
  %y = lns.relu %x : (tensor<1x4x2x3x!n>) -> tensor<1x4x2x3x!n>
  %a = lns.slice %y {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 1, 2, 3>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x4x2x3x!n>) -> tensor<1x1x2x3x!n>
  %b = lns.slice %y {starts = array<i64: 0, 1, 0, 0>, stops = array<i64: 1, 4, 2, 3>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x4x2x3x!n>) -> tensor<1x3x2x3x!n>
  %all = lns.concat %x, %a, %b : (tensor<1x4x2x3x!n>, tensor<1x1x2x3x!n>, tensor<1x3x2x3x!n>) -> tensor<1x8x2x3x!n>
  %c = lns.slice %x {starts = array<i64: 0, 1, 0, 0>, stops = array<i64: 1, 4, 2, 3>, steps = array<i64: 1, 3, 1, 2>} : (tensor<1x4x2x3x!n>) -> tensor<1x1x2x2x!n>
  %r = lns.relu %c : (tensor<1x1x2x2x!n>) -> tensor<1x1x2x2x!n>
  %p = lns.permute %a {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x1x2x3x!n>) -> tensor<1x1x3x2x!n>
  %q = lns.relu %p : (tensor<1x1x3x2x!n>) -> tensor<1x1x3x2x!n>
  func.return %all, %q : tensor<1x8x2x3x!n>, tensor<1x1x3x2x!n>
}
// CHECK:      chip.program @seen {
// CHECK:        chip.tensor @x.2 {address = 0x0, channels = 4, height = 2, width = 3, code_bits = 4, frac = 0}
// CHECK-NEXT:   chip.tensor @y {address = 0x18, channels = 4, height = 2, width = 3, code_bits = 4, frac = 0}
// CHECK-NEXT:   chip.tensor @p {address = 0x18, channels = 1, height = 3, width = 2, code_bits = 4, frac = 0, row_stride = 1, column_stride = 3}
// CHECK-NEXT:   chip.tensor @q
// CHECK-NEXT:   chip.tensor @all {address = 0x0, channels = 8, height = 2, width = 3, code_bits = 4, frac = 0}
// CHECK-NEXT:   chip.dma.in @x.2 = @x
// CHECK-NEXT:   chip.copy @y = @x.2 {relu}
// CHECK-NEXT:   chip.copy @q = @p {relu}
// CHECK-NEXT:   chip.dma.out @output0 = @all

// -----

// A padded tensor is written into the middle of its border, where only the border is cleared.
// Cropping shows a part; both at once copies.
!n = !lns.number<4, 0, bias = 0>
func.func @pad(%x: tensor<1x1x2x2x!n>) -> (tensor<1x1x3x4x!n>, tensor<1x1x1x2x!n>, tensor<1x1x3x1x!n>) {
  %p = lns.pad %x {padding = array<i64: 1, 2, 0, 0>} : (tensor<1x1x2x2x!n>) -> tensor<1x1x3x4x!n>
  %c = lns.pad %x {padding = array<i64: -1, 0, 0, 0>} : (tensor<1x1x2x2x!n>) -> tensor<1x1x1x2x!n>
  %b = lns.pad %x {padding = array<i64: 0, -1, 1, 0>} : (tensor<1x1x2x2x!n>) -> tensor<1x1x3x1x!n>
  func.return %p, %c, %b : tensor<1x1x3x4x!n>, tensor<1x1x1x2x!n>, tensor<1x1x3x1x!n>
}
// CHECK:      chip.program @pad {
// CHECK:        chip.tensor @x.2 {address = 0x6, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, row_stride = 4}
// CHECK-NEXT:   chip.tensor @p.border {address = 0x0, channels = 1, width = 4, code_bits = 4, frac = 0}
// CHECK-NEXT:   chip.tensor @p.border.2 {address = 0x4, channels = 1, height = 2, width = 2, code_bits = 4, frac = 0, row_stride = 4}
// CHECK:        chip.dma.in @x.2 = @x
// CHECK-NEXT:   chip.zero @p.border
// CHECK-NEXT:   chip.zero @p.border.2
// CHECK-NEXT:   chip.copy @x.copy.2 = @x.copy
// CHECK-NEXT:   chip.zero @b.border
// CHECK-NEXT:   chip.dma.out @output0 = @p
// CHECK-NEXT:   chip.dma.out @output1 = @c
// CHECK-NEXT:   chip.dma.out @output2 = @b

// -----

// Rows of features are positions of a 1x1 convolution, whose channels are the last axis; argmax
// goes along any axis in the same way. Of more than three axes neighbours become one, and what
// is left takes an instruction for each index.
!n = !lns.number<4, 0, bias = 0>
func.func @axes(%x: tensor<1x2x3x!n>, %z: tensor<1x16x!n>) -> (tensor<1x2x4x!n>, tensor<1x2xi8>, tensor<1x16x!n>) {
  %w = data.constant dense<1> : tensor<4x3x!n>
  %l = lns.linear %x, %w : (tensor<1x2x3x!n>, tensor<4x3x!n>) -> tensor<1x2x4x!n>
  %i = lns.argmax %x {axis = 2 : i64} : (tensor<1x2x3x!n>) -> tensor<1x2xi8>
  %y = lns.reshape %z : (tensor<1x16x!n>) -> tensor<1x2x2x2x2x!n>
  %q = lns.permute %y {permutation = array<i64: 0, 4, 3, 2, 1>} : (tensor<1x2x2x2x2x!n>) -> tensor<1x2x2x2x2x!n>
  %r = lns.relu %q : (tensor<1x2x2x2x2x!n>) -> tensor<1x2x2x2x2x!n>
  %f = lns.reshape %r : (tensor<1x2x2x2x2x!n>) -> tensor<1x16x!n>
  func.return %l, %i, %f : tensor<1x2x4x!n>, tensor<1x2xi8>, tensor<1x16x!n>
}
// CHECK:      chip.program @axes {
// CHECK:        chip.tensor @{{.*}} {address = {{.*}}, channels = 3, height = 2, code_bits = 4, frac = 0, row_stride = 3, channel_stride = 1}
// CHECK:        chip.tensor @l {address = {{.*}}, channels = 4, height = 2, code_bits = 4, frac = 0, row_stride = 4, channel_stride = 1}
// CHECK:        chip.conv @l = @{{.*}}, @l.weight
// CHECK-NEXT:   chip.argmax @i =
// CHECK-NEXT:   chip.copy @r = @q {relu}
// CHECK-NEXT:   chip.copy @r.2 = @q.2 {relu}
// CHECK-NEXT:   chip.dma.out @output0

// -----

// A constant that is no weight lies in weight memory until it is needed.
!n = !lns.number<4, 0, bias = 0>
func.func @constant_map(%x: tensor<1x2x1x2x!n>) -> tensor<1x2x1x2x!n> {
  %c = data.constant dense<[[[[1, 2]], [[3, -4]]]]> : tensor<1x2x1x2x!n>
  %r = lns.relu %x : (tensor<1x2x1x2x!n>) -> tensor<1x2x1x2x!n>
  %y = lns.mul %r, %c : (tensor<1x2x1x2x!n>, tensor<1x2x1x2x!n>) -> tensor<1x2x1x2x!n>
  func.return %y : tensor<1x2x1x2x!n>
}
// CHECK:      chip.program @constant_map {
// CHECK-NEXT:   chip.segment @tables tables dense<[1, 2, 3, 12]> : tensor<4xui8>
// CHECK:        chip.copy @r = @x.2 {relu}
// CHECK-NEXT:   chip.constant @c {address = 0x0}
// CHECK-NEXT:   chip.elt @y = @r, @c {mode = mul}

// -----

// Channels that are decoded by biases of their own: the differences to the tensor's, 16 and -3, in 6
// bits of two's complement.
!n = !lns.number<4, 0, bias = 2>
func.func @biases(%x: tensor<1x2x!n>) -> tensor<1x2xf32> {
  %r = lns.relu %x : (tensor<1x2x!n>) -> tensor<1x2x!n>
  %y = lns.decode %r {biases = array<i64: 18, -1>} : (tensor<1x2x!n>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK:      chip.program @biases {
// CHECK-NEXT:   chip.segment @biases biases dense<[80, 15]> : tensor<2xui8>
// CHECK:        chip.output @output {address = 0x10, channels = 2, code_bits = 4, frac = 0, bias = 2, rank = 2, decoded, bias_bits = 6}
