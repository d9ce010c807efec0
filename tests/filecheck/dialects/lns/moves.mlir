// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s -p canonicalize | filecheck %s --check-prefix CANONICAL

!p = !lns.number<5, 0, bias = 2>

func.func @slice(%x: tensor<1x2x2x3x!p>) {
  %0 = lns.slice %x {starts = array<i64: 0, 1, 0, 0>, stops = array<i64: 1, 2, 2, 3>, steps = array<i64: 1, 1, 1, 2>} : (tensor<1x2x2x3x!p>) -> tensor<1x1x2x2x!p>
  // CHECK: lns.slice %x {starts = array<i64: 0, 1, 0, 0>, stops = array<i64: 1, 2, 2, 3>, steps = array<i64: 1, 1, 1, 2>} : (tensor<1x2x2x3x!lns.number<5, 0, bias = 2>>) -> tensor<1x1x2x2x!lns.number<5, 0, bias = 2>>
  func.return
}

func.func @pad(%x: tensor<1x1x2x3x!p>) {
  %0 = lns.pad %x {padding = array<i64: 1, -1, 0, 2>} : (tensor<1x1x2x3x!p>) -> tensor<1x1x3x4x!p>
  // CHECK: lns.pad %x {padding = array<i64: 1, -1, 0, 2>} : (tensor<1x1x2x3x!lns.number<5, 0, bias = 2>>) -> tensor<1x1x3x4x!lns.number<5, 0, bias = 2>>
  func.return
}

func.func @permute(%x: tensor<1x2x1x3x!p>) {
  %0 = lns.permute %x {permutation = array<i64: 0, 3, 2, 1>} : (tensor<1x2x1x3x!p>) -> tensor<1x3x1x2x!p>
  // CHECK: lns.permute %x {permutation = array<i64: 0, 3, 2, 1>} : (tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>) -> tensor<1x3x1x2x!lns.number<5, 0, bias = 2>>
  func.return
}

func.func @dilated_max_pool(%x: tensor<1x1x1x4x!p>) {
  %0 = lns.max_pool2d %x {kernel = array<i64: 1, 2>, padding = array<i64: 0, 1, 0, 1>, dilation = array<i64: 1, 2>} : (tensor<1x1x1x4x!p>) -> tensor<1x1x1x4x!p>
  // CHECK: lns.max_pool2d %x {kernel = array<i64: 1, 2>, padding = array<i64: 0, 1, 0, 1>, dilation = array<i64: 1, 2>} :
  func.return
}

// What does nothing folds.
func.func @folds(%x: tensor<1x2x2x3x!p>) -> (tensor<1x2x2x3x!p>, tensor<1x2x2x3x!p>, tensor<1x2x2x3x!p>) {
  %0 = lns.slice %x {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 2, 2, 3>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x2x3x!p>) -> tensor<1x2x2x3x!p>
  %1 = lns.pad %x {padding = array<i64: 0, 0, 0, 0>} : (tensor<1x2x2x3x!p>) -> tensor<1x2x2x3x!p>
  %2 = lns.permute %x {permutation = array<i64: 0, 1, 2, 3>} : (tensor<1x2x2x3x!p>) -> tensor<1x2x2x3x!p>
  func.return %0, %1, %2 : tensor<1x2x2x3x!p>, tensor<1x2x2x3x!p>, tensor<1x2x2x3x!p>
}
// CANONICAL-LABEL: @folds
// CANONICAL-NEXT:    func.return %x, %x, %x
