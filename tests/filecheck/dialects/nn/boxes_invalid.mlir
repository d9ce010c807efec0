// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

func.func @k(%x: tensor<1x2x2x3xf32>) {
  %s, %i = nn.peaks %x {k = 13 : i64} : (tensor<1x2x2x3xf32>) -> (tensor<1x13xf32>, tensor<1x13xi64>)
  func.return
}
// CHECK: 'nn.peaks' op at {{.*}}: k must be from 1 to 12, the elements, got 13

// -----

func.func @heat(%x: tensor<1x2x3xf32>) {
  %s, %i = nn.peaks %x {k = 1 : i64} : (tensor<1x2x3xf32>) -> (tensor<1x1xf32>, tensor<1x1xi64>)
  func.return
}
// CHECK: 'nn.peaks' op at {{.*}}: the heat must have 4 axes, got [1, 2, 3]

// -----

func.func @elements(%x: tensor<1x2x2x3xi64>) {
  %s, %i = nn.peaks %x {k = 1 : i64} : (tensor<1x2x2x3xi64>) -> (tensor<1x1xi64>, tensor<1x1xi64>)
  func.return
}
// CHECK: 'nn.peaks' op at {{.*}}: expected a tensor of f32 or f64, got i64

// -----

func.func @mixed(%x: tensor<1x2x2x3xf32>) {
  %s, %i = nn.peaks %x {k = 1 : i64} : (tensor<1x2x2x3xf32>) -> (tensor<1x1xf64>, tensor<1x1xi64>)
  func.return
}
// CHECK: 'nn.peaks' op at {{.*}}: every operand and result but indices must have elements of type f32, got tensor<1x1xf64>

// -----

func.func @indices(%x: tensor<1x2x2x3xf32>) {
  %s, %i = nn.peaks %x {k = 1 : i64} : (tensor<1x2x2x3xf32>) -> (tensor<1x1xf32>, tensor<1x1xf32>)
  func.return
}
// CHECK: 'nn.peaks' op at {{.*}}: the indices must have elements of type i64, got tensor<1x1xf32>

// -----

func.func @rows(%x: tensor<1x2x2x3xf32>) {
  %s, %i = nn.peaks %x {k = 2 : i64} : (tensor<1x2x2x3xf32>) -> (tensor<1x2xf32>, tensor<1x3xi64>)
  func.return
}
// CHECK: 'nn.peaks' op at {{.*}}: the indices have shape [1, 3], the scores [1, 2]

// -----

func.func @stride(%i: tensor<1x2xi64>, %m: tensor<1x2x2x3xf32>) {
  %b = nn.decode_boxes_2d %i, %m, %m {stride = 0.0} : (tensor<1x2xi64>, tensor<1x2x2x3xf32>, tensor<1x2x2x3xf32>) -> tensor<1x2x4xf32>
  func.return
}
// CHECK: 'nn.decode_boxes_2d' op at {{.*}}: stride must be positive and finite, got 0.0

// -----

func.func @maps(%i: tensor<1x2xi64>, %m: tensor<1x3x2x3xf32>) {
  %b = nn.decode_boxes_2d %i, %m, %m {stride = 4.0} : (tensor<1x2xi64>, tensor<1x3x2x3xf32>, tensor<1x3x2x3xf32>) -> tensor<1x2x4xf32>
  func.return
}
// CHECK: 'nn.decode_boxes_2d' op at {{.*}}: offset and size must be (1, 2, H, W), got [1, 3, 2, 3] and [1, 3, 2, 3]

// -----

func.func @index_axes(%i: tensor<2xi64>, %m: tensor<1x2x2x3xf32>) {
  %b = nn.decode_boxes_2d %i, %m, %m {stride = 4.0} : (tensor<2xi64>, tensor<1x2x2x3xf32>, tensor<1x2x2x3xf32>) -> tensor<1x2x4xf32>
  func.return
}
// CHECK: 'nn.decode_boxes_2d' op at {{.*}}: indices must have 2 axes, got [2]

// -----

