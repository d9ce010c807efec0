// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the codes 1, 2, 3, 4 are worth 1/2, 1, 2, 4; 0 is zero.
!p = !lns.number<5, 0, bias = 2>
!u = !lns.number<4, 0, bias = 2, unsigned>
// Scores from 2^-14 to 1: 15 is 1, 14 is 1/2.
!score = !lns.number<4, 0, bias = 15, unsigned>
!px = !lns.fixed<32, 4>

// Of equal neighbours both are maxima, the lower index first; -1 is none; what is left is 0.
func.func @peaks() {
  %heat = data.constant dense<[[[[2, 3, 3], [0, 0, 0]], [[-1, 0, 4], [0, 0, 0]]]]> : tensor<1x2x2x3x!p>
  // CHECK: %scores, %indices = lns.peaks %heat {k = 4 : i64} : (tensor<1x2x2x3x!lns.number<5, 0, bias = 2>>) -> (tensor<1x4x!lns.number<5, 0, bias = 2>>, tensor<1x4xi64>)
  %scores, %indices = lns.peaks %heat {k = 4 : i64} : (tensor<1x2x2x3x!p>) -> (tensor<1x4x!p>, tensor<1x4xi64>)
  check.expect_eq %scores, dense<[[4, 3, 3, 0]]> : tensor<1x4x!p>
  check.expect_eq %indices, dense<[[8, 1, 2, 0]]> : tensor<1x4xi64>
  func.return
}

// Logits: sigmoid(4) = 0.982 is nearest to 1, sigmoid(0) is 1/2, sigmoid(-4) = 0.018 = 2^-5.8.
func.func @logits() {
  %heat = data.constant dense<[[[[0]], [[-4]], [[4]]]]> : tensor<1x3x1x1x!p>
  // CHECK: lns.peaks %heat {k = 3 : i64, sigmoid} :
  %scores, %indices = lns.peaks %heat {k = 3 : i64, sigmoid} : (tensor<1x3x1x1x!p>) -> (tensor<1x3x!score>, tensor<1x3xi64>)
  check.expect_eq %scores, dense<[[15, 14, 9]]> : tensor<1x3x!score>
  check.expect_eq %indices, dense<[[2, 0, 1]]> : tensor<1x3xi64>
  func.return
}

// An empty scene: no maximum is positive.
func.func @nothing() {
  %heat = data.constant dense<0> : tensor<1x2x2x2x!u>
  %scores, %indices = lns.peaks %heat {k = 2 : i64} : (tensor<1x2x2x2x!u>) -> (tensor<1x2x!u>, tensor<1x2xi64>)
  check.expect_eq %scores, dense<[[0, 0]]> : tensor<1x2x!u>
  check.expect_eq %indices, dense<[[0, 0]]> : tensor<1x2xi64>
  func.return
}

// Cells of 4 pixels. Index 4 of 1 x 3 is cell 1: centre (1 + 1/2, 1/2) · 4 = (6, 2); sides
// exp(0) · 4 = 4 and exp(1) · 4 = 10.87: half of that is 5.437, 86.98 in sixteenths.
func.func @image() {
  %i = data.constant dense<[[4]]> : tensor<1x1xi64>
  %offset = data.constant dense<[[[[0, 1, 0]], [[0, 1, 0]]]]> : tensor<1x2x1x3x!p>
  %size = data.constant dense<[[[[9, 0, 9]], [[9, 2, 9]]]]> : tensor<1x2x1x3x!p>
  // CHECK: %boxes = lns.decode_boxes_2d %i, %offset, %size {stride = 262144 : i64, extent = 65536 : i64} : (tensor<1x1xi64>, tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>, tensor<1x2x1x3x!lns.number<5, 0, bias = 2>>) -> tensor<1x1x4x!lns.fixed<32, 4>>
  %boxes = lns.decode_boxes_2d %i, %offset, %size {stride = 262144 : i64, extent = 65536 : i64} : (tensor<1x1xi64>, tensor<1x2x1x3x!p>, tensor<1x2x1x3x!p>) -> tensor<1x1x4x!px>
  check.expect_eq %boxes, dense<[[[64, -55, 128, 119]]]> : tensor<1x1x4x!px>
  // CHECK: lns.decode_fixed %boxes : (tensor<1x1x4x!lns.fixed<32, 4>>) -> tensor<1x1x4xf32>
  %pixels = lns.decode_fixed %boxes : (tensor<1x1x4x!px>) -> tensor<1x1x4xf32>
  check.expect_eq %pixels, dense<[[[4.0, -3.4375, 8.0, 7.4375]]]> : tensor<1x1x4xf32>
  func.return
}

