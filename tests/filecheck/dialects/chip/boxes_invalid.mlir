// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// Fixed point is what signed integers of 32 bits are.
chip.program @main {
  chip.tensor @b {address = 0, channels = 3, code_bits = 32, integer, unsigned, fixed}
  chip.halt
}
// CHECK: fixed point is made of signed integers of 32 bits

// -----

chip.program @main {
  chip.tensor @b {address = 0, channels = 3, code_bits = 16, integer, fixed}
  chip.halt
}
// CHECK: fixed point is made of signed integers of 32 bits

// -----

chip.program @main {
  chip.tensor @b {address = 0, channels = 3, fixed}
  chip.halt
}
// CHECK: fixed point is made of signed integers of 32 bits

// -----

chip.program @main {
  chip.output @b {address = 0, channels = 3, code_bits = 32, integer, decoded}
  chip.halt
}
// CHECK: integers have no float decoding

// -----

// The host must know the fraction bits.
chip.program @main {
  chip.output @out {address = 0, channels = 3, code_bits = 32, integer, fixed, frac = 5, decoded}
  chip.tensor @b {address = 0, channels = 3, code_bits = 32, integer, fixed}
  chip.dma.out @out = @b
  chip.halt
}
// CHECK: @out: element type must be !lns.fixed<32, 4>, got !lns.fixed<32, 5>

// -----

chip.program @main {
  chip.tensor @h {address = 0, channels = 2, width = 3}
  chip.tensor @s {address = 48, channels = 3, width = 2}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.peaks @s, @i = @h
  chip.halt
}
// CHECK: @s: output plane must be (1, 1), got (1, 2)

// -----

chip.program @main {
  chip.tensor @h {address = 0, channels = 2, width = 3}
  chip.tensor @s {address = 48, channels = 7}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.peaks @s, @i = @h
  chip.halt
}
// CHECK: @s: 7 peaks are more than the 6 elements

// -----

chip.program @main {
  chip.tensor @h {address = 0, channels = 2, width = 3}
  chip.tensor @s {address = 48, channels = 3}
  chip.tensor @i {address = 64, channels = 2, code_bits = 64, integer}
  chip.peaks @s, @i = @h
  chip.halt
}
// CHECK: @s: shape of indices must be [3, 1, 1], got [2, 1, 1]

// -----

chip.program @main {
  chip.tensor @h {address = 0, channels = 2, width = 3}
  chip.tensor @s {address = 48, channels = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 32, integer}
  chip.peaks @s, @i = @h
  chip.halt
}
// CHECK: @s: @i must hold signed integers of 64 bits

// -----

chip.program @main {
  chip.tensor @h {address = 0, channels = 2, width = 3}
  chip.tensor @s {address = 48, channels = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer, unsigned}
  chip.peaks @s, @i = @h
  chip.halt
}
// CHECK: @s: @i must hold signed integers of 64 bits

// -----

chip.program @main {
  chip.tensor @h {address = 0, channels = 2, width = 3}
  chip.tensor @s {address = 48, channels = 3, bias = 1}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.peaks @s, @i = @h
  chip.halt
}
// CHECK: @s: element type must be !lns.number<8, 4, bias = 0>, got !lns.number<8, 4, bias = 1>

// -----

chip.program @main {
  chip.tensor @h {address = 0, channels = 2, width = 3, integer}
  chip.tensor @s {address = 48, channels = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.peaks @s, @i = @h
  chip.halt
}
// CHECK: @s: @h must hold codes, not integers

// -----

chip.program @main {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 1, 0]> : tensor<8xui8>
  chip.tensor @o {address = 0, channels = 3, width = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 4, code_bits = 32, integer, fixed}
  chip.tensor @z {address = 0, channels = 2, width = 3}
  chip.ldw @tables {size = 8, address = 0}
  chip.boxdec2d @b = @i, @o, @z {parameters = 0}
  chip.halt
}
// CHECK: @b: shape of offset must be [2, 1, 3], got [3, 1, 3]

// -----

chip.program @main {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 1, 0]> : tensor<8xui8>
  chip.tensor @o {address = 0, channels = 2, width = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 4, code_bits = 32, integer, fixed}
  chip.tensor @z {address = 0, channels = 2, width = 4}
  chip.ldw @tables {size = 8, address = 0}
  chip.boxdec2d @b = @i, @o, @z {parameters = 0}
  chip.halt
}
// CHECK: @b: shape of size must be [2, 1, 3], got [2, 1, 4]

// -----

