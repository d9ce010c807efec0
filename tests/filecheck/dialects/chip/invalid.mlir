// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// Fields out of range, in assembly text and in generic form.
chip.program @main {
  chip.tensor @a {address = 0, channels = 1}
  chip.pool @a = @a {mode = max, kernel_h = 1024, kernel_w = 1}
  chip.halt
}
// CHECK: kernel_h must be in [1, 1023], got 1024

// -----

"chip.program"() <{sym_name = "main"}> ({
  "chip.mark"() <{number = 65536 : i64}> : () -> ()
  "chip.halt"() : () -> ()
}) : () -> ()
// CHECK: 'chip.mark' op at {{.*}}: number must be in [0, 65535], got 65536

// -----

// A wait takes what an instruction before it signals, in whichever queue; here each waits for the other.
chip.program @main {
  chip.mark {number = 1, wait = 1, signal = 2}
  chip.mark {number = 2, wait = 2, signal = 1}
  chip.halt
}
// CHECK: 'chip.mark' op at {{.*}}: waits for semaphore 1, which no instruction before it signals

// -----

"chip.program"() <{sym_name = "main"}> ({
  "chip.mark"() <{number = 1 : i8}> : () -> ()
  "chip.halt"() : () -> ()
}) : () -> ()
// CHECK: 'chip.mark' op at {{.*}}: number must be a 64-bit integer, got 1 : i8

// -----

"chip.program"() <{sym_name = "main"}> ({
  "chip.pool"() <{output = @a, input = @a, mode = "least", kernel_h = 1 : i64, kernel_w = 1 : i64}> : () -> ()
  "chip.halt"() : () -> ()
}) : () -> ()
// CHECK: 'chip.pool' op at {{.*}}: mode must be max or avg or sum, got "least"

// -----

"chip.program"() <{sym_name = "main"}> ({
  "chip.copy"() <{output = @a, input = @a, relu = 1 : i64}> : () -> ()
  "chip.halt"() : () -> ()
}) : () -> ()
// CHECK: 'chip.copy' op at {{.*}}: relu must be a unit attribute, got 1 : i64

// -----

"chip.program"() <{sym_name = "main"}> ({
  "chip.copy"() <{output = @a::@b, input = @a}> : () -> ()
  "chip.halt"() : () -> ()
}) : () -> ()
// CHECK: 'chip.copy' op at {{.*}}: output must be the symbol of a chip.tensor, got @a::@b

// -----

// Assembly text.
chip.program @main {
  chip.tensor @a {address = 0, channels = 1}
  chip.pool @a = @a {mode = least, kernel_h = 1, kernel_w = 1}
  chip.halt
}
// CHECK: mode must be max or avg or sum, got least

// -----

chip.program @main {
  chip.mark {counter = 1}
  chip.halt
}
// CHECK: unknown field counter, expected one of: number, wait, signal

// -----

chip.program @main {
  chip.mark {number = 1, number = 2}
  chip.halt
}
// CHECK: field number is given twice

// -----

chip.program @main {
  chip.ldw @s {offset = 1}
  chip.halt
}
// CHECK: missing fields: size, address

// -----

chip.program @main {
  chip.segment @s words dense<1> : tensor<1xui8>
  chip.halt
}
// CHECK: a segment holds pointers or tables or biases, got words

// -----

// Targets.
chip.program @main for #chip.target<dram = 8> {
  chip.halt
}
// CHECK: dram must be in [16, 4294967296] bytes, got 8

// -----

chip.program @main for #chip.target<cache = 8> {
  chip.halt
}
// CHECK: unknown parameter 'cache', expected: name, weight_memory, activation_memory, dram, antilog_bits, fine_antilog_bits, accumulator, mitchell

// -----

chip.program @main for #chip.target<mitchell = 1> {
  chip.halt
}
// CHECK: mitchell takes true or false, got 1

// -----

chip.program @main for #chip.target<name = "a b"> {
  chip.halt
}
// CHECK: a target's name has letters, digits, '.' and '-', got 'a b'

// -----

chip.program @main for #chip.target<dram = 64, dram = 65> {
  chip.halt
}
// CHECK: parameter dram is given twice

