// RUN: recog-opt %s -p 'run-checks,run-checks{engine=reference}'

!u = !lns.number<4, 0, bias = 2, unsigned>
!px = !lns.fixed<32, 4>

// Rows 0 and 1 overlap by 2/3; row 2 is of another class; row 3 has no score; row 4 meets row 1,
// which is gone, and row 0 by half, which is the limit.
func.func @suppress() {
  %boxes = data.constant dense<[[[0, 0, 4, 4], [0, 0, 4, 6], [0, 0, 4, 4], [0, 0, 4, 4], [0, 0, 4, 8]]]> : tensor<1x5x4x!px>
  %scores = data.constant dense<[[5, 4, 4, 0, 3]]> : tensor<1x5x!u>
  %i = data.constant dense<[[0, 8, 9, 1, 2]]> : tensor<1x5xi64>
  %kept = lns.suppress %boxes, %scores, %i {cells = 9 : i64, overlap = 32768 : i64} : (tensor<1x5x4x!px>, tensor<1x5x!u>, tensor<1x5xi64>) -> tensor<1x5x!u>
  check.expect_eq %kept, dense<[[5, 0, 4, 0, 3]]> : tensor<1x5x!u>
  func.return
}

// Overlap 0: rows 0 and 1 share an edge and no area, so both stay; row 2 meets row 0.
func.func @touch() {
  %boxes = data.constant dense<[[[0, 0, 4, 4], [4, 0, 8, 4], [3, 0, 4, 4]]]> : tensor<1x3x4x!px>
  %scores = data.constant dense<[[5, 4, 3]]> : tensor<1x3x!u>
  %i = data.constant dense<0> : tensor<1x3xi64>
  %kept = lns.suppress %boxes, %scores, %i {cells = 1 : i64, overlap = 0 : i64} : (tensor<1x3x4x!px>, tensor<1x3x!u>, tensor<1x3xi64>) -> tensor<1x3x!u>
  check.expect_eq %kept, dense<[[5, 4, 0]]> : tensor<1x3x!u>
  // Nothing is more than all of a union, 65536.
  %all = lns.suppress %boxes, %scores, %i {cells = 1 : i64, overlap = 65536 : i64} : (tensor<1x3x4x!px>, tensor<1x3x!u>, tensor<1x3xi64>) -> tensor<1x3x!u>
  check.expect_eq %all, dense<[[5, 4, 3]]> : tensor<1x3x!u>
  func.return
}

// With one cell the index is the class: 0 and 1. With two, indices 0 and 1 are class 0.
func.func @classes() {
  %boxes = data.constant dense<[[[0, 0, 4, 4], [0, 0, 4, 4]]]> : tensor<1x2x4x!px>
  %scores = data.constant dense<[[5, 4]]> : tensor<1x2x!u>
  %i = data.constant dense<[[0, 1]]> : tensor<1x2xi64>
  %one = lns.suppress %boxes, %scores, %i {cells = 1 : i64, overlap = 32768 : i64} : (tensor<1x2x4x!px>, tensor<1x2x!u>, tensor<1x2xi64>) -> tensor<1x2x!u>
  check.expect_eq %one, dense<[[5, 4]]> : tensor<1x2x!u>
  %two = lns.suppress %boxes, %scores, %i {cells = 2 : i64, overlap = 32768 : i64} : (tensor<1x2x4x!px>, tensor<1x2x!u>, tensor<1x2xi64>) -> tensor<1x2x!u>
  check.expect_eq %two, dense<[[5, 0]]> : tensor<1x2x!u>
  func.return
}
