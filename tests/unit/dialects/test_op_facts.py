"""Every op of nn and lns states what it is, and is what it states."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from middle_networks import parse
from xdsl.dialects.builtin import ModuleOp, f64, i1, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from recog.backend.interpreters.lns import run_lns
from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import lns, nn
from recog.dialects.data import ConstantOp
from recog.dialects.facts import Kind, Sign
from recog.dialects.tensors import element_type_of, shape_of
from recog.dialects.verification import verify_module

ROOT = Path(__file__).resolve().parents[3]
NN_OPS = list(nn.Nn.operations)
LNS_OPS = list(lns.Lns.operations)

FACTS = {"KIND": Kind, "SIGN": Sign, "ABSORBS_ACTIVATION": bool, "WIDE": tuple}


def overrides(op: type[nn.NnOp], name: str) -> bool:
    return getattr(op, name) is not getattr(nn.NnOp, name)


@pytest.mark.parametrize("op", NN_OPS, ids=lambda op: op.name)
def test_every_nn_op_states_its_facts(op: type[nn.NnOp]):
    for name, type_ in FACTS.items():
        assert isinstance(getattr(op, name, None), type_), f"{op.name} does not state {name}"
    assert overrides(op, "keeps_batch"), f"{op.name} does not say whether it keeps the batch"
    assert overrides(op, "infer_shape")
    has_rule = overrides(op, "never_negative")
    assert has_rule == (op.SIGN is Sign.BY_RULE), f"{op.name}: a rule for its sign, or none"
    definition = op.get_irdl_definition()
    named = {name for name, _ in (*definition.operands, *definition.results)}
    assert named.issuperset(op.WIDE)
    if issubclass(op, nn.WeightedOp):
        assert isinstance(getattr(op, "CHANNEL_AXIS", None), int)


@pytest.mark.parametrize("op", LNS_OPS, ids=lambda op: op.name)
def test_every_lns_op_states_its_facts(op: type[lns.LnsOp]):
    assert isinstance(getattr(op, "KIND", None), Kind), f"{op.name} does not state KIND"
    constants = getattr(op, "CONSTANTS", None)
    assert isinstance(constants, tuple), f"{op.name} does not state CONSTANTS"
    assert op.infer_shape is not lns.LnsOp.infer_shape
    assert {name for name, _ in op.get_irdl_definition().operands}.issuperset(constants)


def test_the_dialects_hold_the_ops_of_their_families():
    for dialect, base, ops in (("nn", nn.NnOp, NN_OPS), ("lns", lns.LnsOp, LNS_OPS)):
        assert all(issubclass(op, base) for op in ops)
        defined = {
            node.name
            for path in (ROOT / "dialects" / dialect).glob("*.py")
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.ClassDef)
            and "irdl_op_definition" in (ast.unparse(each) for each in node.decorator_list)
        }
        assert {op.__name__ for op in ops} == defined


# What an op states is checked on examples: operands, by shape or as arrays, and the op of them.

Build = Callable[..., Operation]
Given = tuple[int, ...] | np.ndarray
IMAGE = (2, 4, 6, 6)
CELLS = np.array([[0, 5, 14], [3, 20, 9]])
MASK = np.arange(48).reshape(2, 4, 6) % 3 == 0


def unary(build: Build) -> tuple[Build, list[Given]]:
    return build, [(2, 4, 6)]


def binary(build: Build) -> tuple[Build, list[Given]]:
    return build, [(2, 4, 6), (2, 4, 6)]


EXAMPLES: list[tuple[Build, Sequence[Given]]] = [
    *map(
        unary,
        (
            nn.AbsOp, nn.CosOp, nn.EluOp, nn.ErfOp, nn.ExpOp, nn.Expm1Op, nn.FloorOp, nn.GeluOp,
            nn.HardsigmoidOp, nn.HardswishOp, nn.LeakyReluOp, nn.Log1pOp, nn.LogOp, nn.NegOp,
            nn.ReluOp, nn.RsqrtOp, nn.SigmoidOp, nn.SiluOp, nn.SinOp, nn.SoftplusOp, nn.SqrtOp,
            nn.TanhOp,
        ),
    ),
    *map(
        binary,
        (
            nn.AddOp, nn.Atan2Op, nn.DivOp, nn.FloorDivideOp, nn.MaximumOp, nn.MinimumOp, nn.MulOp,
            nn.PowerOp, nn.RemainderOp, nn.SubOp,
        ),
    ),
    unary(lambda x: nn.ClampOp(x, 0.0, 0.5)),
    unary(lambda x: nn.ClampOp(x, -0.5, 0.5)),
    unary(lambda x: nn.ClampOp(x, -0.5, -0.1)),
    unary(lambda x: nn.PowOp(x, 2.0)),
    unary(lambda x: nn.PowOp(x, 3.0)),
    unary(lambda x: nn.PowOp(x, -1.0)),
    unary(lambda x: nn.SoftplusOp(x, -1.5)),
    unary(lambda x: nn.EluOp(x, -1.5)),
    unary(lambda x: nn.LeakyReluOp(x, -0.5)),
    unary(lambda x: nn.MulOp(x, x)),
    unary(lambda x: nn.ConvertOp(x, f64)),
    unary(lambda x: nn.SoftmaxOp(x, 1)),
    unary(lambda x: nn.SoftmaxOp(x, 0)),
    unary(lambda x: nn.ArgmaxOp(x, 1)),
    unary(lambda x: nn.TopkIndicesOp(x, 3, 2)),
    unary(lambda x: nn.SumOp(x, [1])),
    unary(lambda x: nn.SumOp(x, [0])),
    unary(lambda x: nn.MaxOp(x, [2])),
    unary(lambda x: nn.MeanOp(x, [1, 2])),
    unary(lambda x: nn.ReshapeOp(x, (2, 24))),
    unary(lambda x: nn.ReshapeOp(x, (48,))),
    unary(lambda x: nn.PermuteOp(x, (0, 2, 1))),
    unary(lambda x: nn.PermuteOp(x, (1, 0, 2))),
    unary(lambda x: nn.SliceOp(x, (0, 1, 0), (2, 4, 5), (1, 2, 1))),
    unary(lambda x: nn.BroadcastOp(x, (3, 2, 4, 6))),
    binary(lambda x, y: nn.CompareOp(x, y, "lt")),
    binary(lambda x, y: nn.ConcatOp([x, y], 1)),
    binary(lambda x, y: nn.ConcatOp([x, y], 0)),
    (nn.WhereOp, [MASK, (2, 4, 6), (2, 4, 6)]),
    (lambda x, i: nn.GatherOp(x, i, 1), [(2, 8), np.array([[0, 7, 3], [1, 1, 6]])]),
    (nn.TakeOp, [(5, 3), np.array([[0, 4], [2, 2]])]),
    (nn.MatmulOp, [(2, 4, 5), (5, 3)]),
    (lambda q, k, v: nn.AttentionOp(q, k, v, scale=0.5),
     [(2, 4, 3), (2, 5, 3), (2, 5, 6)]),
    (lambda x, y: nn.CorrelationOp(x, y, 3), [IMAGE, IMAGE]),
    (nn.ExpectationOp, [IMAGE, (4,), (2, 1, 6, 6)]),
    (nn.ExpectationOp, [IMAGE, (4,)]),
    (lambda x, w, b: nn.Conv2dOp(x, w, b, padding=(1, 1, 1, 1)), [IMAGE, (4, 4, 3, 3), (4,)]),
    (lambda x, w: nn.Conv3dOp(x, w), [(2, 4, 3, 6, 6), (3, 4, 2, 3, 3)]),
    (lambda x, w: nn.ConvTranspose2dOp(x, w, strides=(2, 2)), [IMAGE, (3, 4, 2, 2)]),
    (nn.LinearOp, [(2, 6), (6, 6), (6,)]),
    (nn.BatchNormOp, [IMAGE, (4,), (4,), (4,), np.array([0.5, 1.0, 2.0, 3.0])]),
    (nn.LayerNormOp, [(2, 4, 6), (6,), (6,)]),
    (lambda x, s, b: nn.GroupNormOp(x, s, b, 2), [IMAGE, (4,), (4,)]),
    (lambda x: nn.MaxPool2dOp(x, (3, 3), padding=(1, 1, 1, 1)), [IMAGE]),
    (lambda x: nn.AvgPool2dOp(x, (3, 3), padding=(1, 1, 1, 1)), [IMAGE]),
    (lambda x: nn.ResizeOp(x, (9, 12), "nearest"), [IMAGE]),
    (lambda x: nn.ResizeOp(x, (9, 12), "bilinear"), [IMAGE]),
    (lambda x: nn.PadOp(x, (1, 0, 2, 1)), [IMAGE]),
    (lambda x: nn.PadOp(x, (1, 0, 2, 1), -0.5), [IMAGE]),
    (lambda x: nn.PeaksOp(x, 5), [IMAGE]),
    (lambda x: nn.PeaksOp(x, 5, sigmoid=True), [IMAGE]),
    (lambda i, o, s: nn.DecodeBoxes2dOp(i, o, s, 4.0), [CELLS, (2, 2, 6, 6), (2, 2, 6, 6)]),
    (
        lambda i, d, b: nn.DecodeBoxes3dOp(i, d, b, 4.0, (50.0, 3.0, 3.0, 0.5), (1.5, 1.7, 4.2)),
        [CELLS, (2, 1, 6, 6), (2, 7, 6, 6)],
    ),
    (lambda b, s, i: nn.SuppressOp(b, s, i, 36, 0.5), [(2, 3, 4), (2, 3), CELLS]),
]  # fmt: skip


class Example:
    """An op, and what it gives for arrays of its operands."""

    def __init__(self, build: Build, given: Sequence[Given]):
        self.build = build
        self.given = given
        self.op = self._built(self.arrays(np.random.default_rng(0)))[1]

    def arrays(self, random: np.random.Generator) -> list[np.ndarray]:
        """Operands of either sign, given ones as they are."""
        return [
            each if isinstance(each, np.ndarray) else random.standard_normal(each)
            for each in self.given
        ]

    def _built(self, arrays: Sequence[np.ndarray]) -> tuple[ModuleOp, nn.NnOp]:
        types = {"i": i64, "b": i1, "f": f64}
        constants = [ConstantOp.from_array(a, types[a.dtype.kind]) for a in arrays]
        op = self.build(*(constant.output for constant in constants))
        assert isinstance(op, nn.NnOp)
        block = Block([*constants, op, ReturnOp(op.output)])
        module = ModuleOp([FuncOp("main", ([], [op.output.type]), Region(block))])
        verify_module(module)
        return module, op

    def run(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        (result,) = run_nn(self._built(arrays)[0])
        return np.asarray(result)


@pytest.fixture(params=EXAMPLES, ids=lambda each: Example(*each).op.name, scope="module")
def example(request: pytest.FixtureRequest) -> Example:
    return Example(*request.param)


def test_every_nn_op_has_an_example():
    assert {type(Example(*each).op) for each in EXAMPLES} == set(NN_OPS)


def test_signs(example: Example):
    """What is never negative, of any operands and of those that are not, is not."""
    random = np.random.default_rng(1)

    def lowest(positive: Callable[[SSAValue], bool], scale: float) -> float:
        arrays = [
            a if a.dtype.kind != "f" else scale * (abs(a) if positive(value) else a)
            for value, a in zip(example.op.operands, example.arrays(random))
        ]
        with np.errstate(all="ignore"):
            return float(np.nanmin(example.run(arrays)))

    for known in (lambda _: False, lambda _: True):
        if example.op.never_negative(known):
            assert min(lowest(known, scale) for scale in (0.1, 1.0, 1.0, 10.0, 10.0)) >= 0
    assert example.op.SIGN is not Sign.NEVER_NEGATIVE or example.op.never_negative(lambda _: False)


def test_elementwise_ops_are_those_that_take_elements_in_any_order(example: Example):
    random = np.random.default_rng(2)
    arrays = example.arrays(random)
    result = example.run(arrays)
    if not all(a.shape == result.shape for a in arrays):
        assert example.op.KIND is not Kind.ELEMENTWISE
        return
    order = random.permutation(result.size)
    moved = example.run([a.reshape(-1)[order].reshape(a.shape) for a in arrays])
    same = np.allclose(moved.reshape(-1), result.reshape(-1)[order], equal_nan=True)
    assert same == (example.op.KIND is Kind.ELEMENTWISE)


def test_what_keeps_formats_computes_no_element(example: Example):
    if not example.op.KIND.keeps_format:
        return
    arrays = example.arrays(np.random.default_rng(3))
    there = np.concatenate([a.reshape(-1) for a in arrays])
    if isinstance(example.op, nn.PadOp):
        there = np.append(there, example.op.value.value.data)
    assert np.isin(example.run(arrays), there).all()


def test_sums_and_interpolations_are_linear(example: Example):
    if example.op.KIND not in (Kind.SUMS, Kind.INTERPOLATES):
        return
    first, *others = example.arrays(np.random.default_rng(4))
    at_zero = example.run([np.zeros_like(first), *others])
    once, twice = (example.run([factor * first, *others]) - at_zero for factor in (1, -2))
    np.testing.assert_allclose(twice, -2 * once, atol=1e-12)
    assert abs(once).max() > 0


def test_factors_of_channels_are_kept(example: Example):
    if not example.op.keeps_channel_factors():
        return
    random = np.random.default_rng(6)
    arrays = example.arrays(random)
    channels = {a.shape[1] for a in arrays}
    assert len(channels) == 1
    factors = 2.0 ** random.integers(-3, 4, channels.pop())

    def scaled(array: np.ndarray) -> np.ndarray:
        return array * factors.reshape(-1, *[1] * (array.ndim - 2))

    np.testing.assert_array_equal(example.run([*map(scaled, arrays)]), scaled(example.run(arrays)))


def test_an_image_is_computed_by_itself_where_the_batch_is_kept(example: Example):
    arrays = example.arrays(np.random.default_rng(5))
    with_batch = [a.shape[0] == 2 for a in arrays]
    if not any(with_batch) or not example.op.keeps_batch(with_batch):
        return
    others = example.arrays(np.random.default_rng(6))
    changed = [
        np.concatenate([a[:1], b[1:]]) if batch else a
        for a, b, batch in zip(arrays, others, with_batch)
    ]
    np.testing.assert_array_equal(example.run(arrays)[0], example.run(changed)[0])


def test_what_keeps_digits_passes_on_relative_errors(example: Example):
    """The result is off by a thousandth where the first operand is, or all that are moved are."""
    op = example.op
    if not op.keeps_digits() or op.operands[0] in op.operands[1:]:
        return
    arrays = example.arrays(np.random.default_rng(7))
    first = next(i for i, a in enumerate(arrays) if a.dtype.kind == "f")
    wrong = [
        1.001 * a if a.dtype.kind == "f" and (i == first or op.KIND.keeps_format) else a
        for i, a in enumerate(arrays)
    ]
    before, after = example.run(arrays), example.run(wrong)
    counts = before != (op.value.value.data if isinstance(op, nn.PadOp) else 0)
    ratio = after[counts] / before[counts]
    assert np.allclose(ratio, 1.001) or np.allclose(ratio, 1 / 1.001)


# Ops of lns are examined where the tests of their text have them.

TEXTS = ROOT / "tests" / "filecheck" / "dialects" / "lns"
# Files of errors hold text that is not valid.
FILES = sorted(path for path in TEXTS.rglob("*.mlir") if "invalid" not in path.stem)
LNS_EXAMPLES = [
    op
    for file in FILES
    for part in file.read_text().split("// -----")
    for op in parse(part).walk()
    if isinstance(op, lns.LnsOp)
]


def test_every_lns_op_has_an_example():
    assert {type(op) for op in LNS_EXAMPLES} == set(LNS_OPS)


@pytest.mark.parametrize("op", LNS_EXAMPLES, ids=lambda op: op.name)
def test_operands_are_maps_or_constants(op: lns.LnsOp):
    constants = list(op.constant_operands.values())
    assert [v for v in op.operands if v not in constants] == op.map_operands
    assert set(constants).isdisjoint(op.map_operands)
    assert set(op.constant_operands) <= set(op.CONSTANTS)


def elements(value: SSAValue, random: np.random.Generator) -> np.ndarray:
    """Random codes, fixed-point or floating-point numbers, as the value's type wants."""
    element, shape = element_type_of(value), shape_of(value)
    if isinstance(element, lns.NumberType):
        codes = random.integers(0, 1 << element.format.width, shape).astype(element.format.dtype)
        codes[element.format.illegal_codes(codes)] = 0
        return codes
    if element == nn.PIXEL_TYPE:
        return random.integers(0, 256, shape).astype(np.uint8)
    if isinstance(element, lns.FixedType):
        return random.integers(-(1 << 20), 1 << 20, shape).astype(np.int32)
    return random.standard_normal(shape).astype(np.float32)


