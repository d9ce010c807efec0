// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s

func.func @peaks(%heat: tensor<1x2x2x3xf32>) {
  // CHECK: %scores, %indices = nn.peaks %heat {k = 3 : i64} : (tensor<1x2x2x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xi64>)
  %scores, %indices = nn.peaks %heat {k = 3 : i64} : (tensor<1x2x2x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xi64>)
  // CHECK: nn.peaks %heat {k = 2 : i64, sigmoid} :
  %s, %i = nn.peaks %heat {k = 2 : i64, sigmoid} : (tensor<1x2x2x3xf32>) -> (tensor<1x2xf32>, tensor<1x2xi64>)
  func.return
}

func.func @image(%i: tensor<1x1xi64>, %offset: tensor<1x2x1x3xf32>, %size: tensor<1x2x1x3xf32>) {
  // CHECK: nn.decode_boxes_2d %i, %offset, %size {stride = 4.000000e+00 : f64} : (tensor<1x1xi64>, tensor<1x2x1x3xf32>, tensor<1x2x1x3xf32>) -> tensor<1x1x4xf32>
  %boxes = nn.decode_boxes_2d %i, %offset, %size {stride = 4.0} : (tensor<1x1xi64>, tensor<1x2x1x3xf32>, tensor<1x2x1x3xf32>) -> tensor<1x1x4xf32>
  func.return
}

func.func @space(%i: tensor<1x1xi64>, %d: tensor<1x1x1x2xf32>, %box: tensor<1x7x1x2xf32>) {
  // CHECK: nn.decode_boxes_3d %i, %d, %box {stride = 4.000000e+00 : f64, camera = [8.000000e+00 : f64, 0.000000e+00 : f64, 0.000000e+00 : f64, 1.000000e+00 : f64], priors = [1.500000e+00 : f64, 2.000000e+00 : f64, 4.000000e+00 : f64]} :
  %boxes = nn.decode_boxes_3d %i, %d, %box {stride = 4.0, camera = [8.0, 0.0, 0.0, 1.0], priors = [1.5, 2.0, 4.0]} : (tensor<1x1xi64>, tensor<1x1x1x2xf32>, tensor<1x7x1x2xf32>) -> tensor<1x1x7xf32>
  func.return
}

func.func @suppress(%boxes: tensor<1x5x4xf32>, %scores: tensor<1x5xf32>, %i: tensor<1x5xi64>) {
  // CHECK: nn.suppress %boxes, %scores, %i {cells = 9 : i64, iou = 5.000000e-01 : f64} : (tensor<1x5x4xf32>, tensor<1x5xf32>, tensor<1x5xi64>) -> tensor<1x5xf32>
  %kept = nn.suppress %boxes, %scores, %i {cells = 9 : i64, iou = 0.5} : (tensor<1x5x4xf32>, tensor<1x5xf32>, tensor<1x5xi64>) -> tensor<1x5xf32>
  func.return
}
