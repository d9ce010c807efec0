// RUN: recog-opt %s -p decompose-softmax | filecheck %s

// A function of several blocks stays as it is.
// CHECK:      func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
// CHECK:        cf.br ^bb1
// CHECK:        func.return
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  "cf.br"()[^bb1] : () -> ()
^bb1:
  func.return %x : tensor<1x2xf32>
}
