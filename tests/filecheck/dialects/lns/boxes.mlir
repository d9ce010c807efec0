// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s

!p = !lns.number<5, 0, bias = 2>
!u = !lns.number<4, 0, bias = 2, unsigned>
!score = !lns.number<4, 0, bias = 15, unsigned>
!px = !lns.fixed<32, 4>

func.func @peaks(%heat: tensor<1x2x2x3x!p>) {
  // CHECK: %scores, %indices = lns.peaks %heat {k = 4 : i64} : (tensor<1x2x2x3x!lns.number<5, 0, bias = 2>>) -> (tensor<1x4x!lns.number<5, 0, bias = 2>>, tensor<1x4xi64>)
  %scores, %indices = lns.peaks %heat {k = 4 : i64} : (tensor<1x2x2x3x!p>) -> (tensor<1x4x!p>, tensor<1x4xi64>)
  func.return
}

func.func @logits(%heat: tensor<1x3x1x1x!p>) {
  // CHECK: lns.peaks %heat {k = 3 : i64, sigmoid} :
  %scores, %indices = lns.peaks %heat {k = 3 : i64, sigmoid} : (tensor<1x3x1x1x!p>) -> (tensor<1x3x!score>, tensor<1x3xi64>)
  func.return
}

func.func @image(%i: tensor<1x1xi64>, %offset: tensor<1x2x1x3x!p>, %size: tensor<1x2x1x3x!p>) {
  // CHECK: %boxes = lns.decode_boxes_2d %i, %offset, %size {stride = 262144 : i64, extent = 65536 : i64} : (tensor<1x1xi64>, tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>, tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>) -> tensor<1x1x4x!lns.fixed<32, 4>>
  %boxes = lns.decode_boxes_2d %i, %offset, %size {stride = 262144 : i64, extent = 65536 : i64} : (tensor<1x1xi64>, tensor<1x2x1x3x!p>, tensor<1x2x1x3x!p>) -> tensor<1x1x4x!px>
  // CHECK: lns.decode_fixed %boxes : (tensor<1x1x4x!lns.fixed<32, 4>>) -> tensor<1x1x4xf32>
  %pixels = lns.decode_fixed %boxes : (tensor<1x1x4x!px>) -> tensor<1x1x4xf32>
  func.return
}

func.func @space(%i: tensor<1x2xi64>, %d: tensor<1x1x1x2x!u>, %box: tensor<1x7x1x2x!p>) {
  // CHECK: lns.decode_boxes_3d %i, %d, %box {stride = 262144 : i64, centre = array<i64: 0, 0>, focal = 524288 : i64, depth = 196608 : i64, baseline = 0 : i64, priors = array<i64: 0, 65536, 131072>} :
  %boxes = lns.decode_boxes_3d %i, %d, %box {stride = 262144 : i64, centre = array<i64: 0, 0>, focal = 524288 : i64, depth = 196608 : i64, baseline = 0 : i64, priors = array<i64: 0, 65536, 131072>} : (tensor<1x2xi64>, tensor<1x1x1x2x!u>, tensor<1x7x1x2x!p>) -> tensor<1x2x7x!px>
  func.return
}

func.func @suppress(%boxes: tensor<1x5x4x!px>, %scores: tensor<1x5x!u>, %i: tensor<1x5xi64>) {
  // CHECK: lns.suppress %boxes, %scores, %i {cells = 9 : i64, overlap = 32768 : i64} : (tensor<1x5x4x!lns.fixed<32, 4>>, tensor<1x5x!lns.number<4, 0, bias = 2, unsigned>>, tensor<1x5xi64>) -> tensor<1x5x!lns.number<4, 0, bias = 2, unsigned>>
  %kept = lns.suppress %boxes, %scores, %i {cells = 9 : i64, overlap = 32768 : i64} : (tensor<1x5x4x!px>, tensor<1x5x!u>, tensor<1x5xi64>) -> tensor<1x5x!u>
  func.return
}

// Fixed-point constants keep their sign, in text and in hexadecimal.
// CHECK-LABEL: @fixed
func.func @fixed() {
  // CHECK: data.constant dense<[-2147483648, -1, 2147483647]> : tensor<3x!lns.fixed<32, 0>>
  %x = data.constant dense<[-2147483648, -1, 2147483647]> : tensor<3x!lns.fixed<32, 0>>
  func.return
}
