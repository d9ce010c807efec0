"""import_torch against eager, operator by operator; and everything it must refuse."""

from __future__ import annotations

import copy
import logging
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn as tnn
from xdsl.dialects.builtin import ModuleOp

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError, describe_op
from recog.frontend.tasks.networks import digits_resnet
from recog.frontend.torch.importer import import_exported, import_pt2, import_torch
from recog.frontend.torch.model_file import import_model
from recog.frontend.torch.problems import ImportFailure
from recog.tools.report.check_network import check_network


class Function(tnn.Module):
    """A module whose forward is the given function of (self, inputs...)."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def assert_equals_eager(model: tnn.Module, *shapes: tuple[int, ...]) -> ModuleOp:
    """Imported at batch 1, run at batch 3, the network gives what eager torch gives."""
    torch.manual_seed(0)
    inputs = [torch.randn(3, *shape) for shape in shapes]
    module = import_torch(model.eval(), [x[:1] for x in inputs])
    with torch.no_grad():
        expected = copy.deepcopy(model).eval()(*[x.clone() for x in inputs])
        found = run_nn(module, *inputs)
    outputs = expected if isinstance(expected, tuple) else (expected,)
    assert len(found) == len(outputs)
    for a, b in zip(found, outputs):
        assert a.shape == b.shape
        assert float((a - b).abs().max()) <= 1e-5 * float(b.abs().max())
    return module


def op_names(module: ModuleOp) -> list[str]:
    return [op.name for op in module.walk() if isinstance(op, nn.NnOp)]


IMAGE = (3, 7, 8)

LAYERS = {
    "conv": tnn.Conv2d(3, 4, 3, 2, 1),
    "conv_without_bias": tnn.Conv2d(3, 4, (3, 1), bias=False),
    "grouped": tnn.Conv2d(3, 6, 3, groups=3, dilation=2),
    "same_padding": tnn.Conv2d(3, 4, (4, 3), padding="same", dilation=(1, 2)),
    "valid_padding": tnn.Conv2d(3, 4, 3, padding="valid"),
    "batch_norm": tnn.BatchNorm2d(3, eps=1e-3),
    "batch_norm_plain": tnn.BatchNorm2d(3, affine=False),
    "linear": tnn.Linear(8, 5),
    "linear_without_bias": tnn.Linear(8, 5, bias=False),
    "relu": tnn.ReLU(inplace=True),
    "relu6": tnn.ReLU6(),
    "hardtanh": tnn.Hardtanh(-0.5, 0.25),
    "leaky_relu": tnn.LeakyReLU(0.2),
    "sigmoid": tnn.Sigmoid(),
    "tanh": tnn.Tanh(),
    "silu": tnn.SiLU(inplace=True),
    "hardswish": tnn.Hardswish(inplace=True),
    "hardsigmoid": tnn.Hardsigmoid(),
    "gelu": tnn.GELU(),
    "gelu_tanh": tnn.GELU("tanh"),
    "softmax": tnn.Softmax(-1),
    "max_pool": tnn.MaxPool2d(3, 2, 1),
    "max_pool_dilated": tnn.MaxPool2d((2, 3), 1, dilation=2, ceil_mode=True),
    "avg_pool": tnn.AvgPool2d(2),
    "avg_pool_padded": tnn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
    "adaptive": tnn.AdaptiveAvgPool2d(1),
    "adaptive_parts": tnn.AdaptiveAvgPool2d((None, 4)),
    "flatten": tnn.Flatten(),
    "unflatten": tnn.Sequential(tnn.Flatten(2), tnn.Unflatten(2, (8, 7))),
    "dropout": tnn.Sequential(tnn.Dropout(), tnn.Dropout2d(), tnn.AlphaDropout()),
    "identity": tnn.Sequential(tnn.Identity(), tnn.ReLU()),
    "zero_pad": tnn.ZeroPad2d((1, 2, 0, 3)),
    "constant_pad": tnn.ConstantPad2d((1, 0, 2, 0), -1.5),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name):
    assert_equals_eager(LAYERS[name], IMAGE)


FUNCTIONS = {
    "add": lambda self, x: x + x.sigmoid(),
    "add_number": lambda self, x: 1.5 + x,
    "add_alpha": lambda self, x: torch.add(x, x.tanh(), alpha=0.5),
    "sub": lambda self, x: x - 2 * x.sigmoid(),
    "rsub": lambda self, x: 1 - x,
    "sub_alpha": lambda self, x: torch.sub(x, x.tanh(), alpha=3),
    "mul": lambda self, x: x * x,
    "div": lambda self, x: x / 3 / (1 + x.sigmoid()),
    "clamp": lambda self, x: x.clamp(-1, 0.5).clamp(min=-0.5),
    "broadcast": lambda self, x: x * x.mean((2, 3), keepdim=True),
    "mean_spatial": lambda self, x: x.mean((2, 3)),
    "mean_channels": lambda self, x: x.mean(1, keepdim=True),
    "mean_rows": lambda self, x: x.mean([-2, 1]),
    "cat": lambda self, x: torch.cat([x, x.relu(), x], 1),
    "cat_last": lambda self, x: torch.cat((x, x), dim=-1),
    "flatten": lambda self, x: x.flatten(1),
    "view": lambda self, x: x.view(x.size(0), -1),
    "reshape": lambda self, x: x.reshape(x.shape[0], 7, 24),
    "squeeze": lambda self, x: x.mean(1, keepdim=True).squeeze(1).unsqueeze(-1),
    "contiguous": lambda self, x: x.contiguous().clone().detach() + 0,
    "functional_dropout": lambda self, x: F.dropout(x, 0.5, self.training).relu(),
    "several_outputs": lambda self, x: (x.relu(), x.sigmoid(), x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    assert_equals_eager(Function(FUNCTIONS[name]), IMAGE)


IN_PLACE = {
    # The sum sees the clamped value: both names stand for one memory.
    "base_read_after": lambda self, x: (y := x * 1).relu_() + y,
    "chain": lambda self, x: x.mul(2).add_(1).relu_(),
    "twice": lambda self, x: ((y := x * 1).add_(y), y.relu_(), y)[2],
    "through_dropout": lambda self, x: F.dropout(y := x * 1, 0.5, False).relu_() + y,
    "view_of_dead_base": lambda self, x: (x * 1).flatten(1).relu_(),
    "added_in_place": lambda self, x: (y := x.relu()).add_(x) * y,
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_operators(name):
    assert_equals_eager(Function(IN_PLACE[name]), IMAGE)


def test_means_over_the_image_are_one_form():
    module = assert_equals_eager(Function(FUNCTIONS["mean_spatial"]), IMAGE)
    assert op_names(module) == ["nn.avg_pool2d", "nn.reshape"]


def test_several_inputs_in_a_structure():
    model = Function(lambda self, x, pair: x + pair["a"] * pair["b"][0])
    x, a, b = torch.randn(1, 4), torch.randn(1, 4), torch.randn(1, 4)
    inputs = [x, {"a": a, "b": [b]}]
    module = import_torch(model.eval(), inputs)
    (found,) = run_nn(module, x, a, b)
    torch.testing.assert_close(found, model(*inputs))


def test_constants_that_only_depend_on_parameters():
    weight = tnn.Parameter(torch.randn(4, 3, 1, 1))
    model = Function(
        lambda self, x: F.conv2d(x, (self.weight * 2).relu()) + torch.arange(4.0).reshape(4, 1, 1),
        weight=weight,
    )
    module = assert_equals_eager(model, IMAGE)
    assert op_names(module) == ["nn.conv2d", "nn.add"]


def test_a_parameter_may_be_a_number_of_an_op():
    """The exponent of a generalised mean (GeM), which torch warns of where it needs a gradient."""

    class Pooled(tnn.Module):
        def __init__(self):
            super().__init__()
            self.exponent = tnn.Parameter(torch.full((1,), 3.0))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.clamp(min=1e-6).pow(self.exponent).mean((2, 3))

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        module = assert_equals_eager(Pooled(), (2, 3, 4, 4))
    assert [op.exponent.value.data for op in module.walk() if isinstance(op, nn.PowOp)] == [3.0]
    assert not [each for each in said if "requires_grad" in str(each.message)]


def test_weight_norm_becomes_a_constant():
    model = tnn.utils.parametrizations.weight_norm(tnn.Conv2d(3, 4, 3))
    assert op_names(assert_equals_eager(model, IMAGE)) == ["nn.conv2d"]


def test_tied_parameters_share_one_constant():
    first = tnn.Linear(8, 8)
    second = tnn.Linear(8, 8)
    second.weight = first.weight
    module = assert_equals_eager(tnn.Sequential(first, tnn.ReLU(), second), (8,))
    assert sum(isinstance(op, ConstantOp) for op in module.walk()) == 3


def test_a_constant_evaluated_in_place_leaves_the_parameter():
    weight = tnn.Parameter(torch.ones(1, 8))
    model = Function(lambda self, x: x + (self.weight * 1).mul_(3), weight=weight)
    assert_equals_eager(model, (8,))
    assert torch.equal(weight, torch.ones(1, 8))


def test_the_model_is_left_as_it_was():
    model = digits_resnet(4).eval()
    model.fc.train()  # a layer that is the same in both modes
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = {name: module.training for name, module in model.named_modules()}
    import_torch(model, torch.rand(1, 1, 8, 8))
    assert modes == {name: module.training for name, module in model.named_modules()}
    after = model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_training_mode_is_refused_with_everything_else():
    parts = {
        "first": tnn.BatchNorm2d(3),
        "second": tnn.BatchNorm2d(3),
        "drop": tnn.Dropout2d(0.1),
        "none": tnn.Dropout(0.0),
    }
    model = Function(
        lambda self, x: self.none(self.drop(self.second(self.first(x)))).logcumsumexp(1), **parts
    )
    parts["first"].eval()
    with pytest.raises(ImportFailure) as error:
        import_torch(model, torch.randn(1, *IMAGE))
    found = [(problem.operator, problem.place) for problem in error.value.problems[:2]]
    assert found == [("BatchNorm2d", 'layer "second"'), ("Dropout2d", 'layer "drop"')]
    assert [problem.operator for problem in error.value.problems[2:]] == [
        "aten.logcumsumexp.default"
    ]
    assert "call model.eval() first" in str(error.value)


def test_all_control_flow_on_values_is_listed():
    def forward(self, x):
        if x.sum() > 0:
            x = x + 1
        while x.max() < -100:
            x = x * 2
        return x.logcumsumexp(1)

    with pytest.raises(ImportFailure) as error:
        import_torch(Function(forward), torch.ones(1, *IMAGE))
    operators = [problem.operator for problem in error.value.problems]
    assert operators == ["aten.item.default", "aten.item.default", "aten.logcumsumexp.default"]
    assert all("test_importer.py:" in problem.place for problem in error.value.problems)
    assert "torch.where" in str(error.value)


def test_names_and_locations():
    module = import_torch(digits_resnet(4).eval(), torch.zeros(1, 1, 8, 8))
    ops = [op for op in module.walk() if isinstance(op, nn.NnOp)]
    stem = ops[0]
    assert isinstance(stem, nn.Conv2dOp)
    assert stem.output.name_hint == "stem"
    assert stem.weight.name_hint == "stem_weight"
    assert isinstance(stem.weight.owner, ConstantOp)
    assert describe_op(stem.weight.owner) == "'data.constant' op at layer \"stem.weight\""
    shortcut = next(op for op in ops if op.output.name_hint == "block2_shortcut")
    where = describe_op(shortcut)
    assert where.startswith("'nn.conv2d' op at layer \"block2.shortcut.0\" (")
    assert "networks.py:" in where


def test_locations_do_not_say_where_somebody_keeps_a_network():
    source = """
