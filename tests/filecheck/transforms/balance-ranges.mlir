// RUN: python -c "import numpy; numpy.save(r'%t.npy', numpy.array([[1, 2], [2, 1]] * 8, 'f'))"
// RUN: recog-opt %s -p 'balance-ranges{data="%t.npy"}' | filecheck %s
// RUN: recog-opt %s -p 'balance-ranges{data="%t.npy" balance-octaves=9}' | filecheck %s --check-prefix FAR

// The channels reach 2 and 3 · 2^-8, 7.4 octaves below. The second is brought up by 2^6, so that it
// stays at least an octave below the first, and the layer after the ReLU takes the factor away again.
// Where that is not far enough, all stays.
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = data.constant dense<[[1.0, 0.0], [0.0, 0.00390625]]> : tensor<2x2xf32>
  %b = data.constant dense<[0.0, 0.00390625]> : tensor<2xf32>
  // CHECK:      %w = data.constant dense<[[1.0, 0.0], [0.0, 0.25]]> : tensor<2x2xf32>
  // CHECK:      %b = data.constant dense<[0.0, 0.25]> : tensor<2xf32>
  // FAR:        data.constant dense<[[1.0, 0.0], [0.0, 0.00390625]]>
  %0 = nn.linear %x, %w, %b : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %1 = nn.relu %0 : (tensor<1x2xf32>) -> tensor<1x2xf32>
  // CHECK:      data.constant dense<[[1.0, 4.0], [-3.0, 2.0]]> : tensor<2x2xf32>
  %v = data.constant dense<[[1.0, 256.0], [-3.0, 128.0]]> : tensor<2x2xf32>
  %2 = nn.linear %1, %v : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  func.return %2 : tensor<1x2xf32>
}
