"""The nn dialect: the graph level, float tensors in NCHW with static shapes.

The ops mirror torch's functional operators one to one, so that a module of this dialect
reads like the network it came from. Attributes carry the field's usual names; all of
them are properties. Batch normalization is an op of its own until `fold-batch-norm`.

    func.func @main(%x: tensor<1x1x8x8xf32>) -> tensor<1x16x8x8xf32> {
      %w = data.constant dense<0.5> : tensor<16x1x3x3xf32>
      %y = nn.conv2d %x, %w {padding = array<i64: 1, 1, 1, 1>} : (...) -> tensor<1x16x8x8xf32>
      func.return %y : tensor<1x16x8x8xf32>
    }
"""

from __future__ import annotations

from xdsl.ir import Dialect

from recog.dialects.collecting import collected_ops
from recog.dialects.data import MaterializeConstant
from recog.dialects.nn.attention import *
from recog.dialects.nn.base import *
from recog.dialects.nn.batch import *
from recog.dialects.nn.boxes import *
from recog.dialects.nn.conv3d import *
from recog.dialects.nn.elementwise import *
from recog.dialects.nn.expectation import *
from recog.dialects.nn.functions import *
from recog.dialects.nn.layers import *
from recog.dialects.nn.normalization import *
from recog.dialects.nn.pooling import *
from recog.dialects.nn.sampling import *
from recog.dialects.nn.selection import *
from recog.dialects.nn.structure import *
from recog.dialects.nn.transposed import *

Nn = Dialect("nn", collected_ops(globals(), "nn"), [], [MaterializeConstant()])
