"""The arithmetic engine beside torch float32: every layer shape and whole networks, in one run.

    make bench-engine
    python tests/benchmarks/bench_engine.py --only resnet18 --threads 2 --quick

Every network is converted without clustering and runs on the machine in a process of its own.
A layer is measured on the codes that reach it there, in turn with torch's float32 layer of the
same shape on the same number of threads, and whole networks likewise; the least time of all turns
counts for both. Peers run whole networks in the same process and the same turns: onnxruntime with
int8 weights and activations, and, where asked for, the executor of qonnx, which simulates such
networks bit for bit (`pip install -e '.[peers]'`).

Whole networks also run on one thread and on two, in turns, and in a process that only loads the
program and runs one frame, whose peak memory is held to `PEAK_MB`.

`build/bench/engine.json` holds `rows`, one flat record each: `network`, `layer` (a shape) or
`whole` (true), `count` of that shape in the network, `gmac`, `recog_gmac_per_s`,
`torch_gmac_per_s`, `ratio` (recog's time / torch's), `threads`, `path`; whole networks also have
times, `two_threads` (one thread's time over that of two, the median of pairs, and
`two_threads_best` that of the least times), `peak_mb`, and what the peers took.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MEMORY = 1 << 30
"""Bytes of each memory of the benchmark's chip, which holds every network whole."""

NETWORKS = ["resnet18", "resnet50", "mobilenet_v2", "deeplabv3_224", "deeplabv3_512"]
PEERS = ["onnxruntime", "qonnx"]
QONNX_NETWORKS = ["resnet18", "mobilenet_v2"]
"""Networks that the executor of qonnx runs in reasonable time."""

PEAK_MB = {"resnet50": 500, "deeplabv3_512": 1000}
"""What a process that runs a network may take."""

PEAK = """
import sys
import numpy as np
from recog.backend.machine import Machine
machine = Machine(sys.argv[1])
machine.run(np.load(sys.argv[2]))
# Not `ru_maxrss`, in which a process begins with what the one that started it has taken.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) // 1024)
"""


