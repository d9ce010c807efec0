"""Array cycles of a chain of convolutions against ZigZag and SCALE-Sim, where these are installed:
`pip install -e '.[cost]'`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from recog.backend.cost.mapping import map_products
from recog.dialects.chip import MacArray, Products

SIZE = 32
ARRAY = MacArray(outputs=SIZE, inputs=SIZE, pixels=1, accumulators=1 << 20)
"""A systolic array holds one pixel at a place; what both peers simulate."""

CHAIN = [(56, 56, 3, 32, 64), (56, 56, 1, 64, 32), (56, 56, 3, 32, 32)]
"""Height, width, kernel, input and output channels of each layer."""


def ours() -> list[int]:
    layers = [Products(1, out, in_, kernel**2, h, w) for h, w, kernel, in_, out in CHAIN]
    return [map_products(each, ARRAY).cycles for each in layers]


CONFIG = f"""
[general]
run_name = chain
[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
[architecture_presets]
ArrayHeight: {SIZE}
ArrayWidth: {SIZE}
IfmapSramSzkB: 4096
FilterSramSzkB: 4096
OfmapSramSzkB: 4096
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Dataflow: ws
Bandwidth: 1000
ReadRequestBuffer: 512
WriteRequestBuffer: 512
[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport: false
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40
"""


def scale_sim_cycles(folder: Path) -> list[int]:
    """Cycles of SCALE-Sim's weight-stationary array, without stalls of its memories."""
    scale = pytest.importorskip("scalesim.scale_sim")
    operands = pytest.importorskip("scalesim.compute.operand_matrix")
    compute = pytest.importorskip("scalesim.compute.systolic_compute_ws")
    files = {name: folder / name for name in ("chain.cfg", "topology.csv", "layout.csv")}
    files["chain.cfg"].write_text(CONFIG)
    topology = ["name, ih, iw, fh, fw, channels, filters, strides,"]
    for number, (h, w, kernel, in_, out) in enumerate(CHAIN):
        sizes = (h + kernel - 1, w + kernel - 1, kernel, kernel, in_, out, 1)
        topology.append(f"l{number}, {', '.join(map(str, sizes))},")
    files["topology.csv"].write_text("\n".join(topology) + "\n")
    layout = [f"l{number}, {'1, ' * 15}" for number in range(len(CHAIN))]
    files["layout.csv"].write_text("\n".join(["name,", *layout]) + "\n")
    given = dict(zip(("config", "topology", "layout"), map(str, files.values())))
    run: Any = scale.scalesim(save_disk_space=True, verbose=False, **given)
    cycles = list[int]()
    for layer in range(len(CHAIN)):
        matrices = operands.operand_matrix()
        matrices.set_params(
            config_obj=run.config, topoutil_obj=run.topo, layoututil_obj=run.layout, layer_id=layer
        )
        _, ifmap = matrices.get_ifmap_matrix()
        _, filters = matrices.get_filter_matrix()
        _, ofmap = matrices.get_ofmap_matrix()
        array = compute.systolic_compute_ws()
        array.set_params(
            config_obj=run.config,
            ifmap_op_mat=ifmap,
            filter_op_mat=filters,
            ofmap_op_mat=ofmap,
            sparsity_ratio_N=1,
            sparsity_ratio_M=1,
            ifmap_op_mat_original=ifmap,
            sparsity_filter_array=None,
        )
        cycles.append(array.get_demand_matrices()[0].shape[0])
    return cycles


def test_scale_sim_fills_and_empties_the_array_for_each_tile_of_weights(tmp_path: Path):
    """Within 5 %, and what differs is exactly that: ours loads the next weights meanwhile."""
    theirs = scale_sim_cycles(tmp_path)
    assert sum(theirs) == pytest.approx(sum(ours()), rel=0.05)
    for cycles, own, (h, w, *_) in zip(theirs, ours(), CHAIN):
        tiles = own // (h * w)
        assert cycles == own + tiles * (3 * SIZE - 2)


def test_zigzag_finds_the_same_cycles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its TPU-like array with memories wide enough to keep it busy: within 5 %, in fact within 1;
    it counts the first and last transfers of each layer."""
    api = pytest.importorskip("zigzag.api")
    yaml = pytest.importorskip("yaml")
    inputs = Path(os.fspath(api.__file__)).parent / "inputs"
    hardware = (inputs / "hardware" / "tpu_like.yaml").read_text()
    narrow = "bandwidth_min: 64\n        bandwidth_max: 64"
    assert narrow in hardware
    wide = narrow.replace("max: 64", "max: 65536")
    hardware = hardware.replace(narrow, wide).replace("max: 2048", "max: 65536")
    mapping = (inputs / "mapping" / "tpu_like.yaml").read_text().split("- name: Add")[0]
    layers = [
        {
            "id": number,
            "name": f"l{number}",
            "operator_type": "Conv",
            "equation": "O[b][k][oy][ox] += W[k][c][fy][fx] * I[b][c][iy][ix]",
            "dimension_relations": ["ix=1*ox+1*fx", "iy=1*oy+1*fy"],
            "loop_dims": ["B", "K", "C", "OY", "OX", "FY", "FX"],
            "loop_sizes": [1, out, in_, h, w, kernel, kernel],
            "operand_precision": {"O": 16, "O_final": 8, "W": 8, "I": 8},
            "operand_source": {"I": number, "W": number},
        }
        for number, (h, w, kernel, in_, out) in enumerate(CHAIN)
    ]
    monkeypatch.chdir(tmp_path)
    for name, text in (("hw", hardware), ("map", mapping), ("net", yaml.safe_dump(layers))):
        (tmp_path / f"{name}.yaml").write_text(text)
    _, latency, *_ = api.get_hardware_performance_zigzag(
        "net.yaml",
        "hw.yaml",
        "map.yaml",
        opt="latency",
        dump_folder="out",
        loma_show_progress_bar=False,
    )
    assert latency == pytest.approx(sum(ours()), rel=0.01)