chip.program @main {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 1, 0]> : tensor<8xui8>
  chip.tensor @o {address = 0, channels = 2, width = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 5, code_bits = 32, integer, fixed}
  chip.tensor @z {address = 0, channels = 2, width = 3}
  chip.ldw @tables {size = 8, address = 0}
  chip.boxdec2d @b = @i, @o, @z {parameters = 0}
  chip.halt
}
// CHECK: @b: shape of boxes must be [3, 4, 1], got [3, 5, 1]

// -----

chip.program @main {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 1, 0]> : tensor<8xui8>
  chip.tensor @o {address = 0, channels = 2, width = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 4, code_bits = 32, integer}
  chip.tensor @z {address = 0, channels = 2, width = 3}
  chip.ldw @tables {size = 8, address = 0}
  chip.boxdec2d @b = @i, @o, @z {parameters = 0}
  chip.halt
}
// CHECK: @b: @b must hold fixed-point numbers

// -----

chip.program @main {
  chip.tensor @o {address = 0, channels = 2, width = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 4, code_bits = 32, integer, fixed}
  chip.tensor @z {address = 0, channels = 2, width = 3}
  chip.boxdec2d @b = @i, @o, @z {parameters = 0}
  chip.halt
}
// CHECK: @b: parameters: byte 0x0 of weight memory is read before it is loaded

// -----

chip.program @main {
  chip.segment @tables tables dense<[0, 0, 0, 0, 0, 0, 1, 0]> : tensor<8xui8>
  chip.tensor @o {address = 0, channels = 2, width = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 4, code_bits = 32, integer, fixed}
  chip.tensor @z {address = 0, channels = 2, width = 3}
  chip.ldw @tables {size = 8, address = 0}
  chip.boxdec2d @b = @i, @o, @z {parameters = 0}
  chip.halt
}
// CHECK: @b: stride must be in [1, 67108864], got 0

// -----

chip.program @main {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 1, 0]> : tensor<8xui8>
  chip.tensor @o {address = 0, channels = 2, width = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 4, code_bits = 32, integer, fixed}
  chip.tensor @z {address = 0, channels = 2, width = 3}
  chip.ldw @tables {size = 8, address = 0}
  chip.boxdec2d @b = @i, @o, @z {parameters = 0xfffffffc}
  chip.halt
}
// CHECK: @b: ends at byte 4294967300, weight memory has 16777216

// -----

chip.program @main {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0]> : tensor<36xui8>
  chip.tensor @d {address = 0, channels = 1, width = 3}
  chip.tensor @m {address = 0, channels = 6, width = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @c {address = 160, channels = 3, height = 7, code_bits = 32, integer, fixed}
  chip.ldw @tables {size = 36, address = 0}
  chip.boxdec3d @c = @i, @d, @m {parameters = 0, classes = 1}
  chip.halt
}
// CHECK: @c: shape of box must be [7, 1, 3], got [6, 1, 3]

// -----

chip.program @main {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0]> : tensor<36xui8>
  chip.tensor @d {address = 0, channels = 2, width = 3}
  chip.tensor @m {address = 0, channels = 7, width = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @c {address = 160, channels = 3, height = 7, code_bits = 32, integer, fixed}
  chip.ldw @tables {size = 36, address = 0}
  chip.boxdec3d @c = @i, @d, @m {parameters = 0, classes = 1}
  chip.halt
}
// CHECK: @c: shape of disparity must be [1, 1, 3], got [2, 1, 3]

// -----

chip.program @main {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0]> : tensor<36xui8>
  chip.tensor @d {address = 0, channels = 1, width = 3}
  chip.tensor @m {address = 0, channels = 7, width = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @c {address = 160, channels = 3, height = 7, code_bits = 32, integer, fixed}
  chip.ldw @tables {size = 36, address = 0}
  chip.boxdec3d @c = @i, @d, @m {parameters = 0, classes = 2}
  chip.halt
}
// CHECK: @c: parameters: byte 0x24 of weight memory is read before it is loaded

// -----

chip.program @main {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0]> : tensor<36xui8>
  chip.tensor @d {address = 0, channels = 1, width = 3}
  chip.tensor @m {address = 0, channels = 7, width = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @c {address = 160, channels = 3, height = 7, code_bits = 32, integer, fixed}
  chip.ldw @tables {size = 36, address = 0}
  chip.boxdec3d @c = @i, @d, @m {parameters = 0, classes = 1}
  chip.halt
}
// CHECK: @c: focal must be in [1, 2147483647], got 0

// -----

