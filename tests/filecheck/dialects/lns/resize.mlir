// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s

!p = !lns.number<5, 0, bias = 2>

func.func @resize(%x: tensor<1x1x1x3x!p>) {
  %0 = lns.resize %x {mode = "nearest"} : (tensor<1x1x1x3x!p>) -> tensor<1x1x2x6x!p>
  // CHECK: lns.resize %x {mode = "nearest"} : (tensor<1x1x1x3x!lns.number<5, 0, bias = 2>>) -> tensor<1x1x2x6x!lns.number<5, 0, bias = 2>>
  %1 = lns.resize %x {mode = "bilinear", steps = array<i64: 1, 4>, arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 32>} : (tensor<1x1x1x3x!p>) -> tensor<1x1x1x4x!p>
  // CHECK: lns.resize %x {mode = "bilinear", steps = array<i64: 1, 4>, arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 32>} : (tensor<1x1x1x3x!lns.number<5, 0, bias = 2>>) -> tensor<1x1x1x4x!lns.number<5, 0, bias = 2>>
  %2 = lns.resize %x {mode = "bilinear", align_corners, steps = array<i64: 1, 2>, arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 32>} : (tensor<1x1x1x3x!p>) -> tensor<1x1x1x5x!p>
  // CHECK: lns.resize %x {mode = "bilinear", align_corners, steps = array<i64: 1, 2>, arithmetic = #lns.arithmetic<antilog_bits = 6, accumulator = 32>} : (tensor<1x1x1x3x!lns.number<5, 0, bias = 2>>) -> tensor<1x1x1x5x!lns.number<5, 0, bias = 2>>
  func.return
}
