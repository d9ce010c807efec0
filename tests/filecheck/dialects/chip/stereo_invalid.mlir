// RUN: recog-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, width = 4}
  chip.tensor @b {address = 16, channels = 2, width = 5}
  chip.tensor @c {address = 32, channels = 2, width = 4}
  chip.corr @c = @a, @b
  chip.halt
}
// CHECK: 'chip.corr' op at {{.*}}: @c: shape of right must be [2, 1, 4], got [2, 1, 5]

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, width = 4}
  chip.tensor @c {address = 32, channels = 2, width = 5}
  chip.corr @c = @a, @a
  chip.halt
}
// CHECK: 'chip.corr' op at {{.*}}: @c: output plane must be [1, 4], got [1, 5]

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, width = 4}
  chip.tensor @c {address = 32, channels = 5, width = 4}
  chip.corr @c = @a, @a
  chip.halt
}
// CHECK: 'chip.corr' op at {{.*}}: @c: 5 disparities are more than the width 4

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, width = 4}
  chip.tensor @c {address = 32, channels = 2, width = 4, unsigned}
  chip.corr @c = @a, @a
  chip.halt
}
// CHECK: 'chip.corr' op at {{.*}}: @c: an unsigned output of signed inputs needs relu

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, width = 4, integer}
  chip.tensor @c {address = 32, channels = 2, width = 4}
  chip.corr @c = @a, @a
  chip.halt
}
// CHECK: 'chip.corr' op at {{.*}}: @c: @a must hold codes, not integers

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, width = 4}
  chip.tensor @c {address = 32, channels = 2, width = 4}
  chip.expect @c = @a {bins = 0, frac = 4}
  chip.halt
}
// CHECK: 'chip.expect' op at {{.*}}: @c: output shape must be [1, 1, 4], got [2, 1, 4]

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, width = 4}
  chip.tensor @c {address = 32, channels = 1, width = 4}
  chip.expect @c = @a {bins = 0, frac = 17}
  chip.halt
}
// CHECK: frac must be in [0, 16], got 17

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, width = 4}
  chip.tensor @c {address = 32, channels = 1, width = 4}
  chip.expect @c = @a {bins = 0x20, frac = 4}
  chip.halt
}
// CHECK: 'chip.expect' op at {{.*}}: @c: bins: byte 0x20 of weight memory is read before it is loaded

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, width = 4}
  chip.tensor @c {address = 32, channels = 1, width = 4}
  chip.expect @c = @a {bins = 0xffffffff, frac = 4}
  chip.halt
}
// CHECK: 'chip.expect' op at {{.*}}: @c: ends at byte 4294967303, weight memory has 16777216

// -----

chip.program @main {
  chip.segment @t tables dense<[0, 0, 0, 0, 255, 255, 255, 127]> : tensor<8xui8>
  chip.tensor @a {address = 0, channels = 2, width = 4}
  chip.tensor @r {address = 16, channels = 1, width = 3}
  chip.tensor @c {address = 32, channels = 1, width = 4}
  chip.ldw @t {size = 8, address = 0}
  chip.expect.add @c = @a, @r {bins = 0, frac = 4}
  chip.halt
}
// CHECK: 'chip.expect.add' op at {{.*}}: @c: shape of the residual must be [1, 1, 4], got [1, 1, 3]

// -----

chip.program @main {
  chip.segment @t tables dense<[0, 0, 0, 0, 1, 0, 0, 0]> : tensor<8xui8>
  chip.tensor @a {address = 0, channels = 2, width = 4}
  chip.tensor @r {address = 16, channels = 1, width = 4}
  chip.tensor @c {address = 32, channels = 1, width = 4, unsigned}
  chip.ldw @t {size = 8, address = 0}
  chip.expect.add @c = @a, @r {bins = 0, frac = 4}
  chip.halt
}
// CHECK: 'chip.expect.add' op at {{.*}}: @c: an unsigned output needs an unsigned residual

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, width = 4}
  chip.tensor @c {address = 32, channels = 2, width = 3}
  chip.disp2depth @c = @a {log_numerator = 0}
  chip.halt
}
// CHECK: 'chip.disp2depth' op at {{.*}}: @c: shape must be [2, 1, 4], got [2, 1, 3]

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2, unsigned}
  chip.tensor @c {address = 32, channels = 2, unsigned}
  chip.disp2depth @c = @a {log_numerator = 0, negative}
  chip.halt
}
// CHECK: 'chip.disp2depth' op at {{.*}}: @c: a negative constant needs a signed output

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.tensor @c {address = 32, channels = 2, unsigned}
  chip.disp2depth @c = @a {log_numerator = 0}
  chip.halt
}
// CHECK: 'chip.disp2depth' op at {{.*}}: @c: an unsigned output of signed inputs needs relu

// -----

chip.program @main {
  chip.tensor @a {address = 0, channels = 2}
  chip.disp2depth @a = @a {log_numerator = 8388608}
  chip.halt
}
// CHECK: log_numerator must be in [-8388607, 8388607], got 8388608
