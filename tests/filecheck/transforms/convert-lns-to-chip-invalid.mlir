// RUN: recog-opt %s -p convert-lns-to-chip --split-input-file --verify-diagnostics | filecheck %s
// RUN: echo 'activation_memory = 16' > %t.toml
// RUN: recog-opt %s -p 'convert-lns-to-chip{target="%t.toml"}' --split-input-file --verify-diagnostics | filecheck %s --check-prefix SMALL
// RUN: echo 'activation_memory = 15' > %t.toml
// RUN: not recog-opt %s -p 'convert-lns-to-chip{target="%t.toml"}' --split-input-file 2>&1 | filecheck %s --check-prefix TARGET
// TARGET: target {{.*}}.toml: activation_memory must be in [16, 4294967296] bytes, got 15
// RUN: not recog-opt %s -p 'convert-lns-to-chip{target="%t.none"}' --split-input-file 2>&1 | filecheck %s --check-prefix NONE
// NONE: target {{.*}}.none: No such file or directory

// RUN: not recog-opt %s -p 'convert-lns-to-chip{activation_memory=15}' --split-input-file 2>&1 | filecheck %s --check-prefix SIZE
// SIZE: option activation-memory must be in [16, 4294967296], got 15

// All ops without an instruction at once, each with its place.
func.func @unknown(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %a = nn.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %b = nn.sigmoid %a : (tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return %b : tensor<1x4xf32>
}
// CHECK:      2 ops without a chip instruction:
// CHECK-NEXT:   'nn.relu' op at {{.*}}.mlir:15
// CHECK-NEXT:   'nn.sigmoid' op at {{.*}}.mlir:16
// CHECK-NEXT:   hint: run encode-lns first

// -----

func.func @batch(%x: tensor<2x4x!lns.number<8, 4, bias = 0>>) -> tensor<2x4x!lns.number<8, 4, bias = 0>> {
  func.return %x : tensor<2x4x!lns.number<8, 4, bias = 0>>
}
// CHECK:      'func.return' op at {{.*}}: a program runs one frame: the leading axis must be 1, got [2, 4]
// CHECK-NEXT:   hint: import the network with a batch of 1

// -----

// A 2^15 input times a 2^15 weight, thrice, with 2^6 for the antilog's fraction: 3 * 2^36. The
// sign of the input is free, so the negative weight counts too.
func.func @overflow(%x: tensor<1x4x!lns.number<5, 0, bias = 0>>) -> tensor<1x2x!lns.number<8, 4, bias = 0>> {
  %w = data.constant dense<[[0, 0, 0, 0], [15, 0, 15, -15]]> : tensor<2x4x!lns.number<5, 0, bias = 0>>
  %y = lns.linear %x, %w : (tensor<1x4x!lns.number<5, 0, bias = 0>>, tensor<2x4x!lns.number<5, 0, bias = 0>>) -> tensor<1x2x!lns.number<8, 4, bias = 0>>
  func.return %y : tensor<1x2x!lns.number<8, 4, bias = 0>>
}
// CHECK:      'lns.linear' op at {{.*}}: the accumulator of output channel 1 may reach 206158430208, 32 bits hold 2147483647
// CHECK-NEXT:   hint: set option accumulator-width (a target's accumulator) to 39

// -----

func.func @overflow_of_a_sum(%x: tensor<1x4x!lns.number<6, 0, bias = 0>>) -> tensor<1x4x!lns.number<8, 4, bias = 0>> {
  %y = lns.add %x, %x : (tensor<1x4x!lns.number<6, 0, bias = 0>>, tensor<1x4x!lns.number<6, 0, bias = 0>>) -> tensor<1x4x!lns.number<8, 4, bias = 0>>
  func.return %y : tensor<1x4x!lns.number<8, 4, bias = 0>>
}
// CHECK: 'lns.add' op at {{.*}}: the accumulator of the sum may reach 274877906944, 32 bits hold 2147483647

// -----

func.func @overflow_of_a_mean(%x: tensor<1x1x2x2x!lns.number<6, 0, bias = 0>>) -> tensor<1x1x1x1x!lns.number<8, 4, bias = 0>> {
  %y = lns.avg_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<1x1x2x2x!lns.number<6, 0, bias = 0>>) -> tensor<1x1x1x1x!lns.number<8, 4, bias = 0>>
  func.return %y : tensor<1x1x1x1x!lns.number<8, 4, bias = 0>>
}
// CHECK: 'lns.avg_pool2d' op at {{.*}}: the accumulator of the mean may reach 549755813888, 32 bits hold 2147483647

// -----