def run_lns_op(op: lns.LnsOp, arrays: Sequence[np.ndarray]) -> np.ndarray:
    constants = [
        ConstantOp.from_array(array, element_type_of(value))
        for array, value in zip(arrays, op.operands)
    ]
    values = {old: new.output for old, new in zip(op.operands, constants)}
    copy = op.clone(value_mapper=dict(values))
    types = [result.type for result in copy.results]
    block = Block([*constants, copy, ReturnOp(*copy.results)])
    module = ModuleOp([FuncOp("main", ([], types), Region(block))])
    return np.asarray(run_lns(module)[0])


def is_plain(op: lns.LnsOp) -> bool:
    """Whether no operand broadcasts or has biases or tables by channel: all places are alike."""
    if isinstance(op, lns.DecodeOp) and op.biases is not None:
        return False
    return not (isinstance(op, lns.TableOp) and op.axis is not None) and all(
        shape_of(value) == shape_of(op.results[0])
        and (not lns.holds_codes(value) or lns.format_of(value).axis is None)
        for value in op.map_operands
    )


ELEMENTWISE = [op for op in LNS_EXAMPLES if op.KIND is Kind.ELEMENTWISE and is_plain(op)]


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_elementwise_ops_on_codes_take_elements_in_any_order(op: lns.LnsOp):
    random = np.random.default_rng(8)
    arrays = [elements(value, random) for value in op.operands]
    result = run_lns_op(op, arrays)
    order = random.permutation(result.size)
    moved = [
        array.reshape(-1)[order].reshape(array.shape) if value in op.map_operands else array
        for value, array in zip(op.operands, arrays)
    ]
    np.testing.assert_array_equal(run_lns_op(op, moved).reshape(-1), result.reshape(-1)[order])


