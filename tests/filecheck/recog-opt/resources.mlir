// RUN: recog-opt %s --split-input-file | filecheck %s

// Two modules with the same resource name keep their own bytes.
"test.op"() {value = dense_resource<weights> : tensor<2xf32>} : () -> ()
{-#
  dialect_resources: {
    builtin: {
      weights: "0x040000000000803F00000040"
    }
  }
#-}
// CHECK: weights: "0x040000000000803F00000040"

// -----

"test.op"() {value = dense_resource<weights> : tensor<2xf32>} : () -> ()
{-#
  dialect_resources: {
    builtin: {
      weights: "0x04000000000040400000A040"
    }
  }
#-}
// CHECK: weights: "0x04000000000040400000A040"
