// RUN: recog-opt %s | recog-opt --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | filecheck %s --check-prefix GENERIC

!s = !lns.number<8, 4, bias = 64>
!u = !lns.number<8, 5, bias = 128, unsigned>
!wide = !lns.number<16, 8, bias = 0>
!w = !lns.number<8, 4, bias = 0:{1, 2, 3, 4}>

func.func @types(%0: !lns.number<2, 0, bias = -1048576>, %1: !lns.number<16, 12, bias = 1048576, unsigned>,
                 %2: tensor<3x1x!lns.number<8, 4, bias = 0:{1, -2, 3}, unsigned>>) {
  func.return
}
// CHECK: func.func @types(%0: !lns.number<2, 0, bias = -1048576>, %1: !lns.number<16, 12, bias = 1048576, unsigned>,
// CHECK-SAME:             %2: tensor<3x1x!lns.number<8, 4, bias = 0:{1, -2, 3}, unsigned>>)

func.func @arithmetic() {
  "test.op"() {a = #lns.arithmetic<antilog_bits = 2, accumulator = 64>, b = #lns.arithmetic<antilog_bits = 12, accumulator = 16, mitchell>} : () -> ()
  func.return
}
// CHECK-LABEL: @arithmetic
// CHECK: {a = #lns.arithmetic<antilog_bits = 2, accumulator = 64>, b = #lns.arithmetic<antilog_bits = 12, accumulator = 16, mitchell>}

func.func @conv2d(%x: tensor<2x2x5x5x!s>, %w: tensor<4x1x3x3x!w>, %b: tensor<4xi48>) {
  // CHECK-LABEL: @conv2d
  %0 = lns.conv2d %x, %w {groups = 2} : (tensor<2x2x5x5x!s>, tensor<4x1x3x3x!w>) -> tensor<2x4x3x3x!wide>
  // CHECK:      %0 = lns.conv2d %x, %w {groups = 2 : i64} : (tensor<2x2x5x5x!lns.number<8, 4, bias = 64>>, tensor<4x1x3x3x!lns.number<8, 4, bias = 0:{1, 2, 3, 4}>>) -> tensor<2x4x3x3x!lns.number<16, 8, bias = 0>>
  // GENERIC:    %0 = "lns.conv2d"(%x, %w) <{groups = 2 : i64, strides = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>, dilation = array<i64: 1, 1>, arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 32, fine_antilog_bits = 10>}> :
  %1 = lns.conv2d %x, %w, %b {groups = 2, strides = array<i64: 1, 2>, padding = array<i64: 1, 0, 2, 1>, dilation = array<i64: 2, 1>, relu, arithmetic = #lns.arithmetic<antilog_bits = 8, accumulator = 48, mitchell>, layer = "stem"} : (tensor<2x2x5x5x!s>, tensor<4x1x3x3x!w>, tensor<4xi48>) -> tensor<2x4x4x2x!u>
  // CHECK-NEXT: %1 = lns.conv2d %x, %w, %b {layer = "stem", groups = 2 : i64, strides = array<i64: 1, 2>, padding = array<i64: 1, 0, 2, 1>, dilation = array<i64: 2, 1>, relu, arithmetic = #lns.arithmetic<antilog_bits = 8, accumulator = 48, mitchell>} :
  // CHECK-SAME:   tensor<4xi48>) -> tensor<2x4x4x2x!lns.number<8, 5, bias = 128, unsigned>>
  func.return
}

func.func @linear(%x: tensor<2x3x5x!s>, %w: tensor<4x5x!w>, %b: tensor<4xi32>) {
  // CHECK-LABEL: @linear
  %0 = lns.linear %x, %w : (tensor<2x3x5x!s>, tensor<4x5x!w>) -> tensor<2x3x4x!wide>
  // CHECK:      %0 = lns.linear %x, %w : (tensor<2x3x5x!lns.number<8, 4, bias = 64>>, tensor<4x5x!lns.number<8, 4, bias = 0:{1, 2, 3, 4}>>) -> tensor<2x3x4x!lns.number<16, 8, bias = 0>>
  %1 = lns.linear %x, %w, %b {relu} : (tensor<2x3x5x!s>, tensor<4x5x!w>, tensor<4xi32>) -> tensor<2x3x4x!u>
  // CHECK-NEXT: %1 = lns.linear %x, %w, %b {relu} : (tensor<2x3x5x!lns.number<8, 4, bias = 64>>, tensor<4x5x!lns.number<8, 4, bias = 0:{1, 2, 3, 4}>>, tensor<4xi32>) -> tensor<2x3x4x!lns.number<8, 5, bias = 128, unsigned>>
  func.return
}

func.func @elementwise(%x: tensor<2x3x!s>, %y: tensor<2x3x!u>) {
  // CHECK-LABEL: @elementwise
  %0 = lns.add %x, %y : (tensor<2x3x!s>, tensor<2x3x!u>) -> tensor<2x3x!wide>
  // CHECK:      %0 = lns.add %x, %y : (tensor<2x3x!lns.number<8, 4, bias = 64>>, tensor<2x3x!lns.number<8, 5, bias = 128, unsigned>>) -> tensor<2x3x!lns.number<16, 8, bias = 0>>
  %1 = lns.add %x, %y {relu, arithmetic = #lns.arithmetic<antilog_bits = 8, accumulator = 32>} : (tensor<2x3x!s>, tensor<2x3x!u>) -> tensor<2x3x!u>
  // CHECK-NEXT: %1 = lns.add %x, %y {relu, arithmetic = #lns.arithmetic<antilog_bits = 8, accumulator = 32>} :
  // Unsigned operands have an unsigned sum.
  %2 = lns.add %y, %y : (tensor<2x3x!u>, tensor<2x3x!u>) -> tensor<2x3x!u>
  // CHECK-NEXT: %2 = lns.add %y, %y : (tensor<2x3x!lns.number<8, 5, bias = 128, unsigned>>, tensor<2x3x!lns.number<8, 5, bias = 128, unsigned>>) -> tensor<2x3x!lns.number<8, 5, bias = 128, unsigned>>
  %3 = lns.relu %x : (tensor<2x3x!s>) -> tensor<2x3x!lns.number<7, 4, bias = 64, unsigned>>
  // CHECK-NEXT: %3 = lns.relu %x : (tensor<2x3x!lns.number<8, 4, bias = 64>>) -> tensor<2x3x!lns.number<7, 4, bias = 64, unsigned>>
  %4 = lns.relu %x : (tensor<2x3x!s>) -> tensor<2x3x!lns.number<8, 4, bias = 64>>
  // CHECK-NEXT: %4 = lns.relu %x : (tensor<2x3x!lns.number<8, 4, bias = 64>>) -> tensor<2x3x!lns.number<8, 4, bias = 64>>
  %5 = lns.convert %y : (tensor<2x3x!u>) -> tensor<2x3x!s>
  // CHECK-NEXT: %5 = lns.convert %y : (tensor<2x3x!lns.number<8, 5, bias = 128, unsigned>>) -> tensor<2x3x!lns.number<8, 4, bias = 64>>
  %table = data.constant dense<0> : tensor<256x!wide>
  // CHECK-NEXT: %table = data.constant dense<0> : tensor<256x!lns.number<16, 8, bias = 0>>
  %6 = lns.table %x, %table : (tensor<2x3x!s>, tensor<256x!wide>) -> tensor<2x3x!wide>
  // CHECK-NEXT: %6 = lns.table %x, %table : (tensor<2x3x!lns.number<8, 4, bias = 64>>, tensor<256x!lns.number<16, 8, bias = 0>>) -> tensor<2x3x!lns.number<16, 8, bias = 0>>
  func.return
}

func.func @pools(%x: tensor<1x2x6x6x!s>) {
  // CHECK-LABEL: @pools
  %0 = lns.max_pool2d %x {kernel = array<i64: 2, 3>} : (tensor<1x2x6x6x!s>) -> tensor<1x2x5x4x!s>
  // CHECK:      %0 = lns.max_pool2d %x {kernel = array<i64: 2, 3>} : (tensor<1x2x6x6x!lns.number<8, 4, bias = 64>>) -> tensor<1x2x5x4x!lns.number<8, 4, bias = 64>>
  %1 = lns.max_pool2d %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 0, 0>} : (tensor<1x2x6x6x!s>) -> tensor<1x2x3x3x!s>
  // CHECK-NEXT: %1 = lns.max_pool2d %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 0, 0>} : (tensor<1x2x6x6x!lns.number<8, 4, bias = 64>>) -> tensor<1x2x3x3x!lns.number<8, 4, bias = 64>>
  %2 = lns.avg_pool2d %x {kernel = array<i64: 6, 6>} : (tensor<1x2x6x6x!s>) -> tensor<1x2x1x1x!wide>
  // CHECK-NEXT: %2 = lns.avg_pool2d %x {kernel = array<i64: 6, 6>} : (tensor<1x2x6x6x!lns.number<8, 4, bias = 64>>) -> tensor<1x2x1x1x!lns.number<16, 8, bias = 0>>
  %3 = lns.avg_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 1, 1>, count_include_pad, arithmetic = #lns.arithmetic<antilog_bits = 8, accumulator = 32>} : (tensor<1x2x6x6x!s>) -> tensor<1x2x4x4x!s>
  // CHECK-NEXT: %3 = lns.avg_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 1, 1>, count_include_pad, arithmetic = #lns.arithmetic<antilog_bits = 8, accumulator = 32>} : (tensor<1x2x6x6x!lns.number<8, 4, bias = 64>>) -> tensor<1x2x4x4x!lns.number<8, 4, bias = 64>>
  func.return
}

func.func @structure(%x: tensor<1x2x3x!s>) {
  // CHECK-LABEL: @structure
  %0 = lns.reshape %x : (tensor<1x2x3x!s>) -> tensor<1x6x!s>
  // CHECK:      %0 = lns.reshape %x : (tensor<1x2x3x!lns.number<8, 4, bias = 64>>) -> tensor<1x6x!lns.number<8, 4, bias = 64>>
  %1 = lns.concat %x, %x, %x : (tensor<1x2x3x!s>, tensor<1x2x3x!s>, tensor<1x2x3x!s>) -> tensor<1x6x3x!s>
  // CHECK-NEXT: %1 = lns.concat %x, %x, %x : (tensor<1x2x3x!lns.number<8, 4, bias = 64>>, tensor<1x2x3x!lns.number<8, 4, bias = 64>>, tensor<1x2x3x!lns.number<8, 4, bias = 64>>) -> tensor<1x6x3x!lns.number<8, 4, bias = 64>>
  %2 = lns.concat %x {axis = 2} : (tensor<1x2x3x!s>) -> tensor<1x2x3x!s>
  // CHECK-NEXT: %2 = lns.concat %x {axis = 2 : i64} : (tensor<1x2x3x!lns.number<8, 4, bias = 64>>) -> tensor<1x2x3x!lns.number<8, 4, bias = 64>>
  %3 = lns.argmax %x : (tensor<1x2x3x!s>) -> tensor<1x3xi8>
  // CHECK-NEXT: %3 = lns.argmax %x : (tensor<1x2x3x!lns.number<8, 4, bias = 64>>) -> tensor<1x3xi8>
  %4 = lns.argmax %x {axis = 2} : (tensor<1x2x3x!s>) -> tensor<1x2xi64>
  // CHECK-NEXT: %4 = lns.argmax %x {axis = 2 : i64} : (tensor<1x2x3x!lns.number<8, 4, bias = 64>>) -> tensor<1x2xi64>
  %5 = lns.argmax %x {keepdims} : (tensor<1x2x3x!s>) -> tensor<1x1x3xi8>
  // CHECK-NEXT: %5 = lns.argmax %x {keepdims} : (tensor<1x2x3x!lns.number<8, 4, bias = 64>>) -> tensor<1x1x3xi8>
  func.return
}

func.func @floats(%x: tensor<1x2xf32>, %w: tensor<4x1x3x3x!w>) {
  // CHECK-LABEL: @floats
  %0 = lns.encode %x : (tensor<1x2xf32>) -> tensor<1x2x!u>
  // CHECK:      %0 = lns.encode %x : (tensor<1x2xf32>) -> tensor<1x2x!lns.number<8, 5, bias = 128, unsigned>>
  %1 = lns.decode %w : (tensor<4x1x3x3x!w>) -> tensor<4x1x3x3xf32>
  // CHECK-NEXT: %1 = lns.decode %w : (tensor<4x1x3x3x!lns.number<8, 4, bias = 0:{1, 2, 3, 4}>>) -> tensor<4x1x3x3xf32>
  %channels = "test.op"() : () -> tensor<1x2x!s>
  %own = lns.decode %channels {biases = array<i64: -16, 48>} : (tensor<1x2x!s>) -> tensor<1x2xf32>
  // CHECK:      %own = lns.decode %channels {biases = array<i64: -16, 48>} : (tensor<1x2x!lns.number<8, 4, bias = 64>>) -> tensor<1x2xf32>
  func.return
}
