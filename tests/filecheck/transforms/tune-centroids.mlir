// RUN: python -c "import numpy as n; x = n.linspace(-1, 1, 64, dtype='f')[:, None]; n.savez(r'%t.npz', inputs=x, targets=n.hstack([8 * x + 0.25, x / 2]).astype('f'))"
// RUN: recog-opt %s -p 'tune-centroids{data="%t.npz" epochs=60 learning-rate=0.02 tune-scales=false}' --print-debuginfo | filecheck %s
// RUN: recog-opt %s -p 'tune-centroids{data="%t.npz" epochs=60 learning-rate=0.02 tune-scales=false},calibrate{data="%t.npz"},encode-lns' | filecheck %s --check-prefix CODES

// Two outputs, 4 · c0 · x + b0 and c1 · x + b1. The targets are 8 x + 1/4 and x / 2: c0 and c1
// move from 1.5 and 0.7 to what the chip will take for 2 and 1/2. Pointers and scales stay, and so
// does what the tuned function does not use.
func.func @main(%x: tensor<1x1xf32>) -> tensor<1x2xf32> {
  %p = data.constant dense<[[0], [1]]> : tensor<2x1xui1>
  %c = data.constant dense<[[1.5], [0.7]]> : tensor<2x1xf32> loc("net.fc"("net.py":1:1))
  %s = data.constant dense<[4.0, 1.0]> : tensor<2xf32>
  %w = cluster.lookup %p, %c scaled by %s {block = array<i64: 1, 1>} : (tensor<2x1xui1>, tensor<2x1xf32>, tensor<2xf32>) -> tensor<2x1xf32>
  %b = data.constant dense<0.0> : tensor<2xf32>
  %y = nn.linear %x, %w, %b : (tensor<1x1xf32>, tensor<2x1xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK-LABEL: @main
// CHECK-NEXT:    %p = data.constant dense<{{\[\[}}0], [1]]> : tensor<2x1xui1>
// CHECK-NEXT:    %c = data.constant dense<{{\[\[(1.9[6-9]|2.0[0-4])[0-9]*\], \[0.(49|50|51)[0-9]*\]\]}}> : tensor<2x1xf32> loc("net.fc"("net.py":1:1))
// CHECK-NEXT:    %s = data.constant dense<[4.0, 1.0]> : tensor<2xf32>
// CHECK-NEXT:    %w = cluster.lookup %p, %c scaled by %s
// CHECK-NEXT:    %b = data.constant dense<[0.{{(24|25)[0-9]*}}, {{(-0.00|0.00|[-0-9.]+e-).*}}]> : tensor<2xf32>
// CHECK-NEXT:    %y = nn.linear %x, %w, %b

// As codes with 16 steps to the octave: the larger is 127, a quarter of it is 32 less.
// CODES-LABEL: @main
// CODES:         %c = data.constant dense<{{\[\[}}127], [95]]> : tensor<2x1x!lns.number<8, 4, bias = 111>>

func.func @other() -> tensor<1x1xf32> {
  %p2 = data.constant dense<0> : tensor<1x1xui1>
  %c2 = data.constant dense<3.0> : tensor<1x1xf32>
  %w2 = cluster.lookup %p2, %c2 {block = array<i64: 1, 1>} : (tensor<1x1xui1>, tensor<1x1xf32>) -> tensor<1x1xf32>
  func.return %w2 : tensor<1x1xf32>
}
// CHECK-LABEL: @other
// CHECK:         %c2 = data.constant dense<{{\[\[}}3.0]]> : tensor<1x1xf32>
