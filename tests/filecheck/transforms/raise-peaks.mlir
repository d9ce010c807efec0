// RUN: recog-opt %s -p raise-peaks | filecheck %s

func.func @heat(%x: tensor<1x2x3x4xf32>) -> (tensor<1x5xf32>, tensor<1x5xi64>) {
  %heat = nn.sigmoid %x : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %s, %i = nn.peaks %heat {k = 5 : i64, layer = "peaks"} : (tensor<1x2x3x4xf32>) -> (tensor<1x5xf32>, tensor<1x5xi64>)
  func.return %s, %i : tensor<1x5xf32>, tensor<1x5xi64>
}
// CHECK-LABEL: @heat
// CHECK-NEXT:    %s, %i = nn.peaks %x {layer = "peaks", k = 5 : i64, sigmoid} :
// CHECK-NEXT:    func.return %s, %i

// The heat is needed as it is, too.
func.func @used_twice(%x: tensor<1x2x3x4xf32>) -> (tensor<1x5xf32>, tensor<1x2x3x4xf32>) {
  %heat = nn.sigmoid %x : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %s, %i = nn.peaks %heat {k = 5 : i64} : (tensor<1x2x3x4xf32>) -> (tensor<1x5xf32>, tensor<1x5xi64>)
  func.return %s, %heat : tensor<1x5xf32>, tensor<1x2x3x4xf32>
}
// CHECK-LABEL: @used_twice
// CHECK-NEXT:    %heat = nn.sigmoid %x
// CHECK-NEXT:    nn.peaks %heat {k = 5 : i64} :

// The sigmoid of what is a sigmoid already stays.
func.func @twice(%x: tensor<1x2x3x4xf32>) -> tensor<1x5xf32> {
  %a = nn.sigmoid %x : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %s, %i = nn.peaks %a {k = 5 : i64, sigmoid} : (tensor<1x2x3x4xf32>) -> (tensor<1x5xf32>, tensor<1x5xi64>)
  func.return %s : tensor<1x5xf32>
}
// CHECK-LABEL: @twice
// CHECK-NEXT:    %a = nn.sigmoid %x
// CHECK-NEXT:    nn.peaks %a {k = 5 : i64, sigmoid} :