// -----

chip.program @main for #chip.target<accumulator = 8> {
  chip.halt
}
// CHECK: accumulator width must be in [16, 64] bits, got 8

// -----

chip.program @main for i32 {
  chip.halt
}
// CHECK: expected #chip.target<

// -----

// Segments.
chip.program @main {
  chip.segment @s tables dense<1> : tensor<1xi8>
  chip.halt
}
// CHECK: 'chip.segment' op at {{.*}}: a segment holds bytes, tensor<Nxui8>, got tensor<1xi8>

// -----

chip.program @main {
  chip.segment @s tables dense<"0x"> : tensor<0xui8>
  chip.halt
}
// CHECK: 'chip.segment' op at {{.*}}: a segment must not be empty

// -----

chip.program @main {
  chip.segment @s tables dense<"0x0102"> : tensor<3xui8>
  chip.halt
}
// CHECK: 'chip.segment' op at {{.*}}: tensor<3xui8> takes 3 bytes, the constant has 2

// -----

// Descriptors.
chip.program @main {
  chip.tensor @a {address = 0, channels = 1, code_bits = 17}
  chip.halt
}
// CHECK: 'chip.tensor' op at {{.*}}: code_bits of LNS codes must be in [2, 16], got 17

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, integer, code_bits = 12}
  chip.halt
}
// CHECK: 'chip.tensor' op at {{.*}}: code_bits of integers must be 8, 16, 32 or 64, got 12

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 2, width = 4, row_stride = 3}
  chip.halt
}
// CHECK: 'chip.tensor' op at {{.*}}: rows of 4 bytes overlap at a row_stride of 3

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, height = 2, width = 4, channel_stride = 7}
  chip.halt
}
// CHECK: 'chip.tensor' op at {{.*}}: channels of 8 bytes overlap at a channel_stride of 7

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, height = 3, width = 4, column_stride = 5, row_stride = 15}
  chip.halt
}
// CHECK: 'chip.tensor' op at {{.*}}: rows of 16 bytes overlap at a row_stride of 15

// -----

// Channels lie within rows, rows within columns; two columns share a byte.
chip.program @main {
  chip.tensor @a {address = 0, channels = 2, height = 3, width = 4, channel_stride = 1, row_stride = 2, column_stride = 5}
  chip.halt
}
// CHECK: 'chip.tensor' op at {{.*}}: columns of 6 bytes overlap at a column_stride of 5

// -----

chip.program @main for #chip.target<activation_memory = 64> {
  chip.tensor @a {address = 15, channels = 2, code_bits = 16, height = 2, row_stride = 16, channel_stride = 32}
  chip.halt
}
// CHECK: 'chip.tensor' op at {{.*}}: @a: ends at byte 65, activation memory has 64

// -----

chip.program @main for #chip.target<dram = 64> {
  chip.input @a {address = 60, channels = 5}
  chip.halt
}
// CHECK: 'chip.input' op at {{.*}}: @a: ends at byte 65, DRAM has 64

// -----

chip.program @main {
  chip.input @a {address = 0, channels = 5, height = 2, rank = 2}
  chip.halt
}
// CHECK: 'chip.input' op at {{.*}}: an array of rank 2 cannot hold [5, 2, 1]

// -----

chip.program @main {
  chip.input @a {address = 0, channels = 5, integer, encoded}
  chip.halt
}
// CHECK: 'chip.input' op at {{.*}}: integers have no float encoding

// -----

chip.program @main {
  chip.output @a {address = 0, channels = 5, integer, decoded}
  chip.halt
}
// CHECK: 'chip.output' op at {{.*}}: integers have no float decoding

// -----

chip.program @main {
  chip.output @a {address = 0, channels = 5, bias_bits = 3}
  chip.halt
}
// CHECK: 'chip.output' op at {{.*}}: only codes that are decoded have a bias table

// -----

chip.program @main {
  chip.output @a {address = 0, channels = 1, rank = 1, decoded, bias_bits = 3}
  chip.halt
}
// CHECK: 'chip.output' op at {{.*}}: a bias table needs an array with an axis of channels

// -----

