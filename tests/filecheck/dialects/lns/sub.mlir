// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s

!p = !lns.number<5, 0, bias = 2>
!pu = !lns.number<4, 0, bias = 2, unsigned>

func.func @sub(%x: tensor<1x5x!p>, %y: tensor<1x5x!pu>) {
  %0 = lns.sub %x, %y : (tensor<1x5x!p>, tensor<1x5x!pu>) -> tensor<1x5x!p>
  // CHECK: lns.sub %x, %y : (tensor<1x5x!lns.number<5, 0, bias = 2>>, tensor<1x5x!lns.number<4, 0, bias = 2, unsigned>>) -> tensor<1x5x!lns.number<5, 0, bias = 2>>
  %1 = lns.sub %x, %y {relu} : (tensor<1x5x!p>, tensor<1x5x!pu>) -> tensor<1x5x!pu>
  // CHECK: lns.sub %x, %y {relu} : (tensor<1x5x!lns.number<5, 0, bias = 2>>, tensor<1x5x!lns.number<4, 0, bias = 2, unsigned>>) -> tensor<1x5x!lns.number<4, 0, bias = 2, unsigned>>
  %2 = lns.sub %y, %x {arithmetic = #lns.arithmetic<antilog_bits = 4, accumulator = 24, mitchell>} : (tensor<1x5x!pu>, tensor<1x5x!p>) -> tensor<1x5x!p>
  // CHECK: lns.sub %y, %x {arithmetic = #lns.arithmetic<antilog_bits = 4, accumulator = 24, mitchell>} : (tensor<1x5x!lns.number<4, 0, bias = 2, unsigned>>, tensor<1x5x!lns.number<5, 0, bias = 2>>) -> tensor<1x5x!lns.number<5, 0, bias = 2>>
  func.return
}
