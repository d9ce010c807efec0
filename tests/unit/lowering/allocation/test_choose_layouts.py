"""Programs that fit their budget, to the byte, and what is refused."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from middle_networks import ops_of, parse
from xdsl.dialects.builtin import ModuleOp

from recog.backend.assembly import load_program, weight_bytes
from recog.backend.machine import Machine
from recog.dialects import nn
from recog.dialects.chip import CodebookOp
from recog.dialects.cluster import Layout, LayoutAttr
from recog.dialects.data import ConstantOp, DenseAttr
from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_torch
from recog.lowering.allocation.choose_layouts import ChooseLayoutsPass, choose_layouts
from recog.lowering.allocation.plan import Plan
from recog.lowering.cluster.cluster_weights import LAYOUT
from recog.lowering.pipeline import Conversion, ConversionOptions, Stage, convert, fold_network
from recog.tools.report.compare_bits import compare_bits


@cache
def imported() -> ModuleOp:
    """Kernels of two sizes, a pointwise layer and a linear one: 7,000 weights."""
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        *(torch.nn.Conv2d(2, 24, 3, padding=1), torch.nn.ReLU()),
        *(torch.nn.Conv2d(24, 24, 3, padding=1), torch.nn.ReLU()),
        *(torch.nn.Conv2d(24, 48, 1), torch.nn.ReLU()),
        *(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(48, 10)),
    )
    return import_torch(layers.eval(), (torch.zeros(1, 2, 8, 8),))


def network() -> ModuleOp:
    return imported().clone()


def frames_of(count: int) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 1, (count, 2, 8, 8)).astype(np.float32)


@cache
def converted(**options: Any) -> Conversion:
    return convert(network(), [frames_of(32)], options=ConversionOptions(tune=False, **options))


def float_bytes() -> int:
    return sum(len(op.value.content) for op in ops_of(network(), ConstantOp))


@pytest.mark.parametrize("ratio,carry_errors", [(10.0, True), (16.0, True), (16.0, False)])
def test_a_program_takes_at_most_what_was_asked(ratio: float, carry_errors: bool):
    conversion = converted(ratio=ratio, **({} if carry_errors else {"carry_errors": False}))
    program = conversion.assemble()
    budget = int(float_bytes() / ratio)
    assert conversion.plan is not None
    assert conversion.plan.budget == budget
    assert weight_bytes(load_program(program)) <= conversion.plan.bytes <= budget
    assert conversion.plan.bytes > 0.9 * budget
    frames = frames_of(2)
    machine = Machine(program)
    assert (
        compare_bits(conversion.lns_module, conversion.chip_module, machine, [frames]).elements > 0
    )


def test_more_bytes_lose_less():
    small, large = (converted(ratio=ratio).plan for ratio in (16.0, 10.0))
    assert small is not None
    assert large is not None
    assert large.loss < small.loss
    assert [each.ratio for each in small.curve] == sorted(each.ratio for each in small.curve)


def test_a_layer_says_what_dense_would_take_where_it_is_not():
    plan = converted(ratio=4.5).plan
    assert plan is not None
    dense = [not each.layout.block for each in plan.layers]
    assert set(dense) == {True, False}
    assert ["of which dense takes" in each.why for each in plan.layers] == [not d for d in dense]


@pytest.mark.parametrize("ratio", [8.0, 24.0])
def test_the_curve_goes_through_what_was_chosen(ratio: float):
    """Held-out frames choose otherwise than predictions would, which say less of other layouts."""
    plan = converted(ratio=ratio).plan
    assert plan is not None
    own = [each for each in plan.curve if each.bytes == plan.bytes]
    assert [each.loss for each in own] == [pytest.approx(plan.loss)]
    losses = [each.loss for each in plan.curve]
    assert losses == sorted(losses)


def test_layers_share_one_table_in_the_program():
    module = network()
    fold_network(module)
    kernels = [op for op in ops_of(module, nn.LayerOp) if nn.shape_of(op.weight)[2:] == (3, 3)]
    assert len(kernels) > 1
    for op in kernels:
        op.attributes[LAYOUT] = LayoutAttr(Layout((1, 1, 3, 3), 8, "all"))
    conversion = convert(module, [frames_of(32)], options=ConversionOptions(epochs=1, reassign=2))
    program = load_program(conversion.assemble())
    books = [op for op in program.descriptors if isinstance(op, CodebookOp)]
    assert sum(op.block == (1, 1, 3, 3) for op in books) == 1


@cache
def planned(ratio: float, with_data: bool = False, jobs: int = 1, turn: int = 0) -> Plan:
    """The plan of the folded network, made anew each turn."""
    module = network()
    fold_network(module)
    inputs = [frames_of(16)] if with_data else None
    return choose_layouts(module, ChooseLayoutsPass(ratio=ratio, jobs=jobs), inputs)


@pytest.mark.parametrize("ratio", [10.0, 16.0])
def test_a_table_that_is_shared_has_several_layers(ratio: float):
    plan = planned(ratio)
    names = [each.layout.table for each in plan.layers if each.layout.table is not None]
    assert set(names) == set(plan.tables)
    assert all(names.count(name) > 1 for name in names)
    assert plan.bytes <= (plan.budget or 0)


def test_at_outputs_and_by_weights():
    """Example inputs decide what errors count; the same ones decide the same."""
    by_weights, at_outputs = planned(16.0), planned(16.0, with_data=True)
    assert not by_weights.at_outputs
    assert at_outputs.at_outputs
    assert by_weights.layers != at_outputs.layers
    assert planned(16.0, with_data=True, turn=1) == at_outputs


def test_the_same_however_many_at_a_time():
    assert planned(16.0) == planned(16.0, jobs=2)


def test_what_is_impossible_says_what_is_possible():
    with pytest.raises(RecogError, match="budget is below what is sure to fit: 10 of ") as error:
        converted(budget="10")
    least = str(error.value).split(" of ")[1].split()[0].replace(",", "")
    assert converted(budget=least).plan is not None
    with pytest.raises(RecogError, match=r"beyond what is sure to fit: at most \d") as error:
        converted(ratio=1000.0)
    most = float(str(error.value).split("at most ")[1].split()[0])
    assert converted(ratio=most).plan is not None
    with pytest.raises(RecogError, match=f"at most {most} of"):
        converted(ratio=most + 0.1)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_constant_layers(value: float):
    module = network()
    first = ops_of(module, nn.LayerOp)[0].weight.owner
    assert isinstance(first, ConstantOp)
    filled = np.full(first.value.type.get_shape(), value, np.float32)
    first.properties["value"] = DenseAttr.from_array(filled, first.value.type.element_type)
    conversion = convert(module, [frames_of(32)], options=ConversionOptions(tune=False, ratio=16.0))
    assert conversion.plan is not None
    assert weight_bytes(load_program(conversion.assemble())) <= (conversion.plan.budget or 0)


def test_without_anything_asked_it_is_as_clustering_does():
    module = network()
    fold_network(module)
    before = str(module)
    plan = choose_layouts(module, ChooseLayoutsPass())
    assert str(module) == before
    assert plan.budget is None
    assert plan.bytes >= weight_bytes(load_program(converted().assemble()))


def test_names_of_no_layer():
    module = parse("""func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
      %y = nn.relu %x : (tensor<1x2xf32>) -> tensor<1x2xf32>
      func.return %y : tensor<1x2xf32>
    }""")
    with pytest.raises(RecogError, match="names no layer with 'fc'"):
        choose_layouts(module, ChooseLayoutsPass(layouts="fc: dense"))
    assert choose_layouts(module, ChooseLayoutsPass()).layers == []


def test_stages_have_the_layouts():
    conversion = converted(ratio=16.0)
    layers = ops_of(conversion.stages[Stage.CLUSTERED], nn.LayerOp)
    assert any(isinstance(op.attributes.get(LAYOUT), LayoutAttr) for op in layers)
