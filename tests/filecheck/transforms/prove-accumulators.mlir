// RUN: recog-opt %s --split-input-file --verify-diagnostics -p prove-accumulators | filecheck %s

// Codes of 4 bits without a fraction: a magnitude m is 2^m, 7 at most. A product of the largest
// codes is 2^14, in units of 2^-6 (P = 6) 2^20 = 1048576. 16-bit accumulators hold 32767.

// Two weights of magnitude 1 and 2: (2^(7+1) + 2^(7+2)) · 64 = 49152, a bias of 100 on top.

// CHECK:      'lns.linear' op at {{.*}}: the accumulator of output channel 1 may reach 49252, 16 bits hold 32767
// CHECK-NEXT:   hint: set option accumulator-width (a target's accumulator) to 17 (fewer may do), lower option antilog-bits, or give codes fewer octaves: more fraction bits
func.func @weights(%x: tensor<1x2x!lns.number<4, 0, bias = 0>>) -> tensor<1x2x!lns.number<4, 0, bias = 0>> {
  %w = data.constant dense<[[0, 0], [1, -2]]> : tensor<2x2x!lns.number<4, 0, bias = 0>>
  %b = data.constant dense<[0, 100]> : tensor<2xi16>
  %y = lns.linear %x, %w, %b {arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 16>} : (tensor<1x2x!lns.number<4, 0, bias = 0>>, tensor<2x2x!lns.number<4, 0, bias = 0>>, tensor<2xi16>) -> tensor<1x2x!lns.number<4, 0, bias = 0>>
  func.return %y : tensor<1x2x!lns.number<4, 0, bias = 0>>
}

// -----

// An input without a sign turns weights of both signs only its own way: the larger side counts,
// 2^(7+1) · 64 = 16384 against 2^(7+1) · 64 + 100, and 17 bits are not needed.

// CHECK: func.func @unsigned
func.func @unsigned(%x: tensor<1x2x!lns.number<3, 0, bias = 0, unsigned>>) -> tensor<1x1x!lns.number<4, 0, bias = 0>> {
  %w = data.constant dense<[[1, -1]]> : tensor<1x2x!lns.number<4, 0, bias = 0>>
  %b = data.constant dense<[-100]> : tensor<1xi16>
  %y = lns.linear %x, %w, %b {arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 16>} : (tensor<1x2x!lns.number<3, 0, bias = 0, unsigned>>, tensor<1x2x!lns.number<4, 0, bias = 0>>, tensor<1xi16>) -> tensor<1x1x!lns.number<4, 0, bias = 0>>
  func.return %y : tensor<1x1x!lns.number<4, 0, bias = 0>>
}

// -----

// The sum of two largest codes, 2 · 2^7 · 64 = 16384, fits; with the left in units 2^-2 of the
// right's it is 2^7 · 64 + 2^(7+2) · 64 = 40960.

// CHECK: 'lns.add' op at {{.*}}: the accumulator of the sum may reach 40960, 16 bits hold 32767
func.func @sum(%x: tensor<1x2x!lns.number<4, 0, bias = 0>>, %y: tensor<1x2x!lns.number<4, 0, bias = 2>>) -> tensor<1x2x!lns.number<4, 0, bias = 0>> {
  %a = lns.add %x, %x {arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 16>} : (tensor<1x2x!lns.number<4, 0, bias = 0>>, tensor<1x2x!lns.number<4, 0, bias = 0>>) -> tensor<1x2x!lns.number<4, 0, bias = 0>>
  %z = lns.add %a, %y {arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 16>} : (tensor<1x2x!lns.number<4, 0, bias = 0>>, tensor<1x2x!lns.number<4, 0, bias = 2>>) -> tensor<1x2x!lns.number<4, 0, bias = 0>>
  func.return %z : tensor<1x2x!lns.number<4, 0, bias = 0>>
}

// -----

// The first sum that does not fit is named, and a width that is enough for all: the second takes
// 2^7 · 64 + 2^(7+4) · 64 = 139264.

// CHECK:      'lns.add' op at {{.*}}: the accumulator of the sum may reach 40960, 16 bits hold 32767
// CHECK-NEXT:   hint: set option accumulator-width (a target's accumulator) to 19 (fewer may do),
func.func @widest(%x: tensor<1x2x!lns.number<4, 0, bias = 0>>, %y: tensor<1x2x!lns.number<4, 0, bias = 2>>, %v: tensor<1x2x!lns.number<4, 0, bias = 4>>) -> tensor<1x2x!lns.number<4, 0, bias = 0>> {
  %a = lns.add %x, %y {arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 16>} : (tensor<1x2x!lns.number<4, 0, bias = 0>>, tensor<1x2x!lns.number<4, 0, bias = 2>>) -> tensor<1x2x!lns.number<4, 0, bias = 0>>
  %z = lns.add %a, %v {arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 16>} : (tensor<1x2x!lns.number<4, 0, bias = 0>>, tensor<1x2x!lns.number<4, 0, bias = 4>>) -> tensor<1x2x!lns.number<4, 0, bias = 0>>
  func.return %z : tensor<1x2x!lns.number<4, 0, bias = 0>>
}
