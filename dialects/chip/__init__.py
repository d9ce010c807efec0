"""The chip dialect: programs of the accelerator, one op an instruction or descriptor.

The op definitions are the only description of the instruction set: the assembler, the
disassembler, the verifier, the assembly text and docs/isa.md read opcodes and fields there.
"""

from xdsl.ir import Dialect

from recog.dialects.chip.boxes import *
from recog.dialects.chip.costs import *
from recog.dialects.chip.descriptors import *
from recog.dialects.chip.energy import *
from recog.dialects.chip.hardware import *
from recog.dialects.chip.hazards import *
from recog.dialects.chip.instructions import *
from recog.dialects.chip.layers import *
from recog.dialects.chip.maps import *
from recog.dialects.chip.peaks import *
from recog.dialects.chip.program import *
from recog.dialects.chip.records import *
from recog.dialects.chip.rings import *
from recog.dialects.chip.scope import *
from recog.dialects.chip.spans import *
from recog.dialects.chip.steps import *
from recog.dialects.chip.stereo import *
from recog.dialects.chip.sums import *
from recog.dialects.chip.target import *
from recog.dialects.chip.transfers import *
from recog.dialects.chip.weight_memory import *
from recog.dialects.chip.weights import *
from recog.dialects.collecting import collected_ops

Chip = Dialect("chip", collected_ops(globals(), "chip"), [TargetAttr, SumsType])