chip.program @main {
  chip.output @a {address = 0, channels = 5, decoded, bias_table = 0xfffff0, bias_bits = 22}
  chip.halt
}
// CHECK: 'chip.output' op at {{.*}}: @a: bias table: byte 0xfffff0 of weight memory is read before it is loaded

// -----

chip.program @main {
  chip.output @a {address = 0, channels = 6, decoded, bias_table = 0xfffff0, bias_bits = 22}
  chip.halt
}
// CHECK: 'chip.output' op at {{.*}}: @a: ends at byte 16777217, weight memory has 16777216

// -----

chip.program @main {
  chip.segment @b biases dense<[0, 0, 32]> : tensor<3xui8>
  chip.output @a {address = 0, channels = 1, bias = -1, decoded, bias_bits = 22}
  chip.ldw @b {size = 3, address = 0}
  chip.halt
}
// CHECK: 'chip.output' op at {{.*}}: @a: LNS bias must be in [-1048576, 1048576], got -2097153

// -----

chip.program @main {
  chip.output @a {address = 0, channels = 1, host_bits = 64}
  chip.halt
}
// CHECK: 'chip.output' op at {{.*}}: only integers, not codes or fixed point, have host_bits

// -----

chip.program @main {
  chip.output @a {address = 0, channels = 1, code_bits = 32, integer, fixed, host_bits = 64}
  chip.halt
}
// CHECK: 'chip.output' op at {{.*}}: only integers, not codes or fixed point, have host_bits

// -----

chip.program @main {
  chip.output @a {address = 0, channels = 1, integer, unsigned, host_bits = 24}
  chip.halt
}
// CHECK: 'chip.output' op at {{.*}}: host_bits must be 16, 32 or 64, or 0 for none, got 24

// -----

chip.program @main {
  chip.output @a {address = 0, channels = 1, integer, unsigned, host_bits = 8}
  chip.halt
}
// CHECK: 'chip.output' op at {{.*}}: host_bits must be 16, 32 or 64, or 0 for none, got 8

// -----

chip.program @main {
  chip.output @a {address = 0, channels = 1, code_bits = 32, integer, unsigned, host_bits = 16}
  chip.halt
}
// CHECK: 'chip.output' op at {{.*}}: host_bits must be more than the 32 bits that are stored, got 16

// -----

chip.program @main {
  chip.output @a {address = 0, channels = 1, code_bits = 16, integer, unsigned, host_bits = 16}
  chip.halt
}
// CHECK: 'chip.output' op at {{.*}}: host_bits must be more than the 16 bits that are stored, got 16

// -----

// The parts of a program.
chip.program @main {
  chip.tensor @a {address = 0, channels = 1}
  chip.input @x {address = 0, channels = 1}
  chip.halt
}
// CHECK: 'chip.input' op at {{.*}}: @x: inputs and outputs come before descriptors

// -----

chip.program @main {
  chip.mark {number = 1}
  chip.tensor @a {address = 0, channels = 1}
  chip.halt
}
// CHECK: 'chip.tensor' op at {{.*}}: @a: descriptors come before instructions

// -----

chip.program @main {
  %c = data.constant dense<1> : tensor<1xi8>
  chip.halt
}
// CHECK: 'data.constant' op at {{.*}}: a program holds chip ops, not data.constant

// -----

chip.program @main {
  chip.mark {number = 1}
}
// CHECK: Operation chip.mark terminates block in single-block region but is not a terminator

// -----

chip.program @main {
  chip.halt
  chip.halt
}
// CHECK: 'chip.halt' must be the last operation in its parent block

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1}
  chip.tensor @a {address = 0, channels = 1}
  chip.halt
}
// CHECK: Redefinition of symbol "a"

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1}
  chip.copy @a = @b
  chip.halt
}
// CHECK: 'chip.copy' op at {{.*}}: @a: input is @b, which the program does not define

// -----

chip.program @main {
  chip.input @x {address = 0, channels = 1}
  chip.tensor @a {address = 0, channels = 1}
  chip.copy @a = @x
  chip.halt
}
// CHECK: 'chip.copy' op at {{.*}}: @a: input must be a chip.tensor, @x is a chip.input

// -----

