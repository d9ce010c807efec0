"""compare_bits finds a changed instruction in any layer, and fails where it cannot look."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr, UnitAttr
from xdsl.ir import Operation

from recog.backend.assembly import assemble
from recog.backend.assembly.assembler import find_program
from recog.backend.interpreters.lns import run_lns
from recog.backend.machine import Machine
from recog.dialects import chip, lns
from recog.dialects.chip.held_values import HOLDS
from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_torch
from recog.lowering.common.layer_names import label_of
from recog.lowering.pipeline import Conversion, ConversionOptions, convert
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import parse_module
from recog.tools.report.compare_bits import BitsCompared, compare_bits


class Network(nn.Module):
    """A concatenation, and a linear layer whose rows take several instructions."""

    def __init__(self):
        super().__init__()
        self.stem, self.other = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(2, 4, 1)
        self.mix = nn.Linear(6, 6)
        self.head = nn.Conv2d(6, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = torch.cat([self.stem(x), self.other(x)], 1)
        rows = both.unflatten(1, (2, 4))[:, :, :3, :4]
        return self.head(self.mix(rows).flatten(1, 2))


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 2, 6, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def conversion(frames: np.ndarray) -> Conversion:
    torch.manual_seed(0)
    module = import_torch(Network().eval(), torch.zeros(1, 2, 6, 6))
    return convert(module, [frames], options=ConversionOptions(cluster=False, tune=False))


def layer_instructions(module: ModuleOp, layer: str) -> list[chip.InstructionOp]:
    return [op for op in find_program(module).instructions if label_of(op) == layer]


def changed(conversion: Conversion, layer: str, number: int) -> Machine:
    """A machine whose program has a ReLU too many in one of a layer's instructions."""
    module = conversion.chip_module.clone()
    op = layer_instructions(module, layer)[number]
    assert op.properties.get("relu") is None
    op.properties["relu"] = UnitAttr()
    return Machine(assemble(module))


def test_every_element_of_every_labelled_layer_is_counted(
    conversion: Conversion, frames: np.ndarray
):
    sizes: dict[str, int] = {}

    def observe(op: Operation, results: tuple[np.ndarray, ...]) -> None:
        label = label_of(op)
        if label is not None:
            sizes[label] = sum(result.size for result in results)

    run_lns(conversion.lns_module, frames, observe=observe)
    machine = Machine(conversion.assemble())
    found = compare_bits(conversion.lns_module, conversion.chip_module, machine, [frames])
    assert found == BitsCompared(sum(sizes.values()))
    assert sizes["mix"] == 3 * 2 * 3 * 4 * 6
    assert len(layer_instructions(conversion.chip_module, "mix")) > 1
    assert any(isinstance(op, lns.ConcatOp) and label_of(op) for op in walk(conversion))
    assert all(label_of(op) for op in walk(conversion) if isinstance(op, lns.SliceOp))


def walk(conversion: Conversion) -> list[Operation]:
    return list(conversion.lns_module.walk())


@pytest.mark.parametrize(
    ("layer", "number"), [("stem", 0), ("other", 0), ("mix", 0), ("mix", 1), ("head", 0)]
)
def test_a_changed_instruction_is_found(
    conversion: Conversion, frames: np.ndarray, layer: str, number: int
):
    machine = changed(conversion, layer, number)
    with pytest.raises(RecogError, match="bits differ") as caught:
        compare_bits(conversion.lns_module, conversion.chip_module, machine, [frames])
    assert f'layer "{layer}"' in str(caught.value)


def test_a_concatenation_is_looked_at_itself(conversion: Conversion, frames: np.ndarray):
    """Its operands' labels gone, an operand that is wrong is found in the concatenation."""
    module = conversion.lns_module.clone()
    (concat,) = (op for op in module.walk() if isinstance(op, lns.ConcatOp))
    label = label_of(concat)
    for op in module.walk():
        if op is not concat:
            op.attributes.pop("layer", None)
    machine = changed(conversion, "other", 0)
    with pytest.raises(RecogError, match="bits differ") as caught:
        compare_bits(module, conversion.chip_module, machine, [frames])
    assert f'layer "{label}"' in str(caught.value)


def test_a_symbol_that_was_renamed_is_no_matter(conversion: Conversion, frames: np.ndarray):
    """Labels that no symbol can be told apart by: one layer is called as another's weights."""
    module = conversion.lns_module.clone()
    for op in module.walk():
        if label_of(op) == "head":
            op.attributes["layer"] = StringAttr("stem.weight")
    program = module.clone()
    ConvertLnsToChipPass().apply(Context(), program)
    symbols = {op.sym_name.data for op in find_program(program).descriptors}
    assert "stem.weight.2" in symbols
    assert compare_bits(module, program, Machine(assemble(program)), [frames]).elements > 0
    wrong = program.clone()
    layer_instructions(wrong, "stem.weight")[0].properties["relu"] = UnitAttr()
    with pytest.raises(RecogError, match="bits differ") as caught:
        compare_bits(module, program, Machine(assemble(wrong)), [frames])
    assert 'layer "stem.weight"' in str(caught.value)


def test_what_cannot_be_compared_fails(conversion: Conversion, frames: np.ndarray):
    machine = Machine(conversion.assemble())
    module = conversion.chip_module.clone()
    for op in layer_instructions(module, "mix"):
        op.attributes.pop(HOLDS, None)
    with pytest.raises(RecogError, match="no instruction of the program completes") as caught:
        compare_bits(conversion.lns_module, module, machine, [frames])
    assert 'layer "mix"' in str(caught.value)
    layer_instructions(module, "head")[0].detach()
    with pytest.raises(RecogError, match="other instructions than the chip module"):
        compare_bits(conversion.lns_module, module, machine, [frames])
    module = conversion.chip_module.clone()
    layer_instructions(module, "head")[-1].attributes[HOLDS] = StringAttr("all")
    with pytest.raises(RecogError, match="must be an array of dictionaries"):
        compare_bits(conversion.lns_module, module, machine, [frames])


def test_labels_are_in_the_ir_alone(conversion: Conversion):
    """The file of a program with labels is that of the program without."""
    bare = conversion.chip_module.clone()
    for op in find_program(bare).instructions:
        op.attributes.clear()
    assert assemble(bare) == conversion.assemble()


def test_indices_that_are_narrow_in_memory():
    """A labelled argmax, some of whose indices have the highest bit of a byte."""
    text = """
!n = !lns.number<8, 4, bias = 99>
func.func @main(%x: tensor<1x200x2x3x!n>) -> tensor<1x2x3xi64> {
  %i = lns.argmax %x {layer = "classes"} : (tensor<1x200x2x3x!n>) -> tensor<1x2x3xi64>
  func.return %i : tensor<1x2x3xi64>
}"""
    module = parse_module(make_context(), text.encode(), "argmax.mlir")
    chip_module = module.clone()
    ConvertLnsToChipPass().apply(Context(), chip_module)
    codes = np.random.default_rng(0).integers(0, 100, (2, 200, 2, 3), np.uint8)
    assert run_lns(module, codes)[0].max() > 127
    assert compare_bits(module, chip_module, Machine(assemble(chip_module)), [codes]).elements == 12
