"""The benchmark beside Arm's Vela, and Vela's own figures where it is installed:
`pip install -e '.[peers]'`."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest
import torch
from benchmark_modules import BENCHMARKS

HEIGHT, WIDTH = 544, 960


@pytest.fixture
def vela_peer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("vela_peer")


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("cascade_networks")


@pytest.mark.parametrize(
    ("name", "shape", "products"),
    [("chain", (8, 8, 12), 32_248_627_200), ("skips", (8, 32, 48), 92_515_737_600)],
)
def test_networks_are_those_that_vela_was_measured_on(networks, name, shape, products):
    """Products of a frame of 2160x3840 by the layers' weights, each used once a position."""
    model, inputs = networks.network(name, 64, 96)
    counted = 0

    def count(layer, x, y):
        nonlocal counted
        places = x[0] if isinstance(layer, torch.nn.ConvTranspose2d) else y
        counted += layer.weight.numel() * places.shape[2] * places.shape[3]

    for layer in model.layers.values():
        layer.register_forward_hook(count)
    assert model(*inputs).shape == (1, *shape)
    assert counted * (2160 * 3840) == products * (64 * 96)
    again, _ = networks.network(name, 64, 96)
    for one, other in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_rows_say_what_each_memory_takes(monkeypatch: pytest.MonkeyPatch, vela_peer, networks):
    chip_memories = importlib.import_module("chip_memories")
    small = networks.network("chain", HEIGHT, WIDTH)
    monkeypatch.setattr(chip_memories, "network", lambda name: small)
    monkeypatch.setattr(chip_memories, "MEMORIES", (1, 4))
    monkeypatch.setattr(vela_peer, "vela_version", lambda: None)
    rows = chip_memories.measured_memories("chain")
    assert [row["target"] for row in rows] == ["recog-1, 1 MiB", "recog-1, 4 MiB"]
    for row in rows:
        assert row["network"] == "chain_8mp"
        assert row["dram_bytes"] == row["dram_compulsory"] == HEIGHT * WIDTH * (3 + 8 / 64)
        assert row["peer"] is row["peer_dram_bytes"] is row["peer_cycles"] is None
    assert rows[0]["instructions"] > rows[1]["instructions"]


OPERATOR = {
    "cascade": "0",
    "kernel_size_x": "3",
    "ofm_depth_slices": "[0, 8]",
    **{f"{each}_memory": "Sram" for each in ("ifm", "ifm2", "ofm")},
    **{f"{each}_format": "NHWC" for each in ("ifm", "ifm2", "ofm")},
    **{f"{each}_dtype": "int8" for each in ("ifm", "ifm2", "ofm")},
}


def operator(number: int, **fields: str | int) -> dict[str, str]:
    return {**OPERATOR, "id": str(number), **{name: str(value) for name, value in fields.items()}}


def shaped(which: str, height: int, width: int, channels: int) -> dict[str, int]:
    return {f"{which}_shape_{axis}": each for axis, each in zip("hwc", (height, width, channels))}


def test_bytes_off_chip_are_those_of_tensors_stored_there(vela_peer):
    """Of three operators: reads 100 rows of 10x3 in four parts that share two rows, and weights; a
    fused pair writes 50 rows of 5x8, whose layout pads channels to 16; an add reads that again."""
    rows = [
        operator(
            1,
            cascade=1,
            ifm_memory="Dram",
            ofm_stripe_h=25,
            ifm_stripe_h=27,
            DramWeights_read=70,
            DramScales_read=8,
            **shaped("ifm", 100, 10, 3),
            **shaped("ofm", 100, 10, 3),
        ),
        operator(2, **shaped("ofm", 50, 5, 8)),
        operator(3, ofm_memory="Dram", ofm_format="NHCWB16", **shaped("ofm", 1, 1, 1)),
        operator(4, ifm2_memory="Dram", ifm2_format="NHCWB16", **shaped("ifm2", 50, 5, 8)),
    ]
    rows[1]["ofm_memory"] = ""
    groups = [{"id": "3", "group_id": "2"}]
    tables = {"perf_debug": rows, "group": groups}
    assert vela_peer.weight_bytes(tables) == 78
    read_and_written = (100 + 3 * 2) * 10 * 3 + 2 * 50 * 5 * 16
    assert vela_peer.stripe_bytes(tables) == pytest.approx(78 + read_and_written)


@pytest.mark.parametrize(
    ("network", "megabytes", "legacy"), [("chain", 80.0, 31.5), ("skips", 805.7, 1097.1)]
)
def test_what_vela_moves_in_4_mib(vela_peer, network, megabytes, legacy):
    """As docs/cost.md has it, of the version that is pinned."""
    pytest.importorskip("ethosu.vela")
    pytest.importorskip("flatbuffers")
    assert vela_peer.vela_frame(network, 4 << 20).dram_bytes == pytest.approx(megabytes * 1e6, 2e-3)
    old = vela_peer.vela_frame(network, 4 << 20, legacy=True)
    assert old.dram_bytes == pytest.approx(legacy * 1e6, 2e-3)


def test_a_network_that_vela_refuses_says_why(vela_peer):
    pytest.importorskip("ethosu.vela")
    pytest.importorskip("flatbuffers")
    with pytest.raises(RuntimeError, match="Vela does not compile chain: .*arena"):
        vela_peer.vela_frame("chain", -1)
