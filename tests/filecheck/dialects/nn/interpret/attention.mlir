// RUN: recog-opt %s -p run-checks

// One query, 1 0, of two keys, 1 5 and 0 5: the products are 1 and 0. A scale of ln 3 = 1.0986123
// gives the first exp(ln 3) = 3 times the second's weight: 3/4 and 1/4 of the values 4 0 and 8 4.
func.func @attention() {
  %q = data.constant dense<[[1.0, 0.0]]> : tensor<1x2xf32>
  %k = data.constant dense<[[1.0, 5.0], [0.0, 5.0]]> : tensor<2x2xf32>
  %v = data.constant dense<[[4.0, 0.0], [8.0, 4.0]]> : tensor<2x2xf32>
  // 3/4 · 4 + 1/4 · 8 = 5, 3/4 · 0 + 1/4 · 4 = 1.
  %0 = nn.attention %q, %k, %v {scale = 1.0986123 : f64} : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  check.expect_close %0, dense<[[5.0, 1.0]]> : tensor<1x2xf32> within 1.0e-5
  // Twice the scale, ln 9: 9/10 · 4 + 1/10 · 8 = 4.4, 1/10 · 4 = 0.4.
  %1 = nn.attention %q, %k, %v {scale = 2.1972246 : f64} : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  check.expect_close %1, dense<[[4.4, 0.4]]> : tensor<1x2xf32> within 1.0e-5
  // A mask adds to the scaled products: ln 3 - ln 3 and 0 weigh the same; -infinity takes a key out.
  %m = data.constant dense<[[-1.0986123, 0.0]]> : tensor<1x2xf32>
  %2 = nn.attention %q, %k, %v, %m {scale = 1.0986123 : f64} : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  check.expect_close %2, dense<[[6.0, 2.0]]> : tensor<1x2xf32> within 1.0e-5
  %none = data.constant dense<[[0xFF800000, 0.0]]> : tensor<1x2xf32>
  %3 = nn.attention %q, %k, %v, %none {scale = 1.0986123 : f64} : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  check.expect_close %3, dense<[[8.0, 4.0]]> : tensor<1x2xf32> within 1.0e-5
  func.return
}

// Two queries of zeros weigh all keys that they may see the same; the causal mask lets the first
// see the first key only. One of the two heads has values 1 and 3, the other 10 and 30.
func.func @heads() {
  %q = data.constant dense<0.0> : tensor<1x2x2x1xf32>
  %k = data.constant dense<[[[[1.0], [2.0]], [[3.0], [4.0]]]]> : tensor<1x2x2x1xf32>
  %v = data.constant dense<[[[[1.0], [3.0]], [[10.0], [30.0]]]]> : tensor<1x2x2x1xf32>
  %causal = data.constant dense<[[0.0, 0xFF800000], [0.0, 0.0]]> : tensor<2x2xf32>
  %0 = nn.attention %q, %k, %v, %causal {scale = 1.0 : f64} : (tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32>, tensor<2x2xf32>) -> tensor<1x2x2x1xf32>
  check.expect_close %0, dense<[[[[1.0], [2.0]], [[10.0], [20.0]]]]> : tensor<1x2x2x1xf32> within 1.0e-5
  func.return
}