chip.program @main {
  chip.segment @tables tables dense<[0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0]> : tensor<36xui8>
  chip.tensor @d {address = 0, channels = 1, width = 3}
  chip.tensor @m {address = 0, channels = 7, width = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @c {address = 160, channels = 3, height = 7, code_bits = 32, integer, fixed}
  chip.ldw @tables {size = 36, address = 0}
  chip.boxdec3d @c = @i, @d, @m {parameters = 0, classes = 0}
  chip.halt
}
// CHECK: classes must be in [1, 4095], got 0

// -----

chip.program @main {
  chip.tensor @s {address = 48, channels = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 4, code_bits = 32, integer, fixed}
  chip.tensor @k {address = 160, channels = 3, bias = 2}
  chip.nms @k = @b, @s, @i {cells = 3, overlap = 32768}
  chip.halt
}
// CHECK: @k: element type must be !lns.number<8, 4, bias = 0>, got !lns.number<8, 4, bias = 2>

// -----

chip.program @main {
  chip.tensor @s {address = 48, channels = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 4, code_bits = 32, integer, fixed}
  chip.tensor @k {address = 160, channels = 2}
  chip.nms @k = @b, @s, @i {cells = 3, overlap = 32768}
  chip.halt
}
// CHECK: @k: output shape must be [3, 1, 1], got [2, 1, 1]

// -----

chip.program @main {
  chip.tensor @s {address = 48, channels = 4}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 4, code_bits = 32, integer, fixed}
  chip.tensor @k {address = 160, channels = 3}
  chip.nms @k = @b, @s, @i {cells = 3, overlap = 32768}
  chip.halt
}
// CHECK: @k: shape of scores must be [3, 1, 1], got [4, 1, 1]

// -----

chip.program @main {
  chip.tensor @s {address = 48, channels = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 4, code_bits = 32, integer, fixed}
  chip.tensor @k {address = 160, channels = 3}
  chip.nms @k = @b, @s, @i {cells = 3, overlap = 65537}
  chip.halt
}
// CHECK: overlap must be in [0, 65536], got 65537

// -----

chip.program @main {
  chip.tensor @s {address = 48, channels = 3}
  chip.tensor @i {address = 64, channels = 3, code_bits = 64, integer}
  chip.tensor @b {address = 96, channels = 3, height = 4, code_bits = 32, integer, fixed}
  chip.tensor @k {address = 160, channels = 3}
  chip.nms @k = @b, @s, @i {cells = 0, overlap = 32768}
  chip.halt
}
// CHECK: cells must be in [1, 4294967295], got 0

// -----

// Results stand side by side, with a comma.
chip.program @main {
  chip.peaks @s @i = @h
  chip.halt
}
// CHECK: Expected ','

// -----

// Maps of as many elements as there are indices may be whole, or hold those at the indices.
chip.program @main {
  chip.tensor @i {address = 0, channels = 3, code_bits = 64, integer}
  chip.tensor @o {address = 32, channels = 2, width = 3}
  chip.tensor @b {address = 48, channels = 3, height = 4, code_bits = 32, frac = 4, integer, fixed}
  chip.boxdec2d @b = @i, @o, @o {parameters = 0, map_height = 1, map_width = 3}
  chip.halt
}
// CHECK: maps of 1 x 3 cannot be told from 3 elements of them: give whole maps, and neither map_height nor map_width

// -----

chip.program @main {
  chip.tensor @h {address = 0, channels = 2, height = 2, width = 3}
  chip.tensor @c {address = 48, channels = 3, height = 1}
  chip.tensor @f {address = 64, channels = 3, height = 2, code_bits = 64, integer}
  chip.peaks.rows @c, @f = @h
  chip.halt
}
// CHECK: @c: output plane must be (2, 1), got (1, 1)

// -----

chip.program @main {
  chip.tensor @h {address = 0, channels = 2, height = 2, width = 3}
  chip.tensor @c {address = 48, channels = 7, height = 2}
  chip.tensor @f {address = 64, channels = 3, height = 2, code_bits = 64, integer}
  chip.peaks.rows @c, @f = @h
  chip.halt
}
// CHECK: @c: 7 peaks are more than the 6 elements of a row

// -----

chip.program @main {
  chip.tensor @h {address = 0, channels = 2, height = 2, width = 3}
  chip.tensor @c {address = 48, channels = 3, height = 2}
  chip.tensor @f {address = 64, channels = 3, code_bits = 64, integer}
  chip.peaks.rows @c, @f = @h
  chip.halt
}
// CHECK: @c: shape of indices must be [3, 2, 1], got [3, 1, 1]

// -----

chip.program @main {
  chip.tensor @h {address = 0, channels = 2, height = 2, width = 3}
  chip.tensor @c {address = 48, channels = 3, height = 2}
  chip.tensor @f {address = 64, channels = 3, height = 2, code_bits = 32, integer}
  chip.peaks.rows @c, @f = @h
  chip.halt
}
// CHECK: @c: @f must hold signed integers of 64 bits

// -----

