"""What networks with published weights keep, by recog and by onnxruntime's int8, without training.

    make bench-real
    python tests/benchmarks/bench_real.py --only ppocr_v4_det --frames 16

Each network of `real_networks.py` is converted with 48 (or 32) calibration images and scored on
images cut from other photographs, against its own float outputs: `agreement` of the largest class,
or `iou` of text masks, with a bootstrap interval over images; and the SQNR of the outputs. All
methods see the same images. `recog` is the default conversion without clusters, as it runs on the
machine; `recog_before` rounds each weight to the nearest code, all in 8 bits; `recog_8x` has a
pointer of 4 bits for each weight but those of depthwise layers and stems, and no training
(`recog_8x_before` points to the nearest centroids of k-means); `recog_8x_chosen` has the layouts
that are chosen for these bytes, `recog_8x_tuned` is tuned without labels from such layouts.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from bench_networks import PLAIN
from engine_peers import int8_network
from real_networks import REAL_NETWORKS, RealNetwork

from recog.lowering.check.compare_layers import sqnr_db

ROOT = Path(__file__).resolve().parent.parent.parent
METHODS = (
    "float",
    "recog",
    "recog_before",
    "int8_per_channel",
    "int8_per_tensor",
    "recog_8x_before",
    "recog_8x",
    "recog_8x_chosen",
    "recog_8x_tuned",
)
BATCH = 8
RESAMPLES = 2000


def main() -> int:
    arguments = _arguments()
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for name in arguments.only or REAL_NETWORKS:
        network = REAL_NETWORKS[name]()
        if arguments.frames:
            network = replace(network, test=network.test[: arguments.frames])
        wanted = _in_batches(_float(network), network.test)
        for method in arguments.methods:
            print(f"{name} {method} ...", end=" ", file=sys.stderr, flush=True)
            start = time.perf_counter()
            run, size = _made(network, method)
            seconds = time.perf_counter() - start
            row = _scored(network, run, wanted) | {"weight_bytes": size, "seconds": seconds}
            rows.append({"network": name, "method": method} | row)
            print(f"{seconds:.0f} s", file=sys.stderr, flush=True)
            out.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    _print(rows)
    print(f"rows: {out}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Score networks with published weights.")
    parser.add_argument("--only", nargs="+", choices=list(REAL_NETWORKS), metavar="NAME")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--frames", type=int, help="test images, all by default")
    parser.add_argument("--out", default=str(ROOT / "build/bench/real.json"))
    return parser.parse_args()


Run = Callable[[np.ndarray], np.ndarray]


def _made(network: RealNetwork, method: str) -> tuple[Run, int]:
    """What runs the network by a method, and the bytes of its weights."""
    import torch

    if method == "float":
        return _float(network), sum(4 * p.numel() for p in network.model.parameters())
    if method.startswith("int8"):
        example = (torch.from_numpy(network.calibration[:1]),)
        run, size = int8_network(
            network.model,
            example,
            network.calibration,
            per_channel=method == "int8_per_channel",
            threads=2,
        )
        return lambda x: np.concatenate([run(frame[None]) for frame in x]), size
    return _converted(network, method)


def _float(network: RealNetwork) -> Run:
    import torch

    def run(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network.model(torch.from_numpy(x)).numpy()

    return run


def _converted(network: RealNetwork, method: str) -> tuple[Run, int]:
    import torch

    from recog.backend.machine import Machine
    from recog.frontend.torch.importer import import_exported
    from recog.lowering.pipeline import ConversionOptions, Stage, convert, weight_bytes

    # Blocks of one weight each; depthwise layers and stems, some percent of all, are dense.
    eighth = ConversionOptions(centroids=16, channel_block=1, linear_block=1, dense_fan_in=27)
    # About the bytes of recog_8x.
    chosen = ConversionOptions(tune=False, ratio=7.44)
    options = {
        "recog": ConversionOptions(cluster=False),
        "recog_before": ConversionOptions(cluster=False, **PLAIN),
        "recog_8x": replace(eighth, tune=False),
        "recog_8x_chosen": chosen,
        "recog_8x_before": replace(eighth, tune=False, carry_errors=False),
        # Moving pointers, and dense weights rounded in each step, lose what it starts from.
        "recog_8x_tuned": replace(
            chosen,
            tune=True,
            epochs=4,
            learning_rate=3e-4,
            loss="kl" if network.measure == "agreement" else "mse",
            reassign=0,
            tune_dense=False,
        ),
    }[method]
    inputs = network.tuning if method == "recog_8x_tuned" else network.calibration
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(network.model, (torch.from_numpy(network.calibration[:1]),))
    conversion = convert(import_exported(program), [inputs], options=options)
    machine = Machine(conversion.assemble())
    size = weight_bytes(conversion.stages[Stage.LNS])
    return lambda x: np.asarray(machine.run(x)), size


def _in_batches(run: Run, x: np.ndarray) -> np.ndarray:
    return np.concatenate([run(x[i : i + BATCH]) for i in range(0, len(x), BATCH)])


def _scored(network: RealNetwork, run: Run, wanted: np.ndarray) -> dict[str, Any]:
    outputs = _in_batches(run, network.test)
    scores = network.score(outputs, wanted)
    sqnr = sqnr_db(wanted, outputs)
    random = np.random.default_rng(0)
    means = scores[random.integers(len(scores), size=(RESAMPLES, len(scores)))].mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return {
        network.measure: float(scores.mean()),
        "low": float(low),
        "high": float(high),
        "sqnr_db": sqnr if np.isfinite(sqnr) else None,
        "frames": len(scores),
    }


def _print(rows: list[dict[str, Any]]) -> None:
    print("network             method             score  (95 % interval)   SQNR dB   weight bytes")
    for row in rows:
        score = row.get("agreement", row.get("iou"))
        sqnr = "      -" if row["sqnr_db"] is None else f"{row['sqnr_db']:7.1f}"
        print(
            f"{row['network']:19} {row['method']:17} {score:6.3f}  ({row['low']:.3f}, "
            f"{row['high']:.3f})   {sqnr}   {row['weight_bytes']:12,}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
