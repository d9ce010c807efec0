// RUN: recog-opt %s --split-input-file --verify-diagnostics -p 'encode-lns{accumulator-width=32}' | filecheck %s

func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %y = nn.add %x, %x {lns.format = !lns.number<8, 0, bias = 4>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'func.func' op at {{.*}}encode-lns-invalid.mlir:3: argument 0 has no calibrated format
// CHECK-NEXT: hint: run the calibrate pass before encode-lns, or give encode-lns its data option
// CHECK-NEXT: in pass 'encode-lns'

// -----

func.func @main(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> tensor<1x2xf32> {
  %y = nn.add %x, %x : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32> loc("net.sum"("net.py":7:1))
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'nn.add' op at layer "net.sum" (net.py:7): the result has no calibrated format

// -----

func.func @main(%x: tensor<1x2xf32> {lns.format = "8 bits"}) -> tensor<1x2xf32> {
  %y = nn.add %x, %x {lns.format = !lns.number<8, 0, bias = 4>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'func.func' op at {{.*}}: the lns.format of argument 0 must be an !lns.number with one bias, got "8 bits"

// -----

func.func @main(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> tensor<1x2xf32> {
  %y = nn.add %x, %x {lns.format = !lns.number<8, 0, bias = 1:{4, 5}>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'nn.add' op at {{.*}}: the lns.format of the result must be an !lns.number with one bias, got !lns.number<8, 0, bias = 1:{4, 5}>

// -----

func.func @main(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}, %w: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %y = nn.linear %x, %w {lns.format = !lns.number<8, 0, bias = 4>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  func.return %y : tensor<1x1xf32>
}
// CHECK: 'nn.linear' op at {{.*}}: the weight is computed, not constant
// CHECK-NEXT: hint: fold constants before encode-lns

// -----

func.func @main(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}, %b: tensor<1xf32>) -> tensor<1x1xf32> {
  %w = data.constant dense<1.0> : tensor<1x2xf32>
  %y = nn.linear %x, %w, %b {lns.format = !lns.number<8, 0, bias = 4>} : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  func.return %y : tensor<1x1xf32>
}
// CHECK: the bias is computed, not constant

// -----

func.func @main(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> tensor<1x1xf32> {
  %w = data.constant dense<[[1.0, 0x7FC00000]]> : tensor<1x2xf32>
  %y = nn.linear %x, %w {lns.format = !lns.number<8, 0, bias = 4>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32> loc("net.fc"("net.py":5:1))
  func.return %y : tensor<1x1xf32>
}
// CHECK: 'nn.linear' op at layer "net.fc" (net.py:5): the weight holds NaN or infinity
// CHECK-NEXT: hint: check the checkpoint

// -----

func.func @main(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> tensor<1x1xf32> {
  %w = data.constant dense<1.0> : tensor<1x2xf32>
  %b = data.constant dense<0x7F800000> : tensor<1xf32>
  %y = nn.linear %x, %w, %b {lns.format = !lns.number<8, 0, bias = 4>} : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  func.return %y : tensor<1x1xf32>
}
// CHECK: the bias holds NaN or infinity

// -----

// 1.0e6 · 2^(6 + 4 + 127/16) = 1.0e6 · 251029.95.
func.func @main(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> tensor<1x2xf32> {
  %w = data.constant dense<1.0> : tensor<2x2xf32>
  %b = data.constant dense<[0.0, -1.0e6]> : tensor<2xf32>
  %y = nn.linear %x, %w, %b {lns.format = !lns.number<8, 0, bias = 4>} : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK: 'nn.linear' op at {{.*}}: the bias of channel 1, -1e+06, overflows an accumulator of 32 bits: it is 251029954415 there
// CHECK-NEXT: hint: set option accumulator-width (a target's accumulator) to 39 (fewer may do), lower option antilog-bits, or give codes fewer octaves: more fraction bits

// -----

func.func @main(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> tensor<1x1xf32> {
  %p = data.constant dense<0> : tensor<1x1xui1>
  %c = data.constant dense<[[0xFF800000, 1.0]]> : tensor<1x2xf32>
  %w = cluster.lookup %p, %c {block = array<i64: 1, 2>} : (tensor<1x1xui1>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %y = nn.linear %x, %w {lns.format = !lns.number<8, 0, bias = 4>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  func.return %y : tensor<1x1xf32>
}
// CHECK: 'nn.linear' op at {{.*}}: the codebook holds NaN or infinity

// -----

func.func @main(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}, %p: tensor<1x1xui1>) -> tensor<1x1xf32> {
  %c = data.constant dense<1.0> : tensor<2x2xf32>
  %w = cluster.lookup %p, %c {block = array<i64: 1, 2>} : (tensor<1x1xui1>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %y = nn.linear %x, %w {lns.format = !lns.number<8, 0, bias = 4>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  func.return %y : tensor<1x1xf32>
}
// CHECK: the pointers are computed, not constant

// -----

func.func @main(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}, %c: tensor<2x2xf32>) -> tensor<1x1xf32> {
  %p = data.constant dense<0> : tensor<1x1xui1>
  %w = cluster.lookup %p, %c {block = array<i64: 1, 2>} : (tensor<1x1xui1>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %y = nn.linear %x, %w {lns.format = !lns.number<8, 0, bias = 4>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  func.return %y : tensor<1x1xf32>
}
// CHECK: the codebook is computed, not constant

// -----

func.func @main(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> tensor<1x2xf32> {
  %p = data.constant dense<0> : tensor<2x1xui1>
  %c = data.constant dense<1.0> : tensor<2x2xf32>
  %s = data.constant dense<[1.0, -1.0]> : tensor<2xf32>
  %w = cluster.lookup %p, %c scaled by %s {block = array<i64: 1, 2>} : (tensor<2x1xui1>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %y = nn.linear %x, %w {lns.format = !lns.number<8, 0, bias = 4>} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK: the scales of a lookup must be positive

// -----

// cluster-weights{weight-frac=5} may have made this scale, 2^(1/32); the codes have 4 fraction bits.
func.func @main(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> tensor<1x2xf32> {
  %p = data.constant dense<0> : tensor<2x1xui1>
  %c = data.constant dense<1.0> : tensor<2x2xf32>
  %s = data.constant dense<[1.0, 1.0218971]> : tensor<2xf32>
  %w = cluster.lookup %p, %c scaled by %s {block = array<i64: 1, 2>} : (tensor<2x1xui1>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %y = nn.linear %x, %w {lns.format = !lns.number<8, 0, bias = 4>} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK: the scale of channel 1, 1.0219, is no power of 2^(1/2^4)
// CHECK-NEXT: hint: give both passes one weight-frac, or cluster-weights the lower

// -----

// A format that a result cannot have is found by the verifier.
func.func @main(%x: tensor<1x1x2x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> tensor<1x1x1x1xf32> {
  %y = nn.avg_pool2d %x {kernel = array<i64: 2, 2>, lns.format = !lns.number<8, 0, bias = 4, unsigned>} : (tensor<1x1x2x2xf32>) -> tensor<1x1x1x1xf32>
  func.return %y : tensor<1x1x1x1xf32>
}
// CHECK: 'lns.avg_pool2d' op at {{.*}}: an unsigned result of signed operands needs relu
// CHECK-NEXT: in the IR that pass 'encode-lns' made
