"""Arm's Ethos-U compiler Vela beside recog: bytes off chip and cycles of a frame, as it estimates.

    python tests/benchmarks/vela_peer.py          # both networks in 1, 2, 4 and 16 MiB

The chip is ethos-u65-512 with `Dedicated_Sram` of Vela's own configuration: of the memory given,
tensors, cascades and the weights that are read ahead have their share, and all else is off chip.
Nothing is run. `pip install -e '.[peers]'` brings Vela.
"""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
import math
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
ACCELERATOR = "ethos-u65-512"
OPTIONS = (
    *("--accelerator-config", ACCELERATOR, "--system-config", "Ethos_U65_Client_Server"),
    *("--memory-mode", "Dedicated_Sram", "--config", "Arm/vela.ini", "--optimise", "Performance"),
)
TABLES = ("--enable-debug-db", "--verbose-performance", "--verbose-weights")
LEGACY = "--debug-force-legacy-core"
OFF_CHIP = "Dram"
CONSTANTS = ("Weights", "Scales", "Lut")
LIMIT_S = 120.0

Table = list[dict[str, str]]


@dataclass(frozen=True)
class VelaFrame:
    """What Vela says of a frame.

    Attributes:
        dram_bytes: off chip. Of the default core each tensor that lies there at the size that it is
            stored with (channels in sixteens), once for each operator that uses it, rows that the
            parts of a cascade read again, and weights as often as they are read: `stripe_bytes`. Of
            the old core its own sum, which leaves nothing to take apart.
        weight_bytes: of these, weights, scales and tables, as often as they are read.
        cycles: of the whole frame.
    """

    dram_bytes: float
    weight_bytes: float
    cycles: float


def vela_version() -> str | None:
    """The version that is installed, None where there is none."""
    if importlib.util.find_spec("ethosu") is None:
        return None
    return importlib.metadata.version("ethos-u-vela")


def vela_frame(network: str, memory: int, *, legacy: bool = False) -> VelaFrame:
    """A network of `cascade_networks` in so many bytes of memory.

    Args:
        legacy: compile with the core that Vela had before its present one.

    Raises:
        RuntimeError: with the last line that Vela printed, where it fails.
    """
    from tflite_networks import tflite_network

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{network}.tflite"
        file.write_bytes(tflite_network(network))
        command = [sys.executable, "-m", "ethosu.vela", str(file), "--output-dir", folder, *OPTIONS]
        command += ["--arena-cache-size", str(memory), *([LEGACY] if legacy else TABLES)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        if run.returncode:
            lines = (run.stdout + run.stderr).strip().splitlines() or ["no message"]
            raise RuntimeError(f"Vela does not compile {network}: {lines[-1]}")
        with next(Path(folder).glob("*_summary_*.csv")).open() as summary:
            totals = next(csv.DictReader(summary))
        dram, weights = (float(totals[f"dram_{each}_bytes"]) for each in ("total", "weight_read"))
        if not legacy:
            tables = debug_tables(next(Path(folder).glob("*_debug.xml")))
            dram, weights = stripe_bytes(tables), weight_bytes(tables)
    return VelaFrame(dram, weights, float(totals["cycles_total"]))


def debug_tables(file: Path) -> dict[str, Table]:
    """The tables of Vela's debug database, by name."""
    tables = dict[str, Table]()
    pattern = r'<table name="(.*?)">\s*<!\[CDATA\[\n(.*?)\]\]>'
    for name, body in re.findall(pattern, file.read_text(), re.DOTALL):
        tables[name] = list(csv.DictReader(body.splitlines()))
    return tables


def stripe_bytes(tables: dict[str, Table]) -> float:
    """Bytes off chip of a frame: `VelaFrame` says what is counted.

    Operators that are fused into one have a row each: the first reads, the last writes.
    """
    leader = {row["id"]: row["group_id"] for row in tables["group"]}
    first, last = dict[str, dict[str, str]](), dict[str, dict[str, str]]()
    total = weight_bytes(tables)
    for row in tables["perf_debug"]:
        number = row["id"]
        leads = leader.get(number, number)
        if leads == number:
            first[number] = row
            total += _read(row)
        if row["ifm2_memory"] == OFF_CHIP:
            total += _stored(row, "ifm2", row)
        if row["ofm_memory"]:
            last[leads] = row
    return total + sum(
        _stored(first[leads], "ofm", row)
        for leads, row in last.items()
        if row["ofm_memory"] == OFF_CHIP
    )


def weight_bytes(tables: dict[str, Table]) -> float:
    """Bytes of weights, scales and tables that a frame reads from off chip."""
    return sum(
        _number(row, f"{OFF_CHIP}{each}_read") for row in tables["perf_debug"] for each in CONSTANTS
    )


def _read(row: dict[str, str]) -> float:
    """Bytes that an operator reads of its input, rows that parts of its cascade share again."""
    if row["ifm_memory"] != OFF_CHIP:
        return 0.0
    height, out_height = _number(row, "ifm_shape_h"), max(1.0, _number(row, "ofm_shape_h"))
    step, parts, overlap = _number(row, "ofm_stripe_h"), 1, 0.0
    if row["cascade"] != "0" and step:
        parts = math.ceil(out_height / step)
        overlap = max(0.0, _number(row, "ifm_stripe_h") - step * height / out_height)
    times = max(1, row["ofm_depth_slices"].count("|")) if row["kernel_size_x"] else 1
    return _stored(row, "ifm", row) * times * (1 + (parts - 1) * overlap / max(1.0, height))


def _stored(row: dict[str, str], which: str, layout: dict[str, str]) -> float:
    """Bytes of an operator's ifm, ifm2 or ofm as another row says that it is stored."""
    slices = [_number(row, f"{which}_slice_{axis}") for axis in "hwc"]
    shape = [_number(row, f"{which}_shape_{axis}") for axis in "hwc"]
    height, width, channels = slices if all(slices) else shape
    if layout[f"{which}_format"] == "NHCWB16":
        channels = math.ceil(channels / 16) * 16
    bits = re.search(r"\d+", layout[f"{which}_dtype"])
    size = int(bits[0]) // 8 if bits else 1
    steps = [max(1.0, _number(row, f"{which}_strides_{axis}")) for axis in "hw"]
    return height * width * channels * size / math.prod(steps)


def _number(row: dict[str, str], name: str) -> float:
    return float(row.get(name) or 0)


def main() -> int:
    if vela_version() is None:
        sys.exit("Vela is not installed: pip install -e '.[peers]'")
    for network in ("chain", "skips"):
        for mib in (1, 2, 4, 16):
            found, old = (vela_frame(network, mib * MIB, legacy=each) for each in (False, True))
            print(
                f"{network:<6} {mib:>2} MiB {found.dram_bytes / 1e6:7.1f} MB, of these "
                f"{found.weight_bytes / 1e6:.1f} MB weights; "
                f"{found.cycles / 1e6:.1f} million cycles; old core {old.dram_bytes / 1e6:.1f} MB",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
