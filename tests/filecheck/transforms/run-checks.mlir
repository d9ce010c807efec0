// RUN: recog-opt %s --split-input-file --verify-diagnostics -p run-checks | filecheck %s

!p = !lns.number<8, 4, bias = 16>
func.func @codes() {
  %x = data.constant dense<[[1, 2], [3, -4]]> : tensor<2x2x!p>
  %y = lns.relu %x : (tensor<2x2x!p>) -> tensor<2x2x!p>
  check.expect_eq %y, dense<[[1, 2], [-3, 4]]> : tensor<2x2x!p>
  func.return
}
// CHECK: 'check.expect_eq' op at {{.*}}run-checks.mlir:7: expected -3 at [1, 0], got 3 (2 of 4 elements wrong)
// CHECK-NEXT: in pass 'run-checks'

// -----

// Every bit counts.
func.func @zeros() {
  %x = data.constant dense<[1.0, 0.0]> : tensor<2xf32>
  check.expect_eq %x, dense<[1.0, -0.0]> : tensor<2xf32>
  func.return
}
// CHECK: 'check.expect_eq' op at {{.*}}: expected -0.0 at [1], got 0.0 (1 of 2 elements wrong)

// -----

// Masks are 0 and 1.
func.func @masks() {
  %x = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = nn.compare %x, %x {predicate = "eq"} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
  check.expect_eq %y, dense<[1, 0]> : tensor<2xi1>
  func.return
}
// CHECK: 'check.expect_eq' op at {{.*}}: expected 0 at [1], got 1 (1 of 2 elements wrong)

// -----

func.func @close() {
  %x = data.constant dense<[1.0, 2.0]> : tensor<2xf32>
  check.expect_close %x, dense<[1.25, 2.5]> : tensor<2xf32> within 0.25
  func.return
}
// CHECK: 'check.expect_close' op at {{.*}}: expected 2.5 within 0.25 at [1], got 2.0 (1 of 2 elements wrong)

// -----

func.func @nan_is_never_close() {
  %x = data.constant dense<0x7FC00000> : tensor<2xf32>
  check.expect_close %x, dense<0x7FC00000> : tensor<2xf32> within 1.0
  func.return
}
// CHECK: expected nan within 1.0 at [0], got nan (2 of 2 elements wrong)

// -----

func.func @nan_has_no_code() {
  %x = data.constant dense<[1.0, 0x7FC00000]> : tensor<2xf32>
  %y = lns.encode %x : (tensor<2xf32>) -> tensor<2x!lns.number<8, 4, bias = 16>>
  check.expect_eq %y, dense<0> : tensor<2x!lns.number<8, 4, bias = 16>>
  func.return
}
// CHECK: 'lns.encode' op at {{.*}}: NaN has no LNS code

// -----

// Accumulators are checked, not wrapped: 2 · 2^125 does not fit.
!wide = !lns.number<8, 0, bias = 2>
func.func @overflow() {
  %x = data.constant dense<[[127]]> : tensor<1x1x!wide>
  %y = lns.add %x, %x : (tensor<1x1x!wide>, tensor<1x1x!wide>) -> tensor<1x1x!wide>
  check.expect_eq %y, dense<127> : tensor<1x1x!wide>
  func.return
}
// CHECK: 'lns.add' op at {{.*}}: an accumulator may come near 2^135, more than 63 bits hold
// CHECK-NEXT: hint: use narrower formats or fewer antilog bits

// -----

func.func @no_implementation(%a: i32) -> i32 {
  func.return %a : i32
}
func.func @calls() {
  %x = arith.constant 1 : i32
  %y = data.constant dense<1> : tensor<1xi32>
  check.expect_eq %y, dense<1> : tensor<1xi32>
  func.return
}
// CHECK: 'arith.constant' op at {{.*}}: cannot be interpreted: Could not find interpretation function for op arith.constant

// -----

func.func @branches() {
  %y = data.constant dense<1> : tensor<1xi32>
  check.expect_eq %y, dense<1> : tensor<1xi32>
  cf.br ^next
^next:
  func.return
}
// CHECK: 'func.func' op at {{.*}}: cannot be interpreted: the function has control flow

// -----

func.func @never_run(%x: tensor<1xi32>) {
  check.expect_eq %x, dense<1> : tensor<1xi32>
  func.return
}
// CHECK: 'check.expect_eq' op at {{.*}}: is never run: it must stand in a function without arguments

// -----

func.func @nothing_expected() {
  func.return
}
// CHECK: run-checks: the module states no expectations

// -----

check.expect_run @absent() gives ()
// CHECK: 'check.expect_run' op at {{.*}}: the module has no program @absent
