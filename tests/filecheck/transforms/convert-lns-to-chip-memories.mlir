// RUN: echo 'weight_memory = 16' > %t.toml
// RUN: not recog-opt %s -p 'convert-lns-to-chip{target="%t.toml"}' 2>&1 | filecheck %s --check-prefix WEIGHTS
// RUN: echo 'dram = 16' > %t.toml
// RUN: not recog-opt %s -p 'convert-lns-to-chip{target="%t.toml"}' 2>&1 | filecheck %s --check-prefix DRAM

// Ten bytes of weights, six up to the next multiple of 16, and two initial values in three bytes.
!x = !lns.number<8, 4, bias = 0>
func.func @f(%x: tensor<1x5x!x>) -> tensor<1x2x!x> {
  %w = data.constant dense<[[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]> : tensor<2x5x!x>
  %b = data.constant dense<[100, 200]> : tensor<2xi32>
  %y = lns.linear %x, %w, %b : (tensor<1x5x!x>, tensor<2x5x!x>, tensor<2xi32>) -> tensor<1x2x!x>
  func.return %y : tensor<1x2x!x>
}
// WEIGHTS:      'func.func' op at {{.*}}: weight memory of 16 bytes is too small: the weights take 19 (tables 10, biases 3, gaps 6)
// WEIGHTS-NEXT: hint: {{.*}} a target with weight_memory = 19
// DRAM:         'func.func' op at {{.*}}: DRAM of 16 bytes is too small: 31 are needed
// DRAM-NEXT:    hint: a target with dram = 31 would do
