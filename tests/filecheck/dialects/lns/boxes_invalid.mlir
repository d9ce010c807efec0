// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

func.func @f(%x: tensor<1x!lns.fixed<16, 4>>) {
  func.return
}
// CHECK: fixed-point numbers have 32 bits, got 16

// -----

func.func @f(%x: tensor<1x!lns.fixed<32, 13>>) {
  func.return
}
// CHECK: fixed-point frac must be in [0, 12] bits, got 13

// -----

func.func @f() {
  %x = data.constant dense<[2147483648]> : tensor<1x!lns.fixed<32, 4>>
  func.return
}
// CHECK: 2147483648 does not fit !lns.fixed<32, 4>

// -----

func.func @f(%x: tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) {
  %s, %i = lns.peaks %x {k = 13 : i64} : (tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) -> (tensor<1x13x!lns.number<8, 4, bias = 0>>, tensor<1x13xi64>)
  func.return
}
// CHECK: 'lns.peaks' op at {{.*}}: k must be from 1 to 12, the elements, got 13

// -----

func.func @f(%x: tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) {
  %s, %i = lns.peaks %x {k = 1 : i64} : (tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) -> (tensor<1x1x!lns.number<8, 4, bias = 1>>, tensor<1x1xi64>)
  func.return
}
// CHECK: 'lns.peaks' op at {{.*}}: without sigmoid the scores have the format of the heat

// -----

func.func @f(%x: tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) {
  %s, %i = lns.peaks %x {k = 1 : i64} : (tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) -> (tensor<1x1x!lns.number<8, 4, bias = 0>>, tensor<1x2xi64>)
  func.return
}
// CHECK: 'lns.peaks' op at {{.*}}: indices must be [1, 1] of i64, got tensor<1x2xi64>

// -----

func.func @f(%x: tensor<1x2x3x!lns.number<8, 4, bias = 0>>) {
  %s, %i = lns.peaks %x {k = 1 : i64} : (tensor<1x2x3x!lns.number<8, 4, bias = 0>>) -> (tensor<1x1x!lns.number<8, 4, bias = 0>>, tensor<1x1xi64>)
  func.return
}
// CHECK: 'lns.peaks' op at {{.*}}: the heat must have 4 axes, got [1, 2, 3]

// -----

