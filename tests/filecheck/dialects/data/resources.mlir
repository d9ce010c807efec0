// RUN: recog-opt %s --split-input-file | filecheck %s
// RUN: recog-opt %s --split-input-file | recog-opt --split-input-file --print-op-generic | recog-opt --split-input-file | filecheck %s
// RUN: recog-opt %s --split-input-file --elide-constants | filecheck %s --check-prefix ELIDE

// A constant of more than 64 elements is not spelt out, and more than 64 bytes go to the end of
// the file, under their hash. These are 0, 1, … 68, -0.0; the last is 0x80000000, low byte first.
// Two constants of the same bytes share a resource, whatever their types.
%0 = data.constant dense<resource weights> : tensor<70xf32>
%1 = data.constant dense<resource weights> : tensor<7x10xi32>
{-#
  dialect_resources: {
    data: {
      weights: "0x000000000000803f0000004000004040000080400000a0400000c0400000e0400000004100001041000020410000304100004041000050410000604100007041000080410000884100009041000098410000a0410000a8410000b0410000b8410000c0410000c8410000d0410000d8410000e0410000e8410000f0410000f84100000042000004420000084200000c4200001042000014420000184200001c4200002042000024420000284200002c4200003042000034420000384200003c4200004042000044420000484200004c4200005042000054420000584200005c4200006042000064420000684200006c4200007042000074420000784200007c42000080420000824200008442000086420000884200000080"
    }
  }
#-}

// CHECK:      %0 = data.constant dense<resource blob_416e80b193ee588a> : tensor<70xf32>
// CHECK-NEXT: %1 = data.constant dense<resource blob_416e80b193ee588a> : tensor<7x10xi32>
// CHECK:      {-#
// CHECK-NEXT:   dialect_resources: {
// CHECK-NEXT:     data: {
// CHECK-NEXT:       blob_416e80b193ee588a: "0x000000000000803f00000040{{[0-9a-f]*}}0000884200000080"
// CHECK-NEXT:     }
// CHECK-NEXT:   }
// CHECK-NEXT: #-}

// For reading only: the text cannot be read back.
// ELIDE:     %0 = data.constant dense<resource blob_416e80b193ee588a> : tensor<70xf32>
// ELIDE-NOT: dialect_resources

// -----

// The same name in another module stands for other bytes: here the first is infinity.
%0 = data.constant dense<resource weights> : tensor<70xf32>
{-#
  dialect_resources: {
    data: {
      weights: "0x0000807f0000803f0000004000004040000080400000a0400000c0400000e0400000004100001041000020410000304100004041000050410000604100007041000080410000884100009041000098410000a0410000a8410000b0410000b8410000c0410000c8410000d0410000d8410000e0410000e8410000f0410000f84100000042000004420000084200000c4200001042000014420000184200001c4200002042000024420000284200002c4200003042000034420000384200003c4200004042000044420000484200004c4200005042000054420000584200005c4200006042000064420000684200006c4200007042000074420000784200007c42000080420000824200008442000086420000884200000080"
    }
  }
#-}

// CHECK: %0 = data.constant dense<resource blob_783c07be3064bc44> : tensor<70xf32>
// CHECK: blob_783c07be3064bc44: "0x0000807f0000803f00000040{{[0-9a-f]*}}0000884200000080"

// -----

// A resource as small as this is spelt out; one that nothing uses goes.
%0 = data.constant dense<resource small> : tensor<2xf32>
{-#
  dialect_resources: {
    data: {
      small: "0x0000803f00000080",
      unused: "0x00"
    }
  }
#-}

// CHECK:     %0 = data.constant dense<[1.0, -0.0]> : tensor<2xf32>
// CHECK-NOT: dialect_resources
