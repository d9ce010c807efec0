// RUN: recog-opt %s -p run-checks

func.func @equal_to_the_bit() {
  %x = data.constant dense<[1.0, -0.0, 0x7FC00001, 0x7F800000]> : tensor<4xf32>
  check.expect_eq %x, dense<[1.0, -0.0, 0x7FC00001, 0x7F800000]> : tensor<4xf32>
  %i = data.constant dense<[-4, 3]> : tensor<2xi3>
  check.expect_eq %i, dense<[-4, 3]> : tensor<2xi3>
  %b = data.constant dense<[0, 1]> : tensor<2xi1>
  check.expect_eq %b, dense<"0x02"> : tensor<2xi1>
  %n = data.constant dense<[-1, 0]> : tensor<2x!lns.number<4, 1, bias = 0>>
  check.expect_eq %n, dense<"0x09"> : tensor<2x!lns.number<4, 1, bias = 0>>
  %scalar = data.constant dense<7> : tensor<i64>
  check.expect_eq %scalar, dense<7> : tensor<i64>
  func.return
}

func.func @close() {
  %x = data.constant dense<[1.0, -0.0, 0x7F800000, 0xFF800000]> : tensor<4xf32>
  check.expect_close %x, dense<[1.25, 0.25, 0x7F800000, 0xFF800000]> : tensor<4xf32> within 0.25
  %d = data.constant dense<0.1> : tensor<1xf64>
  check.expect_close %d, dense<0.1> : tensor<1xf64> within 0
  func.return
}

// Functions with arguments and declarations are left alone.
func.func @arguments(%x: tensor<2xf32>) -> tensor<2xf32> {
  func.return %x : tensor<2xf32>
}
func.func private @declared() -> tensor<2xf32>