chip.program @main {
  chip.weights @w = @a {out_channels = 1, in_channels = 1}
  chip.halt
}
// CHECK: 'chip.weights' op at {{.*}}: @w: codebook is @a, which the program does not define

// -----

// Weight memory.
chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.ldw @s {offset = 1, size = 4, address = 0}
  chip.halt
}
// CHECK: 'chip.ldw' op at {{.*}}: the load ends at byte 5 of a segment of 4 bytes

// -----

chip.program @main for #chip.target<weight_memory = 64> {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.ldw @s {size = 4, address = 61}
  chip.halt
}
// CHECK: 'chip.ldw' op at {{.*}}: ends at byte 65, weight memory has 64

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.ldw @s {size = 4, address = 4}
  chip.ldw @s {size = 2, address = 3}
  chip.halt
}
// CHECK: 'chip.ldw' op at {{.*}}: bytes [0x3, 0x5) of weight memory are loaded twice

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.ldw @s {size = 4, address = 4}
  chip.ldw @s {size = 4, address = 7}
  chip.halt
}
// CHECK: 'chip.ldw' op at {{.*}}: bytes [0x7, 0xb) of weight memory are loaded twice

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: codebook: byte 0x0 of weight memory is read before it is loaded

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 2, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: codebook: byte 0x3 of weight memory is read before it is loaded

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1, pointers = 3, pointer_bits = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: pointers: byte 0x3 of weight memory is read before it is loaded

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1, bias_table = 3, bias_bits = 4}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: bias table: byte 0x3 of weight memory is read before it is loaded

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1, initial = 3, initial_bits = 4}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: initial values: byte 0x3 of weight memory is read before it is loaded

// -----

chip.program @main for #chip.target<weight_memory = 64> {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 3}
  chip.codebook @c {address = 62, entries = 3}
  chip.weights @w = @c {out_channels = 3, in_channels = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: the codebook of @w ends at byte 65, weight memory has 64

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1, initial = 0, initial_bits = 33}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: @w has initial values of 33 bits, accumulators have 32

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 0, entries = 3}
  chip.weights @w = @c {out_channels = 2, in_channels = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: dense weights of 2 blocks need as many codebook entries, got 3

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 2, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1}
  chip.ldw @s {size = 4, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: element 1 of the codebook holds 0x80, which is no code

// -----

// The pointers are 2 and 0 (two bits each: 0b0010).
chip.program @main {
  chip.segment @s tables dense<[2, 2, 3]> : tensor<3xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 1, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1, pointers = 0, pointer_bits = 2}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: pointer 0 is 2, the codebook has 2 entries

// -----

// One pointer of two bits; the other bits of its byte must be zero.
chip.program @main {
  chip.segment @s tables dense<[6, 2, 3, 4, 5]> : tensor<5xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 1, entries = 2, block_out = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1, pointers = 0, pointer_bits = 1}
  chip.ldw @s {size = 5, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: the padding bits after the last value are not zero

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 0, entries = 1, block_out = 3}
  chip.weights @w = @c {out_channels = 2, in_channels = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: blocks of [3, 1, 1, 1] do not tile a weight of [2, 1, 1, 1]

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1, code_bits = 2, frac = 0}
  chip.tensor @y {address = 8, channels = 1}
  chip.ldw @s {size = 4, address = 0}
  chip.table @y = @x {address = 0}
  chip.halt
}
// CHECK: 'chip.table' op at {{.*}}: @y: entry 3 of the table holds 0x80, which is no code

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1, code_bits = 2, frac = 0}
  chip.tensor @y {address = 8, channels = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.table @y = @x {address = 0}
  chip.halt
}
// CHECK: 'chip.table' op at {{.*}}: @y: table: byte 0x3 of weight memory is read before it is loaded

// -----