func.func @camera(%i: tensor<1x2xi64>, %d: tensor<1x1x2x3xf32>, %m: tensor<1x7x2x3xf32>) {
  %b = nn.decode_boxes_3d %i, %d, %m {stride = 4.0, camera = [1.0, 2.0, 3.0], priors = [1.0, 1.0, 1.0]} : (tensor<1x2xi64>, tensor<1x1x2x3xf32>, tensor<1x7x2x3xf32>) -> tensor<1x2x7xf32>
  func.return
}
// CHECK: 'nn.decode_boxes_3d' op at {{.*}}: camera must be focal length, cu, cv and baseline, finite, got [1.0, 2.0, 3.0]

// -----

func.func @baseline(%i: tensor<1x2xi64>, %d: tensor<1x1x2x3xf32>, %m: tensor<1x7x2x3xf32>) {
  %b = nn.decode_boxes_3d %i, %d, %m {stride = 4.0, camera = [1.0, 2.0, 3.0, -1.0], priors = [1.0, 1.0, 1.0]} : (tensor<1x2xi64>, tensor<1x1x2x3xf32>, tensor<1x7x2x3xf32>) -> tensor<1x2x7xf32>
  func.return
}
// CHECK: 'nn.decode_boxes_3d' op at {{.*}}: baseline must be positive and finite, got -1.0

// -----

func.func @priors(%i: tensor<1x2xi64>, %d: tensor<1x1x2x3xf32>, %m: tensor<1x7x2x3xf32>) {
  %b = nn.decode_boxes_3d %i, %d, %m {stride = 4.0, camera = [1.0, 2.0, 3.0, 1.0], priors = [1.0, 1.0]} : (tensor<1x2xi64>, tensor<1x1x2x3xf32>, tensor<1x7x2x3xf32>) -> tensor<1x2x7xf32>
  func.return
}
// CHECK: 'nn.decode_boxes_3d' op at {{.*}}: priors must be three for each class, got 2

// -----

func.func @space_maps(%i: tensor<1x2xi64>, %d: tensor<1x2x2x3xf32>, %m: tensor<1x7x2x3xf32>) {
  %b = nn.decode_boxes_3d %i, %d, %m {stride = 4.0, camera = [1.0, 2.0, 3.0, 1.0], priors = [1.0, 1.0, 1.0]} : (tensor<1x2xi64>, tensor<1x2x2x3xf32>, tensor<1x7x2x3xf32>) -> tensor<1x2x7xf32>
  func.return
}
// CHECK: 'nn.decode_boxes_3d' op at {{.*}}: disparity and box must be (1, 1, H, W) and (1, 7, H, W), got [1, 2, 2, 3] and [1, 7, 2, 3]

// -----

func.func @iou(%b: tensor<1x2x4xf32>, %s: tensor<1x2xf32>, %i: tensor<1x2xi64>) {
  %y = nn.suppress %b, %s, %i {cells = 4 : i64, iou = 1.5} : (tensor<1x2x4xf32>, tensor<1x2xf32>, tensor<1x2xi64>) -> tensor<1x2xf32>
  func.return
}
// CHECK: 'nn.suppress' op at {{.*}}: iou must be in [0, 1], got 1.5

// -----

func.func @cells(%b: tensor<1x2x4xf32>, %s: tensor<1x2xf32>, %i: tensor<1x2xi64>) {
  %y = nn.suppress %b, %s, %i {cells = 0 : i64, iou = 0.5} : (tensor<1x2x4xf32>, tensor<1x2xf32>, tensor<1x2xi64>) -> tensor<1x2xf32>
  func.return
}
// CHECK: 'nn.suppress' op at {{.*}}: cells must be at least 1, got 0

// -----

func.func @boxes(%b: tensor<1x2x7xf32>, %s: tensor<1x2xf32>, %i: tensor<1x2xi64>) {
  %y = nn.suppress %b, %s, %i {cells = 4 : i64, iou = 0.5} : (tensor<1x2x7xf32>, tensor<1x2xf32>, tensor<1x2xi64>) -> tensor<1x2xf32>
  func.return
}
// CHECK: 'nn.suppress' op at {{.*}}: boxes and scores must be [1, 2, 4] and [1, 2] as the indices, got [1, 2, 7] and [1, 2]
