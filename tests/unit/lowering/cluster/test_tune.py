"""Tuning of codebooks: gradients as torch's, a lower loss, and nothing else touched."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from middle_networks import apply, images, ops_of, parse, residual
from torch.nn import functional as F
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.backend.arithmetic.reference.definition import decode, encode
from recog.backend.interpreters.nn_runner import NnRunner, run_nn
from recog.dialects import nn
from recog.dialects.cluster import LookupOp, lookup_index
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
from recog.lowering.cluster.tune_centroids import (
    LEAST_HELD_OUT,
    MEASURED,
    TuneCentroidsPass,
    tune,
)
from recog.lowering.cluster.tune_settings import TuneSettings
from recog.lowering.cluster.tuned_parameters import Parameter
from recog.lowering.cluster.tuner import StepPart, Tuner
from recog.lowering.common import batches
from recog.lowering.encode.constants import codebook_bias

QUICK = TuneSettings(epochs=5, batch=16, learning_rate=0.01)


def clustered(seed: int = 0) -> ModuleOp:
    settings = ClusterWeightsPass(centroids=8, scalar_centroids=4, table_share=100)
    return apply(residual(seed), settings)


def outputs(module: ModuleOp, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return run_nn(module, x)[0].numpy()


def constants(module: ModuleOp) -> dict[str, bytes]:
    """The bytes of every constant by its role."""
    found = {}
    for i, op in enumerate(ops_of(module, LookupOp)):
        for role in ("pointers", "codebook", "scales"):
            owner = getattr(op, role).owner
            found[f"{role}{i}"] = owner.value.content
    layers = [op for op in module.walk() if isinstance(op, nn.Conv2dOp | nn.LinearOp)]
    for i, op in enumerate(layers):
        if op.bias is not None:
            owner = op.bias.owner
            assert isinstance(owner, ConstantOp)
            found[f"bias{i}"] = owner.value.content
    return found


def test_the_loss_falls():
    x = images(64)
    teacher = outputs(residual(), x)
    module = clustered()
    before = ((outputs(module, x) - teacher) ** 2).mean()
    losses: list[float] = []
    settings = TuneSettings(epochs=20, batch=16, learning_rate=0.01)
    tune(module, [x], teacher, settings, progress=lambda share, loss: losses.append(loss))
    after = ((outputs(module, x) - teacher) ** 2).mean()
    assert after < 0.3 * before
    assert np.mean(losses[-4:]) < 0.3 * np.mean(losses[:4])
    assert len(losses) == 20 * 4


def test_of_many_examples_some_are_not_learned_from(monkeypatch: pytest.MonkeyPatch):
    """Random labels can be learned by heart alone: the loss of unseen examples rises."""
    random = np.random.default_rng(0)
    x, labels = images(LEAST_HELD_OUT), random.integers(0, 3, LEAST_HELD_OUT)
    seen: dict[str, set[bytes]] = {"loss": set(), "step_in_parts": set()}

    def watched(name: str):
        own = getattr(Tuner, name)

        def run(self: Tuner, parts: Iterable[StepPart]) -> float:
            parts = list(parts)
            frames = (np.asarray(frame) for part in parts for frame in part.inputs[0])
            seen[name] |= {frame.tobytes() for frame in frames}
            return own(self, parts)

        monkeypatch.setattr(Tuner, name, run)

    watched("loss")
    watched("step_in_parts")
    module = clustered()
    before = str(module)
    settings = TuneSettings(
        epochs=6, batch=16, learning_rate=0.05, loss="cross-entropy", reassign=1
    )
    (note,) = tune(module, [x], labels, settings)
    assert len(seen["loss"]) == MEASURED
    assert len(seen["step_in_parts"]) == LEAST_HELD_OUT - MEASURED
    assert not seen["loss"] & seen["step_in_parts"]
    assert "has not lowered its loss on examples that it did not learn from" in note.text
    assert str(module) == before


def test_pointers_and_scales_stay():
    x = images(16)
    module = clustered()
    before = constants(module)
    structure = [(op.name, str(op.location)) for op in module.walk()]
    tune(module, [x], outputs(residual(), x), QUICK)
    after = constants(module)
    changed = {role for role in before if before[role] != after[role]}
    assert {role.rstrip("0123456789") for role in changed} == {"codebook", "bias"}
    assert [(op.name, str(op.location)) for op in module.walk()] == structure


def test_the_same_in_every_run():
    x = images(16)
    modules = [clustered(), clustered()]
    for module in modules:
        tune(module, [x], outputs(residual(), x), QUICK)
    assert str(modules[0]) == str(modules[1])


SMALL = """
func.func @main(%x: tensor<1x4xf32>) -> tensor<1x3xf32> {
  %p0 = data.constant dense<[[0, 1], [2, 0], [1, 1], [2, 2]]> : tensor<4x2xui2>
  %c0 = data.constant dense<[[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]]> : tensor<3x2xf32>
  %s0 = data.constant dense<[1.0, 2.0, 0.5, 1.0]> : tensor<4xf32>
  %w0 = cluster.lookup %p0, %c0 scaled by %s0 {block = array<i64: 1, 2>}
    : (tensor<4x2xui2>, tensor<3x2xf32>, tensor<4xf32>) -> tensor<4x4xf32>
  %b0 = data.constant dense<[0.1, -0.2, 0.3, 0.0]> : tensor<4xf32>
  %0 = nn.linear %x, %w0, %b0
    : (tensor<1x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  %1 = nn.relu %0 : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %p1 = data.constant dense<[[0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]]> : tensor<3x4xui1>
  %c1 = data.constant dense<[[0.7], [-0.4]]> : tensor<2x1xf32>
  %w1 = cluster.lookup %p1, %c1 {block = array<i64: 1, 1>}
    : (tensor<3x4xui1>, tensor<2x1xf32>) -> tensor<3x4xf32>
  %2 = nn.linear %1, %w1 : (tensor<1x4xf32>, tensor<3x4xf32>) -> tensor<1x3xf32>
  func.return %2 : tensor<1x3xf32>
}
"""


class Twin:
    """The network SMALL, tuned by hand in torch."""

    def __init__(self):
        values = [[[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]], [[0.7], [-0.4]]]
        self.codebooks = [torch.tensor(value, requires_grad=True) for value in values]
        self.bias = torch.tensor([0.1, -0.2, 0.3, 0.0], requires_grad=True)
        self.pointers = [
            torch.tensor([[0, 1], [2, 0], [1, 1], [2, 2]]),
            torch.tensor([[0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]]),
        ]
        self.scales = torch.tensor([1.0, 2.0, 0.5, 1.0])

    @property
    def parameters(self) -> list[torch.Tensor]:
        return [self.codebooks[0], self.bias, self.codebooks[1]]

    def __call__(self, x: torch.Tensor, codebooks: list[torch.Tensor]) -> torch.Tensor:
        first = codebooks[0][self.pointers[0]].reshape(4, 4) * self.scales[:, None]
        second = codebooks[1][self.pointers[1]].reshape(3, 4)
        return F.linear(F.relu(F.linear(x, first, self.bias)), second)


def as_codes(codebook: torch.Tensor) -> torch.Tensor:
    """Rounded forward, the identity backward."""
    exact = codebook.detach().numpy()
    format = LnsFormat(8, 4, codebook_bias(exact, LnsFormat(8, 4)))
    return codebook + torch.from_numpy(decode(encode(exact, format), format, np.float32) - exact)


def small_constants(module: ModuleOp) -> list[np.ndarray]:
    lookups, layers = ops_of(module, LookupOp), ops_of(module, nn.LinearOp)
    values = [lookups[0].codebook, layers[0].bias, lookups[1].codebook]
    arrays = [constant_array(value) for value in values if value is not None]
    return [array for array in arrays if array is not None]


@pytest.mark.parametrize("loss", ["mse", "kl", "cross-entropy"])
def test_as_torch_tunes_a_twin(loss: str):
    """Step for step: the same data order, losses, optimizer and schedule."""
    random = np.random.default_rng(0)
    x = random.normal(0, 1, (10, 4)).astype(np.float32)
    targets = random.normal(0, 1, (10, 3)).astype(np.float32)
    if loss == "cross-entropy":
        targets = random.integers(0, 3, 10)
    settings = TuneSettings(
        epochs=3,
        batch=4,
        learning_rate=0.05,
        loss=loss,
        seed=7,
        warm_up=0,
        clip=0,
        tune_scales=False,
    )
    module = parse(SMALL)
    losses: list[float] = []
    tune(module, [x], targets, settings, progress=lambda _, loss: losses.append(loss))

    twin = Twin()
    optimizer = torch.optim.Adam(twin.parameters, lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3 * 3)
    generator = torch.Generator().manual_seed(7)
    wanted = torch.from_numpy(targets)
    expected: list[float] = []
    for _ in range(3):
        for chosen in torch.randperm(10, generator=generator).split(4):
            codebooks = [as_codes(codebook) for codebook in twin.codebooks]
            y, t = twin(torch.from_numpy(x)[chosen], codebooks), wanted[chosen]
            if loss == "mse":
                value = F.mse_loss(y, t) / wanted.var(correction=0)
            elif loss == "kl":
                logs = y.log_softmax(1), t.log_softmax(1)
                value = F.kl_div(*logs, log_target=True, reduction="batchmean")
            else:
                value = F.cross_entropy(y, t)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            schedule.step()
            expected.append(value.item())
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for found, parameter in zip(small_constants(module), twin.parameters):
        np.testing.assert_allclose(found, parameter.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_every_used_centroid_gets_a_gradient():
    module = clustered()
    values: dict[SSAValue, torch.Tensor] = {}
    for op in ops_of(module, LookupOp):
        array = constant_array(op.codebook)
        assert array is not None
        values[op.codebook] = torch.tensor(array.copy(), requires_grad=True)
    (y,) = run_nn(module, images(8), constants=values)  # pyright: ignore[reportArgumentType]
    (y**2).sum().backward()
    for op in ops_of(module, LookupOp):
        gradient = values[op.codebook].grad
        assert gradient is not None
        pointers = constant_array(op.pointers)
        assert pointers is not None
        used = np.unique(lookup_index(pointers, op.block.get_values()))
        nonzero = np.flatnonzero(gradient.reshape(-1).numpy())
        # All but what only meets inputs that a relu has turned to zero.
        assert set(nonzero) <= set(used.tolist())
        assert len(nonzero) > 0.9 * len(used)


def test_straight_through_rounding():
    """Forward the nearest codes, backward the identity."""
    tensor = torch.tensor([[1.0, 1.03], [-0.3, 0.0]], requires_grad=True)
    parameter = Parameter(None, tensor, LnsFormat(8, 4))  # pyright: ignore
    rounded = parameter.rounded()
    expected = [[1.0, 2 ** (1 / 16)], [-(2 ** (-28 / 16)), 0.0]]
    np.testing.assert_allclose(rounded.detach().numpy(), expected, rtol=1e-6)
    (rounded * torch.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert tensor.grad is not None
    assert tensor.grad.tolist() == [[1, 2], [3, 4]]


def test_centroids_may_grow():
    """A centroid that grows takes the codes' range with it, in the step in which it does."""
    tensor = torch.tensor([[1.0, -0.5]], requires_grad=True)
    parameter = Parameter(None, tensor, LnsFormat(8, 4))  # pyright: ignore
    for _ in range(5):
        assert parameter.rounded()[0, 0] == tensor[0, 0]
        with torch.no_grad():
            tensor[0, 0] *= 4


def test_biases_are_not_rounded():
    tensor = torch.tensor([1.03])
    parameter = Parameter(None, tensor, None)  # pyright: ignore
    assert parameter.rounded() is tensor


def test_tuned_for_the_codes_of_the_chip():
    """Coarser codes give another, larger final loss: the rounding is seen in the forward pass."""
    x = images(32)
    teacher = outputs(residual(), x)

    def final_loss(width: int, frac: int) -> float:
        losses: list[float] = []
        settings = TuneSettings(
            epochs=4, batch=32, learning_rate=1e-4, weight_width=width, weight_frac=frac
        )
        tune(clustered(), [x], teacher, settings, progress=lambda _, loss: losses.append(loss))
        return losses[-1]

    assert final_loss(4, 0) > 1.2 * final_loss(8, 4)


@pytest.mark.parametrize(
    "inputs,targets,message",
    [
        ([images(3)], np.zeros((2, 3), np.float32), "tuning needs arrays of as many frames"),
        ([], np.zeros((2, 3), np.float32), "@main takes 1 input, got 0"),
        ([images(3)], np.float32(0), "tuning needs arrays of as many frames"),
        ([images(0)], np.zeros((0, 3), np.float32), "tuning needs arrays of as many frames"),
        ([images(3)], np.zeros((3, 4), np.float32), r"targets have shape \[4\] each, the .* \[3\]"),
        ([images(3)], np.zeros((3, 1), np.float32), r"targets have shape \[1\] each, the .* \[3\]"),
        ([images(3)], np.full((3, 3), np.nan), "the array targets holds NaN or infinity in frame"),
        ([images(3) * np.inf], np.zeros((3, 3)), "input 0: holds NaN or infinity"),
        ([images(3)[:, :1]], np.zeros((3, 3)), r"input 0: has shape \[1, 1, 6, 6\]"),
        ([images(3).astype(str)], np.zeros((3, 3)), "input 0: holds <U32, not numbers"),
        ([images(3)], np.array([["a"] * 3] * 3), "targets hold <U1, not numbers"),
        ([images(3)], np.array([0, 1, 3]), "labels are from 0 to 3, the output has 3 classes"),
        ([images(3)], np.array([0, -1, 2]), "labels are from -1 to 2, the output has 3 classes"),
        ([images(3)], np.array([[0], [1], [2]]), r"labels have shape \[1\] each, the .* \[\]"),
    ],
)
def test_bad_data(inputs: list[np.ndarray], targets: np.ndarray, message: str):
    with pytest.raises(RecogError, match=message):
        tune(clustered(), inputs, targets, QUICK)


def test_labels_of_any_integer_type():
    x = images(8)
    for dtype in (np.uint8, np.uint16, np.int32, np.int64, bool):
        tune(clustered(), [x], np.zeros(8, dtype), TuneSettings(epochs=1, batch=8))


@pytest.mark.parametrize(
    "loss,targets", [("mse", np.zeros(8, int)), ("cross-entropy", np.zeros((8, 3)))]
)
def test_losses_that_do_not_fit(loss: str, targets: np.ndarray):
    with pytest.raises(RecogError, match=f"loss {loss} does not fit"):
        tune(clustered(), [images(8)], targets, TuneSettings(loss=loss))


def test_nothing_to_tune():
    with pytest.raises(RecogError, match="the module has no codebook to tune\n.*cluster-weights"):
        tune(residual(), [images(8)], np.zeros((8, 3), np.float32), QUICK)


def test_values_that_no_rate_is_low_enough_for():
    """Later steps ask for a lower rate, see test_tuning."""
    settings = TuneSettings(epochs=1, batch=8, learning_rate=1e-9)
    with pytest.raises(RecogError, match="diverged in step 1\n  hint: inputs, targets or weights"):
        tune(clustered(), [images(8) * 1e18], np.zeros((8, 3), np.float32), settings)


@pytest.mark.parametrize(
    "option,value,message",
    [
        ("epochs", 0, "option epochs must be in"),
        ("batch", 0, "option batch must be in"),
        ("learning_rate", -1.0, "option learning-rate must be in"),
        ("weight_width", 1, "option weight-width must be in"),
        ("weight_frac", 13, "option weight-frac must be in"),
        ("seed", -1, "option seed must be in"),
        ("loss", "l1", "option loss must be one of auto, mse, kl, cross-entropy, got l1"),
    ],
)
def test_bad_options(option: str, value: object, message: str):
    with pytest.raises(RecogError, match=message):
        TuneCentroidsPass(data="x.npz", **{option: value})  # pyright: ignore


def test_the_pass_reads_its_data(tmp_path: Path):
    path = tmp_path / "data.npz"
    x = images(8)
    np.savez(path, inputs=x, targets=outputs(residual(), x))
    by_pass = apply(clustered(), TuneCentroidsPass(data=str(path), epochs=2))
    by_call = clustered()
    tune(by_call, [x], outputs(residual(), x), TuneSettings(epochs=2))
    assert str(by_pass) == str(by_call)
    np.savez(path, inputs=x)
    with pytest.raises(RecogError, match="has no array named targets\n  hint: it has inputs"):
        apply(clustered(), TuneCentroidsPass(data=str(path)))


def test_a_step_in_parts_is_a_step(monkeypatch: pytest.MonkeyPatch):
    """Frames too large for one batch run in parts, whose gradients add up."""
    x = images(20)
    targets, settings = outputs(residual(), x), TuneSettings(epochs=2, batch=16)
    whole: list[float] = []
    parts: list[float] = []
    tune(clustered(), [x], targets, settings, progress=lambda _, loss: whole.append(loss))
    sizes: list[int] = []
    monkeypatch.setattr(batches, "STEP_BYTES", 3 * 2 * held_bytes())
    run = NnRunner.__call__

    def watched(self: NnRunner, *inputs: torch.Tensor, **more: object):
        sizes.append(len(inputs[0]))
        return run(self, *inputs, **more)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(NnRunner, "__call__", watched)
    tune(clustered(), [x], targets, settings, progress=lambda _, loss: parts.append(loss))
    np.testing.assert_allclose(parts, whole, rtol=1e-4)
    before = after = [*[3] * (len(x) // 3), len(x) % 3]
    assert sizes == [1, *before, *[3, 3, 3, 3, 3, 1, 3, 1] * 2, *after]


def test_values_computed_anew_for_the_gradient_change_no_bit(monkeypatch: pytest.MonkeyPatch):
    """Frames whose values do not fit in memory are run in parts of the network."""
    x, settings = images(4), TuneSettings(epochs=2, batch=1)
    tuned = [clustered(), clustered()]
    tune(tuned[0], [x], outputs(residual(), x), settings)
    run: list[bool] = []
    conv2d = F.conv2d

    def watched(*arguments: Any) -> torch.Tensor:
        run.append(torch.is_grad_enabled())
        return conv2d(*arguments)

    monkeypatch.setattr(batches, "STEP_BYTES", 1)
    monkeypatch.setattr(F, "conv2d", watched)
    tune(tuned[1], [x], outputs(residual(), x), settings)
    assert str(tuned[0]) == str(tuned[1])
    assert sum(run) > 8 * len(ops_of(tuned[1], nn.Conv2dOp))


def test_a_teacher_gives_what_arrays_would(monkeypatch: pytest.MonkeyPatch):
    """Where the targets of all frames do not fit in memory, each step computes its own."""
    x, settings = images(20), TuneSettings(epochs=2, batch=8)
    known: list[float] = []
    taught: list[float] = []
    tune(clustered(), [x], outputs(residual(), x), settings, progress=lambda _, y: known.append(y))
    calls: list[int] = []

    def teacher(inputs: np.ndarray) -> tuple[torch.Tensor]:
        calls.append(len(inputs))
        return (torch.from_numpy(outputs(residual(), inputs)),)

    tune(clustered(), [x], teacher, settings, progress=lambda _, loss: taught.append(loss))
    np.testing.assert_allclose(taught, known, rtol=1e-4)
    assert calls == [20, 20, *[8, 8, 4] * 2, 20]


def held_bytes() -> int:
    """What all values of one frame take."""
    shapes = [nn.shape_of(op.output) for op in ops_of(clustered(), nn.NnOp)]
    return sum(4 * int(np.prod(shape)) for shape in shapes)


def test_scales_keep_their_steps():
    """The chip has channel scales as offsets of a code: powers of 2^(1/2^weight-frac)."""
    x = images(32)
    module = clustered()
    before = [constant_array(op.scales) for op in ops_of(module, LookupOp) if op.scales is not None]
    settings = TuneSettings(epochs=10, batch=16, learning_rate=0.03)
    tune(module, [x], 3 * outputs(residual(), x), settings)
    after = [constant_array(op.scales) for op in ops_of(module, LookupOp) if op.scales is not None]
    assert before
    assert any((a != b).any() for a, b in zip(after, before) if a is not None)
    for scales in after:
        assert scales is not None
        steps = np.log2(scales.astype(np.float64)) * 2**settings.weight_frac
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)


def test_weights_that_stay_dense_are_tuned():
    x = images(32)
    module = apply(residual(), ClusterWeightsPass(centroids=8, dense_fan_in=9, table_share=100))
    dense = [op for op in ops_of(module, nn.LayerOp) if isinstance(op.weight.owner, ConstantOp)]
    before = [constant_array(op.weight) for op in dense]
    tune(module, [x], outputs(residual(), x), QUICK)
    after = [constant_array(op.weight) for op in dense]
    assert before
    assert all((a != b).any() for a, b in zip(after, before) if a is not None)


def regression() -> tuple[np.ndarray, torch.Tensor]:
    """Inputs and targets of SMALL, noise in these."""
    random = np.random.default_rng(0)
    x = random.normal(0, 1, (64, 4)).astype(np.float32)
    (y,) = run_nn(parse(SMALL), x)
    noise = torch.from_numpy(random.normal(0, 1, y.shape).astype(np.float32))
    return x, y.detach() + noise


def test_one_bad_batch_does_little():
    """Its gradient is a million times as long as usual, and is cut."""
    x, targets = regression()

    def error(clip: float) -> float:
        module = parse(SMALL)
        settings = TuneSettings(clip=clip, learning_rate=0.01)
        tuner = Tuner(module, settings, 60)
        for step in range(40):
            wanted = targets + (1e6 if step == 20 else 0)
            tuner.step([x], lambda y, wanted=wanted: F.mse_loss(y[0], wanted))
        tuner.store()
        return float(F.mse_loss(run_nn(module, x)[0], targets))

    assert error(2.0) < 0.98 * error(0.0)
