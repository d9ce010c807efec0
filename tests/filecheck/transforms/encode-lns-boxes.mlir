// RUN: recog-opt %s -p encode-lns --split-input-file | filecheck %s
// RUN: recog-opt %s -p encode-lns,convert-lns-to-chip --split-input-file --verify-diagnostics | filecheck %s --check-prefix CHIP

// The end of a detector: scores are sigmoids, so their largest code is 1 whatever was calibrated;
// boxes are fixed point until the host decodes them. log2(4 / 2) = 65536 · 2^-16.
!n = !lns.number<16, 11, bias = 30000>
func.func @image(%heat: tensor<1x3x4x5xf32> {lns.format = !n}, %offset: tensor<1x2x4x5xf32> {lns.format = !n},
                 %size: tensor<1x2x4x5xf32> {lns.format = !n}) -> (tensor<1x6xf32>, tensor<1x6x4xf32>, tensor<1x6xi64>) {
  %s, %i = nn.peaks %heat {k = 6 : i64, sigmoid, layer = "peaks", lns.format = !lns.number<16, 12, bias = 9, unsigned>} : (tensor<1x3x4x5xf32>) -> (tensor<1x6xf32>, tensor<1x6xi64>)
  %b = nn.decode_boxes_2d %i, %offset, %size {stride = 4.0, layer = "boxes", lns.format = !n} : (tensor<1x6xi64>, tensor<1x2x4x5xf32>, tensor<1x2x4x5xf32>) -> tensor<1x6x4xf32>
  %k = nn.suppress %b, %s, %i {cells = 20 : i64, iou = 0.6, layer = "nms", lns.format = !lns.number<16, 12, bias = 9, unsigned>} : (tensor<1x6x4xf32>, tensor<1x6xf32>, tensor<1x6xi64>) -> tensor<1x6xf32>
  func.return %k, %b, %i : tensor<1x6xf32>, tensor<1x6x4xf32>, tensor<1x6xi64>
}
// CHECK-LABEL: @image
// CHECK-NEXT:    [[HEAT:%.*]] = lns.encode %heat
// CHECK-NEXT:    [[SCORES:%.*]], %i = lns.peaks [[HEAT]] {layer = "peaks", k = 6 : i64, sigmoid} : {{.*}} -> (tensor<1x6x!lns.number<16, 12, bias = 65535, unsigned>>, tensor<1x6xi64>)
// CHECK-NEXT:    [[OFFSET:%.*]] = lns.encode %offset
// CHECK-NEXT:    [[SIZE:%.*]] = lns.encode %size
// CHECK-NEXT:    %b = lns.decode_boxes_2d %i, [[OFFSET]], [[SIZE]] {layer = "boxes", stride = 262144 : i64, extent = 65536 : i64} : {{.*}} -> tensor<1x6x4x!lns.fixed<32, 8>>
// CHECK-NEXT:    [[PIXELS:%.*]] = lns.decode_fixed %b
// CHECK-NEXT:    %k = lns.suppress %b, [[SCORES]], %i {layer = "nms", cells = 20 : i64, overlap = 39322 : i64} :
// CHECK-NEXT:    [[KEPT:%.*]] = lns.decode %k
// CHECK-NEXT:    func.return [[KEPT]], [[PIXELS]], %i

// CHIP-LABEL: chip.program @image
// CHIP:         chip.output @output0 {address = {{.*}}, channels = 6, code_bits = 16, frac = 12, bias = 65535, unsigned, rank = 2, decoded}
// CHIP-NEXT:    chip.output @output1 {address = {{.*}}, channels = 6, height = 4, code_bits = 32, frac = 8, integer, rank = 3, decoded, fixed}
// CHIP-NEXT:    chip.output @output2 {address = {{.*}}, channels = 6, code_bits = 64, frac = 0, integer, rank = 2}
// CHIP:         chip.peaks @peaks, @peaks.2 = @heat.2 {sigmoid}
// CHIP:         chip.boxdec2d @boxes = @peaks.2, @offset.2, @size.2 {parameters = 0x0}
// CHIP-NEXT:    chip.nms @nms = @boxes, @peaks, @peaks.2 {cells = 20, overlap = 39322}
// CHIP-NEXT:    chip.dma.out @output0 = @nms
// CHIP-NEXT:    chip.dma.out @output1 = @boxes
// CHIP-NEXT:    chip.dma.out @output2 = @peaks.2

// -----

// Heat that is no sigmoid: scores are its codes. log2(700 · 0.54) = 8.562, log2(0.54) = -0.889.
!n = !lns.number<16, 11, bias = 30000>
func.func @space(%heat: tensor<1x1x4x5xf32> {lns.format = !n}, %disparity: tensor<1x1x4x5xf32> {lns.format = !n},
                 %box: tensor<1x7x4x5xf32> {lns.format = !n}) -> (tensor<1x6xf32>, tensor<1x6x7xf32>) {
  %s, %i = nn.peaks %heat {k = 6 : i64, lns.format = !lns.number<16, 12, bias = 9, unsigned>} : (tensor<1x1x4x5xf32>) -> (tensor<1x6xf32>, tensor<1x6xi64>)
  %b = nn.decode_boxes_3d %i, %disparity, %box {stride = 4.0, camera = [700.0, 320.0, 90.5, 0.54], priors = [1.5, 2.0, 4.0], lns.format = !n} : (tensor<1x6xi64>, tensor<1x1x4x5xf32>, tensor<1x7x4x5xf32>) -> tensor<1x6x7xf32>
  func.return %s, %b : tensor<1x6xf32>, tensor<1x6x7xf32>
}
// CHECK-LABEL: @space
// CHECK:         lns.peaks {{.*}} {k = 6 : i64} : (tensor<1x1x4x5x!lns.number<16, 11, bias = 30000>>) -> (tensor<1x6x!lns.number<16, 11, bias = 30000>>, tensor<1x6xi64>)
// CHECK:         %b = lns.decode_boxes_3d {{.*}} {stride = 262144 : i64, centre = array<i64: 20971520, 5931008>, focal = 45875200 : i64, depth = 561135 : i64, baseline = -58259 : i64, priors = array<i64: 38336, 65536, 131072>} : {{.*}} -> tensor<1x6x7x!lns.fixed<32, 12>>

// CHIP-LABEL: chip.program @space
// CHIP:         chip.boxdec3d @b = @i, @disparity.2, @box.2 {parameters = 0x0, classes = 1}

// -----

// Indices of a top-k are not on codes, nor is what picks by them; nor is arithmetic on boxes.
!n = !lns.number<16, 11, bias = 30000>
func.func @host(%x: tensor<1x20xf32> {lns.format = !n}, %offset: tensor<1x2x4x5xf32> {lns.format = !n}) -> tensor<1x6x4xf32> {
  %i = nn.topk_indices %x {k = 6 : i64, axis = 1 : i64} : (tensor<1x20xf32>) -> tensor<1x6xi64>
  %b = nn.decode_boxes_2d %i, %offset, %offset {stride = 4.0, lns.format = !n} : (tensor<1x6xi64>, tensor<1x2x4x5xf32>, tensor<1x2x4x5xf32>) -> tensor<1x6x4xf32>
  func.return %b : tensor<1x6x4xf32>
}
// CHECK-LABEL: @host
// CHECK:         %b = nn.decode_boxes_2d %i, %offset, %offset
