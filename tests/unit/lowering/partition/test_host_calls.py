"""Networks with work for the host at the input, in the middle and at the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from recog.backend.interpreters.nn_runner import NnRunner
from recog.backend.machine import Machine
from recog.backend.split_network import HostPlan, SplitNetwork
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function, nn_ops
from recog.frontend.torch.importer import import_torch
from recog.lowering.check.compare_layers import sqnr_db
from recog.lowering.check.float_network import FloatNetwork
from recog.lowering.partition.join import join
from recog.lowering.partition.partition import boundary_lines, partition, split_modules
from recog.lowering.pipeline import Conversion, ConversionOptions, convert, fold_network
from recog.tools.cli.main import main
from recog.tools.module_files import write_module
from recog.tools.report.compare_bits import compare_bits
from recog.tools.report.levels import measure_levels


class Network(nn.Module):
    def __init__(self, forward: Callable[..., Any], **modules: nn.Module):
        super().__init__()
        self.function = forward
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, *x: Tensor) -> Any:
        return self.function(self, *x)


def conv(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


def ordered(x: Tensor) -> Tensor:
    """Something that no chip does: each row in its order."""
    return x.sort(-1)[0]


def attention(m: Any, x: Tensor) -> Tensor:
    q, k, v = m.qkv(x).reshape(x.shape[0], 16, 3, 2, 8).permute(2, 0, 3, 1, 4).unbind(0)
    y = F.scaled_dot_product_attention(q, k, v)
    return x + m.out(y.transpose(1, 2).reshape(x.shape[0], 16, 16))


def hybrid(m: Any, x: Tensor) -> Tensor:
    y = F.relu(m.stem(x))
    tokens = attention(m, y.flatten(2).transpose(1, 2))
    return m.head(tokens.transpose(1, 2).reshape(x.shape[0], 16, 4, 4))


ATTENTION: dict[str, nn.Module] = {"qkv": nn.Linear(16, 48), "out": nn.Linear(16, 16)}
IMAGE = (1, 3, 4, 4)
# name: the network, the shapes of its inputs, calls of the host but the last
NETWORKS: dict[str, tuple[nn.Module, list[tuple[int, ...]], int]] = {
    "input": (Network(lambda m, x: m.a(ordered(x)), a=conv(3, 4)), [IMAGE], 1),
    "middle": (
        Network(lambda m, x: m.b(ordered(F.relu(m.a(x)))), a=conv(3, 4), b=conv(4, 5)),
        [IMAGE],
        1,
    ),
    "end": (Network(lambda m, x: ordered(m.a(x)), a=conv(3, 4)), [IMAGE], 0),
    "everywhere": (
        Network(
            lambda m, x: ordered(m.b(ordered(F.relu(m.a(ordered(x)))))), a=conv(3, 4), b=conv(4, 5)
        ),
        [IMAGE],
        2,
    ),
    "skips": (
        Network(
            lambda m, x: (lambda y: m.b(torch.cat([ordered(y), y, ordered(x)], 1)) + y)(m.a(x)),
            a=conv(3, 4),
            b=conv(11, 4),
        ),
        [IMAGE],
        1,
    ),
    "later use": (
        Network(
            lambda m, x: (lambda r: ordered(m.b(m.a(r))) + r[:, :1])(ordered(x)),
            a=conv(3, 4),
            b=conv(4, 3),
        ),
        [IMAGE],
        1,
    ),
    "attention": (
        Network(hybrid, stem=conv(3, 16), head=conv(16, 4), **ATTENTION),
        [IMAGE],
        1,
    ),
    "two inputs": (
        Network(lambda m, x, y: m.b(m.a(x) * ordered(y)), a=conv(3, 4), b=conv(4, 3)),
        [IMAGE, (1, 4, 4, 4)],
        1,
    ),
    "unused": (Network(lambda m, x, y: m.a(y), a=conv(3, 4)), [IMAGE, IMAGE], 0),
    "little left": (Network(lambda m, x: ordered(m.a(x)) * 2 + 1, a=conv(3, 4)), [IMAGE], 0),
    "volumes": (
        Network(lambda m, x: m.a(x).relu().mean((2, 3, 4)), a=nn.Conv3d(2, 4, 3, padding=1)),
        [(1, 2, 3, 5, 5)],
        1,
    ),
}


def frames(shapes: list[tuple[int, ...]], count: int = 3) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.standard_normal((count, *s[1:])).astype(np.float32) for s in shapes]


def converted(net: nn.Module, inputs: list[np.ndarray]) -> tuple[Conversion, Machine]:
    module = import_torch(net, tuple(torch.from_numpy(x[:1]) for x in inputs))
    conversion = convert(module, inputs, options=ConversionOptions(cluster=False))
    return conversion, Machine(conversion.assemble())


@pytest.mark.parametrize("name", NETWORKS)
def test_the_parts_give_what_the_whole_gives(name: str) -> None:
    net, shapes, calls = NETWORKS[name]
    inputs = frames(shapes)
    module = import_torch(net.eval(), tuple(torch.from_numpy(x[:1]) for x in inputs))
    fold_network(module)
    assert partition(module)
    chip, host = split_modules(module)
    assert host is not None
    assert len(HostPlan.of(host).calls) == calls + 1
    assert any(op.name == "nn.conv2d" for op in nn_ops(find_function(chip, "main")))
    runner = NnRunner(chip)

    def run(*x: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(value.detach().numpy() for value in runner(*x))

    found = SplitNetwork(run, host)(*inputs)
    with torch.no_grad():
        wanted = tree_leaves(net(*map(torch.from_numpy, inputs)))
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(torch.from_numpy(ours), theirs, rtol=1e-4, atol=1e-5)
    # As one function again they give the same, and the chip's inputs are values of it.
    joined = FloatNetwork(chip, host)
    for ours, theirs in zip(found, joined.outputs(inputs), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    some = [x[joined.batches(inputs)[0]] for x in inputs]
    taken = joined.chip_inputs(joined.values(some))
    for ours, theirs in zip(taken, SplitNetwork(run, host).chip_inputs(*some), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_parts_of_two_networks_do_not_join() -> None:
    parts = {}
    for name in ("attention", "end"):
        net, shapes, _ = NETWORKS[name]
        module = import_torch(net.eval(), torch.from_numpy(frames(shapes)[0][:1]))
        fold_network(module)
        assert partition(module)
        parts[name] = split_modules(module)
    for chip, host in (("end", "attention"), ("attention", "end")):
        with pytest.raises(RecogError):
            join(parts[chip][0], parts[host][1])


@pytest.mark.parametrize("name", ["input", "everywhere", "skips", "attention", "two inputs"])
def test_the_machine_calls_the_host(name: str) -> None:
    net, shapes, _ = NETWORKS[name]
    inputs = frames(shapes)
    conversion, machine = converted(net.eval(), inputs)
    chip_inputs = conversion.chip_inputs(inputs)
    assert compare_bits(
        conversion.lns_module, conversion.chip_module, machine, chip_inputs
    ).elements
    found = conversion.network(machine)(*inputs)
    # A function in the machine's place runs once for each call, and gives the same.
    again = conversion.network(machine.run)(*inputs)
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))
    rows = measure_levels(conversion, machine, inputs)
    assert rows[-1].sqnr_db == rows[-2].sqnr_db  # lns and machine


@pytest.mark.parametrize("at_once", [1, 64])
def test_what_saturates_is_counted(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the network's input, of what the host gives, and of the outputs, in all frames."""
    net, shapes, _ = NETWORKS["skips"]
    inputs = frames(shapes)
    conversion, machine = converted(net.eval(), inputs)
    monkeypatch.setattr("recog.backend.machine.machine.WORKING_BYTES", at_once << 10)
    larger = [200 * x for x in inputs]
    conversion.network(machine)(*larger)
    counted = machine.saturated
    assert sum(each.is_input for each in counted) > 1
    assert not all(each.is_input for each in counted)
    assert all(each.total % 3 == 0 and 3 <= each.count <= each.total for each in counted)
    # The last run of the machine on its own has all that the host gives.
    conversion.network(machine.run)(*larger)
    assert machine.saturated == counted
    conversion.network(machine)(*inputs)
    assert not any(each.is_input and each.count > 3 for each in machine.saturated)


