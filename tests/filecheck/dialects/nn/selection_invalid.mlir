// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

func.func @elements(%x: tensor<1x4xi64>) {
  %y = nn.exp %x : (tensor<1x4xi64>) -> tensor<1x4xi64>
  func.return
}
// CHECK: 'nn.exp' op at {{.*}}: expected tensors of f32 or f64, got tensor<1x4xi64>

// -----

func.func @mixed(%x: tensor<1x4xf32>, %i: tensor<1x4xi64>) {
  %y = nn.add %x, %i : (tensor<1x4xf32>, tensor<1x4xi64>) -> tensor<1x4xf32>
  func.return
}
// CHECK: 'nn.add' op at {{.*}}: operands and result must have one element type, got f32 and i64

// -----

func.func @sum_axis(%x: tensor<1x4xf32>) {
  %y = nn.sum %x {axes = array<i64: 2>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return
}
// CHECK: 'nn.sum' op at {{.*}}: axis must be from 0 to 1, got 2

// -----

func.func @argmax_type(%x: tensor<1x4xf32>) {
  %y = nn.argmax %x {axis = 1 : i64} : (tensor<1x4xf32>) -> tensor<1xf32>
  func.return
}
// CHECK: 'nn.argmax' op at {{.*}}: the result must have elements of type i64, got tensor<1xf32>

// -----

func.func @topk(%x: tensor<1x4xf32>) {
  %y = nn.topk_indices %x {k = 5 : i64, axis = 1 : i64} : (tensor<1x4xf32>) -> tensor<1x5xi64>
  func.return
}
// CHECK: 'nn.topk_indices' op at {{.*}}: k must be from 1 to 4, got 5

// -----

func.func @gather_type(%x: tensor<1x4xf32>, %i: tensor<1x2xf32>) {
  %y = nn.gather %x, %i {axis = 1 : i64} : (tensor<1x4xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return
}
// CHECK: 'nn.gather' op at {{.*}}: the indices must have elements of type i64, got tensor<1x2xf32>

// -----

func.func @gather_shape(%x: tensor<1x4xf32>, %i: tensor<2x2xi64>) {
  %y = nn.gather %x, %i {axis = 1 : i64} : (tensor<1x4xf32>, tensor<2x2xi64>) -> tensor<2x2xf32>
  func.return
}
// CHECK: 'nn.gather' op at {{.*}}: indices [2, 2] exceed the input [1, 4] beside axis 1

// -----

func.func @take(%x: tensor<f32>, %i: tensor<2xi64>) {
  %y = nn.take %x, %i : (tensor<f32>, tensor<2xi64>) -> tensor<2xf32>
  func.return
}
// CHECK: 'nn.take' op at {{.*}}: the input needs at least one axis

// -----

func.func @predicate(%x: tensor<1x4xf32>) {
  %y = nn.compare %x, %x {predicate = "above"} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xi1>
  func.return
}
// CHECK: 'nn.compare' op at {{.*}}: predicate must be one of eq, ne, lt, le, gt, ge, got "above"

// -----

func.func @compare_type(%x: tensor<1x4xf32>) {
  %y = nn.compare %x, %x {predicate = "eq"} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return
}
// CHECK: 'nn.compare' op at {{.*}}: the result must have elements of type i1, got tensor<1x4xf32>

// -----

func.func @where(%x: tensor<1x4xf32>) {
  %y = nn.where %x, %x, %x : (tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return
}
// CHECK: 'nn.where' op at {{.*}}: the mask must have elements of type i1, got tensor<1x4xf32>

// -----

func.func @convert(%x: tensor<1x4xf32>) {
  %y = nn.convert %x : (tensor<1x4xf32>) -> tensor<1x5xf64>
  func.return
}
// CHECK: 'nn.convert' op at {{.*}}: the result has shape [1, 5], the operands give [1, 4]

// -----

func.func @broadcast(%x: tensor<1x4xf32>) {
  %y = nn.broadcast %x : (tensor<1x4xf32>) -> tensor<1x1xf32>
  func.return
}
// CHECK: 'nn.broadcast' op at {{.*}}: [1, 4] does not broadcast to [1, 1]

// -----

func.func @layer_norm(%x: tensor<1x4xf32>, %s: tensor<3xf32>) {
  %y = nn.layer_norm %x, %s, %s : (tensor<1x4xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<1x4xf32>
  func.return
}
// CHECK: 'nn.layer_norm' op at {{.*}}: scale [3] and bias [3] must have the shape of the last axes of [1, 4]

// -----

func.func @layer_norm_eps(%x: tensor<1x4xf32>, %s: tensor<4xf32>) {
  %y = nn.layer_norm %x, %s, %s {eps = -1.0 : f64} : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  func.return
}
// CHECK: 'nn.layer_norm' op at {{.*}}: eps must be finite and not negative, got -1.0

// -----

func.func @group_norm(%x: tensor<1x4x2xf32>, %s: tensor<4xf32>) {
  %y = nn.group_norm %x, %s, %s {groups = 3 : i64} : (tensor<1x4x2xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x2xf32>
  func.return
}
// CHECK: 'nn.group_norm' op at {{.*}}: 4 channels cannot be divided into 3 groups

// -----

func.func @matmul(%x: tensor<2x3xf32>) {
  %y = nn.matmul %x, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  func.return
}
// CHECK: 'nn.matmul' op at {{.*}}: [2, 3] has 3 columns, [2, 3] has 2 rows

// -----

func.func @attention_mask(%x: tensor<1x3x4xf32>, %m: tensor<1x3x2xf32>) {
  %y = nn.attention %x, %x, %x, %m {scale = 1.0 : f64} : (tensor<1x3x4xf32>, tensor<1x3x4xf32>, tensor<1x3x4xf32>, tensor<1x3x2xf32>) -> tensor<1x3x4xf32>
  func.return
}
// CHECK: 'nn.attention' op at {{.*}}: shapes [1, 3, 2] and [1, 3, 3] do not broadcast

// -----

func.func @correlation(%x: tensor<1x2x3x4xf32>) {
  %y = nn.correlation %x, %x {disparities = 5 : i64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x5x3x4xf32>
  func.return
}
// CHECK: 'nn.correlation' op at {{.*}}: disparities must be from 1 to the width 4, got 5
