// RUN: python -c "import numpy; numpy.save(r'%t.npy', numpy.array([[-8, 1], [2, 4], [0, 0]], 'f'))"
// RUN: recog-opt %s -p 'calibrate{data="%t.npy"}' | filecheck %s
// RUN: recog-opt %s -p 'encode-lns{data="%t.npy"}' | filecheck %s --check-prefix CODES

func.func @main(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %relu = nn.relu %x : (tensor<1x2xf32>) -> tensor<1x2xf32>
  // Up to 8 and up to 16: operands that nothing else needs have the concatenation's format, whose
  // largest value is 16: 255 = 32 · 4 + 127.
  %twice = nn.add %relu, %relu : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  // CHECK: %twice = nn.add {{.*}} lns.format = !lns.number<8, 5, bias = 127, unsigned>}
  %square = nn.mul %relu, %relu : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  // CHECK-NEXT: %square = nn.mul {{.*}} lns.format = !lns.number<8, 5, bias = 127, unsigned>}
  %both = nn.concat %twice, %square : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x4xf32>
  // CHECK-NEXT: %both = nn.concat {{.*}} lns.format = !lns.number<8, 5, bias = 127, unsigned>}
  // The relu has other users and keeps its own, up to 4.
  // CHECK-NEXT: %all = nn.concat {{.*}} lns.format = !lns.number<8, 5, bias = 127, unsigned>}
  %all = nn.concat %both, %relu : (tensor<1x4xf32>, tensor<1x2xf32>) -> tensor<1x6xf32>
  %w = data.constant dense<1.0> : tensor<1x6xf32>
  %y = nn.linear %all, %w : (tensor<1x6xf32>, tensor<1x6xf32>) -> tensor<1x1xf32>
  func.return %y : tensor<1x1xf32>
}
// CODES:     lns.concat %twice, %square
// CODES-NEXT: [[R:%.*]] = lns.convert %relu
// CODES-NEXT: lns.concat %both, [[R]]
