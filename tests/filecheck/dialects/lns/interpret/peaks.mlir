// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

// With frac = 0 and bias = 2 the codes 1, 2, 3, 4 are worth 1/2, 1, 2, 4; 0 is zero.
!p = !lns.number<5, 0, bias = 2>
!u = !lns.number<4, 0, bias = 2, unsigned>
// Scores from 2^-14 to 1: 15 is 1, 14 is 1/2.
!score = !lns.number<4, 0, bias = 15, unsigned>

// Of equal neighbours both are maxima, the lower index first; -1 is none; what is left is 0.
func.func @peaks() {
  %heat = data.constant dense<[[[[2, 3, 3], [0, 0, 0]], [[-1, 0, 4], [0, 0, 0]]]]> : tensor<1x2x2x3x!p>
  %scores, %indices = lns.peaks %heat {k = 4 : i64} : (tensor<1x2x2x3x!p>) -> (tensor<1x4x!p>, tensor<1x4xi64>)
  check.expect_eq %scores, dense<[[4, 3, 3, 0]]> : tensor<1x4x!p>
  check.expect_eq %indices, dense<[[8, 1, 2, 0]]> : tensor<1x4xi64>
  func.return
}

// Diagonal neighbours count, those in other channels do not; what is no local maximum is never
// among the k, and of two peaks k = 1 takes the higher.
func.func @neighbours() {
  %heat = data.constant dense<[[[[4, 1, 2], [1, 3, 1]], [[0, 0, 0], [0, 2, 0]]]]> : tensor<1x2x2x3x!p>
  %scores, %indices = lns.peaks %heat {k = 3 : i64} : (tensor<1x2x2x3x!p>) -> (tensor<1x3x!p>, tensor<1x3xi64>)
  // 3 in the middle is beside 4, and 2 in the corner beside 3; index 6 + 4 is the 2 of channel 1.
  check.expect_eq %scores, dense<[[4, 2, 0]]> : tensor<1x3x!p>
  check.expect_eq %indices, dense<[[0, 10, 0]]> : tensor<1x3xi64>
  %score, %index = lns.peaks %heat {k = 1 : i64} : (tensor<1x2x2x3x!p>) -> (tensor<1x1x!p>, tensor<1x1xi64>)
  check.expect_eq %score, dense<[[4]]> : tensor<1x1x!p>
  check.expect_eq %index, dense<[[0]]> : tensor<1x1xi64>
  func.return
}

// Logits: sigmoid(4) = 0.982 is nearest to 1, sigmoid(0) is 1/2, sigmoid(-4) = 0.018 = 2^-5.8.
func.func @logits() {
  %heat = data.constant dense<[[[[0]], [[-4]], [[4]]]]> : tensor<1x3x1x1x!p>
  %scores, %indices = lns.peaks %heat {k = 3 : i64, sigmoid} : (tensor<1x3x1x1x!p>) -> (tensor<1x3x!score>, tensor<1x3xi64>)
  check.expect_eq %scores, dense<[[15, 14, 9]]> : tensor<1x3x!score>
  check.expect_eq %indices, dense<[[2, 0, 1]]> : tensor<1x3xi64>
  func.return
}

// An empty scene: no maximum is positive.
func.func @nothing() {
  %heat = data.constant dense<0> : tensor<1x2x2x2x!u>
  %scores, %indices = lns.peaks %heat {k = 2 : i64} : (tensor<1x2x2x2x!u>) -> (tensor<1x2x!u>, tensor<1x2xi64>)
  check.expect_eq %scores, dense<[[0, 0]]> : tensor<1x2x!u>
  check.expect_eq %indices, dense<[[0, 0]]> : tensor<1x2xi64>
  func.return
}