def test_attention_in_the_middle_keeps_its_quality() -> None:
    net, shapes, _ = NETWORKS["attention"]
    inputs = frames(shapes, 8)
    conversion, machine = converted(net.eval(), inputs)
    (found,) = conversion.network(machine)(*inputs)
    with torch.no_grad():
        wanted = net(torch.from_numpy(inputs[0])).numpy()
    assert sqnr_db(wanted, found) > 20
    assert conversion.host_part is not None
    text = "\n".join(boundary_lines(conversion.host_part))
    assert "call 1: the host runs" in text
    assert "and gives the chip [1, " in text


def test_positions_are_inputs_of_the_host() -> None:
    torch.manual_seed(0)
    net = Network(
        lambda m, x, t: m.c(x) + m.e(t)[:, :, None, None], c=conv(3, 8), e=nn.Embedding(10, 8)
    ).eval()
    x, t = frames([IMAGE])[0], np.array([3, 7, 0])
    module = import_torch(net, (torch.from_numpy(x[:1]), torch.from_numpy(t[:1])))
    conversion = convert(module, [x, t], options=ConversionOptions(cluster=False))
    machine = Machine(conversion.assemble())
    assert len(machine.inputs) == 1
    (found,) = conversion.network(machine)(x, t)
    with torch.no_grad():
        wanted = net(torch.from_numpy(x), torch.from_numpy(t)).numpy()
    assert sqnr_db(wanted, found) > 25


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net, shapes, _ = NETWORKS["everywhere"]
    inputs = frames(shapes)
    module = import_torch(net.eval(), torch.from_numpy(inputs[0][:1]))
    network, data = tmp_path / "net.mlir", tmp_path / "data.npy"
    write_module(module, network)
    np.save(data, inputs[0])
    assert main(["check", str(network)]) == 0
    out = capsys.readouterr().out
    assert "call 1: the host runs" in out
    folder = tmp_path / "out"
    assert main(["convert", "--dense", str(network), "--data", str(data), "-o", str(folder)]) == 0
    assert "call 2: the host runs" in capsys.readouterr().out
    assert main(["compare", str(network), str(folder), "--data", str(data)]) == 0
    assert "lns.conv2d" in capsys.readouterr().out
    program, host = str(folder / "program.recog"), str(folder / "host.mlir")
    result = str(tmp_path / "result.npy")
    capsys.readouterr()
    np.save(data, 200 * inputs[0])
    assert main(["run", program, "--host", host, "--data", str(data)]) == 0
    assert "lie beyond its codes and were clipped" in capsys.readouterr().out
    given = ["run", program, "--host", host, "--data", str(data), "-o", result]
    assert main(given) == 0
    assert np.load(result).shape == (3, 5, 4, 4)
    assert main(["run", program, "--data", str(data)]) == 1
    assert "Traceback" not in capsys.readouterr().err