chip.program @main {
  chip.tensor @h {address = 0, channels = 2, height = 2, width = 3}
  chip.tensor @c {address = 48, channels = 3, height = 2, bias = 1}
  chip.tensor @f {address = 64, channels = 3, height = 2, code_bits = 64, integer}
  chip.peaks.rows @c, @f = @h
  chip.halt
}
// CHECK: @c: element type must be !lns.number<8, 4, bias = 0>, got !lns.number<8, 4, bias = 1>

// -----

chip.program @main {
  chip.tensor @h {address = 0, channels = 2, height = 2, width = 3, integer}
  chip.tensor @c {address = 48, channels = 3, height = 2}
  chip.tensor @f {address = 64, channels = 3, height = 2, code_bits = 64, integer}
  chip.peaks.rows @c, @f = @h
  chip.halt
}
// CHECK: @c: @h must hold codes, not integers

// -----

chip.program @main {
  chip.tensor @c {address = 0, channels = 3, height = 2, width = 2}
  chip.tensor @f {address = 16, channels = 3, height = 2, code_bits = 64, integer}
  chip.tensor @s {address = 64, channels = 4}
  chip.tensor @i {address = 80, channels = 4, code_bits = 64, integer}
  chip.peaks.best @s, @i = @c, @f
  chip.halt
}
// CHECK: @s: width of codes must be 1, got 2

// -----

chip.program @main {
  chip.tensor @c {address = 0, channels = 3, height = 2}
  chip.tensor @f {address = 16, channels = 3, code_bits = 64, integer}
  chip.tensor @s {address = 64, channels = 4}
  chip.tensor @i {address = 80, channels = 4, code_bits = 64, integer}
  chip.peaks.best @s, @i = @c, @f
  chip.halt
}
// CHECK: @s: shape of indices must be [3, 2, 1], got [3, 1, 1]

// -----

chip.program @main {
  chip.tensor @c {address = 0, channels = 3, height = 2}
  chip.tensor @f {address = 16, channels = 3, height = 2, code_bits = 32, integer}
  chip.tensor @s {address = 64, channels = 4}
  chip.tensor @i {address = 80, channels = 4, code_bits = 64, integer}
  chip.peaks.best @s, @i = @c, @f
  chip.halt
}
// CHECK: @s: @f must hold signed integers of 64 bits

// -----

chip.program @main {
  chip.tensor @c {address = 0, channels = 3, height = 2}
  chip.tensor @f {address = 16, channels = 3, height = 2, code_bits = 64, integer}
  chip.tensor @s {address = 64, channels = 7}
  chip.tensor @i {address = 80, channels = 4, code_bits = 64, integer}
  chip.peaks.best @s, @i = @c, @f
  chip.halt
}
// CHECK: @s: 7 peaks are more than the 6 elements

// -----

chip.program @main {
  chip.tensor @c {address = 0, channels = 3, height = 2}
  chip.tensor @f {address = 16, channels = 3, height = 2, code_bits = 64, integer}
  chip.tensor @s {address = 64, channels = 4, width = 2}
  chip.tensor @i {address = 80, channels = 4, code_bits = 64, integer}
  chip.peaks.best @s, @i = @c, @f
  chip.halt
}
// CHECK: @s: output plane must be (1, 1), got (1, 2)

// -----

chip.program @main {
  chip.tensor @c {address = 0, channels = 3, height = 2}
  chip.tensor @f {address = 16, channels = 3, height = 2, code_bits = 64, integer}
  chip.tensor @s {address = 64, channels = 4}
  chip.tensor @i {address = 80, channels = 3, code_bits = 64, integer}
  chip.peaks.best @s, @i = @c, @f
  chip.halt
}
// CHECK: @s: shape of indices must be [4, 1, 1], got [3, 1, 1]

// -----

chip.program @main {
  chip.tensor @c {address = 0, channels = 3, height = 2}
  chip.tensor @f {address = 16, channels = 3, height = 2, code_bits = 64, integer}
  chip.tensor @s {address = 64, channels = 4, bias = 1}
  chip.tensor @i {address = 80, channels = 4, code_bits = 64, integer}
  chip.peaks.best @s, @i = @c, @f
  chip.halt
}
// CHECK: @s: element type must be !lns.number<8, 4, bias = 0>, got !lns.number<8, 4, bias = 1>

// -----

chip.program @main {
  chip.tensor @c {address = 0, channels = 3, height = 2, integer}
  chip.tensor @f {address = 16, channels = 3, height = 2, code_bits = 64, integer}
  chip.tensor @s {address = 64, channels = 4}
  chip.tensor @i {address = 80, channels = 4, code_bits = 64, integer}
  chip.peaks.best @s, @i = @c, @f
  chip.halt
}
// CHECK: @s: @c must hold codes, not integers
