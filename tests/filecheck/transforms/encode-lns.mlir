// RUN: recog-opt %s -p 'encode-lns{accumulator-width=32}' --print-debuginfo | filecheck %s
// RUN: recog-opt %s -p 'encode-lns{weight-width=6 weight-frac=2 antilog-bits=8 accumulator-width=48 mitchell=true}' | filecheck %s --check-prefix OPTIONS

// The formats that calibrate would write. frac = 0 where it can be, to be read as powers of two:
// with bias 4 the code 4 is worth 1, 7 is worth 8.
!p = !lns.number<8, 0, bias = 4>

// conv + relu is one op. The weights of channel 0 reach from 1/2 to 2, those of channel 1 to 8:
// the largest gets the largest code of 7 bits, 127 = 16 · log2(2) + 111, and 1/2 is 32 less.
// The bias is the accumulators' first value, in units of 2^-(6 + 4 + 111/16) and … 79/16: with
// 2^(6 + 4 + 6.9375) = 125515.2 and 2^(6 + 4 + 4.9375) = 31378.8.
func.func @conv_relu(%x: tensor<1x2x4x4xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> tensor<1x2x2x2xf32> {
  %w = data.constant dense<[[[[2.0]], [[-0.5]]], [[[8.0]], [[0.0]]]]> : tensor<2x2x1x1xf32>
  %b = data.constant dense<[1.0, -1.0]> : tensor<2xf32>
  %v0 = nn.conv2d %x, %w, %b {strides = array<i64: 2, 2>, layer = "stem", lns.format = !lns.number<8, 0, bias = 1>} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32> loc("net.stem"("net.py":3:1))
  %v1 = nn.relu %v0 {lns.format = !lns.number<8, 5, bias = 100, unsigned>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32> loc("net.relu"("net.py":4:1))
  func.return %v1 : tensor<1x2x2x2xf32>
}
// CHECK-LABEL: @conv_relu
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4x!lns.number<8, 0, bias = 4>> loc("net.stem"("net.py":3:1))
// CHECK-NEXT:    %w = data.constant dense<{{\[\[\[\[}}127]], {{\[\[}}-95]]], {{\[\[\[}}127]], {{\[\[}}0]]]]> : tensor<2x2x1x1x!lns.number<8, 4, bias = 0:{111, 79}>> loc("net.stem"("net.py":3:1))
// CHECK-NEXT:    %b = data.constant dense<[125515, -31379]> : tensor<2xi32> loc("net.stem"("net.py":3:1))
// CHECK-NEXT:    %v1 = lns.conv2d [[X]], %w, %b {layer = "stem", strides = array<i64: 2, 2>, relu} : (tensor<1x2x4x4x!lns.number<8, 0, bias = 4>>, tensor<2x2x1x1x!lns.number<8, 4, bias = 0:{111, 79}>>, tensor<2xi32>) -> tensor<1x2x2x2x!lns.number<8, 5, bias = 100, unsigned>> loc("net.stem"("net.py":3:1))
// CHECK-NEXT:    [[D:%.*]] = lns.decode %v1 : (tensor<1x2x2x2x!lns.number<8, 5, bias = 100, unsigned>>) -> tensor<1x2x2x2xf32> loc("net.stem"("net.py":3:1))
// CHECK-NEXT:    func.return [[D]]
// Six bits: the largest code is 31 = 4 · log2(2) + 27.
// OPTIONS-LABEL: @conv_relu
// OPTIONS:         %w = data.constant dense<{{\[\[\[\[}}31]], {{\[\[}}-23]]], {{\[\[\[}}31]], {{\[\[}}0]]]]> : tensor<2x2x1x1x!lns.number<6, 2, bias = 0:{27, 19}>>
// OPTIONS-NEXT:    %b = data.constant dense<{{.*}}> : tensor<2xi48>
// OPTIONS-NEXT:    lns.conv2d {{.*}} {layer = "stem", strides = array<i64: 2, 2>, relu, arithmetic = #lns.arithmetic<antilog_bits = 8, accumulator = 48, fine_antilog_bits = 10, mitchell>}

// Nothing is decoded in between; a value that two layers read is encoded once; add takes in its
// relu, linear has none to take in.
func.func @residual(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> tensor<1x2xf32> {
  %w = data.constant dense<2.0> : tensor<2x2xf32>
  %v0 = nn.linear %x, %w {layer = "fc", lns.format = !lns.number<8, 0, bias = 3>} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %v1 = nn.add %v0, %x {lns.format = !lns.number<8, 0, bias = 2>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %v2 = nn.relu %v1 {layer = "relu", lns.format = !lns.number<8, 1, bias = 2, unsigned>} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %v2 : tensor<1x2xf32>
}
// CHECK-LABEL: @residual
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    %w = data.constant dense<127> : tensor<2x2x!lns.number<8, 4, bias = 0:{111, 111}>>
// CHECK-NEXT:    %v0 = lns.linear [[X]], %w {layer = "fc"} : {{.*}} -> tensor<1x2x!lns.number<8, 0, bias = 3>>
// CHECK-NEXT:    %v2 = lns.add %v0, [[X]] {layer = "relu", relu} : (tensor<1x2x!lns.number<8, 0, bias = 3>>, tensor<1x2x!lns.number<8, 0, bias = 4>>) -> tensor<1x2x!lns.number<8, 1, bias = 2, unsigned>>
// CHECK-NEXT:    [[D:%.*]] = lns.decode %v2
// CHECK-NEXT:    func.return [[D]]

// A relu of a value that others read too stays an op; its sign bit becomes one of the magnitude.
func.func @relu(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %v0 = nn.add %x, %x {lns.format = !lns.number<8, 0, bias = 3>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %v1 = nn.relu %v0 {lns.format = !lns.number<8, 5, bias = 2, unsigned>} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %v0, %v1 : tensor<1x2xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: @relu
// CHECK:         %v0 = lns.add [[X:%.*]], [[X]] :
// CHECK-NEXT:    [[D:%.*]] = lns.decode %v0
// CHECK-NEXT:    [[R:%.*]] = lns.relu %v0 : (tensor<1x2x!lns.number<8, 0, bias = 3>>) -> tensor<1x2x!lns.number<7, 0, bias = 3, unsigned>>
// CHECK-NEXT:    [[E:%.*]] = lns.decode [[R]]
// CHECK-NEXT:    func.return [[D]], [[E]]

// Max pools keep the operand's format; means over the image are average pools of all of it.
func.func @pools(%x: tensor<1x2x4x4xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> (tensor<1x2xf32>, tensor<1x2x1x1xf32>) {
  %v0 = nn.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, lns.format = !lns.number<8, 0, bias = 3>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  %v1 = nn.mean %v0 {axes = array<i64: 2, 3>, layer = "mean", lns.format = !lns.number<8, 0, bias = 2>} : (tensor<1x2x2x2xf32>) -> tensor<1x2xf32>
  %v2 = nn.mean %v0 {axes = array<i64: 3, 2>, keepdims, lns.format = !lns.number<8, 0, bias = 1>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x1x1xf32>
  func.return %v1, %v2 : tensor<1x2xf32>, tensor<1x2x1x1xf32>
}
// CHECK-LABEL: @pools
// CHECK:         %v0 = lns.max_pool2d {{.*}} {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : {{.*}} -> tensor<1x2x2x2x!lns.number<8, 0, bias = 4>>
// CHECK-NEXT:    [[A:%.*]] = lns.avg_pool2d %v0 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, count_include_pad} : {{.*}} -> tensor<1x2x1x1x!lns.number<8, 0, bias = 2>>
// CHECK-NEXT:    [[M:%.*]] = lns.reshape [[A]] {layer = "mean"} : {{.*}} -> tensor<1x2x!lns.number<8, 0, bias = 2>>
// CHECK-NEXT:    [[D:%.*]] = lns.decode [[M]]
// CHECK-NEXT:    [[B:%.*]] = lns.avg_pool2d %v0 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, count_include_pad} : {{.*}} -> tensor<1x2x1x1x!lns.number<8, 0, bias = 1>>
// CHECK-NEXT:    [[E:%.*]] = lns.decode [[B]]
// CHECK-NEXT:    func.return [[D]], [[E]]

func.func @avg_pool(%x: tensor<1x2x4x4xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> tensor<1x2x4x4xf32> {
  %v0 = nn.avg_pool2d %x {kernel = array<i64: 3, 3>, padding = array<i64: 1, 1, 1, 1>, lns.format = !lns.number<8, 0, bias = 3>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  func.return %v0 : tensor<1x2x4x4xf32>
}
// CHECK-LABEL: @avg_pool
// CHECK:         %v0 = lns.avg_pool2d {{.*}} {kernel = array<i64: 3, 3>, padding = array<i64: 1, 1, 1, 1>} : {{.*}} -> tensor<1x2x4x4x!lns.number<8, 0, bias = 3>>

// Inputs of a concatenation are converted to its format where theirs is another.
func.func @concat(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}, %y: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 3>}) -> tensor<1x4xf32> {
  %v0 = nn.concat %x, %y {layer = "cat", lns.format = !lns.number<8, 0, bias = 3>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x4xf32> loc("net.cat"("net.py":9:1))
  func.return %v0 : tensor<1x4xf32>
}
// CHECK-LABEL: @concat
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    [[Y:%.*]] = lns.encode %y
// CHECK-NEXT:    [[C:%.*]] = lns.convert [[X]] : (tensor<1x2x!lns.number<8, 0, bias = 4>>) -> tensor<1x2x!lns.number<8, 0, bias = 3>> loc("net.cat"("net.py":9:1))
// CHECK-NEXT:    %v0 = lns.concat [[C]], [[Y]] {layer = "cat"} : {{.*}} -> tensor<1x4x!lns.number<8, 0, bias = 3>>

// What has no LNS form stays float, between a decode and an encode.
func.func @float_between(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> tensor<1x2xf32> {
  %v0 = nn.add %x, %x {lns.format = !lns.number<8, 0, bias = 3>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %v1 = nn.softmax %v0 {axis = 1, lns.format = !lns.number<8, 0, bias = 2>} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %v2 = nn.add %v1, %v0 {lns.format = !lns.number<8, 0, bias = 1>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %v2 : tensor<1x2xf32>
}
// CHECK-LABEL: @float_between
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    %v0 = lns.add [[X]], [[X]]
// CHECK-NEXT:    [[D:%.*]] = lns.decode %v0
// CHECK-NEXT:    %v1 = nn.softmax [[D]]
// CHECK-NEXT:    [[E:%.*]] = lns.encode %v1 : (tensor<1x2xf32>) -> tensor<1x2x!lns.number<8, 0, bias = 2>>
// CHECK-NEXT:    %v2 = lns.add [[E]], %v0
// CHECK-NEXT:    [[F:%.*]] = lns.decode %v2
// CHECK-NEXT:    func.return [[F]]

// A codebook becomes codes; the channel scales 4 and 1/2 are offsets of -32 and 16 to its bias, 111.
// Layers that share weights and biases go on sharing them.
func.func @clustered(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 0, bias = 4>}) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %p = data.constant dense<[[0], [1]]> : tensor<2x1xui1>
  %c = data.constant dense<[[1.0, -2.0], [0.5, 0.0]]> : tensor<2x2xf32>
  %s = data.constant dense<[4.0, 0.5]> : tensor<2xf32>
  %w = cluster.lookup %p, %c scaled by %s {block = array<i64: 1, 2>} : (tensor<2x1xui1>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %b = data.constant dense<[1.0, 0.0]> : tensor<2xf32>
  %v0 = nn.linear %x, %w, %b {lns.format = !lns.number<8, 0, bias = 3>} : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %v1 = nn.linear %x, %w, %b {lns.format = !lns.number<8, 0, bias = 2>} : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  func.return %v0, %v1 : tensor<1x2xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: @clustered
// CHECK-NEXT:    %p = data.constant dense<{{\[\[}}0], [1]]> : tensor<2x1xui1>
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    %c = data.constant dense<{{\[\[}}111, -127], [95, 0]]> : tensor<2x2x!lns.number<8, 4, bias = 111>>
// CHECK-NEXT:    %w = cluster.lookup %p, %c {block = array<i64: 1, 2>} : (tensor<2x1xui1>, tensor<2x2x!lns.number<8, 4, bias = 111>>) -> tensor<2x2x!lns.number<8, 4, bias = 0:{79, 127}>>
// CHECK-NEXT:    %b = data.constant dense<[31379, 0]> : tensor<2xi32>
// CHECK-NEXT:    %v0 = lns.linear [[X]], %w, %b :
// CHECK-NEXT:    [[D:%.*]] = lns.decode %v0
// CHECK-NEXT:    %v1 = lns.linear [[X]], %w, %b :

// Float IR may hold decodes and encodes of its own.
func.func @encode_of_decode(%x: tensor<1x2x!p>) -> (tensor<1x2x!p>, tensor<1x2x!lns.number<8, 0, bias = 5>>, tensor<1x2x!lns.number<8, 0, bias = 4, unsigned>>) {
  %v0 = lns.decode %x : (tensor<1x2x!p>) -> tensor<1x2xf32>
  %v1 = lns.encode %v0 : (tensor<1x2xf32>) -> tensor<1x2x!p>
  %v2 = lns.encode %v0 : (tensor<1x2xf32>) -> tensor<1x2x!lns.number<8, 0, bias = 5>>
  // Losing negative values is no conversion.
  %v3 = lns.encode %v0 : (tensor<1x2xf32>) -> tensor<1x2x!lns.number<8, 0, bias = 4, unsigned>>
  func.return %v1, %v2, %v3 : tensor<1x2x!p>, tensor<1x2x!lns.number<8, 0, bias = 5>>, tensor<1x2x!lns.number<8, 0, bias = 4, unsigned>>
}
// CHECK-LABEL: @encode_of_decode
// CHECK-NEXT:    %v0 = lns.decode %x
// CHECK-NEXT:    %v2 = lns.convert %x : (tensor<1x2x!lns.number<8, 0, bias = 4>>) -> tensor<1x2x!lns.number<8, 0, bias = 5>>
// CHECK-NEXT:    %v3 = lns.encode %v0
// CHECK-NEXT:    func.return %x, %v2, %v3