func.func @f(%i: tensor<1x2xi32>, %m: tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) {
  %b = lns.decode_boxes_2d %i, %m, %m {stride = 1 : i64, extent = 0 : i64} : (tensor<1x2xi32>, tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>, tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x4x!lns.fixed<32, 4>>
  func.return
}
// CHECK: 'lns.decode_boxes_2d' op at {{.*}}: indices must be [1, 2] of i64, got tensor<1x2xi32>

// -----

func.func @f(%i: tensor<1x2xi64>, %m: tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) {
  %b = lns.decode_boxes_2d %i, %m, %m {stride = 0 : i64, extent = 0 : i64} : (tensor<1x2xi64>, tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>, tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x4x!lns.fixed<32, 4>>
  func.return
}
// CHECK: 'lns.decode_boxes_2d' op at {{.*}}: stride must be in [1, 67108864], got 0

// -----

func.func @f(%i: tensor<1x2xi64>, %m: tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) {
  %b = lns.decode_boxes_2d %i, %m, %m {stride = 1 : i64, extent = 2097153 : i64} : (tensor<1x2xi64>, tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>, tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x4x!lns.fixed<32, 4>>
  func.return
}
// CHECK: 'lns.decode_boxes_2d' op at {{.*}}: extent must be in [-2097152, 2097152], got 2097153

// -----

func.func @f(%i: tensor<1x2xi64>, %m: tensor<1x2x2x3x!lns.number<8, 4, bias = 1:{0, 1}>>) {
  %b = lns.decode_boxes_2d %i, %m, %m {stride = 1 : i64, extent = 0 : i64} : (tensor<1x2xi64>, tensor<1x2x2x3x!lns.number<8, 4, bias = 1:{0, 1}>>, tensor<1x2x2x3x!lns.number<8, 4, bias = 1:{0, 1}>>) -> tensor<1x2x4x!lns.fixed<32, 4>>
  func.return
}
// CHECK: 'lns.decode_boxes_2d' op at {{.*}}: offset must have one bias for the tensor

// -----

func.func @f(%i: tensor<1x2xi64>, %m: tensor<1x3x2x3x!lns.number<8, 4, bias = 0>>) {
  %b = lns.decode_boxes_2d %i, %m, %m {stride = 1 : i64, extent = 0 : i64} : (tensor<1x2xi64>, tensor<1x3x2x3x!lns.number<8, 4, bias = 0>>, tensor<1x3x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x4x!lns.fixed<32, 4>>
  func.return
}
// CHECK: 'lns.decode_boxes_2d' op at {{.*}}: offset and size must be (1, 2, H, W), got [1, 3, 2, 3] and [1, 3, 2, 3]

// -----

func.func @f(%i: tensor<2xi64>, %m: tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) {
  %b = lns.decode_boxes_2d %i, %m, %m {stride = 1 : i64, extent = 0 : i64} : (tensor<2xi64>, tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>, tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x4x!lns.fixed<32, 4>>
  func.return
}
// CHECK: 'lns.decode_boxes_2d' op at {{.*}}: indices must have 2 axes, got [2]

// -----

func.func @f(%i: tensor<1x2xi64>, %d: tensor<1x1x2x3x!lns.number<8, 4, bias = 0>>, %m: tensor<1x7x2x3x!lns.number<8, 4, bias = 0>>) {
  %b = lns.decode_boxes_3d %i, %d, %m {stride = 1 : i64, centre = array<i64: 0>, focal = 1 : i64, depth = 0 : i64, baseline = 0 : i64, priors = array<i64: 0, 0, 0>} : (tensor<1x2xi64>, tensor<1x1x2x3x!lns.number<8, 4, bias = 0>>, tensor<1x7x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x7x!lns.fixed<32, 4>>
  func.return
}
// CHECK: 'lns.decode_boxes_3d' op at {{.*}}: the centre must be two numbers, got 1

// -----

func.func @f(%i: tensor<1x2xi64>, %d: tensor<1x1x2x3x!lns.number<8, 4, bias = 0>>, %m: tensor<1x7x2x3x!lns.number<8, 4, bias = 0>>) {
  %b = lns.decode_boxes_3d %i, %d, %m {stride = 1 : i64, centre = array<i64: 0, 0>, focal = 1 : i64, depth = 0 : i64, baseline = 0 : i64, priors = array<i64: 0, 0>} : (tensor<1x2xi64>, tensor<1x1x2x3x!lns.number<8, 4, bias = 0>>, tensor<1x7x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x7x!lns.fixed<32, 4>>
  func.return
}
// CHECK: 'lns.decode_boxes_3d' op at {{.*}}: priors must be three for each class, got 2

// -----

func.func @f(%i: tensor<1x2xi64>, %d: tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>, %m: tensor<1x7x2x3x!lns.number<8, 4, bias = 0>>) {
  %b = lns.decode_boxes_3d %i, %d, %m {stride = 1 : i64, centre = array<i64: 0, 0>, focal = 1 : i64, depth = 0 : i64, baseline = 0 : i64, priors = array<i64: 0, 0, 0>} : (tensor<1x2xi64>, tensor<1x2x2x3x!lns.number<8, 4, bias = 0>>, tensor<1x7x2x3x!lns.number<8, 4, bias = 0>>) -> tensor<1x2x7x!lns.fixed<32, 4>>
  func.return
}
// CHECK: 'lns.decode_boxes_3d' op at {{.*}}: disparity and box must be (1, 1, H, W) and (1, 7, H, W), got [1, 2, 2, 3] and [1, 7, 2, 3]

// -----

func.func @f(%b: tensor<1x2x4x!lns.fixed<32, 4>>, %s: tensor<1x2x!lns.number<8, 4, bias = 0>>, %i: tensor<1x2xi64>) {
  %y = lns.suppress %b, %s, %i {cells = 0 : i64, overlap = 0 : i64} : (tensor<1x2x4x!lns.fixed<32, 4>>, tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<1x2xi64>) -> tensor<1x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.suppress' op at {{.*}}: cells must be from 1 to 4294967295, got 0

// -----

func.func @f(%b: tensor<1x2x4x!lns.fixed<32, 4>>, %s: tensor<1x2x!lns.number<8, 4, bias = 0>>, %i: tensor<1x2xi64>) {
  %y = lns.suppress %b, %s, %i {cells = 1 : i64, overlap = 65537 : i64} : (tensor<1x2x4x!lns.fixed<32, 4>>, tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<1x2xi64>) -> tensor<1x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.suppress' op at {{.*}}: overlap must be in [0, 65536], got 65537

// -----

func.func @f(%b: tensor<1x2x7x!lns.fixed<32, 4>>, %s: tensor<1x2x!lns.number<8, 4, bias = 0>>, %i: tensor<1x2xi64>) {
  %y = lns.suppress %b, %s, %i {cells = 1 : i64, overlap = 0 : i64} : (tensor<1x2x7x!lns.fixed<32, 4>>, tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<1x2xi64>) -> tensor<1x2x!lns.number<8, 4, bias = 0>>
  func.return
}
// CHECK: 'lns.suppress' op at {{.*}}: boxes and scores must be [1, 2, 4] and [1, 2] as the indices, got [1, 2, 7] and [1, 2]

// -----

func.func @f(%b: tensor<1x2x4x!lns.fixed<32, 4>>, %s: tensor<1x2x!lns.number<8, 4, bias = 0>>, %i: tensor<1x2xi64>) {
  %y = lns.suppress %b, %s, %i {cells = 1 : i64, overlap = 0 : i64} : (tensor<1x2x4x!lns.fixed<32, 4>>, tensor<1x2x!lns.number<8, 4, bias = 0>>, tensor<1x2xi64>) -> tensor<1x2x!lns.number<8, 4, bias = 1>>
  func.return
}
// CHECK: 'lns.suppress' op at {{.*}}: the result must be tensor<1x2x!lns.number<8, 4, bias = 0>>, got tensor<1x2x!lns.number<8, 4, bias = 1>>
