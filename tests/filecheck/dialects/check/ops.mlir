// RUN: recog-opt %s | recog-opt --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | filecheck %s --check-prefix GENERIC

func.func @expect(%x: tensor<2xf32>, %n: tensor<2x!lns.number<8, 4, bias = 0>>, %d: tensor<2xf64>) {
  check.expect_eq %x, dense<[1.0, -0.0]> : tensor<2xf32>
  // CHECK:      check.expect_eq %x, dense<[1.0, -0.0]> : tensor<2xf32>
  // GENERIC:    "check.expect_eq"(%x) <{expected = #data.dense<[1.0, -0.0] : tensor<2xf32>>}> : (tensor<2xf32>) -> ()
  check.expect_eq %n, dense<[-5, 127]> : tensor<2x!lns.number<8, 4, bias = 0>> {why = "attributes stay"}
  // CHECK-NEXT: check.expect_eq %n, dense<[-5, 127]> : tensor<2x!lns.number<8, 4, bias = 0>> {why = "attributes stay"}
  check.expect_close %x, dense<[0.5, 1.0]> : tensor<2xf32> within 1.0e-6
  // CHECK-NEXT: check.expect_close %x, dense<[0.5, 1.0]> : tensor<2xf32> within 1.0e-06
  // GENERIC:    "check.expect_close"(%x) <{expected = #data.dense<[0.5, 1.0] : tensor<2xf32>>, tolerance = 1.000000e-06 : f64}>
  check.expect_close %d, dense<0x7FF0000000000000> : tensor<2xf64> within 0 {why = "attributes stay"}
  // CHECK-NEXT: check.expect_close %d, dense<0x7FF0000000000000> : tensor<2xf64> within 0.0e+00 {why = "attributes stay"}
  check.expect_close %x, dense<0.0> : tensor<2xf32> within 0.25
  // CHECK-NEXT: check.expect_close %x, dense<0.0> : tensor<2xf32> within 2.5e-01
  func.return
}

check.expect_run @program() gives ()
// CHECK:      check.expect_run @program() gives ()
check.expect_run @program(dense<[1, -2]> : tensor<2xi8>, dense<3> : tensor<2x2xi8>) gives (dense<0.5> : tensor<1xf32>) {why = "attributes stay"}
// CHECK-NEXT: check.expect_run @program(dense<[1, -2]> : tensor<2xi8>, dense<3> : tensor<2x2xi8>) gives (dense<[0.5]> : tensor<1xf32>) {why = "attributes stay"}
// GENERIC:    "check.expect_run"() <{program = @program, inputs = [#data.dense<[1, -2] : tensor<2xi8>>, #data.dense<3 : tensor<2x2xi8>>], outputs = [#data.dense<[0.5] : tensor<1xf32>>]}> {why = "attributes stay"} : () -> ()
