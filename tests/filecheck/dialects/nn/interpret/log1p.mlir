// RUN: recog-opt %s -p run-checks

// log(1 + x), which is x for small x, where 1 + x itself is 1.
func.func @log1p() {
  %x = data.constant dense<[0.0, 1.7182818, -0.5, 1.0]> : tensor<4xf32>
  %0 = nn.log1p %x : (tensor<4xf32>) -> tensor<4xf32>
  check.expect_close %0, dense<[0.0, 1.0, -0.6931472, 0.6931472]> : tensor<4xf32> within 1.0e-6
  %small = data.constant dense<1.0e-12> : tensor<1xf32>
  %1 = nn.log1p %small : (tensor<1xf32>) -> tensor<1xf32>
  check.expect_eq %1, dense<1.0e-12> : tensor<1xf32>
  // The logarithm of zero.
  %end = data.constant dense<-1.0> : tensor<1xf32>
  %2 = nn.log1p %end : (tensor<1xf32>) -> tensor<1xf32>
  check.expect_eq %2, dense<0xFF800000> : tensor<1xf32>
  func.return
}
