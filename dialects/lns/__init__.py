"""The lns dialect: tensors of logarithmic codes and the exact integer arithmetic on them.

The semantics of every op is written out in docs/arithmetic.md and, executable, in
recog.backend.arithmetic.reference.definition and .sampling. All ops take and give NCHW tensors of
`!lns.number`; a result's format is part of its type, so the IR alone fixes every bit.
"""

from xdsl.ir import Dialect

from recog.dialects.collecting import collected_ops
from recog.dialects.data import MaterializeConstant
from recog.dialects.lns.base import *
from recog.dialects.lns.boxes import *
from recog.dialects.lns.conversion import *
from recog.dialects.lns.elementwise import *
from recog.dialects.lns.fixed import *
from recog.dialects.lns.layers import *
from recog.dialects.lns.pooling import *
from recog.dialects.lns.stereo import *
from recog.dialects.lns.structure import *
from recog.dialects.lns.types import *

Lns = Dialect(
    "lns",
    collected_ops(globals(), "lns"),
    [ArithmeticAttr, FixedType, NumberType],
    [MaterializeConstant()],
)