@settings(max_examples=25, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["conv", "order", "relu", "skip"]), min_size=2, max_size=7),
    seed=st.integers(0, 1000),
)
def test_any_network_is_divided_without_a_change(kinds: list[str], seed: int) -> None:
    torch.manual_seed(seed)
    layers = {f"m{i}": conv(4, 4) for i, kind in enumerate(kinds) if kind == "conv"}

    def forward(m: Any, x: Tensor) -> Tensor:
        y = m.first(x)
        before = [y]
        for i, kind in enumerate(kinds):
            match kind:
                case "conv":
                    y = getattr(m, f"m{i}")(y)
                case "order":
                    y = ordered(y)
                case "relu":
                    y = F.relu(y)
                case _:
                    y = y + before[len(before) // 2]
            before.append(y)
        return y

    net = Network(forward, first=conv(3, 4), **layers).eval()
    inputs = frames([IMAGE], 2)
    module = import_torch(net, torch.from_numpy(inputs[0][:1]))
    fold_network(module)
    partition(module)
    chip, host = split_modules(module)
    runner = NnRunner(chip)

    def run(*x: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(value.detach().numpy() for value in runner(*x))

    (found,) = SplitNetwork(run, host)(*inputs)
    with torch.no_grad():
        wanted = net(torch.from_numpy(inputs[0])).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


MINUS_ERROR = """
def minus_error(outputs, targets):
    return -abs(outputs - targets).reshape(len(outputs), -1).mean(1)
"""


def test_what_a_layer_costs_shows_at_the_outputs(tmp_path: Path) -> None:
    """The host gives them. A later stage of the network is the chip's part, and so converted."""
    net, shapes, _ = NETWORKS["everywhere"]
    inputs = frames(shapes)
    network, data, folder = tmp_path / "net.mlir", tmp_path / "data.npy", tmp_path / "out"
    write_module(import_torch(net.eval(), torch.from_numpy(inputs[0][:1])), network)
    np.save(data, inputs[0])
    given = [str(network), "--data", str(data), "-o", str(folder)]
    narrow = ["--extra-traffic", "0", "--extra-weights", "0"]
    assert main(["convert", "--dense", *given, *narrow]) == 0
    scores = tmp_path / "scores.py"
    scores.write_text(MINUS_ERROR)
    with torch.no_grad():
        targets = net(torch.from_numpy(inputs[0])).numpy()
    np.savez(tmp_path / "data.npz", inputs=inputs[0], targets=targets)
    compare = ["compare", "", str(folder), "--data", str(tmp_path / "data.npz")]
    found = []
    for stage in (str(network), str(next(folder.glob("*-calibrated.mlir")))):
        table = tmp_path / "layers.json"
        compare[1] = stage
        assert main([*compare, "--metric", f"{scores}:minus_error", "--json", str(table)]) == 0
        found.append(json.loads(table.read_text()))
    assert found[0] == found[1]
    assert found[0]["float_metric"] == pytest.approx(0, abs=1e-5)
    layers = [row["layer"] for row in found[0]["rows"] if row["op"] == "lns.conv2d"]
    assert layers == ["a", "b"]
    assert all(row["loss"] > 0.001 for row in found[0]["rows"])


def test_data_of_an_input_that_is_not_used_is_taken() -> None:
    net = Network(lambda m, x, y: m.a(x), a=conv(3, 4))
    inputs = frames([IMAGE, IMAGE])
    conversion, machine = converted(net.eval(), inputs)
    network = conversion.network(machine)
    assert network.input_count == 2
    with torch.no_grad():
        wanted = net(*map(torch.from_numpy, inputs)).numpy()
    assert np.abs(network(*inputs)[0] - wanted).max() < 0.1


@pytest.mark.parametrize("count", [1, 3])
def test_outputs_without_frames_get_them_in_front(count: int) -> None:
    """The mean of all and a vector of all: what each frame gives by itself, one after the other."""
    net = Network(lambda m, x: (m.a(x).mean(), m.a(x).flatten(), m.a(x)), a=conv(3, 4)).eval()
    inputs = frames([IMAGE], count)
    conversion, machine = converted(net, inputs)
    found = conversion.network(machine)(*inputs)
    with torch.no_grad():
        each = [net(torch.from_numpy(x[None])) for x in inputs[0]]
    mean, flat, image = (torch.stack(list(values)).numpy() for values in zip(*each))
    assert found[0].shape == (count,)
    assert np.abs(found[0] - mean).max() < 0.05
    for ours, theirs in zip(found[1:], (flat, image[:, 0])):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < 0.1
    assert [row.level for row in measure_levels(conversion, machine, inputs)][-1] == "machine"
