// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s

!p = !lns.number<5, 0, bias = 2>
!pu = !lns.number<4, 0, bias = 2, unsigned>

func.func @mul(%x: tensor<1x6x!p>, %y: tensor<1x6x!p>) {
  %0 = lns.mul %x, %y : (tensor<1x6x!p>, tensor<1x6x!p>) -> tensor<1x6x!p>
  // CHECK: lns.mul %x, %y : (tensor<1x6x!lns.number<5, 0, bias = 2>>, tensor<1x6x!lns.number<5, 0, bias = 2>>) -> tensor<1x6x!lns.number<5, 0, bias = 2>>
  %1 = lns.mul %x, %y {relu} : (tensor<1x6x!p>, tensor<1x6x!p>) -> tensor<1x6x!pu>
  // CHECK: lns.mul %x, %y {relu} : (tensor<1x6x!lns.number<5, 0, bias = 2>>, tensor<1x6x!lns.number<5, 0, bias = 2>>) -> tensor<1x6x!lns.number<4, 0, bias = 2, unsigned>>
  func.return
}