func.func @two_arithmetics(%x: tensor<1x4x!lns.number<4, 0, bias = 0>>) -> tensor<1x4x!lns.number<4, 0, bias = 0>> {
  %y = lns.add %x, %x : (tensor<1x4x!lns.number<4, 0, bias = 0>>, tensor<1x4x!lns.number<4, 0, bias = 0>>) -> tensor<1x4x!lns.number<4, 0, bias = 0>>
  %z = lns.add %y, %x {arithmetic = #lns.arithmetic<antilog_bits = 5, accumulator = 32>} : (tensor<1x4x!lns.number<4, 0, bias = 0>>, tensor<1x4x!lns.number<4, 0, bias = 0>>) -> tensor<1x4x!lns.number<4, 0, bias = 0>>
  func.return %z : tensor<1x4x!lns.number<4, 0, bias = 0>>
}
// CHECK: 'lns.add' op at {{.*}}: the layer computes with antilog_bits 5, not 6, fine_antilog_bits 0, not 10 as the target

// -----

func.func @computed_weight(%x: tensor<1x4x!lns.number<4, 0, bias = 0>>, %w: tensor<2x4x!lns.number<4, 0, bias = 0>>) -> tensor<1x2x!lns.number<4, 0, bias = 0>> {
  %y = lns.linear %x, %w : (tensor<1x4x!lns.number<4, 0, bias = 0>>, tensor<2x4x!lns.number<4, 0, bias = 0>>) -> tensor<1x2x!lns.number<4, 0, bias = 0>>
  func.return %y : tensor<1x2x!lns.number<4, 0, bias = 0>>
}
// CHECK: 'lns.linear' op at {{.*}}: the weight must be a constant

// -----

func.func @computed_bias(%x: tensor<1x4x!lns.number<4, 0, bias = 0>>, %b: tensor<1xi32>) -> tensor<1x1x!lns.number<4, 0, bias = 0>> {
  %w = data.constant dense<1> : tensor<1x4x!lns.number<4, 0, bias = 0>>
  %y = lns.linear %x, %w, %b : (tensor<1x4x!lns.number<4, 0, bias = 0>>, tensor<1x4x!lns.number<4, 0, bias = 0>>, tensor<1xi32>) -> tensor<1x1x!lns.number<4, 0, bias = 0>>
  func.return %y : tensor<1x1x!lns.number<4, 0, bias = 0>>
}
// CHECK: 'lns.linear' op at {{.*}}: the bias must be a constant

// -----

func.func @computed_table(%x: tensor<1x!lns.number<2, 0, bias = 0>>, %t: tensor<4x!lns.number<4, 0, bias = 0>>) -> tensor<1x!lns.number<4, 0, bias = 0>> {
  %y = lns.table %x, %t : (tensor<1x!lns.number<2, 0, bias = 0>>, tensor<4x!lns.number<4, 0, bias = 0>>) -> tensor<1x!lns.number<4, 0, bias = 0>>
  func.return %y : tensor<1x!lns.number<4, 0, bias = 0>>
}
// CHECK: 'lns.table' op at {{.*}}: the table must be a constant

// -----

func.func @field(%x: tensor<1x1x100x1x!lns.number<4, 0, bias = 0>>) -> tensor<1x1x30x1x!lns.number<4, 0, bias = 0>> {
  %y = lns.max_pool2d %x {kernel = array<i64: 2, 1>, dilation = array<i64: 70, 1>} : (tensor<1x1x100x1x!lns.number<4, 0, bias = 0>>) -> tensor<1x1x30x1x!lns.number<4, 0, bias = 0>>
  func.return %y : tensor<1x1x30x1x!lns.number<4, 0, bias = 0>>
}
// CHECK: 'lns.max_pool2d' op at {{.*}}: does not fit chip.pool: dilation_h must be in [1, 63], got 70

// -----

func.func @biases(%x: tensor<1x2x!lns.number<4, 0, bias = 1:{0, 1}>>) -> tensor<1x2x!lns.number<4, 0, bias = 1:{0, 1}>> {
  func.return %x : tensor<1x2x!lns.number<4, 0, bias = 1:{0, 1}>>
}
// CHECK: 'func.return' op at {{.*}}: activations have one bias for the tensor; only weights may have several

// -----

func.func @two_formats(%x: tensor<1x2xf32>) -> (tensor<1x2x!lns.number<4, 0, bias = 0>>, tensor<1x2x!lns.number<4, 0, bias = 1>>) {
  %a = lns.encode %x : (tensor<1x2xf32>) -> tensor<1x2x!lns.number<4, 0, bias = 0>>
  %b = lns.encode %x : (tensor<1x2xf32>) -> tensor<1x2x!lns.number<4, 0, bias = 1>>
  func.return %a, %b : tensor<1x2x!lns.number<4, 0, bias = 0>>, tensor<1x2x!lns.number<4, 0, bias = 1>>
}
// CHECK: 'lns.encode' op at {{.*}}: argument 0 is encoded in several formats

// -----

func.func @encode_inside(%x: tensor<1x2x!lns.number<4, 0, bias = 0>>) -> tensor<1x2x!lns.number<4, 0, bias = 1>> {
  %f = lns.decode %x : (tensor<1x2x!lns.number<4, 0, bias = 0>>) -> tensor<1x2xf32>
  %y = lns.encode %f : (tensor<1x2xf32>) -> tensor<1x2x!lns.number<4, 0, bias = 1>>
  func.return %y : tensor<1x2x!lns.number<4, 0, bias = 1>>
}
// CHECK: 'lns.encode' op at {{.*}}: only the inputs of a program can be encoded

// -----

func.func @constant_result(%x: tensor<1x2x!lns.number<4, 0, bias = 0>>) -> tensor<1x!lns.number<4, 0, bias = 0>> {
  %c = data.constant dense<1> : tensor<1x!lns.number<4, 0, bias = 0>>
  func.return %c : tensor<1x!lns.number<4, 0, bias = 0>>
}
// CHECK: 'func.return' op at {{.*}}: result 0 is a constant, which no instruction gives

// -----

func.func @float_result(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  func.return %x : tensor<1x2xf32>
}
// CHECK: 'func.func' op at {{.*}}: input 0 is only passed on: nothing on the chip computes with it

// -----

func.func @indices_from_the_host(%i: tensor<1x3xi64>, %x: tensor<1x2x2x2x!lns.number<8, 3, bias = 64>>) -> tensor<1x3x4x!lns.fixed<32, 4>> {
  %b = lns.decode_boxes_2d %i, %x, %x {stride = 262144 : i64, extent = 65536 : i64} : (tensor<1x3xi64>, tensor<1x2x2x2x!lns.number<8, 3, bias = 64>>, tensor<1x2x2x2x!lns.number<8, 3, bias = 64>>) -> tensor<1x3x4x!lns.fixed<32, 4>>
  func.return %b : tensor<1x3x4x!lns.fixed<32, 4>>
}
// CHECK: 'lns.decode_boxes_2d' op at {{.*}}: input 0 is tensor<1x3xi64>: the host gives the chip codes, pixels and what it encodes

// -----

func.func @rank(%x: tensor<1x1x1x1x2x!lns.number<4, 0, bias = 0>>) -> tensor<1x1x1x1x2x!lns.number<4, 0, bias = 0>> {
  func.return %x : tensor<1x1x1x1x2x!lns.number<4, 0, bias = 0>>
}
// CHECK: 'func.return' op at {{.*}}: inputs and outputs have at most 4 axes, got 5

// -----

func.func @nothing() {
  func.return
}
// CHECK: the module has no function with arguments to convert

// -----

// Fits 4 MiB, not the 16 bytes of the second run.
func.func @memory(%x: tensor<1x20x!lns.number<4, 0, bias = 0>>) -> tensor<1x20x!lns.number<4, 0, bias = 0>> {
  %y = lns.convert %x : (tensor<1x20x!lns.number<4, 0, bias = 0>>) -> tensor<1x20x!lns.number<4, 0, bias = 0>>
  %z = lns.relu %x : (tensor<1x20x!lns.number<4, 0, bias = 0>>) -> tensor<1x20x!lns.number<4, 0, bias = 0>>
  %s = lns.add %y, %z : (tensor<1x20x!lns.number<4, 0, bias = 0>>, tensor<1x20x!lns.number<4, 0, bias = 0>>) -> tensor<1x20x!lns.number<4, 0, bias = 0>>
  func.return %s : tensor<1x20x!lns.number<4, 0, bias = 0>>
}
// CHECK: chip.program @memory
// SMALL:      'chip.elt' op at {{.*}}: activation memory of 16 bytes is too small: of all instructions this one needs most at once, 96 bytes:
// SMALL-NEXT:             32 bytes  @s, all of it
// SMALL-NEXT:             32 bytes  @y, all of it
// SMALL-NEXT:             32 bytes  @z, all of it
// SMALL-NEXT:   hint: a target with activation_memory = 96 would do

// -----

func.func @blocks(%x: tensor<1x2x!lns.number<4, 0, bias = 0>>) -> tensor<1x2x!lns.number<4, 0, bias = 0>> {
  cf.br ^next
^next:
  func.return %x : tensor<1x2x!lns.number<4, 0, bias = 0>>
}
// CHECK: 'func.func' op at {{.*}}: a program has no branches, the function has several blocks
