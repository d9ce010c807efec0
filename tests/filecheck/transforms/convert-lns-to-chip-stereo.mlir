// RUN: recog-opt %s -p convert-lns-to-chip --split-input-file --verify-diagnostics | filecheck %s

// One instruction an op; bins lie in weight memory as 32-bit integers, equal ones once.
!n = !lns.number<8, 4, bias = 64>
!w = !lns.number<16, 11, bias = 0>
func.func @stereo(%l: tensor<1x3x2x4x!n>, %r: tensor<1x3x2x4x!n>) -> (tensor<1x1x2x4x!w>, tensor<1x1x2x4x!w>) {
  %v = lns.correlation %l, %r {disparities = 2 : i64} : (tensor<1x3x2x4x!n>, tensor<1x3x2x4x!n>) -> tensor<1x2x2x4x!n>
  %bins = data.constant dense<[0, -2]> : tensor<2xi32>
  %d = lns.expectation %v, %bins {frac = 1 : i64} : (tensor<1x2x2x4x!n>, tensor<2xi32>) -> tensor<1x1x2x4x!w>
  %e = lns.expectation %v, %bins, %d {frac = 1 : i64} : (tensor<1x2x2x4x!n>, tensor<2xi32>, tensor<1x1x2x4x!w>) -> tensor<1x1x2x4x!w>
  %z = lns.reciprocal %e {log_numerator = 35250 : i64} : (tensor<1x1x2x4x!w>) -> tensor<1x1x2x4x!w>
  func.return %e, %z : tensor<1x1x2x4x!w>, tensor<1x1x2x4x!w>
}
// CHECK:      chip.program @stereo {
// CHECK-NEXT:   chip.segment @tables tables dense<[0, 0, 0, 0, 254, 255, 255, 255]> : tensor<8xui8>
// CHECK:        chip.corr @v = @l.2, @r.2
// CHECK-NEXT:   chip.expect @d = @v {bins = 0x0, frac = 1}
// CHECK-NEXT:   chip.expect.add @e = @v, @d {bins = 0x0, frac = 1}
// CHECK-NEXT:   chip.disp2depth @z = @e {log_numerator = 35250}

// -----

// Three products of codes 31, 2^6 * 2^31 * 2^31 in the units of the accumulator.
!n = !lns.number<6, 0, bias = 15>
func.func @overflow(%l: tensor<1x3x2x4x!n>) -> tensor<1x2x2x4x!n> {
  %v = lns.correlation %l, %l {disparities = 2 : i64} : (tensor<1x3x2x4x!n>, tensor<1x3x2x4x!n>) -> tensor<1x2x2x4x!n>
  func.return %v : tensor<1x2x2x4x!n>
}
// CHECK: 'lns.correlation' op at {{.*}}: the accumulator of the correlation may reach {{[0-9]+}}, 32 bits hold 2147483647

// -----

!n = !lns.number<8, 4, bias = 64>
func.func @bins(%x: tensor<1x2x2x4x!n>) -> tensor<1x1x2x4x!n> {
  %big = data.constant dense<[2147483647, 2147483647]> : tensor<2xi32>
  %d = lns.expectation %x, %big {frac = 0 : i64} : (tensor<1x2x2x4x!n>, tensor<2xi32>) -> tensor<1x1x2x4x!n>
  func.return %d : tensor<1x1x2x4x!n>
}
// CHECK: 'lns.expectation' op at {{.*}}: the sum over 2 bins may reach 562949953290240, 48 bits hold 140737488355327
