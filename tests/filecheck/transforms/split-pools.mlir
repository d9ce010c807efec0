// RUN: recog-opt %s -p 'convert-lns-to-chip{activation_memory=512 schedule=false},split-pools' | filecheck %s
// RUN: recog-opt %s -p 'convert-lns-to-chip{activation_memory=4096 schedule=false},split-pools' | filecheck %s --check-prefix FITS

!a = !lns.number<8, 4, bias = 64>

// A mean over an image of 64 rows of 16 bytes: each row is summed as it comes, then four of the sums at a
// time, and four of those, as the sums of all rows take more than an eighth of memory.
func.func @mean(%x: tensor<1x1x64x16x!a>) -> tensor<1x1x1x1x!a> {
  %y = lns.avg_pool2d %x {kernel = array<i64: 64, 16>, count_include_pad} : (tensor<1x1x64x16x!a>) -> tensor<1x1x1x1x!a>
  func.return %y : tensor<1x1x1x1x!a>
}
// CHECK-LABEL: chip.program @mean
// CHECK:      chip.tensor @y.sum {address = 0x410, channels = 1, height = 64, bias = 64, integer, sums = 16}
// CHECK-NEXT: chip.tensor @y.sum.2 {address = 0x510, channels = 1, height = 16, bias = 64, integer, sums = 64}
// CHECK-NEXT: chip.tensor @y.sum.3 {address = 0x550, channels = 1, height = 4, bias = 64, integer, sums = 256}
// CHECK-NEXT: chip.dma.in @x.2 = @x
// CHECK-NEXT: chip.pool @y.sum = @x.2 {mode = sum, kernel_h = 1, kernel_w = 16} attributes {partial}
// CHECK-NEXT: chip.pool @y.sum.2 = @y.sum {mode = sum, kernel_h = 4, kernel_w = 1, stride_h = 4} attributes {partial}
// CHECK-NEXT: chip.pool @y.sum.3 = @y.sum.2 {mode = sum, kernel_h = 4, kernel_w = 1, stride_h = 4} attributes {partial}
// CHECK-NEXT: chip.pool @y = @y.sum.3 {mode = avg, kernel_h = 4, kernel_w = 1, count = 1024}
// CHECK-NEXT: chip.dma.out @output = @y
// FITS-LABEL: chip.program @mean
// FITS:       chip.dma.in @x.2 = @x
// FITS-NEXT:  chip.pool @y = @x.2 {mode = avg, kernel_h = 64, kernel_w = 16, count_padding}

// The largest of four cells: of eight columns first, then of four rows, then of eight such blocks.
func.func @cells(%x: tensor<1x1x64x16x!a>) -> tensor<1x1x2x2x!a> {
  %y = lns.max_pool2d %x {kernel = array<i64: 32, 8>, strides = array<i64: 32, 8>} : (tensor<1x1x64x16x!a>) -> tensor<1x1x2x2x!a>
  func.return %y : tensor<1x1x2x2x!a>
}
// CHECK-LABEL: chip.program @cells
// CHECK:      chip.pool @y.max = @x.2 {mode = max, kernel_h = 1, kernel_w = 8, stride_w = 8} attributes {partial}
// CHECK-NEXT: chip.pool @y.max.2 = @y.max {mode = max, kernel_h = 4, kernel_w = 1, stride_h = 4} attributes {partial}
// CHECK-NEXT: chip.pool @y = @y.max.2 {mode = max, kernel_h = 8, kernel_w = 1, stride_h = 8}

// Columns that stay as many: blocks of rows alone. The last of nine blocks of eight rows lacks five.
func.func @columns(%x: tensor<1x1x67x16x!a>) -> tensor<1x1x1x16x!a> {
  %y = lns.avg_pool2d %x {kernel = array<i64: 67, 1>, count_include_pad} : (tensor<1x1x67x16x!a>) -> tensor<1x1x1x16x!a>
  func.return %y : tensor<1x1x1x16x!a>
}
// CHECK-LABEL: chip.program @columns
// CHECK:      chip.tensor @y.sum {address = 0x440, channels = 1, height = 9, width = 16, bias = 64, integer, sums = 8}
// CHECK-NEXT: chip.tensor @y.sum.2 {address = 0x680, channels = 1, height = 3, width = 16, bias = 64, integer, sums = 24}
// CHECK:      chip.pool @y.sum = @x.2 {mode = sum, kernel_h = 8, kernel_w = 1, stride_h = 8, pad_bottom = 5} attributes {partial}
// CHECK-NEXT: chip.pool @y.sum.2 = @y.sum {mode = sum, kernel_h = 3, kernel_w = 1, stride_h = 3} attributes {partial}
// CHECK-NEXT: chip.pool @y = @y.sum.2 {mode = avg, kernel_h = 3, kernel_w = 1, count = 67}

// Windows of two rows are not long, and of two means the first is of fewer elements: padding does not count.
func.func @stay(%x: tensor<1x1x64x16x!a>) -> (tensor<1x1x63x15x!a>, tensor<1x1x2x1x!a>) {
  %y = lns.max_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<1x1x64x16x!a>) -> tensor<1x1x63x15x!a>
  %z = lns.avg_pool2d %x {kernel = array<i64: 64, 16>, padding = array<i64: 2, 0, 0, 0>, strides = array<i64: 2, 1>} : (tensor<1x1x64x16x!a>) -> tensor<1x1x2x1x!a>
  func.return %y, %z : tensor<1x1x63x15x!a>, tensor<1x1x2x1x!a>
}
// CHECK-LABEL: chip.program @stay
// CHECK:      chip.dma.in @x.2 = @x
// CHECK-NEXT: chip.pool @y = @x.2 {mode = max, kernel_h = 2, kernel_w = 2}
// CHECK-NEXT: chip.pool @z = @x.2 {mode = avg, kernel_h = 64, kernel_w = 16, stride_h = 2, pad_top = 2}