chip.program @main for #chip.target<weight_memory = 64> {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1, code_bits = 2, frac = 0}
  chip.tensor @y {address = 8, channels = 1}
  chip.table @y = @x {address = 61}
  chip.halt
}
// CHECK: 'chip.table' op at {{.*}}: @y: ends at byte 65, weight memory has 64

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @y {address = 8, channels = 2}
  chip.ldw @s {size = 4, address = 0}
  chip.constant @y {address = 2}
  chip.halt
}
// CHECK: 'chip.constant' op at {{.*}}: @y: entry 1 of the constant holds 0x80, which is no code

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @y {address = 8, channels = 2}
  chip.ldw @s {size = 3, address = 0}
  chip.constant @y {address = 2}
  chip.halt
}
// CHECK: 'chip.constant' op at {{.*}}: @y: constant: byte 0x3 of weight memory is read before it is loaded

// -----

chip.program @main for #chip.target<weight_memory = 64> {
  chip.tensor @y {address = 8, channels = 2}
  chip.constant @y {address = 63}
  chip.halt
}
// CHECK: 'chip.constant' op at {{.*}}: @y: ends at byte 65, weight memory has 64

// -----

chip.program @main {
  chip.tensor @y {address = 8, channels = 2, integer}
  chip.constant @y {address = 0}
  chip.halt
}
// CHECK: 'chip.constant' op at {{.*}}: @y: @y must hold codes, not integers

// -----

// Instructions and the tensors that they name.
chip.program @main {
  chip.input @in {address = 0, channels = 2, rank = 2}
  chip.tensor @a {address = 0, channels = 1}
  chip.dma.in @a = @in
  chip.halt
}
// CHECK: 'chip.dma.in' op at {{.*}}: @a: shape must be [2, 1, 1], got [1, 1, 1]

// -----

chip.program @main {
  chip.input @in {address = 0, channels = 2, rank = 2}
  chip.tensor @a {address = 0, channels = 2, bias = 1}
  chip.dma.in @a = @in
  chip.halt
}
// CHECK: 'chip.dma.in' op at {{.*}}: @a: element type must be !lns.number<8, 4, bias = 0>, got !lns.number<8, 4, bias = 1>

// -----

chip.program @main {
  chip.output @out {address = 0, channels = 2, rank = 2}
  chip.tensor @a {address = 0, channels = 1}
  chip.dma.out @out = @a
  chip.halt
}
// CHECK: 'chip.dma.out' op at {{.*}}: @out: shape must be [1, 1, 1], got [2, 1, 1]

// -----

