// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s

!p = !lns.number<4, 0, bias = 2>
!pu = !lns.number<3, 0, bias = 2, unsigned>

func.func @correlation(%l: tensor<1x2x1x3x!p>, %r: tensor<1x2x1x3x!pu>) {
  %0 = lns.correlation %l, %r {disparities = 2 : i64} : (tensor<1x2x1x3x!p>, tensor<1x2x1x3x!pu>) -> tensor<1x2x1x3x!p>
  // CHECK: %0 = lns.correlation %l, %r {disparities = 2 : i64} : (tensor<1x2x1x3x!lns.number<4, 0, bias = 2>>, tensor<1x2x1x3x!lns.number<3, 0, bias = 2, unsigned>>) -> tensor<1x2x1x3x!lns.number<4, 0, bias = 2>>
  %1 = lns.correlation %r, %r {disparities = 1 : i64, arithmetic = #lns.arithmetic<antilog_bits = 4, accumulator = 40, mitchell>} : (tensor<1x2x1x3x!pu>, tensor<1x2x1x3x!pu>) -> tensor<1x1x1x3x!pu>
  // CHECK: %1 = lns.correlation %r, %r {disparities = 1 : i64, arithmetic = #lns.arithmetic<antilog_bits = 4, accumulator = 40, mitchell>} :
  func.return
}

func.func @expectation(%x: tensor<1x2x1x3x!p>, %bins: tensor<2xi32>, %r: tensor<1x1x1x3x!p>) {
  %0 = lns.expectation %x, %bins {frac = 2 : i64} : (tensor<1x2x1x3x!p>, tensor<2xi32>) -> tensor<1x1x1x3x!lns.number<16, 11, bias = 0>>
  // CHECK: %0 = lns.expectation %x, %bins {frac = 2 : i64} : (tensor<1x2x1x3x!lns.number<4, 0, bias = 2>>, tensor<2xi32>) -> tensor<1x1x1x3x!lns.number<16, 11, bias = 0>>
  %1 = lns.expectation %x, %bins, %r {frac = 2 : i64} : (tensor<1x2x1x3x!p>, tensor<2xi32>, tensor<1x1x1x3x!p>) -> tensor<1x1x1x3x!p>
  // CHECK: %1 = lns.expectation %x, %bins, %r {frac = 2 : i64} :
  func.return
}

func.func @reciprocal(%x: tensor<1x7x!p>) {
  %0 = lns.reciprocal %x {log_numerator = 4096 : i64} : (tensor<1x7x!p>) -> tensor<1x7x!p>
  // CHECK: %0 = lns.reciprocal %x {log_numerator = 4096 : i64} : (tensor<1x7x!lns.number<4, 0, bias = 2>>) -> tensor<1x7x!lns.number<4, 0, bias = 2>>
  %1 = lns.reciprocal %x {log_numerator = 4096 : i64, negative} : (tensor<1x7x!p>) -> tensor<1x7x!p>
  // CHECK: %1 = lns.reciprocal %x {log_numerator = 4096 : i64, negative} :
  func.return
}
