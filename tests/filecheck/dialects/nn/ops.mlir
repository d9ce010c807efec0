// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | filecheck %s --check-prefix GENERIC
// RUN: xdsl-opt %s | filecheck %s

// Properties that have their default value are not printed.

func.func @layers(%x: tensor<1x4x8x8xf32>, %v: tensor<1x6xf32>, %c: tensor<4xf32>) {
  %w = data.constant dense<0.5> : tensor<6x4x3x3xf32>
  %dw = data.constant dense<0.5> : tensor<4x1x3x3xf32>
  %b = data.constant dense<1.0> : tensor<6xf32>
  %m = data.constant dense<0.25> : tensor<10x6xf32>
  %plain = nn.conv2d %x, %w {strides = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x6x6xf32>
  // CHECK: %plain = nn.conv2d %x, %w : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x6x6xf32>
  %strided = nn.conv2d %x, %w, %b {strides = array<i64: 2, 2>, padding = array<i64: 0, 1, 1, 0>} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>, tensor<6xf32>) -> tensor<1x6x4x4xf32>
  // CHECK: %strided = nn.conv2d %x, %w, %b {strides = array<i64: 2, 2>, padding = array<i64: 0, 1, 1, 0>} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>, tensor<6xf32>) -> tensor<1x6x4x4xf32>
  %depthwise = nn.conv2d %x, %dw {groups = 4 : i64, dilation = array<i64: 2, 2>} : (tensor<1x4x8x8xf32>, tensor<4x1x3x3xf32>) -> tensor<1x4x4x4xf32>
  // CHECK: %depthwise = nn.conv2d %x, %dw {groups = 4 : i64, dilation = array<i64: 2, 2>}
  %linear = nn.linear %v, %m : (tensor<1x6xf32>, tensor<10x6xf32>) -> tensor<1x10xf32>
  // CHECK: %linear = nn.linear %v, %m : (tensor<1x6xf32>, tensor<10x6xf32>) -> tensor<1x10xf32>
  %bn = nn.batch_norm %x, %c, %c, %c, %c : (tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  // CHECK: %bn = nn.batch_norm %x, %c, %c, %c, %c : (tensor<1x4x8x8xf32>,
  %bn3 = nn.batch_norm %x, %c, %c, %c, %c {eps = 1.0e-3 : f64} : (tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  // CHECK: %bn3 = nn.batch_norm %x, %c, %c, %c, %c {eps = 1.000000e-03 : f64} :
  // GENERIC: "nn.batch_norm"(%x, %c, %c, %c, %c) <{eps = 1.000000e-03 : f64}>
  func.return
}

func.func @elementwise(%x: tensor<1x4xf32>, %one: tensor<f32>) {
  %relu = nn.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: %relu = nn.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %clamp = nn.clamp %x {min = 0.0 : f64, max = 6.0 : f64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: %clamp = nn.clamp %x {min = 0.000000e+00 : f64, max = 6.000000e+00 : f64} :
  %leaky = nn.leaky_relu %x {negative_slope = 0.2 : f64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: %leaky = nn.leaky_relu %x {negative_slope = 2.000000e-01 : f64} :
  %sigmoid = nn.sigmoid %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: %sigmoid = nn.sigmoid %x :
  %tanh = nn.tanh %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: %tanh = nn.tanh %x :
  %silu = nn.silu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: %silu = nn.silu %x :
  %hardswish = nn.hardswish %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: %hardswish = nn.hardswish %x :
  %hardsigmoid = nn.hardsigmoid %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: %hardsigmoid = nn.hardsigmoid %x :
  %gelu = nn.gelu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: %gelu = nn.gelu %x :
  %tanh_gelu = nn.gelu %x {approximate = "tanh"} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: %tanh_gelu = nn.gelu %x {approximate = "tanh"} :
  %softmax = nn.softmax %x {axis = 1 : i64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: %softmax = nn.softmax %x {axis = 1 : i64} :
  %add = nn.add %x, %one : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xf32>
  // CHECK: %add = nn.add %x, %one : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xf32>
  %sub = nn.sub %one, %x : (tensor<f32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: %sub = nn.sub %one, %x :
  %mul = nn.mul %x, %x : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  // CHECK: %mul = nn.mul %x, %x :
  %div = nn.div %x, %one : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xf32>
  // CHECK: %div = nn.div %x, %one :
  func.return
}

func.func @pooling(%x: tensor<1x4x7x7xf32>) {
  %max = nn.max_pool2d %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 1, 1>} : (tensor<1x4x7x7xf32>) -> tensor<1x4x4x4xf32>
  // CHECK: %max = nn.max_pool2d %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 1, 1>} :
  %ceil = nn.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, ceil_mode} : (tensor<1x4x7x7xf32>) -> tensor<1x4x4x4xf32>
  // CHECK: %ceil = nn.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, ceil_mode} :
  %dilated = nn.max_pool2d %x {kernel = array<i64: 2, 2>, dilation = array<i64: 3, 3>} : (tensor<1x4x7x7xf32>) -> tensor<1x4x4x4xf32>
  // CHECK: %dilated = nn.max_pool2d %x {kernel = array<i64: 2, 2>, dilation = array<i64: 3, 3>} :
  %avg = nn.avg_pool2d %x {kernel = array<i64: 7, 7>, count_include_pad} : (tensor<1x4x7x7xf32>) -> tensor<1x4x1x1xf32>
  // CHECK: %avg = nn.avg_pool2d %x {kernel = array<i64: 7, 7>, count_include_pad} :
  %mean = nn.mean %x {axes = array<i64: 1>, keepdims} : (tensor<1x4x7x7xf32>) -> tensor<1x1x7x7xf32>
  // CHECK: %mean = nn.mean %x {axes = array<i64: 1>, keepdims} :
  %gone = nn.mean %x {axes = array<i64: 1, 3>} : (tensor<1x4x7x7xf32>) -> tensor<1x7xf32>
  // CHECK: %gone = nn.mean %x {axes = array<i64: 1, 3>} : (tensor<1x4x7x7xf32>) -> tensor<1x7xf32>
  func.return
}

func.func @structure(%x: tensor<2x4x3x3xf32>, %y: tensor<2x1x3x3xf32>) {
  %flat = nn.reshape %x : (tensor<2x4x3x3xf32>) -> tensor<2x36xf32>
  // CHECK: %flat = nn.reshape %x : (tensor<2x4x3x3xf32>) -> tensor<2x36xf32>
  %concat = nn.concat %x, %y, %x : (tensor<2x4x3x3xf32>, tensor<2x1x3x3xf32>, tensor<2x4x3x3xf32>) -> tensor<2x9x3x3xf32>
  // CHECK: %concat = nn.concat %x, %y, %x : (tensor<2x4x3x3xf32>, tensor<2x1x3x3xf32>, tensor<2x4x3x3xf32>) -> tensor<2x9x3x3xf32>
  %rows = nn.concat %x, %x {axis = 2 : i64} : (tensor<2x4x3x3xf32>, tensor<2x4x3x3xf32>) -> tensor<2x4x6x3xf32>
  // CHECK: %rows = nn.concat %x, %x {axis = 2 : i64} :
  %pad = nn.pad %x {padding = array<i64: 0, 1, 2, 3>, value = -1.0 : f64} : (tensor<2x4x3x3xf32>) -> tensor<2x4x5x7xf32>
  // CHECK: %pad = nn.pad %x {padding = array<i64: 0, 1, 2, 3>, value = -1.000000e+00 : f64} : (tensor<2x4x3x3xf32>) -> tensor<2x4x5x7xf32>
  func.return
}

// Every op takes double precision too, and attributes that are not its own.
func.func @double(%x: tensor<1x4xf64>) -> tensor<1x4xf64> {
  %y = nn.relu %x {note = "mine"} : (tensor<1x4xf64>) -> tensor<1x4xf64>
  // CHECK: %y = nn.relu %x {note = "mine"} : (tensor<1x4xf64>) -> tensor<1x4xf64>
  func.return %y : tensor<1x4xf64>
}
