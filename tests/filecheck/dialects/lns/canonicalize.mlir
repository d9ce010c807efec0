// RUN: recog-opt %s -p canonicalize | filecheck %s

!s = !lns.number<8, 4, bias = 64>

// A conversion to the same format is none.
func.func @convert(%x: tensor<1x2x!s>) -> (tensor<1x2x!s>, tensor<1x2x!lns.number<8, 4, bias = 65>>) {
  %0 = lns.convert %x : (tensor<1x2x!s>) -> tensor<1x2x!s>
  %1 = lns.convert %x : (tensor<1x2x!s>) -> tensor<1x2x!lns.number<8, 4, bias = 65>>
  func.return %0, %1 : tensor<1x2x!s>, tensor<1x2x!lns.number<8, 4, bias = 65>>
}
// CHECK:      func.func @convert
// CHECK-NEXT:   %0 = lns.convert %x
// CHECK-NEXT:   func.return %x, %0

// Conversions may lose values: there and back is not nothing.
func.func @convert_back(%x: tensor<1x2x!s>) -> tensor<1x2x!s> {
  %0 = lns.convert %x : (tensor<1x2x!s>) -> tensor<1x2x!lns.number<4, 1, bias = 8>>
  %1 = lns.convert %0 : (tensor<1x2x!lns.number<4, 1, bias = 8>>) -> tensor<1x2x!s>
  func.return %1 : tensor<1x2x!s>
}
// CHECK:      func.func @convert_back
// CHECK-NEXT:   %0 = lns.convert %x
// CHECK-NEXT:   %1 = lns.convert %0
// CHECK-NEXT:   func.return %1

func.func @reshape(%x: tensor<1x2x3x!s>) -> (tensor<1x2x3x!s>, tensor<1x2x3x!s>, tensor<1x6x!s>) {
  %0 = lns.reshape %x : (tensor<1x2x3x!s>) -> tensor<1x2x3x!s>
  %1 = lns.reshape %x : (tensor<1x2x3x!s>) -> tensor<1x6x!s>
  %2 = lns.reshape %1 : (tensor<1x6x!s>) -> tensor<1x2x3x!s>
  func.return %0, %2, %1 : tensor<1x2x3x!s>, tensor<1x2x3x!s>, tensor<1x6x!s>
}
// CHECK:      func.func @reshape
// CHECK-NEXT:   %0 = lns.reshape %x : {{.*}} -> tensor<1x6x!lns.number<8, 4, bias = 64>>
// CHECK-NEXT:   func.return %x, %x, %0

// Every op is pure: what nothing uses goes.
func.func @unused(%x: tensor<1x2x4x4x!s>, %w: tensor<2x2x1x1x!s>, %f: tensor<1x2xf32>) {
  %0 = lns.conv2d %x, %w : (tensor<1x2x4x4x!s>, tensor<2x2x1x1x!s>) -> tensor<1x2x4x4x!s>
  %1 = lns.add %0, %x : (tensor<1x2x4x4x!s>, tensor<1x2x4x4x!s>) -> tensor<1x2x4x4x!s>
  %2 = lns.max_pool2d %1 {kernel = array<i64: 2, 2>} : (tensor<1x2x4x4x!s>) -> tensor<1x2x3x3x!s>
  %3 = lns.avg_pool2d %2 {kernel = array<i64: 3, 3>} : (tensor<1x2x3x3x!s>) -> tensor<1x2x1x1x!s>
  %4 = lns.relu %3 : (tensor<1x2x1x1x!s>) -> tensor<1x2x1x1x!s>
  %5 = lns.concat %4, %4 : (tensor<1x2x1x1x!s>, tensor<1x2x1x1x!s>) -> tensor<1x4x1x1x!s>
  %6 = lns.argmax %5 : (tensor<1x4x1x1x!s>) -> tensor<1x1x1xi32>
  %7 = lns.encode %f : (tensor<1x2xf32>) -> tensor<1x2x!s>
  %table = data.constant dense<0> : tensor<256x!s>
  %8 = lns.table %7, %table : (tensor<1x2x!s>, tensor<256x!s>) -> tensor<1x2x!s>
  %fc = data.constant dense<1> : tensor<3x2x!s>
  %9 = lns.linear %8, %fc : (tensor<1x2x!s>, tensor<3x2x!s>) -> tensor<1x3x!s>
  %10 = lns.decode %9 : (tensor<1x3x!s>) -> tensor<1x3xf32>
  func.return
}
// CHECK:      func.func @unused
// CHECK-NEXT:   func.return