chip.program @main {
  chip.output @out {address = 0, channels = 2, rank = 2}
  chip.tensor @a {address = 0, channels = 2, unsigned}
  chip.dma.out @out = @a
  chip.halt
}
// CHECK: 'chip.dma.out' op at {{.*}}: @out: element type must be !lns.number<8, 4, bias = 0, unsigned>, got !lns.number<8, 4, bias = 0>

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 3}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 1, in_channels = 2}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: the weights want a multiple of 2 channels, the input has 3

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 3}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: output shape must be [2, 1, 1], got [3, 1, 1]

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1, kernel_h = 3}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: a window of 3 does not fit an axis of 1 padded by 0

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1, integer, frac = 0}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: @x must hold codes, not integers

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2, unsigned}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: an unsigned output of signed inputs needs relu

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 2}
  chip.tensor @y {address = 0, channels = 1}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 1, in_channels = 2}
  chip.ldw @s {size = 3, address = 0}
  chip.dwconv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.dwconv' op at {{.*}}: @y: depthwise weights have 1 input channel, got 2

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1, unsigned}
  chip.tensor @y {address = 0, channels = 2, unsigned}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: an unsigned output of signed inputs needs relu

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1, unsigned}
  chip.tensor @y {address = 0, channels = 2, unsigned}
  chip.codebook @c {address = 0, entries = 2, unsigned}
  chip.weights @w = @c {out_channels = 2, in_channels = 1, initial = 0, initial_bits = 4}
  chip.ldw @s {size = 3, address = 0}
  chip.conv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.conv' op at {{.*}}: @y: an unsigned output of signed initial values needs relu

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 4, width = 4}
  chip.tensor @b {address = 16, channels = 1, height = 2, width = 2}
  chip.pool @b = @a {mode = max, kernel_h = 5, kernel_w = 1}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: a window of 5 does not fit an axis of 4 padded by 0

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 4, width = 4}
  chip.tensor @b {address = 16, channels = 1, height = 2, width = 2}
  chip.pool @b = @a {mode = max, kernel_h = 2, kernel_w = 2, pad_top = 2}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: padding [2, 0, 0, 0] fills a whole kernel [2, 2]

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 4, width = 4}
  chip.tensor @b {address = 16, channels = 1, height = 2, width = 2}
  chip.pool @b = @a {mode = max, kernel_h = 2, kernel_w = 2}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: output shape must be [1, 3, 3], got [1, 2, 2]

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 4, width = 4}
  chip.tensor @b {address = 16, channels = 1, height = 2, width = 2, bias = 3}
  chip.pool @b = @a {mode = max, kernel_h = 2, kernel_w = 2, stride_h = 2, stride_w = 2}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: element type must be !lns.number<8, 4, bias = 0>, got !lns.number<8, 4, bias = 3>

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 4, width = 4}
  chip.tensor @b {address = 16, channels = 1, height = 2, width = 2, unsigned}
  chip.pool @b = @a {mode = avg, kernel_h = 2, kernel_w = 2, stride_h = 2, stride_w = 2}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: an unsigned output of signed inputs needs relu

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 3}
  chip.elt @a = @a, @b {mode = add}
  chip.halt
}
// CHECK: 'chip.elt' op at {{.*}}: @a: shapes [2, 1, 1] and [3, 1, 1] do not broadcast

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 3}
  chip.elt @b = @a, @a {mode = add}
  chip.halt
}
// CHECK: 'chip.elt' op at {{.*}}: @b: output shape must be [2, 1, 1], got [3, 1, 1]

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 2, unsigned}
  chip.elt @b = @a, @a {mode = add}
  chip.halt
}
// CHECK: 'chip.elt' op at {{.*}}: @b: an unsigned output of signed inputs needs relu

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, width = 3}
  chip.tensor @b {address = 16, channels = 2}
  chip.elt @b = @a, @b {mode = mul}
  chip.halt
}
// CHECK: 'chip.elt' op at {{.*}}: @b: output shape must be [2, 1, 3], got [2, 1, 1]

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, unsigned}
  chip.elt @a = @a, @a {mode = sub}
  chip.halt
}
// CHECK: 'chip.elt' op at {{.*}}: @a: an unsigned difference needs relu

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 2, unsigned}
  chip.elt @b = @a, @b {mode = mul}
  chip.halt
}
// CHECK: 'chip.elt' op at {{.*}}: @b: an unsigned output of signed inputs needs relu

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, height = 3}
  chip.tensor @b {address = 16, channels = 2}
  chip.pool @b = @a {mode = avg, kernel_h = 2, kernel_w = 1, dilation_h = 2}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: dilation of a mean must be (1, 1), got (2, 1)

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 4, width = 4}
  chip.tensor @b {address = 16, channels = 1, height = 2, width = 3}
  chip.pool @b = @a {mode = max, kernel_h = 2, kernel_w = 2, dilation_w = 2}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: output shape must be [1, 3, 2], got [1, 2, 3]

// -----

// Resizing.
chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 3, height = 2}
  chip.resize @b = @a {mode = nearest}
  chip.halt
}
// CHECK: 'chip.resize' op at {{.*}}: @b: output channels must be 2, got 3

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 2, height = 2, bias = 1}
  chip.resize @b = @a {mode = nearest}
  chip.halt
}
// CHECK: 'chip.resize' op at {{.*}}: @b: element type must be !lns.number<8, 4, bias = 0>, got !lns.number<8, 4, bias = 1>

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 2, height = 2}
  chip.resize @b = @a {mode = nearest, steps_w = 2}
  chip.halt
}
// CHECK: 'chip.resize' op at {{.*}}: @b: align_corners and steps go with bilinear only

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 2, height = 2}
  chip.resize @b = @a {mode = nearest, align_corners}
  chip.halt
}
// CHECK: 'chip.resize' op at {{.*}}: @b: align_corners and steps go with bilinear only

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 2, height = 2, unsigned}
  chip.resize @b = @a {mode = bilinear}
  chip.halt
}
// CHECK: 'chip.resize' op at {{.*}}: @b: an unsigned output of signed inputs needs relu

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, integer}
  chip.tensor @b {address = 16, channels = 2, height = 2}
  chip.resize @b = @a {mode = bilinear}
  chip.halt
}
// CHECK: 'chip.resize' op at {{.*}}: @b: @a must hold codes, not integers

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.resize @a = @a {mode = bilinear, steps_h = 4097}
  chip.halt
}
// CHECK: steps_h must be in [1, 4096], got 4097

