// RUN: recog-opt %s | recog-opt --print-op-generic | recog-opt | filecheck %s
// RUN: recog-opt %s --print-op-generic | filecheck %s --check-prefix GENERIC
// RUN: recog-opt %s -p cse,canonicalize | filecheck %s --check-prefix CLEAN

func.func @floats() {
  // The sign of zero, infinities, and the bits of NaN, which MLIR writes in hexadecimal.
  %0 = data.constant dense<[0.0, -0.0, 1.0, -2.5]> : tensor<4xf32>
  // CHECK:      data.constant dense<[0.0, -0.0, 1.0, -2.5]> : tensor<4xf32>
  // GENERIC:    "data.constant"() <{value = #data.dense<[0.0, -0.0, 1.0, -2.5] : tensor<4xf32>>}> : () -> tensor<4xf32>
  %1 = data.constant dense<-0> : tensor<2xf32>
  // CHECK-NEXT: data.constant dense<-0.0> : tensor<2xf32>
  %2 = data.constant dense<[0x7F800000, 0xFF800000, 0x7FC00000, 0xFFA00001]> : tensor<4xf32>
  // CHECK-NEXT: data.constant dense<[0x7F800000, 0xFF800000, 0x7FC00000, 0xFFA00001]> : tensor<4xf32>
  %3 = data.constant dense<0x7FF800000000BEEF> : tensor<1000xf64>
  // CHECK-NEXT: data.constant dense<0x7FF800000000BEEF> : tensor<1000xf64>

  // The shortest text that gives the same bits; subnormals, the largest, overflow.
  %4 = data.constant dense<[0.1, 3.4028235e+38, 1.0e-45, 1.0e+39]> : tensor<4xf32>
  // CHECK-NEXT: data.constant dense<[0.1, 3.4028235e+38, 1.0e-45, 0x7F800000]> : tensor<4xf32>
  %5 = data.constant dense<[0.1, 0.30000000000000004, 5.0e-324, 1.7976931348623157e+308]> : tensor<4xf64>
  // CHECK-NEXT: data.constant dense<[0.1, 0.30000000000000004, 5.0e-324, 1.7976931348623157e+308]> : tensor<4xf64>
  // The shortest decimals of this float32 would give its neighbour by way of float64.
  %6 = data.constant dense<0x15AE43FD> : tensor<f32>
  // CHECK-NEXT: data.constant dense<7.038530691851209e-26> : tensor<f32>
  func.return
}

func.func @integers() {
  %0 = data.constant dense<[0, 1]> : tensor<2xi1>
  // CHECK:      data.constant dense<[0, 1]> : tensor<2xi1>
  %1 = data.constant dense<[-4, -1, 3]> : tensor<3xi3>
  // CHECK-NEXT: data.constant dense<[-4, -1, 3]> : tensor<3xi3>
  %2 = data.constant dense<[0, 63]> : tensor<2xui6>
  // CHECK-NEXT: data.constant dense<[0, 63]> : tensor<2xui6>
  %3 = data.constant dense<[1023, 0, 512]> : tensor<3xui10>
  // CHECK-NEXT: data.constant dense<[1023, 0, 512]> : tensor<3xui10>
  %4 = data.constant dense<[-4294967296, 4294967295]> : tensor<2xi33>
  // CHECK-NEXT: data.constant dense<[-4294967296, 4294967295]> : tensor<2xi33>
  %5 = data.constant dense<[-9223372036854775808, 9223372036854775807]> : tensor<2xi64>
  // CHECK-NEXT: data.constant dense<[-9223372036854775808, 9223372036854775807]> : tensor<2xi64>
  %6 = data.constant dense<18446744073709551615> : tensor<3xui64>
  // CHECK-NEXT: data.constant dense<18446744073709551615> : tensor<3xui64>
  %7 = data.constant dense<-8> : tensor<si4>
  // CHECK-NEXT: data.constant dense<-8> : tensor<si4>
  func.return
}

func.func @codes() {
  // A code is written as its magnitude with its sign.
  %0 = data.constant dense<[[-127, 127], [0, 64]]> : tensor<2x2x!lns.number<8, 4, bias = 64>>
  // CHECK:      data.constant dense<[[-127, 127], [0, 64]]> : tensor<2x2x!lns.number<8, 4, bias = 64>>
  %1 = data.constant dense<255> : tensor<2x!lns.number<8, 5, bias = -3, unsigned>>
  // CHECK-NEXT: data.constant dense<255> : tensor<2x!lns.number<8, 5, bias = -3, unsigned>>
  %2 = data.constant dense<[-1, 1]> : tensor<2x!lns.number<2, 0, bias = 0:{1, 2}>>
  // CHECK-NEXT: data.constant dense<[-1, 1]> : tensor<2x!lns.number<2, 0, bias = 0:{1, 2}>>
  %3 = data.constant dense<[-32767, 32767]> : tensor<2x!lns.number<16, 12, bias = 0>>
  // CHECK-NEXT: data.constant dense<[-32767, 32767]> : tensor<2x!lns.number<16, 12, bias = 0>>
  func.return
}

func.func @shapes() {
  %0 = data.constant dense<[[[1, 2]], [[3, 4]]]> : tensor<2x1x2xi8>
  // CHECK:      data.constant dense<{{\[\[\[}}1, 2{{\]\]}}, {{\[\[}}3, 4{{\]\]\]}}> : tensor<2x1x2xi8>
  %1 = data.constant dense<7> : tensor<i8>
  // CHECK-NEXT: data.constant dense<7> : tensor<i8>
  %2 = data.constant dense<[[1, 1], [1, 1]]> : tensor<2x2xi8>
  // CHECK-NEXT: data.constant dense<1> : tensor<2x2xi8>
  %3 = data.constant dense<[]> : tensor<0xf32>
  // CHECK-NEXT: data.constant dense<"0x"> : tensor<0xf32>
  %4 = data.constant {note = "kept"} dense<1> : tensor<1xi8>
  // CHECK-NEXT: data.constant {note = "kept"} dense<[1]> : tensor<1xi8>
  func.return
}

// Bytes are packed, low bits first: 0xd1 0x01 is 0b1_110_10_001: 1, 2, 7, 0, 0.
func.func @bytes() {
  %0 = data.constant dense<"0xd101"> : tensor<5xui3>
  // CHECK:      data.constant dense<[1, 2, 7, 0, 0]> : tensor<5xui3>
  %1 = data.constant dense<"0x0000803f000000c0"> : tensor<2xf32>
  // CHECK-NEXT: data.constant dense<[1.0, -2.0]> : tensor<2xf32>
  func.return
}

// Equal constants become one; zeros of different sign are not equal.
func.func @equal() -> (tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) {
  %0 = data.constant dense<0.0> : tensor<1xf32>
  %1 = data.constant dense<-0.0> : tensor<1xf32>
  %2 = data.constant dense<0.0> : tensor<1xf32>
  %unused = data.constant dense<1.0> : tensor<1xf32>
  func.return %0, %1, %2 : tensor<1xf32>, tensor<1xf32>, tensor<1xf32>
}
// CLEAN-LABEL: func.func @equal
// CLEAN-NEXT:    %0 = data.constant dense<[0.0]> : tensor<1xf32>
// CLEAN-NEXT:    %1 = data.constant dense<[-0.0]> : tensor<1xf32>
// CLEAN-NEXT:    func.return %0, %1, %0
