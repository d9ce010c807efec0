// RUN: recog-opt %s -p encode-lns | filecheck %s

// Any function of one value is a table. Codes of 3 bits, bias 1: 0, 1, 2, 4, (none), -1, -2, -4;
// the leaky relu of slope 1/2 gives 0, 1, 2, 4, 0, -1/2, -1, -2 and, with bias 2, these codes.
func.func @table(%x: tensor<1x2xf32> {lns.format = !lns.number<3, 0, bias = 1>}) -> tensor<1x2xf32> {
  %v0 = nn.leaky_relu %x {negative_slope = 0.5 : f64, layer = "act", lns.format = !lns.number<4, 0, bias = 2>} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %v0 : tensor<1x2xf32>
}
// CHECK-LABEL: @table
// CHECK-NEXT:    [[X:%.*]] = lns.encode %x
// CHECK-NEXT:    [[T:%.*]] = data.constant dense<[0, 2, 3, 4, 0, -1, -2, -3]> : tensor<8x!lns.number<4, 0, bias = 2>>
// CHECK-NEXT:    %v0 = lns.table [[X]], [[T]] {layer = "act"} :

// Powers of two, one a channel, at the end of a network are biases that the host decodes with.
// 0.5 and 4 at f = 4: the biases 0 + 16 and 0 - 32.
func.func @scales(%x: tensor<1x2xf32> {lns.format = !lns.number<8, 4, bias = 0>}) -> tensor<1x2xf32> {
  %a = nn.abs %x {lns.format = !lns.number<8, 4, bias = 0>} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %c = data.constant dense<[0.5, 4.0]> : tensor<2xf32>
  %y = nn.mul %a, %c : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK-LABEL: @scales
// CHECK:         %a = lns.table
// CHECK-NEXT:    %y = lns.decode %a {biases = array<i64: 16, -32>}
// CHECK-NEXT:    func.return %y