import torch
class Net(torch.nn.Module):
    def forward(self, x):
        return x + x
"""
    namespace: dict[str, Any] = {}
    exec(compile(source, "/home/ann/secret/nets/net.py", "exec"), namespace)
    module = import_torch(namespace["Net"](), torch.zeros(1, 3))
    (add,) = (op for op in module.walk() if isinstance(op, nn.AddOp))
    assert describe_op(add) == "'nn.add' op at nets/net.py:5"


def test_pt2_archive(tmp_path):
    path = tmp_path / "net.pt2"
    model = digits_resnet(4).eval()
    torch.export.save(torch.export.export(model, (torch.zeros(1, 1, 8, 8),)), path)
    images = torch.rand(2, 1, 8, 8)
    (found,) = run_nn(import_pt2(path), images)
    torch.testing.assert_close(found, model(images), rtol=1e-5, atol=1e-5)


def test_decomposed_batch_norm():
    model = tnn.Sequential(tnn.Conv2d(3, 4, 3), tnn.BatchNorm2d(4)).eval()
    program = torch.export.export(model, (torch.zeros(1, *IMAGE),)).run_decompositions()
    module = import_exported(program)
    assert op_names(module) == ["nn.conv2d", "nn.batch_norm"]
    x = torch.randn(2, *IMAGE)
    torch.testing.assert_close(run_nn(module, x)[0], model(x))


REFUSED = {
    "unknown": (lambda self, x: x.logcumsumexp(1), "aten.logcumsumexp.default at"),
    "divisor": (
        lambda self, x: F.avg_pool2d(x, 2, divisor_override=3),
        "divisor_override is not supported",
    ),
    "conv_transpose3d": (
        lambda self, x: F.conv_transpose3d(x[:, :, None], torch.ones(3, 3, 1, 1, 1)),
        "aten.conv_transpose3d.input",
    ),
    "training_batch_norm": (
        lambda self, x: F.batch_norm(x, None, None, training=True),
        "batch norm has no running statistics (track_running_stats=False)",
    ),
    "batch_statistics": (
        lambda self, x: F.batch_norm(x, torch.zeros(3), torch.ones(3), training=True),
        "batch norm uses the statistics of the batch (training mode)",
    ),
    "training_dropout": (lambda self, x: F.dropout(x, 0.5, True), "dropout is active"),
    "double": (lambda self, x: x.double() * 2, "torch.float64"),
    "complex": (lambda self, x: torch.fft.fft(x).angle(), "aten.angle.default at"),
    "uninitialized": (
        lambda self, x: x + torch.empty_like(x),
        "computed of constants, and holds NaN",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    function, message = REFUSED[name]
    with pytest.raises(RecogError) as error:
        import_torch(Function(function), torch.randn(1, *IMAGE))
    text = str(error.value)
    assert message in text
    assert "test_importer.py:" in text or name == "uninitialized"
    assert "Traceback" not in text


def test_a_variance_below_zero_is_refused():
    norm = tnn.BatchNorm2d(3)
    assert norm.running_var is not None
    norm.running_var[1] = -1.0
    with pytest.raises(RecogError, match="running variance of channel 1 plus eps is not positive"):
        import_torch(tnn.Sequential(norm).eval(), torch.randn(1, *IMAGE))


def test_changed_buffer_is_refused():
    model = Function(lambda self, x: x + self.count.add_(1))
    model.register_buffer("count", torch.zeros(1))
    with pytest.raises(RecogError, match="changes count in place; the network must keep no state"):
        import_torch(model, torch.randn(1, 4))


def test_everything_unsupported_is_listed_at_once():
    class Median(tnn.Module):
        def forward(self, x):
            return x.nanmedian(1)[0]

    def forward(self, x):
        y = self.norm(x).cummax(1)[0]
        z = torch.fft.fft(y).angle()
        y = y.logcumsumexp(1) * self.norm(y).mean()
        return y.cummin(1)[0] + z.lgamma().mean()

    model = Function(forward, norm=Median())
    with pytest.raises(RecogError) as error:
        import_torch(model, torch.randn(1, *IMAGE))
    first, *lines = str(error.value).splitlines()
    operators = ("nanmedian", "cummax", "angle", "logcumsumexp", "cummin", "lgamma")
    found = [next(line for line in lines if f"aten.{name}." in line) for name in operators]
    assert all("test_importer.py:" in line for line in found)
    assert 'aten.nanmedian.dim at layer "norm" (' in found[0]
    assert first.endswith("operators of the network cannot be converted:")


MASK_INPUT = """
import torch

