// RUN: recog-opt %s -p run-checks

// x · sigmoid(x) = x / (1 + exp(-x)).
func.func @silu() {
  // ln 3 = 1.0986123, of sigmoid 3/4: 0.82395922; its negative, of sigmoid 1/4: -0.27465307.
  // 1 · 0.73105858; -1 · 0.26894142; -4 · 0.01798621 = -0.07194484: not monotonic.
  %x = data.constant dense<[0.0, 1.0986123, -1.0986123, 1.0, -1.0, -4.0]> : tensor<6xf32>
  %0 = nn.silu %x : (tensor<6xf32>) -> tensor<6xf32>
  check.expect_close %0, dense<[0.0, 0.8239592, -0.2746531, 0.7310586, -0.2689414, -0.07194484]> : tensor<6xf32> within 1.0e-6
  func.return
}
