// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%0 = data.constant dense<1.0> : f32
// CHECK: invalid.mlir:3:25: a constant needs a tensor type, got f32

// -----

%0 = data.constant dense<1.0> : tensor<*xf32>
// CHECK: a constant needs a tensor type, got tensor<*xf32>

// -----

%0 = data.constant dense<1.0> : tensor<?xf32>
// CHECK: a constant needs a static shape

// -----

%0 = data.constant dense<1.0> : tensor<2xf16>
// CHECK: constants cannot hold f16 elements

// -----

%0 = data.constant dense<1> : tensor<2xindex>
// CHECK: constants cannot hold index elements

// -----

%0 = data.constant dense<1> : tensor<2xi65>
// CHECK: constants cannot hold i65 elements

// -----

%0 = data.constant dense<1> : tensor<2xi0>
// CHECK: constants cannot hold i0 elements

// -----

%0 = data.constant dense<[1.0, 2.0]> : tensor<3xf32>
// CHECK: the constant has shape [2], its type [3]

// -----

%0 = data.constant dense<[]> : tensor<0x3xf32>
// CHECK: the constant has shape [0], its type [0, 3]

// -----

%0 = data.constant dense<[[1.0], [2.0, 3.0]]> : tensor<2x2xf32>
// CHECK: invalid.mlir:{{[0-9]+}}:26: the rows of a constant differ in length

// -----

%0 = data.constant dense<[[1.0], 2.0]> : tensor<2x2xf32>
// CHECK: the rows of a constant differ in length

// -----

%0 = data.constant dense<-1> : tensor<1xui6>
// CHECK: -1 does not fit ui6, [0, 63]

// -----

%0 = data.constant dense<[3, 4]> : tensor<2xi3>
// CHECK: 4 does not fit i3, [-4, 3]

// -----

%0 = data.constant dense<-1> : tensor<i1>
// CHECK: -1 does not fit i1, [0, 1]

// -----

%0 = data.constant dense<18446744073709551616> : tensor<ui64>
// CHECK: 18446744073709551616 does not fit ui64, [0, 18446744073709551615]

// -----

%0 = data.constant dense<1.5> : tensor<1xi32>
// CHECK: i32 elements are written as integers

// -----

%0 = data.constant dense<0x7FC000000> : tensor<1xf32>
// CHECK: 0x7fc000000 has more bits than f32

// -----

%0 = data.constant dense<1> : tensor<1000000x1000000xi8>
// CHECK: 1000000000000 equal elements take 1000000000000 bytes, more than 268435456

// -----

%0 = data.constant dense<128> : tensor<1x!lns.number<8, 4, bias = 0>>
// CHECK: 128 is no code of !lns.number<8, 4, bias = 0>

// -----

%0 = data.constant dense<-1> : tensor<1x!lns.number<8, 4, bias = 0, unsigned>>
// CHECK: -1 is no code of !lns.number<8, 4, bias = 0, unsigned>

// -----

// There is no negative zero.
%0 = data.constant dense<-0> : tensor<1x!lns.number<8, 4, bias = 0>>
// CHECK: !lns.number<8, 4, bias = 0> elements are written as integers

// -----

%0 = data.constant dense<"0x0180"> : tensor<2x!lns.number<8, 4, bias = 0>>
// CHECK: 'data.constant' op at {{.*}}invalid.mlir:{{[0-9]+}}: element [1] holds code 128, which !lns.number<8, 4, bias = 0> does not have

// -----

%0 = data.constant dense<"00"> : tensor<1xi8>
// CHECK: the bytes of a constant are written as "0x…"

// -----

%0 = data.constant dense<"0x0g"> : tensor<1xi8>
// CHECK: invalid.mlir:{{[0-9]+}}:26: the bytes of a constant are two hex digits each, and nothing else

// -----

%0 = data.constant dense<"0x000"> : tensor<2xi8>
// CHECK: the bytes of a constant are two hex digits each, and nothing else

// -----

%0 = data.constant dense<"0x0000"> : tensor<2x3xf32>
// CHECK: 'data.constant' op at {{.*}}: tensor<2x3xf32> takes 24 bytes, the constant has 2

// -----

// Two 3-bit elements leave two bits of the byte.
%0 = data.constant dense<"0x40"> : tensor<2xui3>
// CHECK: the padding bits after the last element are not zero

// -----

%0 = data.constant dense<resource weights> : tensor<2xi8>
// CHECK: the resource of this constant is missing from the file

// -----

%0 = data.constant dense<resource weights> : tensor<3xi8>
{-#
  dialect_resources: {
    data: {
      weights: "0x0102"
    }
  }
#-}
// CHECK: tensor<3xi8> takes 3 bytes, the constant has 2

// -----

%0 = data.constant dense<resource weights> : tensor<1xi8>
{-#
  dialect_resources: {
    data: {
      weights: "0xrubbish"
    }
  }
#-}
// CHECK: the bytes of a constant are two hex digits each, and nothing else

// -----

%0 = data.constant dense<resource weights> : tensor<1xi8>
{-#
  dialect_resources: {
    data: {
      weights: "0x01",
      weights: "0x02"
    }
  }
#-}
// CHECK: resource weights is given twice

// -----

%0 = "data.constant"() <{value = #data.dense<1 : tensor<2xi8>>}> : () -> tensor<3xi8>
// CHECK: the value has type tensor<2xi8>, the result tensor<3xi8>

// -----

%0 = "data.constant"() <{value = dense<1.0> : tensor<3xf32>}> : () -> tensor<3xf32>
// CHECK: should be of base attribute data.dense

// -----

%0 = "data.constant"() : () -> tensor<3xf32>
// CHECK: 'data.constant' op at {{.*}}value

// -----

// A null character, as MLIR writes it: the text that came out of it was no text.
"test.op"() {value = dense_resource<weights> : tensor<2xf32>} : () -> ()
{-#
  dialect_resources: {
    builtin: {
      weights: "0x04\00000000000\0400000A040"
    }
  }
#-}
// CHECK: the bytes of a constant are two hex digits each, and nothing else

// -----

%0 = data.constant dense<"0x01 2"> : tensor<1xi8>
// CHECK: the bytes of a constant are two hex digits each, and nothing else
