// RUN: python -c "import numpy; numpy.save(r'%t.npy', numpy.array([[-8, 1], [2, 4], [0, 0]], 'f'))"
// RUN: recog-opt %s -p 'calibrate{data="%t.npy"}' | filecheck %s
// RUN: recog-opt %s -p 'calibrate{data="%t.npy" width=6 frac=2 unsigned-frac=3 output-width=16 output-frac=8}' | filecheck %s --check-prefix OPTIONS

// The largest value seen gets the largest code, as long as clipping it pays nothing: all values
// here are powers of two, which have codes. The codes of 7 bits end at 127, those of 8 at 255.
// Formats stand on ops and arguments, labels on layers.
func.func @main(%x: tensor<1x2xf32> {name = "image"}) -> tensor<1x2xf32> {
  // |x| up to 8: 127 = 16 · 3 + 79; with 6 bits 31 = 4 · 3 + 19.
  // CHECK:      func.func @main(%x: tensor<1x2xf32> {name = "image", lns.format = !lns.number<8, 4, bias = 79>})
  // OPTIONS:    func.func @main(%x: tensor<1x2xf32> {name = "image", lns.format = !lns.number<6, 2, bias = 19>})
  // Never negative: no sign, and the bit goes to the fraction. Up to 4: 255 = 32 · 2 + 191.
  %relu = nn.relu %x : (tensor<1x2xf32>) -> tensor<1x2xf32> loc("net.relu"("net.py":1:1))
  // CHECK-NEXT: %relu = nn.relu %x {layer = "net.relu", lns.format = !lns.number<8, 5, bias = 191, unsigned>}
  // OPTIONS-NEXT: %relu = nn.relu %x {layer = "net.relu", lns.format = !lns.number<6, 3, bias = 47, unsigned>}
  // So is the sum of such values, up to 8.
  %sum = nn.add %relu, %relu : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  // CHECK-NEXT: %sum = nn.add %relu, %relu {layer = "nn.add", lns.format = !lns.number<8, 5, bias = 159, unsigned>}
  // Twice the input is not, from -16; its layer's name is that of the clamp, which the sum does.
  %twice = nn.add %x, %x : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  // CHECK-NEXT: %twice = nn.add %x, %x {lns.format = !lns.number<8, 4, bias = 63>}
  // Clamped from 0 to 4.
  %clamp = nn.clamp %twice {min = 0.0 : f64, max = 4.0 : f64, layer = "mine"} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  // CHECK-NEXT: %clamp = nn.clamp %twice {{{.*}}layer = "mine"{{.*}}lns.format = !lns.number<8, 5, bias = 191, unsigned>
  // The result has the output's format, whose sign goes to the fraction where nothing is negative.
  %y = nn.add %clamp, %relu : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  // CHECK-NEXT: %y = nn.add %clamp, %relu {layer = "nn.add#2", lns.format = !lns.number<8, 5, bias = 159, unsigned>}
  // OPTIONS:    %y = nn.add %clamp, %relu {layer = "nn.add#2", lns.format = !lns.number<16, 9, bias = 63999, unsigned>}
  func.return %y : tensor<1x2xf32>
}
