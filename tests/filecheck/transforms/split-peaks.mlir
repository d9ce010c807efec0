// RUN: recog-opt %s -p 'convert-lns-to-chip{activation_memory=2048 schedule=false},split-peaks' | filecheck %s
// RUN: recog-opt %s -p 'convert-lns-to-chip{activation_memory=4096 schedule=false},split-peaks' | filecheck %s --check-prefix FITS

!a = !lns.number<8, 4, bias = 64>
!score = !lns.number<4, 0, bias = 15, unsigned>

// Four classes of 32 rows of 16 bytes, the whole memory: the highest two of each row, 18 bytes in place of 64, then the
// highest two of those.
func.func @scores(%x: tensor<1x4x32x16x!a>) -> (tensor<1x2x!a>, tensor<1x2xi64>) {
  %y, %i = lns.peaks %x {k = 2} : (tensor<1x4x32x16x!a>) -> (tensor<1x2x!a>, tensor<1x2xi64>)
  func.return %y, %i : tensor<1x2x!a>, tensor<1x2xi64>
}
// CHECK-LABEL: chip.program @scores
// CHECK:      chip.tensor @y.rows {address = 0x820, channels = 2, height = 32, bias = 64}
// CHECK-NEXT: chip.tensor @i.rows {address = 0x860, channels = 2, height = 32, code_bits = 64, frac = 0, integer}
// CHECK-NEXT: chip.dma.in @x.2 = @x
// CHECK-NEXT: chip.peaks.rows @y.rows, @i.rows = @x.2 attributes {partial}
// CHECK-NEXT: chip.peaks.best @y, @i = @y.rows, @i.rows
// CHECK-NEXT: chip.dma.out @output0 = @y
// FITS-LABEL: chip.program @scores
// FITS:       chip.dma.in @x.2 = @x
// FITS-NEXT:  chip.peaks @y, @i = @x.2

// Of logits any may be a peak; their sigmoids are made last.
func.func @logits(%x: tensor<1x4x32x16x!a>) -> (tensor<1x2x!score>, tensor<1x2xi64>) {
  %y, %i = lns.peaks %x {k = 2, sigmoid} : (tensor<1x4x32x16x!a>) -> (tensor<1x2x!score>, tensor<1x2xi64>)
  func.return %y, %i : tensor<1x2x!score>, tensor<1x2xi64>
}
// CHECK-LABEL: chip.program @logits
// CHECK:      chip.tensor @y.rows {address = 0x820, channels = 2, height = 32, bias = 64}
// CHECK:      chip.peaks.rows @y.rows, @i.rows = @x.2 {logits} attributes {partial}
// CHECK-NEXT: chip.peaks.best @y, @i = @y.rows, @i.rows {sigmoid}

// What is found in rows of three bytes would take more than they do.
func.func @narrow(%x: tensor<1x1x700x3x!a>) -> (tensor<1x2x!a>, tensor<1x2xi64>) {
  %y, %i = lns.peaks %x {k = 2} : (tensor<1x1x700x3x!a>) -> (tensor<1x2x!a>, tensor<1x2xi64>)
  func.return %y, %i : tensor<1x2x!a>, tensor<1x2xi64>
}
// CHECK-LABEL: chip.program @narrow
// CHECK:      chip.dma.in @x.2 = @x
// CHECK-NEXT: chip.peaks @y, @i = @x.2