// -----

// Transposed convolution.
chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 3}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.deconv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.deconv' op at {{.*}}: @y: output channels must be 2, got 3

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 2}
  chip.tensor @y {address = 0, channels = 3}
  chip.codebook @c {address = 0, entries = 3}
  chip.weights @w = @c {out_channels = 3, in_channels = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.deconv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.deconv' op at {{.*}}: @y: 3 output channels cannot be divided into 2 groups

// -----

// The sums have three rows.
chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1, height = 2}
  chip.tensor @y {address = 0, channels = 1, height = 9}
  chip.codebook @c {address = 0, entries = 1}
  chip.weights @w = @c {out_channels = 1, in_channels = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.deconv @y = @x, @w {stride_h = 2, crop_top = 3}
  chip.halt
}
// CHECK: 'chip.deconv' op at {{.*}}: @y: crops of 3 and 0 leave nothing of the sums

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2, unsigned}
  chip.codebook @c {address = 0, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1}
  chip.ldw @s {size = 3, address = 0}
  chip.deconv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.deconv' op at {{.*}}: @y: an unsigned output of signed inputs needs relu

// -----

chip.program @main {
  chip.segment @s tables dense<[1, 2, 3, 128]> : tensor<4xui8>
  chip.tensor @x {address = 0, channels = 1}
  chip.tensor @y {address = 0, channels = 2}
  chip.codebook @c {address = 2, entries = 2}
  chip.weights @w = @c {out_channels = 2, in_channels = 1}
  chip.ldw @s {size = 4, address = 0}
  chip.deconv @y = @x, @w
  chip.halt
}
// CHECK: 'chip.deconv' op at {{.*}}: @y: element 1 of the codebook holds 0x80, which is no code

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 3}
  chip.table @b = @a {address = 0}
  chip.halt
}
// CHECK: 'chip.table' op at {{.*}}: @b: shape must be [2, 1, 1], got [3, 1, 1]

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 3}
  chip.copy @b = @a
  chip.halt
}
// CHECK: 'chip.copy' op at {{.*}}: @b: shape must be [2, 1, 1], got [3, 1, 1]

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 2, unsigned}
  chip.copy @b = @a
  chip.halt
}
// CHECK: 'chip.copy' op at {{.*}}: @b: an unsigned output of signed inputs needs relu

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, integer}
  chip.tensor @b {address = 16, channels = 2}
  chip.copy @b = @a
  chip.halt
}
// CHECK: 'chip.copy' op at {{.*}}: @b: element type must be i8, got !lns.number<8, 4, bias = 0>

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 2, integer}
  chip.copy @b = @a
  chip.halt
}
// CHECK: 'chip.copy' op at {{.*}}: @b: @b must hold codes, not integers

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 1}
  chip.argmax @b = @a
  chip.halt
}
// CHECK: 'chip.argmax' op at {{.*}}: @b: the output must hold integers

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 2, integer}
  chip.argmax @b = @a
  chip.halt
}
// CHECK: 'chip.argmax' op at {{.*}}: @b: output shape must be [1, 1, 1], got [2, 1, 1]

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 129}
  chip.tensor @b {address = 256, channels = 1, integer}
  chip.argmax @b = @a
  chip.halt
}
// CHECK: 'chip.argmax' op at {{.*}}: @b: i8 cannot hold the index 128

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 257}
  chip.tensor @b {address = 512, channels = 1, integer, unsigned}
  chip.argmax @b = @a
  chip.halt
}
// CHECK: 'chip.argmax' op at {{.*}}: @b: ui8 cannot hold the index 256

// -----

