// RUN: recog-opt %s -p encode-lns | filecheck %s

!x = !lns.number<8, 4, bias = 60>
!y = !lns.number<8, 4, bias = 70>

// Any axes are rows of an image, whose window is the image, or groups of channels summed by weights 1.
func.func @reduce(%x: tensor<1x4x2x6xf32> {lns.format = !x}) -> (tensor<1x4xf32>, tensor<1x1x2x6xf32>, tensor<1x2xf32>, tensor<1x2x6xf32>, tensor<1x4x2xf32>) {
  %v0 = nn.max %x {axes = array<i64: 2, 3>, lns.format = !x} : (tensor<1x4x2x6xf32>) -> tensor<1x4xf32>
  %v1 = nn.mean %x {axes = array<i64: 1>, keepdims, lns.format = !y} : (tensor<1x4x2x6xf32>) -> tensor<1x1x2x6xf32>
  %v2 = nn.mean %x {axes = array<i64: 1, 3>, lns.format = !y} : (tensor<1x4x2x6xf32>) -> tensor<1x2xf32>
  %v3 = nn.sum %x {axes = array<i64: 1>, lns.format = !y} : (tensor<1x4x2x6xf32>) -> tensor<1x2x6xf32>
  %v4 = nn.sum %x {axes = array<i64: 3>, lns.format = !y} : (tensor<1x4x2x6xf32>) -> tensor<1x4x2xf32>
  func.return %v0, %v1, %v2, %v3, %v4 : tensor<1x4xf32>, tensor<1x1x2x6xf32>, tensor<1x2xf32>, tensor<1x2x6xf32>, tensor<1x4x2xf32>
}
// CHECK-LABEL: @reduce
// CHECK:         lns.max_pool2d {{.*}}{kernel = array<i64: 2, 6>, strides = array<i64: 2, 6>} :{{.*}} -> tensor<1x4x1x1x!lns.number<8, 4, bias = 60>>
// CHECK:         lns.avg_pool2d {{.*}}{kernel = array<i64: 4, 1>, strides = array<i64: 4, 1>, count_include_pad} :{{.*}} -> tensor<1x1x1x12x!lns.number<8, 4, bias = 70>>
// CHECK:         lns.permute {{.*}}{permutation = array<i64: 0, 2, 1, 3>} :{{.*}} -> tensor<1x2x4x6x!lns.number<8, 4, bias = 60>>
// CHECK:         lns.avg_pool2d {{.*}}{kernel = array<i64: 4, 6>, strides = array<i64: 4, 6>, count_include_pad} :{{.*}} -> tensor<1x2x1x1x!lns.number<8, 4, bias = 70>>
// CHECK:         lns.conv2d {{.*}} -> tensor<1x1x2x6x!lns.number<8, 4, bias = 70>>
// CHECK:         lns.conv2d {{.*}}{groups = 8 : i64} :{{.*}} -> tensor<1x8x1x1x!lns.number<8, 4, bias = 70>>

// What is more than a window, 1023 rows, is summed and divided by a table, and compared in steps; what
// would take more than 65536 weights is a mean, multiplied by a table.
func.func @large(%x: tensor<1x2048x3x3xf32> {lns.format = !x}, %z: tensor<1x600x20x20xf32> {lns.format = !x}) -> (tensor<1x3x3xf32>, tensor<1x600xf32>, tensor<1x3x3xf32>) {
  %v0 = nn.mean %x {axes = array<i64: 1>, lns.format = !y} : (tensor<1x2048x3x3xf32>) -> tensor<1x3x3xf32>
  %v1 = nn.sum %z {axes = array<i64: 2, 3>, lns.format = !y} : (tensor<1x600x20x20xf32>) -> tensor<1x600xf32>
  %v2 = nn.max %x {axes = array<i64: 1>, lns.format = !x} : (tensor<1x2048x3x3xf32>) -> tensor<1x3x3xf32>
  func.return %v0, %v1, %v2: tensor<1x3x3xf32>, tensor<1x600xf32>, tensor<1x3x3xf32>
}
// CHECK-LABEL: @large
// CHECK:         lns.conv2d {{.*}} -> tensor<1x1x3x3x!lns.number<8, 4, bias = -106>>
// CHECK:         lns.table {{.*}} -> tensor<1x1x3x3x!lns.number<8, 4, bias = 70>>
// CHECK:         lns.avg_pool2d {{.*}}{kernel = array<i64: 20, 20>, strides = array<i64: 20, 20>, count_include_pad} :{{.*}} -> tensor<1x600x1x1x!lns.number<8, 4, bias = 208>>
// CHECK:         lns.table {{.*}} -> tensor<1x600x1x1x!lns.number<8, 4, bias = 70>>
// CHECK:         lns.max_pool2d {{.*}}{kernel = array<i64: 512, 1>} :{{.*}} -> tensor<1x1x1x36x!lns.number<8, 4, bias = 60>>
// CHECK:         lns.max_pool2d {{.*}}{kernel = array<i64: 4, 1>, strides = array<i64: 4, 1>} :{{.*}} -> tensor<1x1x1x9x!lns.number<8, 4, bias = 60>>