def test_every_elementwise_op_on_codes_was_tried():
    kinds = {op: op.KIND for op in LNS_OPS if issubclass(op, lns.LnsOp)}
    assert len(kinds) == len(LNS_OPS)
    elementwise = {op for op, kind in kinds.items() if kind is Kind.ELEMENTWISE}
    assert {type(op) for op in ELEMENTWISE} == elementwise


@pytest.mark.parametrize(
    "op", [op for op in LNS_EXAMPLES if op.KIND.keeps_format], ids=lambda op: op.name
)
def test_what_keeps_formats_on_codes_computes_no_code(op: lns.LnsOp):
    arrays = [elements(value, np.random.default_rng(9)) for value in op.operands]
    there = np.concatenate([np.zeros(1, arrays[0].dtype), *(a.reshape(-1) for a in arrays)])
    assert np.isin(run_lns_op(op, arrays), there).all()
    assert all(lns.format_of(v) == lns.format_of(op.results[0]) for v in op.operands)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "lowering").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_no_pass_lists_ops_that_share_a_fact(path: Path):
    """Three classes or more in an alternative are a list; what they share is theirs to say."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.MatchOr):
            names = [ast.unparse(each) for each in node.patterns]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            names = ast.unparse(node).split(" | ")
        elif isinstance(node, ast.Tuple):
            names = [ast.unparse(each) for each in node.elts]
        else:
            continue
        ops = [name for name in names if name.removesuffix("()").endswith("Op")]
        assert len(ops) < 3, f"{path}:{node.lineno}: {', '.join(ops)}"
