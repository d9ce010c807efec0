// Every kind of layer, with the source locations that the frontend gives.
func.func @main(%x: tensor<1x2x6x6xf32>) -> tensor<1x3xf32> {
  %w0 = data.constant dense<1.0> : tensor<8x2x3x3xf32>
  %b0 = data.constant dense<1.0> : tensor<8xf32>
  %0 = nn.conv2d %x, %w0, %b0 {padding = array<i64: 1, 1, 1, 1>} : (tensor<1x2x6x6xf32>, tensor<8x2x3x3xf32>, tensor<8xf32>) -> tensor<1x8x6x6xf32> loc("stem.conv"("net.py":10:1))
  %1 = nn.relu %0 : (tensor<1x8x6x6xf32>) -> tensor<1x8x6x6xf32> loc("stem.relu"("net.py":11:1))
  %w1 = data.constant dense<2.0> : tensor<8x1x3x3xf32>
  %2 = nn.conv2d %1, %w1 {padding = array<i64: 1, 1, 1, 1>, groups = 8} : (tensor<1x8x6x6xf32>, tensor<8x1x3x3xf32>) -> tensor<1x8x6x6xf32> loc("block.depthwise"("net.py":20:1))
  %w2 = data.constant dense<3.0> : tensor<8x8x1x1xf32>
  %b2 = data.constant dense<3.0> : tensor<8xf32>
  %3 = nn.conv2d %2, %w2, %b2 : (tensor<1x8x6x6xf32>, tensor<8x8x1x1xf32>, tensor<8xf32>) -> tensor<1x8x6x6xf32> loc("block.pointwise"("net.py":21:1))
  %4 = nn.add %3, %1 : (tensor<1x8x6x6xf32>, tensor<1x8x6x6xf32>) -> tensor<1x8x6x6xf32> loc("block.add"("net.py":22:1))
  %5 = nn.relu %4 : (tensor<1x8x6x6xf32>) -> tensor<1x8x6x6xf32> loc("block.relu"("net.py":23:1))
  %6 = nn.max_pool2d %5 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x8x6x6xf32>) -> tensor<1x8x3x3xf32> loc("pool"("net.py":30:1))
  %7 = nn.hardswish %6 : (tensor<1x8x3x3xf32>) -> tensor<1x8x3x3xf32> loc("act"("net.py":31:1))
  %8 = nn.concat %6, %7 : (tensor<1x8x3x3xf32>, tensor<1x8x3x3xf32>) -> tensor<1x16x3x3xf32> loc("cat"("net.py":32:1))
  %9 = nn.mean %8 {axes = array<i64: 2, 3>} : (tensor<1x16x3x3xf32>) -> tensor<1x16xf32> loc("mean"("net.py":33:1))
  %w3 = data.constant dense<4.0> : tensor<3x16xf32>
  %b3 = data.constant dense<4.0> : tensor<3xf32>
  %10 = nn.linear %9, %w3, %b3 : (tensor<1x16xf32>, tensor<3x16xf32>, tensor<3xf32>) -> tensor<1x3xf32> loc("fc"("net.py":40:1))
  func.return %10 : tensor<1x3xf32>
}