// Of an image of more than 1023 rows the largest and the mean
// are of a window that takes several instructions.
func.func @image(%x: tensor<1x1x1031x97xf32> {lns.format = !x}) -> (tensor<1x1xf32>, tensor<1x1x97xf32>) {
  %v0 = nn.mean %x {axes = array<i64: 2, 3>, lns.format = !y} : (tensor<1x1x1031x97xf32>) -> tensor<1x1xf32>
  %v1 = nn.max %x {axes = array<i64: 2>, lns.format = !x} : (tensor<1x1x1031x97xf32>) -> tensor<1x1x97xf32>
  func.return %v0, %v1 : tensor<1x1xf32>, tensor<1x1x97xf32>
}
// CHECK-LABEL: @image
// CHECK:         lns.avg_pool2d {{.*}}{kernel = array<i64: 1031, 97>, strides = array<i64: 1, 97>, count_include_pad} :{{.*}} -> tensor<1x1x1x1x!lns.number<8, 4, bias = 70>>
// CHECK:         lns.max_pool2d {{.*}}{kernel = array<i64: 1031, 1>} :{{.*}} -> tensor<1x1x1x97x!lns.number<8, 4, bias = 60>>

// An image stays as it is, whose rows a schedule can take one after the other: reduced along its rows, and of a
// width that has divisors.
func.func @rows(%x: tensor<1x4x6x1030xf32> {lns.format = !x}) -> (tensor<1x4x6xf32>, tensor<1x4xf32>) {
  %v0 = nn.mean %x {axes = array<i64: 3>, lns.format = !y} : (tensor<1x4x6x1030xf32>) -> tensor<1x4x6xf32>
  %v1 = nn.max %x {axes = array<i64: 2, 3>, lns.format = !x} : (tensor<1x4x6x1030xf32>) -> tensor<1x4xf32>
  func.return %v0, %v1 : tensor<1x4x6xf32>, tensor<1x4xf32>
}
// CHECK-LABEL: @rows
// CHECK:         lns.avg_pool2d {{.*}}{kernel = array<i64: 1, 1030>, count_include_pad} : (tensor<1x4x6x1030x
// CHECK:         lns.max_pool2d {{.*}}{kernel = array<i64: 6, 1030>, strides = array<i64: 6, 1>} : (tensor<1x4x6x1030x

// Few copies are a concatenation, many a resize to an image, whose rows a schedule can take one after the other.
func.func @broadcast(%x: tensor<1x3x1x1xf32> {lns.format = !x}, %z: tensor<1x1x3x1xf32> {lns.format = !x}) -> (tensor<1x3x4x5xf32>, tensor<1x6x3x2xf32>) {
  %v0 = nn.broadcast %x {lns.format = !x} : (tensor<1x3x1x1xf32>) -> tensor<1x3x4x5xf32>
  %v1 = nn.broadcast %z {lns.format = !x} : (tensor<1x1x3x1xf32>) -> tensor<1x6x3x2xf32>
  func.return %v0, %v1 : tensor<1x3x4x5xf32>, tensor<1x6x3x2xf32>
}
// CHECK-LABEL: @broadcast
// CHECK:         lns.resize {{.*}}{mode = "nearest"} : (tensor<1x3x1x1x{{.*}} -> tensor<1x3x4x5x!lns.number<8, 4, bias = 60>>
// CHECK:         data.constant {{.*}} : tensor<1x6x1x1x!lns.number<8, 4, bias = 1>>
// CHECK:         lns.mul {{.*}} -> tensor<1x6x3x1x!lns.number<8, 4, bias = 60>>
// CHECK:         lns.concat {{.*}}{axis = 3 : i64} :{{.*}} -> tensor<1x6x3x2x!lns.number<8, 4, bias = 60>>

