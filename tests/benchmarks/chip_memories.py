"""The two networks of `cascade_networks` on 8 megapixels, in little and in much memory."""

from __future__ import annotations

import time
from typing import Any

import vela_peer
from cascade_networks import network
from chip_figures import figures
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from recog.backend.assembly import assemble
from recog.frontend.torch.importer import import_torch
from recog.lowering.pipeline import ConversionOptions, convert
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass

MEMORIES = (1, 2, 4, 16)
"""MiB of activation memory, in place of the 4 of recog-1."""


def measured_memories(name: str) -> list[dict[str, Any]]:
    """A row of a network for each size of activation memory; all else is as in recog-1.

    `compile_s` is of the whole way from the torch module to the program file. Up to codes it is
    gone once for all rows: weights one by one, 8 bits each, and formats as one frame of noise
    calibrates them, none widened (`extra_traffic`, `extra_weights` of 0). Bytes and cycles depend
    on the widths of codes, not on their values, and both compilers get 8 bits.

    `peer_dram_bytes`, of which `peer_weight_bytes` are weights, and `peer_cycles` are of Vela in as
    much memory (`vela_peer`), and null where it is not installed; `peer_legacy_dram_bytes` is of
    the core that it had before.
    """
    start = time.perf_counter()
    module, seconds = _as_codes(name), time.perf_counter() - start
    return [_row(name, module, mib, seconds) for mib in MEMORIES]


def _as_codes(name: str) -> ModuleOp:
    model, inputs = network(name)
    options = ConversionOptions(
        cluster=False, round_weights=False, extra_traffic=0.0, extra_weights=0.0, schedule=False
    )
    frames = [each.numpy() for each in inputs]
    return convert(import_torch(model, inputs), frames, options=options).lns_module


def _row(name: str, module: ModuleOp, mib: int, before: float) -> dict[str, Any]:
    start, memory = time.perf_counter(), mib << 20
    program = module.clone()
    ConvertLnsToChipPass(activation_memory=memory).apply(Context(), program)
    content = assemble(program)
    seconds = before + time.perf_counter() - start
    row = {"network": f"{name}_8mp", "target": f"recog-1, {mib} MiB"}
    return row | {"compile_s": round(seconds, 2)} | figures(content) | _peer(name, memory)


def _peer(name: str, memory: int) -> dict[str, Any]:
    """What Vela takes for the same network."""
    version = vela_peer.vela_version()
    found = None if version is None else vela_peer.vela_frame(name, memory)
    legacy = None if version is None else vela_peer.vela_frame(name, memory, legacy=True)
    return {
        "peer": version and f"Vela {version}, {vela_peer.ACCELERATOR}",
        "peer_dram_bytes": found and found.dram_bytes,
        "peer_weight_bytes": found and found.weight_bytes,
        "peer_cycles": found and found.cycles,
        "peer_legacy_dram_bytes": legacy and legacy.dram_bytes,
    }
