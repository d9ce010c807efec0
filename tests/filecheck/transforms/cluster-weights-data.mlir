// RUN: python -c "import numpy; x = numpy.linspace(-1, 1, 16, dtype='f'); numpy.save(r'%t.npy', numpy.stack([x, x], 1))"
// RUN: recog-opt %s -p 'cluster-weights{centroids=2 linear-block=1 table-share=100 weight-frac=0 data="%t.npy"}' | filecheck %s
// RUN: recog-opt %s -p 'cluster-weights{centroids=2 linear-block=1 table-share=100 weight-frac=0 data="%t.npy" carry-errors=false}' | filecheck %s --check-prefix NEAREST
// RUN: recog-opt %s -p 'cluster-weights{centroids=2 linear-block=1 table-share=100 weight-frac=0}' | filecheck %s --check-prefix NEAREST
// RUN: not recog-opt %s -p 'cluster-weights{data="%t.none.npy"}' 2>&1 | filecheck %s --check-prefix MISSING

// Both inputs are the same in all examples, so an output is x times the sum of its two weights.
// The centroids are 1 and 1/2, which are codes without fraction bits. Each weight of the last
// output, 0.72, is nearest to 1/2; but one of each gives 1.5, closer to 1.44 than 1 is.
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x6xf32> {
  %w = data.constant dense<[[1.0, 0.5], [0.5, 1.0], [1.0, 0.5], [0.5, 1.0], [1.0, 1.0], [0.72, 0.72]]> : tensor<6x2xf32>
  %y = nn.linear %x, %w : (tensor<1x2xf32>, tensor<6x2xf32>) -> tensor<1x6xf32>
  func.return %y : tensor<1x6xf32>
}
// CHECK-LABEL: @main
// CHECK-NEXT:    %w_pointers = data.constant dense<{{\[\[}}0, 1], [1, 0], [0, 1], [1, 0], [0, 0], [{{0, 1|1, 0}}]]> : tensor<6x2xui1>
// CHECK-NEXT:    %w_codebook = data.constant dense<{{\[\[}}1.0], [0.5]]> : tensor<2x1xf32>
// CHECK-NEXT:    %w_scales = data.constant dense<1.0> : tensor<6xf32>
// CHECK-NEXT:    %w = cluster.lookup %w_pointers, %w_codebook scaled by %w_scales

// NEAREST-LABEL: @main
// NEAREST-NEXT:    %w_pointers = data.constant dense<{{\[\[}}1, 0], [0, 1], [1, 0], [0, 1], [1, 1], [0, 0]]> : tensor<6x2xui1>

// MISSING: cluster-weights data {{.*}}.none.npy: {{.*}}there is no such file