// What an output gives the host is not what memory holds of it.
chip.program @main {
  chip.output @a {address = 0, channels = 1, integer, unsigned, host_bits = 64}
  chip.tensor @b {address = 0, channels = 1, code_bits = 64, integer}
  chip.dma.out @a = @b
  chip.halt
}
// CHECK: 'chip.dma.out' op at {{.*}}: @a: element type must be i64, got ui8

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, integer}
  chip.tensor @b {address = 256, channels = 1, integer}
  chip.argmax @b = @a
  chip.halt
}
// CHECK: 'chip.argmax' op at {{.*}}: @b: @a must hold codes, not integers

// -----

// Sums that are not encoded yet.
chip.program @main {
  chip.tensor @a {address = 0, channels = 1, sums = 4}
  chip.halt
}
// CHECK: 'chip.tensor' op at {{.*}}: sums are integers, not codes or fixed point

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, integer, wide}
  chip.halt
}
// CHECK: 'chip.tensor' op at {{.*}}: wide goes with sums only

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, code_bits = 32, integer, sums = 4}
  chip.halt
}
// CHECK: 'chip.tensor' op at {{.*}}: code_bits of LNS codes must be in [2, 16], got 32

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 2}
  chip.tensor @b {address = 16, channels = 1, code_bits = 32, integer}
  chip.pool @b = @a {mode = sum, kernel_h = 2, kernel_w = 1}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: @b must hold sums

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 2}
  chip.tensor @b {address = 16, channels = 1, integer, bias = 3, sums = 2}
  chip.pool @b = @a {mode = sum, kernel_h = 2, kernel_w = 1}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: codes that are summed must be !lns.number<8, 4, bias = 0>, got !lns.number<8, 4, bias = 3>

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 2, integer, sums = 3}
  chip.tensor @b {address = 16, channels = 1, integer, sums = 5}
  chip.pool @b = @a {mode = sum, kernel_h = 2, kernel_w = 1}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: an element adds up 6 codes, @b is for sums of 5

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 2, integer, sums = 3}
  chip.tensor @b {address = 16, channels = 1}
  chip.pool @b = @a {mode = avg, kernel_h = 2, kernel_w = 1}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: a mean of sums has a count, and nothing else has

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 2}
  chip.tensor @b {address = 16, channels = 1}
  chip.pool @b = @a {mode = avg, kernel_h = 2, kernel_w = 1, count = 2}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: a mean of sums has a count, and nothing else has

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 2, integer, sums = 3}
  chip.tensor @b {address = 16, channels = 1}
  chip.pool @b = @a {mode = avg, kernel_h = 2, kernel_w = 1, count = 6, count_padding}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: count_padding goes with means of codes only

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 2}
  chip.tensor @b {address = 16, channels = 1, integer, sums = 2}
  chip.pool @b = @a {mode = sum, kernel_h = 2, kernel_w = 1, dilation_h = 1, dilation_w = 2}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: dilation of a sum must be (1, 1), got (1, 2)

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, height = 2, integer, sums = 3}
  chip.tensor @b {address = 16, channels = 1, integer, sums = 3}
  chip.pool @b = @a {mode = max, kernel_h = 2, kernel_w = 1}
  chip.halt
}
// CHECK: 'chip.pool' op at {{.*}}: @b: @a must hold codes, not integers

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @b {address = 16, channels = 1, integer, sums = 3}
  chip.argmax @b = @a
  chip.halt
}
// CHECK: 'chip.argmax' op at {{.*}}: @b: the output must hold integers

// -----

// The host sees no sums.
chip.program @main {
  chip.input @a {address = 0, channels = 1, code_bits = 32, frac = 0, integer}
  chip.tensor @b {address = 16, channels = 1, integer, sums = 3}
  chip.dma.in @b = @a
  chip.halt
}
// CHECK: 'chip.dma.in' op at {{.*}}: @b: element type must be i32, got !chip.sums<3, !lns.number<8, 4, bias = 0>, 32>

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 1, integer, sums = 3}
  chip.tensor @b {address = 16, channels = 1, integer, sums = 2}
  chip.copy @b = @a
  chip.halt
}
// CHECK: 'chip.copy' op at {{.*}}: @b: element type must be !chip.sums<3, !lns.number<8, 4, bias = 0>, 32>, got !chip.sums<2, !lns.number<8, 4, bias = 0>, 32>
