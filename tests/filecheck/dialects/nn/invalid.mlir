// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

func.func @conv_input_rank(%x: tensor<4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = nn.conv2d %x, %w : (tensor<4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<6x6x6xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: input and weight must have 4 axes, got 3 and 4

// -----

func.func @conv_strides(%x: tensor<1x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = nn.conv2d %x, %w {strides = array<i64: 1>} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x6x6xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: strides takes 2 values, got 1

// -----

func.func @conv_stride_of_zero(%x: tensor<1x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = nn.conv2d %x, %w {strides = array<i64: 1, 0>} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x6x6xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: strides must be at least 1, got [1, 0]

// -----

func.func @conv_stride_of_64_bits(%x: tensor<1x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = nn.conv2d %x, %w {strides = array<i64: 1, 2147483648>} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x6x1xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: strides must be at most 2147483647, got [1, 2147483648]

// -----

func.func @conv_padding_beyond_32_bits(%x: tensor<1x1x8x8xf32>, %w: tensor<1x1x1x1xf32>) {
  %y = nn.conv2d %x, %w {strides = array<i64: 1, 2147483647>, padding = array<i64: 0, 2147483647, 0, 0>} : (tensor<1x1x8x8xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x8x2xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: an axis has at most 2147483647 elements, got [2147483655]

// -----

func.func @resize_beyond_32_bits(%x: tensor<1x1x8x8xf32>) {
  %y = nn.resize %x {size = array<i64: 4294967297, 1>, mode = "nearest"} : (tensor<1x1x8x8xf32>) -> tensor<1x1x4294967297x1xf32>
  func.return
}
// CHECK: 'nn.resize' op at {{.*}}: an axis has at most 2147483647 elements, got [1, 1, 4294967297, 1]

// -----

func.func @conv_padding(%x: tensor<1x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = nn.conv2d %x, %w {padding = array<i64: 1, 1>} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x6x6xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: padding takes 4 values, got 2

// -----

func.func @conv_negative_padding(%x: tensor<1x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = nn.conv2d %x, %w {padding = array<i64: 1, 1, 1, -1>} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x6x6xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: padding must be at least 0, got [1, 1, 1, -1]

// -----

func.func @conv_dilation(%x: tensor<1x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = nn.conv2d %x, %w {dilation = array<i64: 0, 1>} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x6x6xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: dilation must be at least 1, got [0, 1]

// -----

func.func @conv_groups(%x: tensor<1x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = nn.conv2d %x, %w {groups = 0 : i64} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x6x6xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: groups must be at least 1, got 0

// -----

func.func @conv_channels(%x: tensor<1x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = nn.conv2d %x, %w {groups = 2 : i64} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x6x6xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: the input has 4 channels, the weight wants 4 for each of 2 groups

// -----

func.func @conv_output_channels(%x: tensor<1x4x8x8xf32>, %w: tensor<6x1x3x3xf32>) {
  %y = nn.conv2d %x, %w {groups = 4 : i64} : (tensor<1x4x8x8xf32>, tensor<6x1x3x3xf32>) -> tensor<1x6x6x6xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: 6 output channels cannot be divided into 4 groups

// -----

func.func @conv_window(%x: tensor<1x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = nn.conv2d %x, %w {dilation = array<i64: 4, 1>} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x1x6xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: a window of 9 does not fit an axis of 8 padded by 0

// -----

func.func @conv_result(%x: tensor<1x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = nn.conv2d %x, %w {strides = array<i64: 2, 2>} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x4x4xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: the result has shape [1, 6, 4, 4], the operands give [1, 6, 3, 3]

// -----

func.func @conv_attribute_type(%x: tensor<1x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = nn.conv2d %x, %w {strides = array<i32: 2, 2>} : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x3x3xf32>
  func.return
}
// CHECK: Expected attribute i64 but got i32

// -----

func.func @conv_bias(%x: tensor<1x4x8x8xf32>, %w: tensor<6x4x3x3xf32>, %b: tensor<4xf32>) {
  %y = nn.conv2d %x, %w, %b : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>, tensor<4xf32>) -> tensor<1x6x6x6xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: bias must have shape [6], got [4]

// -----

func.func @element_types(%x: tensor<1x4x8x8xf32>, %w: tensor<6x4x3x3xf64>) {
  %y = nn.conv2d %x, %w : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf64>) -> tensor<1x6x6x6xf32>
  func.return
}
// CHECK: 'nn.conv2d' op at {{.*}}: operands and result must have one element type, got f32 and f64

// -----

func.func @result_element_type(%x: tensor<1x4x8x8xf32>) {
  %y = nn.relu %x : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf64>
  func.return
}
// CHECK: 'nn.relu' op at {{.*}}: operands and result must have one element type, got f32 and f64

// -----

func.func @integers(%x: tensor<4xi32>) {
  %y = nn.relu %x : (tensor<4xi32>) -> tensor<4xi32>
  func.return
}
// CHECK: 'nn.relu' op at {{.*}}: expected tensors of f32 or f64, got tensor<4xi32>

// -----

func.func @linear_weight(%x: tensor<1x4xf32>, %w: tensor<4xf32>) {
  %y = nn.linear %x, %w : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  func.return
}
// CHECK: 'nn.linear' op at {{.*}}: the weight must have 2 axes, got 1

// -----

func.func @linear_features(%x: tensor<1x4xf32>, %w: tensor<3x5xf32>) {
  %y = nn.linear %x, %w : (tensor<1x4xf32>, tensor<3x5xf32>) -> tensor<1x3xf32>
  func.return
}
// CHECK: 'nn.linear' op at {{.*}}: the input has 4 features, the weight wants 5

// -----

func.func @linear_batch(%x: tensor<5xf32>, %w: tensor<3x5xf32>) {
  %y = nn.linear %x, %w : (tensor<5xf32>, tensor<3x5xf32>) -> tensor<3xf32>
  func.return
}
// CHECK: 'nn.linear' op at {{.*}}: the input needs a batch axis and a feature axis

// -----

func.func @linear_bias(%x: tensor<1x5xf32>, %w: tensor<3x5xf32>, %b: tensor<5xf32>) {
  %y = nn.linear %x, %w, %b : (tensor<1x5xf32>, tensor<3x5xf32>, tensor<5xf32>) -> tensor<1x3xf32>
  func.return
}
// CHECK: 'nn.linear' op at {{.*}}: bias must have shape [3], got [5]

// -----

func.func @batch_norm_mean(%x: tensor<1x4xf32>, %p: tensor<4xf32>, %q: tensor<3xf32>) {
  %y = nn.batch_norm %x, %p, %p, %q, %p : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<3xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  func.return
}
// CHECK: 'nn.batch_norm' op at {{.*}}: mean must have shape [4], got [3]

// -----

func.func @batch_norm_rank(%p: tensor<4xf32>) {
  %y = nn.batch_norm %p, %p, %p, %p, %p : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}
// CHECK: 'nn.batch_norm' op at {{.*}}: the input needs a batch axis and a channel axis

// -----

func.func @batch_norm_eps(%x: tensor<1x4xf32>, %p: tensor<4xf32>) {
  %y = nn.batch_norm %x, %p, %p, %p, %p {eps = -1.0 : f64} : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  func.return
}
// CHECK: 'nn.batch_norm' op at {{.*}}: eps must be finite and not negative, got -1.0

// -----

func.func @clamp_bounds(%x: tensor<1x4x8x8xf32>) {
  %y = nn.clamp %x {min = 1.0 : f64, max = 0.0 : f64} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  func.return
}
// CHECK: 'nn.clamp' op at {{.*}}: min must not be above max, got 1.0 and 0.0

// -----

func.func @leaky_relu_slope(%x: tensor<1x4x8x8xf32>) {
  %y = nn.leaky_relu %x {negative_slope = 0x7FF0000000000000 : f64} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  func.return
}
// CHECK: 'nn.leaky_relu' op at {{.*}}: negative_slope must be finite, got inf

// -----

func.func @gelu_approximate(%x: tensor<1x4x8x8xf32>) {
  %y = nn.gelu %x {approximate = "fast"} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  func.return
}
// CHECK: 'nn.gelu' op at {{.*}}: approximate must be "none" or "tanh", got "fast"

// -----

func.func @softmax_axis(%x: tensor<1x4x8x8xf32>) {
  %y = nn.softmax %x {axis = 4 : i64} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  func.return
}
// CHECK: 'nn.softmax' op at {{.*}}: axis must be from 0 to 3, got 4

// -----

func.func @add_shapes(%x: tensor<1x4xf32>, %z: tensor<1x3xf32>) {
  %y = nn.add %x, %z : (tensor<1x4xf32>, tensor<1x3xf32>) -> tensor<1x4xf32>
  func.return
}
// CHECK: 'nn.add' op at {{.*}}: shapes [1, 4] and [1, 3] do not broadcast

// -----

func.func @pool_rank(%x: tensor<4x8x8xf32>) {
  %y = nn.max_pool2d %x {kernel = array<i64: 2, 2>} : (tensor<4x8x8xf32>) -> tensor<4x7x7xf32>
  func.return
}
// CHECK: 'nn.max_pool2d' op at {{.*}}: the input must have 4 axes, got 3

// -----

func.func @pool_kernel(%x: tensor<1x4x8x8xf32>) {
  %y = nn.max_pool2d %x {kernel = array<i64: 2>} : (tensor<1x4x8x8xf32>) -> tensor<1x4x7x7xf32>
  func.return
}
// CHECK: 'nn.max_pool2d' op at {{.*}}: kernel takes 2 values, got 1

// -----

func.func @pool_kernel_of_zero(%x: tensor<1x4x8x8xf32>) {
  %y = nn.avg_pool2d %x {kernel = array<i64: 2, 0>} : (tensor<1x4x8x8xf32>) -> tensor<1x4x7x7xf32>
  func.return
}
// CHECK: 'nn.avg_pool2d' op at {{.*}}: kernel must be at least 1, got [2, 0]

// -----

func.func @pool_without_kernel(%x: tensor<1x4x8x8xf32>) {
  %y = nn.avg_pool2d %x : (tensor<1x4x8x8xf32>) -> tensor<1x4x7x7xf32>
  func.return
}
// CHECK: 'nn.avg_pool2d' op at {{.*}}: property 'kernel' expected

// -----

func.func @pool_padding(%x: tensor<1x4x8x8xf32>) {
  %y = nn.avg_pool2d %x {kernel = array<i64: 2, 2>, padding = array<i64: 0, 0, 2, 0>} : (tensor<1x4x8x8xf32>) -> tensor<1x4x9x7xf32>
  func.return
}
// CHECK: 'nn.avg_pool2d' op at {{.*}}: padding [0, 0, 2, 0] is more than half of kernel [2, 2]

// -----

func.func @pool_result(%x: tensor<1x4x8x8xf32>) {
  %y = nn.avg_pool2d %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, ceil_mode} : (tensor<1x4x8x8xf32>) -> tensor<1x4x3x3xf32>
  func.return
}
// CHECK: 'nn.avg_pool2d' op at {{.*}}: the result has shape [1, 4, 3, 3], the operands give [1, 4, 4, 4]

// -----

func.func @mean_axes(%x: tensor<1x4x8x8xf32>) {
  %y = nn.mean %x {axes = array<i64: 1, 1>} : (tensor<1x4x8x8xf32>) -> tensor<1x8x8xf32>
  func.return
}
// CHECK: 'nn.mean' op at {{.*}}: axes must be named once each, got [1, 1]

// -----

func.func @mean_over_nothing(%x: tensor<1x4x8x8xf32>) {
  %y = nn.mean %x {axes = array<i64>} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  func.return
}
// CHECK: 'nn.mean' op at {{.*}}: axes must be named once each, got []

// -----

func.func @mean_axis(%x: tensor<1x4x8x8xf32>) {
  %y = nn.mean %x {axes = array<i64: 1, 4>} : (tensor<1x4x8x8xf32>) -> tensor<4x8x8xf32>
  func.return
}
// CHECK: 'nn.mean' op at {{.*}}: axis must be from 0 to 3, got 4

// -----

func.func @reshape_count(%x: tensor<1x4x8x8xf32>) {
  %y = nn.reshape %x : (tensor<1x4x8x8xf32>) -> tensor<1x255xf32>
  func.return
}
// CHECK: 'nn.reshape' op at {{.*}}: [1, 4, 8, 8] holds 256 elements, [1, 255] 255

// -----

func.func @concat_nothing(%x: tensor<1x4xf32>) {
  %y = "nn.concat"() : () -> tensor<1x4xf32>
  func.return
}
// CHECK: 'nn.concat' op at {{.*}}: a concatenation needs at least one input

// -----

func.func @concat_axis(%x: tensor<1x4xf32>) {
  %y = nn.concat %x, %x {axis = 2 : i64} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x8xf32>
  func.return
}
// CHECK: 'nn.concat' op at {{.*}}: axis must be from 0 to 1, got 2

// -----

func.func @concat_shapes(%x: tensor<1x4x2xf32>, %z: tensor<1x4x3xf32>) {
  %y = nn.concat %x, %z : (tensor<1x4x2xf32>, tensor<1x4x3xf32>) -> tensor<1x8x2xf32>
  func.return
}
// CHECK: 'nn.concat' op at {{.*}}: inputs differ in more than axis 1: {{\[\[}}1, 4, 2], [1, 4, 3]]

// -----

func.func @pad_rank(%x: tensor<4x8xf32>) {
  %y = nn.pad %x {padding = array<i64: 1, 1, 1, 1>} : (tensor<4x8xf32>) -> tensor<6x10xf32>
  func.return
}
// CHECK: 'nn.pad' op at {{.*}}: the input must have 4 axes, got 2

// -----

func.func @pad_negative(%x: tensor<1x4x8x8xf32>) {
  %y = nn.pad %x {padding = array<i64: 1, 1, -1, 1>} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x10xf32>
  func.return
}
// CHECK: 'nn.pad' op at {{.*}}: padding takes 4 values of at least 0, got [1, 1, -1, 1]

// -----

func.func @dynamic(%x: tensor<?x4xf32>) {
  %y = nn.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  func.return
}
// CHECK: 'nn.relu' op at {{.*}}: sizes must be static and at least 1, got tensor<?x4xf32>

// -----

func.func @no_tensor(%x: f32) {
  %y = nn.relu %x : (f32) -> f32
  func.return
}
// CHECK: f32 should be of base attribute tensor