// Stride 4, principal point (0, 0), focal length 8, baseline 1, priors 1, 2, 4. Cell 1 at
// disparity 2: z = 8 / 2 = 4; pixel (1 + 1) · 4 = 8, so x = 8 · 4 / 8; angles of π/4 each add up
// to 25.13 sixteenths. Disparity 0 counts as 2^-10: z = 8192, and of the centre's ray x = 0.
func.func @space() {
  %i = data.constant dense<[[1, 0]]> : tensor<1x2xi64>
  %d = data.constant dense<[[[[0, 3]]]]> : tensor<1x1x1x2x!u>
  %box = data.constant dense<[[[[0, 2]], [[0, 0]], [[0, 0]], [[0, 0]], [[0, 2]], [[0, 4]], [[-1, 4]]]]> : tensor<1x7x1x2x!p>
  // CHECK: lns.decode_boxes_3d %i, %d, %box {stride = 262144 : i64, centre = array<i64: 0, 0>, focal = 524288 : i64, depth = 196608 : i64, baseline = 0 : i64, priors = array<i64: 0, 65536, 131072>} :
  %boxes = lns.decode_boxes_3d %i, %d, %box {stride = 262144 : i64, centre = array<i64: 0, 0>, focal = 524288 : i64, depth = 196608 : i64, baseline = 0 : i64, priors = array<i64: 0, 65536, 131072>} : (tensor<1x2xi64>, tensor<1x1x1x2x!u>, tensor<1x7x1x2x!p>) -> tensor<1x2x7x!px>
  // exp(1) · 4 = 10.873 is 173.97 sixteenths; π is 50.27 of them.
  check.expect_eq %boxes, dense<[[[64, 0, 64, 16, 32, 174, 25], [0, 0, 131072, 16, 32, 64, 50]]]> : tensor<1x2x7x!px>
  func.return
}

// Rows 0 and 1 overlap by 2/3; row 2 is of another class; row 3 has no score; row 4 meets row 1,
// which is gone, and row 0 by half, which is the limit.
func.func @suppress() {
  %boxes = data.constant dense<[[[0, 0, 4, 4], [0, 0, 4, 6], [0, 0, 4, 4], [0, 0, 4, 4], [0, 0, 4, 8]]]> : tensor<1x5x4x!px>
  %scores = data.constant dense<[[5, 4, 4, 0, 3]]> : tensor<1x5x!u>
  %i = data.constant dense<[[0, 8, 9, 1, 2]]> : tensor<1x5xi64>
  // CHECK: lns.suppress %boxes, %scores, %i {cells = 9 : i64, overlap = 32768 : i64} : (tensor<1x5x4x!lns.fixed<32, 4>>, tensor<1x5x!lns.number<4, 0, bias = 2, unsigned>>, tensor<1x5xi64>) -> tensor<1x5x!lns.number<4, 0, bias = 2, unsigned>>
  %kept = lns.suppress %boxes, %scores, %i {cells = 9 : i64, overlap = 32768 : i64} : (tensor<1x5x4x!px>, tensor<1x5x!u>, tensor<1x5xi64>) -> tensor<1x5x!u>
  check.expect_eq %kept, dense<[[5, 0, 4, 0, 3]]> : tensor<1x5x!u>
  func.return
}

// Fixed-point constants keep their sign, in text and in hexadecimal.
// CHECK-LABEL: @fixed
func.func @fixed() {
  // CHECK: data.constant dense<[-2147483648, -1, 2147483647]> : tensor<3x!lns.fixed<32, 0>>
  %x = data.constant dense<[-2147483648, -1, 2147483647]> : tensor<3x!lns.fixed<32, 0>>
  %y = lns.decode_fixed %x : (tensor<3x!lns.fixed<32, 0>>) -> tensor<3xf32>
  check.expect_eq %y, dense<[-2147483648.0, -1.0, 2147483648.0]> : tensor<3xf32>
  func.return
}