// Rows, columns and channels of an image; what is no image is rows of one, whatever its shape.
func.func @broadcast_rows(%r: tensor<1x3x1x7xf32> {lns.format = !x}, %c: tensor<1x3x7x1xf32> {lns.format = !x}, %w: tensor<1x1x1x7xf32> {lns.format = !x}, %s: tensor<1x3x1x1x1xf32> {lns.format = !x}) -> (tensor<1x3x8x7xf32>, tensor<1x3x7x8xf32>, tensor<1x5x8x7xf32>, tensor<1x3x2x4x5xf32>) {
  %v0 = nn.broadcast %r {lns.format = !x} : (tensor<1x3x1x7xf32>) -> tensor<1x3x8x7xf32>
  %v1 = nn.broadcast %c {lns.format = !x} : (tensor<1x3x7x1xf32>) -> tensor<1x3x7x8xf32>
  %v2 = nn.broadcast %w {lns.format = !x} : (tensor<1x1x1x7xf32>) -> tensor<1x5x8x7xf32>
  %v3 = nn.broadcast %s {lns.format = !x} : (tensor<1x3x1x1x1xf32>) -> tensor<1x3x2x4x5xf32>
  func.return %v0, %v1, %v2, %v3 : tensor<1x3x8x7xf32>, tensor<1x3x7x8xf32>, tensor<1x5x8x7xf32>, tensor<1x3x2x4x5xf32>
}
// CHECK-LABEL: @broadcast_rows
// CHECK:         lns.resize {{.*}} : (tensor<1x3x1x7x{{.*}} -> tensor<1x3x8x7x
// CHECK:         lns.resize {{.*}} : (tensor<1x3x7x1x{{.*}} -> tensor<1x3x7x8x
// CHECK:         lns.mul {{.*}} -> tensor<1x5x1x7x
// CHECK:         lns.resize {{.*}} : (tensor<1x5x1x7x{{.*}} -> tensor<1x5x8x7x
// CHECK:         lns.resize {{.*}} -> tensor<1x3x40x1x

// Rows and columns of one code; in a wider format where the operand's cannot hold it.
func.func @pad(%x: tensor<1x1x2x2xf32> {lns.format = !x}) -> (tensor<1x1x3x4xf32>, tensor<1x1x2x3xf32>) {
  %v0 = nn.pad %x {padding = array<i64: 1, 1, 0, 1>, value = -1.0 : f64, lns.format = !y} : (tensor<1x1x2x2xf32>) -> tensor<1x1x3x4xf32>
  %v1 = nn.pad %x {padding = array<i64: 0, 0, 0, 1>, value = 100.0 : f64, lns.format = !lns.number<8, 4, bias = 10>} : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x3xf32>
  func.return %v0, %v1 : tensor<1x1x3x4xf32>, tensor<1x1x2x3xf32>
}
// CHECK-LABEL: @pad
// CHECK:         lns.concat {{.*}}{axis = 3 : i64} :{{.*}} -> tensor<1x1x2x4x!lns.number<8, 4, bias = 60>>
// CHECK:         lns.concat {{.*}}{axis = 2 : i64} :{{.*}} -> tensor<1x1x3x4x!lns.number<8, 4, bias = 60>>
// CHECK:         lns.convert {{.*}} -> tensor<1x1x2x2x!lns.number<8, 4, bias = 10>>
// CHECK:         lns.concat {{.*}}{axis = 3 : i64} :{{.*}} -> tensor<1x1x2x3x!lns.number<8, 4, bias = 10>>
