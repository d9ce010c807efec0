// RUN: recog-opt %s | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | recog-opt | filecheck %s

func.func @unary(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // CHECK: %0 = nn.abs %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %0 = nn.abs %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %1 = nn.neg %0 :
  %1 = nn.neg %0 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %2 = nn.floor %1 :
  %2 = nn.floor %1 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %3 = nn.exp %2 :
  %3 = nn.exp %2 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %4 = nn.log %3 :
  %4 = nn.log %3 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %5 = nn.sqrt %4 :
  %5 = nn.sqrt %4 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %6 = nn.rsqrt %5 :
  %6 = nn.rsqrt %5 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %7 = nn.sin %6 :
  %7 = nn.sin %6 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %8 = nn.cos %7 :
  %8 = nn.cos %7 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %9 = nn.erf %8 :
  %9 = nn.erf %8 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %10 = nn.softplus %9 :
  %10 = nn.softplus %9 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %11 = nn.softplus %10 {beta = 2.000000e+00 : f64} :
  %11 = nn.softplus %10 {beta = 2.0 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %12 = nn.elu %11 {alpha = 5.000000e-01 : f64} :
  %12 = nn.elu %11 {alpha = 0.5 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: %13 = nn.pow %12 {exponent = 1.500000e+00 : f64} :
  %13 = nn.pow %12 {exponent = 1.5 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  func.return %13 : tensor<2x3xf32>
}

func.func @binary(%x: tensor<2x3xf64>, %y: tensor<3xf64>) -> tensor<2x3xf64> {
  // CHECK: %0 = nn.atan2 %x, %y : (tensor<2x3xf64>, tensor<3xf64>) -> tensor<2x3xf64>
  %0 = nn.atan2 %x, %y : (tensor<2x3xf64>, tensor<3xf64>) -> tensor<2x3xf64>
  // CHECK: %1 = nn.maximum %0, %y :
  %1 = nn.maximum %0, %y : (tensor<2x3xf64>, tensor<3xf64>) -> tensor<2x3xf64>
  // CHECK: %2 = nn.minimum %1, %y :
  %2 = nn.minimum %1, %y : (tensor<2x3xf64>, tensor<3xf64>) -> tensor<2x3xf64>
  // CHECK: %3 = nn.floor_divide %2, %y :
  %3 = nn.floor_divide %2, %y : (tensor<2x3xf64>, tensor<3xf64>) -> tensor<2x3xf64>
  // CHECK: %4 = nn.remainder %3, %y :
  %4 = nn.remainder %3, %y : (tensor<2x3xf64>, tensor<3xf64>) -> tensor<2x3xf64>
  func.return %4 : tensor<2x3xf64>
}

func.func @normalization(%x: tensor<1x4x3xf32>, %c: tensor<4xf32>, %f: tensor<3xf32>) -> tensor<1x4x3xf32> {
  // CHECK: %0 = nn.layer_norm %x, %f, %f : (tensor<1x4x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<1x4x3xf32>
  %0 = nn.layer_norm %x, %f, %f : (tensor<1x4x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<1x4x3xf32>
  // CHECK: %1 = nn.group_norm %0, %c, %c {groups = 2 : i64, eps = 1.000000e-03 : f64} :
  %1 = nn.group_norm %0, %c, %c {groups = 2 : i64, eps = 1.0e-3 : f64} : (tensor<1x4x3xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x3xf32>
  func.return %1 : tensor<1x4x3xf32>
}

func.func @products(%x: tensor<1x2x3x4xf32>, %m: tensor<3x3xf32>) -> tensor<1x2x3x3xf32> {
  // CHECK: %0 = nn.attention %x, %x, %x {scale = 5.000000e-01 : f64} :
  %0 = nn.attention %x, %x, %x {scale = 0.5 : f64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  // CHECK: %1 = nn.attention %0, %x, %x, %m {scale = 5.000000e-01 : f64} :
  %1 = nn.attention %0, %x, %x, %m {scale = 0.5 : f64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<3x3xf32>) -> tensor<1x2x3x4xf32>
  // CHECK: %2 = nn.correlation %0, %1 {disparities = 3 : i64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x3x3x4xf32>
  %2 = nn.correlation %0, %1 {disparities = 3 : i64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x3x3x4xf32>
  %3 = nn.permute %x {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x2x3x4xf32>) -> tensor<1x2x4x3xf32>
  // CHECK: %4 = nn.matmul %1, %3 : (tensor<1x2x3x4xf32>, tensor<1x2x4x3xf32>) -> tensor<1x2x3x3xf32>
  %4 = nn.matmul %1, %3 : (tensor<1x2x3x4xf32>, tensor<1x2x4x3xf32>) -> tensor<1x2x3x3xf32>
  func.return %4 : tensor<1x2x3x3xf32>
}