class Net(torch.nn.Module):
    def forward(self, x, mask):
        return torch.where(mask, x.logcumsumexp(1), x)

def make():
    return Net(), (torch.ones(1, 4), torch.ones(1, 4, dtype=torch.bool))
"""


def test_an_input_of_a_type_that_no_network_takes(tmp_path: Path):
    """It is no operator and has no place in the code, and is not spoken of as if it had."""
    (tmp_path / "mask.py").write_text(MASK_INPUT)
    spec = f"{tmp_path / 'mask.py'}:make"
    with pytest.raises(ImportFailure) as error:
        import_model(spec)
    first, reason, *_, hint = str(error.value).splitlines()
    assert first == "1 operator and 1 input of the network cannot be converted:"
    assert reason.endswith("images of uint8, or positions of int64")
    assert "give it as one of these and convert it in the network" in hint
    assert reason.strip() in check_network(spec).notes


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite(value):
    conv = tnn.Conv2d(3, 4, 1)
    model = tnn.Sequential(conv)
    with torch.no_grad():
        conv.weight[2, 1] = value
    with pytest.raises(RecogError) as error:
        import_torch(model, torch.randn(1, *IMAGE))
    found = f'parameter "0.weight": element [2, 1, 0, 0] is {value}: weights must be finite'
    assert str(error.value).startswith(found)


def test_half_precision():
    with pytest.raises(RecogError, match="call model.float"):
        import_torch(tnn.Linear(4, 4).half(), torch.randn(1, 4).half())


def test_error_in_the_model_itself(caplog):
    model = Function(lambda self, x: self.layer(x) + x[:, :3], layer=tnn.Linear(4, 5))
    with pytest.raises(RecogError, match="torch.export cannot trace the model: ") as error:
        import_torch(model, torch.randn(1, 4))
    assert "test_importer.py:" in str(error.value)
    # torch would log a traceback.
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_dynamic_shapes():
    batch = torch.export.Dim("batch", min=1, max=8)
    program = torch.export.export(
        tnn.ReLU(), (torch.randn(2, 4),), dynamic_shapes={"input": {0: batch}}
    )
    x = torch.randn(3, 4)
    (found,) = run_nn(import_exported(program), x)
    torch.testing.assert_close(found, x.relu())


def test_no_module():
    with pytest.raises(RecogError, match=r"expected a torch.nn.Module, got function"):
        import_torch(lambda x: x, torch.zeros(1))  # pyright: ignore


def test_no_archive(tmp_path):
    with pytest.raises(RecogError, match="no such file"):
        import_pt2(tmp_path / "net.pt2")
    damaged = tmp_path / "damaged.pt2"
    damaged.write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(RecogError, match="is not a torch.export archive"):
        import_pt2(damaged)


def test_damaged_archive(tmp_path):
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(tnn.Linear(64, 64), (torch.zeros(1, 64),)), path)
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda member: member.file_size)
    data = bytearray(path.read_bytes())
    data[largest.header_offset + largest.file_size // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(RecogError, match="net.pt2: damaged: the checksum of .* does not match"):
        import_pt2(path)


def test_parameters_without_numbers():
    model = tnn.Linear(4, 4).to("meta")
    with pytest.raises(RecogError, match='parameter "weight": is on the device "meta"'):
        import_torch(model, torch.randn(1, 4, device="meta"))


def test_outputs_that_are_constants_or_inputs():
    model = Function(lambda self, x: (x, torch.ones(1, 2)))
    module = import_torch(model, torch.randn(1, 4))
    x = torch.randn(1, 4)
    found = run_nn(module, x)
    assert torch.equal(found[0], x)
    assert torch.equal(found[1], torch.ones(1, 2))