def main() -> int:
    arguments = _arguments()
    threads = str(arguments.threads)
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RECOG_THREADS"):
        os.environ[variable] = threads
    if arguments.one is not None:
        rows = _measure(arguments.one, arguments)
        Path(arguments.out).write_text(json.dumps(rows))
        return 0
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    unknown = [name for name in arguments.only if name not in NETWORKS]
    if unknown:
        print(f"no network {', '.join(unknown)}; there are: {', '.join(NETWORKS)}", file=sys.stderr)
        return 2
    rows: list[dict[str, Any]] = []
    failed = False
    for name in arguments.only or NETWORKS:
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        start = time.perf_counter()
        found = _in_a_process(name, arguments, out.parent / f".engine-{name}.json")
        failed |= not found
        for row in found:
            if row.get("peak_mb", 0) > PEAK_MB.get(name, row.get("peak_mb", 0)):
                print(f"{name} takes {row['peak_mb']} MB", file=sys.stderr)
                failed = True
        rows += found
        print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        out.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    _print(rows)
    print(f"rows: {out}")
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NETWORK", help=", ".join(NETWORKS)
    )
    parser.add_argument("--threads", type=int, default=1, help="of all engines (default: 1)")
    parser.add_argument("--turns", type=int, default=9, help="measurements of each (default: 9)")
    parser.add_argument("--quick", action="store_true", help="whole networks alone, three turns")
    parser.add_argument(
        "--peers", nargs="*", choices=PEERS, default=PEERS, help=f"of {', '.join(PEERS)} (all)"
    )
    parser.add_argument("--out", default=str(ROOT / "build/bench/engine.json"))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_a_process(name: str, arguments: argparse.Namespace, file: Path) -> list[dict[str, Any]]:
    command = [sys.executable, __file__, "--one", name, "--out", str(file)]
    command += ["--threads", str(arguments.threads), "--turns", str(arguments.turns)]
    command += ["--peers", *arguments.peers] + (["--quick"] if arguments.quick else [])
    try:
        subprocess.run(command, check=True)
        return json.loads(file.read_text())
    except (subprocess.CalledProcessError, OSError, ValueError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return []
    finally:
        file.unlink(missing_ok=True)


def network(name: str) -> tuple[Any, tuple[Any, ...]]:
    """A float network and its inputs."""
    import networks
    import torch

    if not name.startswith("deeplabv3"):
        return networks.NETWORKS[name]()
    size = int(name.split("_")[1])
    torch.manual_seed(0)
    make = networks.load_torchvision().models.segmentation.deeplabv3_resnet50
    model = make(weights=None, weights_backbone=None, aux_loss=False)
    return networks.randomised(model, networks.images(1, 3, size, size))


def _measure(name: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    import torch

    from recog.backend.machine import Machine

    warnings.simplefilter("ignore")
    torch.set_num_threads(arguments.threads)
    model, inputs = network(name)
    program = _program(model, inputs)
    machine = Machine(program)
    calls = _calls(machine, inputs[0].numpy())
    turns = 3 if arguments.quick else arguments.turns
    rows = []
    with torch.no_grad():
        if not arguments.quick:
            rows = [_layer_row(machine, call, turns) for call in calls.values()]
        whole = _whole_row(machine, model, inputs, turns, name, arguments)
    whole["gmac"] = round(sum(_gmac(call) * call["count"] for call in calls.values()), 4)
    whole["recog_gmac_per_s"] = round(whole["gmac"] / whole["recog_ms"] * 1e3, 2)
    whole["torch_gmac_per_s"] = round(whole["gmac"] / whole["torch_ms"] * 1e3, 2)
    whole["path"] = ", ".join(f"{path}: {n}" for path, n in _paths(machine, inputs).items())
    whole |= _two_threads(program, inputs[0].numpy(), turns)
    whole["peak_mb"] = _peak_mb(program, inputs[0].numpy())
    return [{"network": name, "threads": arguments.threads, **row} for row in [*rows, whole]]


def _program(model: Any, inputs: Any) -> bytes:
    import torch

    from recog.frontend.torch.importer import import_exported
    from recog.lowering.pipeline import ConversionOptions, convert

    options = ConversionOptions(cluster=False, activation_memory=MEMORY, weight_memory=MEMORY)
    module = import_exported(torch.export.export(model, inputs))
    return convert(module, [x.numpy() for x in inputs], options=options).assemble()


def _calls(machine: Any, x: Any) -> dict[str, dict[str, Any]]:
    """The distinct layers of a run, by shape, with the codes that reached each."""
    from recog.backend.arithmetic.codes import Codes, Layer

    calls: dict[str, dict[str, Any]] = {}
    engine = machine._engine

    def recorder(operation: str) -> Callable[..., Any]:
        run = getattr(type(engine), operation)

        def record(layer: Layer) -> Any:
            result = run(engine, layer)
            call = {
                "operation": operation,
                "layer": layer._replace(x=Codes(layer.x.array.copy(), layer.x.format)),
                "outputs": result.shape,
                "count": 1,
            }
            shape = _shape(call)
            if shape in calls:
                calls[shape]["count"] += 1
            else:
                calls[shape] = call
            return result

        return record

    for operation in ("conv2d", "linear"):
        setattr(engine, operation, recorder(operation))
    machine.run(x)
    for operation in ("conv2d", "linear"):
        delattr(engine, operation)
    return calls


def _shape(call: dict[str, Any]) -> str:
    layer = call["layer"]
    text = f"{list(layer.x.array.shape)} * {list(layer.w.array.shape)}"
    for key in ("strides", "dilation", "groups"):
        value = getattr(layer.window, key)
        if value not in (1, (1, 1)):
            text += f" {key} {value if isinstance(value, int) else value[0]}"
    return text


def _gmac(call: dict[str, Any]) -> float:
    w = call["layer"].w.array
    outputs = 1
    for size in call["outputs"]:
        outputs *= size
    return outputs * w[0].size / 1e9


def _layer_row(machine: Any, call: dict[str, Any], turns: int) -> dict[str, Any]:
    import torch

    engine, layer = machine._engine, call["layer"]
    x, w = (torch.randn(codes.array.shape) for codes in (layer.x, layer.w))
    bias = torch.randn(len(w))
    if call["operation"] == "linear":

        def eager() -> Any:
            return torch.nn.functional.linear(x, w, bias)

    else:
        top, left, bottom, right = layer.window.padding
        window = {"stride": layer.window.strides, "dilation": layer.window.dilation}
        if (top, left) == (bottom, right):
            window["padding"] = (top, left)
        else:
            x = torch.nn.functional.pad(x, (left, right, top, bottom))

        def eager() -> Any:
            return torch.nn.functional.conv2d(x, w, bias, **window, groups=layer.window.groups)

    def recog() -> Any:
        return getattr(engine, call["operation"])(layer)

    engine.taken.clear()
    recog()
    path = ", ".join(engine.taken)
    ours, theirs = (min(times) for times in _in_turns([recog, eager], turns))
    gmac = _gmac(call)
    return {
        "layer": _shape(call),
        "count": call["count"],
        "gmac": round(gmac, 6),
        "recog_gmac_per_s": round(gmac / ours, 2),
        "torch_gmac_per_s": round(gmac / theirs, 2),
        "ratio": round(ours / theirs, 3),
        "path": path,
    }


def _in_turns(runs: list[Callable[[], Any]], turns: int) -> list[list[float]]:
    """The seconds of every run, each in turn, so that a busy machine slows all alike."""
    times: list[list[float]] = [[] for _ in runs]
    for run in runs:
        run()
    for _ in range(turns):
        for run, own in zip(runs, times):
            start = time.perf_counter()
            run()
            own.append(time.perf_counter() - start)
    return times


def _whole_row(
    machine: Any, model: Any, inputs: Any, turns: int, name: str, arguments: argparse.Namespace
) -> dict[str, Any]:
    x = inputs[0].numpy()
    runs: dict[str, Callable[[], Any]] = {
        "recog": lambda: machine.run(x),
        "torch": lambda: model(*inputs),
    }
    row: dict[str, Any] = {"layer": None, "whole": True}
    if "onnxruntime" in arguments.peers:
        from engine_peers import onnxruntime_int8

        _add_peer(
            runs, row, "onnxruntime", lambda: onnxruntime_int8(model, inputs, arguments.threads)
        )
    times = dict(zip(runs, _in_turns(list(runs.values()), turns)))
    for engine, own in times.items():
        row[f"{engine}_ms"] = round(min(own) * 1e3, 2)
        row[f"{engine}_median_ms"] = round(statistics.median(own) * 1e3, 2)
    row["ratio"] = round(row["recog_ms"] / row["torch_ms"], 3)
    if "qonnx" in arguments.peers and name in QONNX_NETWORKS:
        from engine_peers import qonnx_executor

        slow: dict[str, Callable[[], Any]] = {}
        _add_peer(slow, row, "qonnx", lambda: qonnx_executor(model, inputs))
        for peer, run in slow.items():
            row[f"{peer}_ms"] = round(min(_in_turns([run], 2)[0]) * 1e3, 2)
    return row


def _add_peer(
    runs: dict[str, Callable[[], Any]], row: dict[str, Any], peer: str, make: Callable[[], Any]
) -> None:
    try:
        runs[peer] = make()
    except Exception as error:
        row[f"{peer}_missing"] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        print(f"without {peer}: {row[f'{peer}_missing']}", file=sys.stderr)


def _two_threads(program: bytes, x: Any, turns: int) -> dict[str, float]:
    """How much sooner two threads are done than one."""
    from recog.backend.arithmetic.engine import EngineOptions
    from recog.backend.machine import Machine

    machines = [Machine(program, EngineOptions(threads=threads)) for threads in (1, 2)]
    machines[0].run(x)
    start = time.perf_counter()
    machines[0].run(x)
    # Something else on these cores counts for less in two seconds than in two tenths.
    turns = max(5, turns, int(2 / (time.perf_counter() - start)))
    one, two = _in_turns([lambda m=m: m.run(x) for m in machines], turns)
    ratio = statistics.median(a / b for a, b in zip(one, two))
    return {"two_threads": round(ratio, 3), "two_threads_best": round(min(one) / min(two), 3)}


def _paths(machine: Any, inputs: Any) -> dict[str, int]:
    machine._engine.taken.clear()
    machine.run(inputs[0].numpy())
    return dict(machine._engine.taken)


def _peak_mb(program: bytes, x: Any) -> int:
    """The peak memory of a process that loads the program and runs one frame."""
    import tempfile

    import numpy as np

    gc.collect()
    with tempfile.TemporaryDirectory() as folder:
        file, frame = Path(folder) / "program.recog", Path(folder) / "x.npy"
        file.write_bytes(program)
        np.save(frame, x)
        command = [sys.executable, "-c", PEAK, str(file), str(frame)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _print(rows: list[dict[str, Any]]) -> None:
    from recog.tools.console import print_table

    layers = [
        [
            row["network"],
            "whole" if row.get("whole") else f"{row['count']} x {row['layer']}",
            f"{row['gmac']:.4f}",
            row["recog_gmac_per_s"],
            row["torch_gmac_per_s"],
            f"{row['ratio']:.2f}",
            row["path"],
        ]
        for row in rows
    ]
    headers = ["network", "layer", "GMAC", "recog GMAC/s", "torch GMAC/s", "time / torch's", "path"]
    print_table("The engine beside torch float32", headers, layers, left=["layer", "path"])
    keys = ["network", "recog_ms", "torch_ms", "ratio", "onnxruntime_ms", "qonnx_ms"]
    keys += ["two_threads", "peak_mb"]
    cells = [[row.get(key, "") for key in keys] for row in rows if row.get("whole")]
    headers = [
        "network",
        "recog ms",
        "torch ms",
        "ratio",
        "onnxruntime int8 ms",
        "qonnx ms",
        "one thread / two",
        "peak MB",
    ]
    print_table("Whole networks, one frame", headers, cells)


if __name__ == "__main__":
    sys.exit(main())
