"""Hold this tree's bytes to those of another commit: IR of every stage and programs.

    make compare-revisions BASE=d59a961

Both revisions convert the same archives, data and shipped networks through their own command
lines: the digits (dense, clustered and tuned with fixed and with moving pointers), the other three
tasks (tuned for one epoch, and from the tuned networks that ship), and three full-size networks of
`bench-networks`. Exit code 1 if something differs from folding on. What the importer gives, the
stages before that, may differ, and so may the labels of layers on instructions; both are listed.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MAY_DIFFER = ("float", "imported", "raised", "float module")
TASKS = ("segmentation", "detection2d", "stereo3d")
NETWORKS = ("resnet18", "mobilenet_v3_large", "yolov8n")
FRAMES = 16
TUNED = ["--epochs", "1", "--learning-rate", "0.002", "--loss", "auto"]
LABELS = re.compile(rb" attributes \{(?:layer|holds) = [^\n]*?\}(?= loc\(|\n)")
"""What instructions say of the layers that they are of, which earlier revisions did not."""
RUN = "import sys; from {module} import {name}; sys.exit({name}(sys.argv[1:]))"


@dataclass(frozen=True)
class Case:
    """One conversion: `recog convert ARCHIVE --data DATA *options`, or a tuned IR file's way on."""

    name: str
    source: str
    data: str
    options: tuple[str, ...] = ()


def cases() -> list[Case]:
    fixed, moving = (*TUNED, "--reassign", "0"), (*TUNED, "--reassign", "1")
    digits = "classification"
    found = [
        Case("digits dense", f"{digits}.pt2", f"{digits}.npz", ("--dense",)),
        Case("digits fixed pointers", f"{digits}.pt2", f"{digits}.npz", fixed),
        Case("digits moving pointers", f"{digits}.pt2", f"{digits}.npz", moving),
        Case("digits shipped", f"{digits}.tuned.mlir", f"{digits}.npz"),
    ]
    for task in TASKS:
        found.append(Case(task, f"{task}.pt2", f"{task}.npz", moving))
        found.append(Case(f"{task} shipped", f"{task}.tuned.mlir", f"{task}.npz"))
    for network in NETWORKS:
        found.append(Case(network, f"{network}.pt2", f"{network}.npz", ("--dense",)))
    name = NETWORKS[1]
    found.append(Case(f"{name} clustered", f"{name}.pt2", f"{name}.npz", ("--no-tune",)))
    return found


def prepare(folder: Path) -> None:
    """Archives, data and shipped IR, made once by this tree and taken by both."""
    import numpy as np
    import torch

    sys.path.insert(0, str(HERE))
    import networks

    from recog.frontend.tasks import get_task
    from recog.frontend.tasks.checkpoints import load_checkpoint, shipped_checkpoint

    folder.mkdir(parents=True, exist_ok=True)
    for name in ("classification", *TASKS):
        task = get_task(name)
        frames = task.data("calibration", FRAMES)
        np.savez(folder / f"{name}.npz", *[], **_named(frames.inputs()))
        _export(load_checkpoint(task), task.example_inputs(), folder / f"{name}.pt2")
        packed = shipped_checkpoint(name).with_name(f"{name}.29x.tuned.mlir.gz")
        (folder / f"{name}.tuned.mlir").write_bytes(gzip.decompress(packed.read_bytes()))
    for name in NETWORKS:
        network, inputs = getattr(networks, name)()
        pairs = tuple(torch.cat([x, x.flip(-1)]).numpy() for x in inputs)
        np.savez(folder / f"{name}.npz", *[], **_named(pairs))
        _export(network, inputs, folder / f"{name}.pt2")
    (folder / "complete").touch()


def _named(arrays: tuple) -> dict:
    return {"inputs" if len(arrays) == 1 else f"input{i}": x for i, x in enumerate(arrays)}


def _export(network, inputs: tuple, path: Path) -> None:
    import torch

    import_module("recog.frontend.functional")  # its operators are part of the networks

    class PlainOutputs(torch.nn.Module):
        """Archives hold no named tuples."""

        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, *inputs):
            outputs = self.network(*inputs)
            return tuple(outputs) if isinstance(outputs, tuple) else outputs

    torch.export.save(torch.export.export(PlainOutputs().eval(), inputs), path)


def run(tree: Path, inputs: Path, command: str, arguments: list[str]) -> None:
    """A command of the package in `tree`, as its pyproject.toml names it, run in a folder."""
    scripts = tomllib.loads((tree / "pyproject.toml").read_text())["project"]["scripts"]
    module, name = scripts[command].split(":")
    environment = os.environ | {
        "PYTHONPATH": str(tree / ".pyright"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    code = RUN.format(module=module, name=name)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        cwd=inputs,  # the same for both: locations are relative to it
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{tree}: {command} {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")


def convert(tree: Path, case: Case, inputs: Path, out: Path) -> None:
    """What a case makes in one tree, into the folder `out`; kept if it is there."""
    if (out / "complete").exists():
        return
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    data = str(inputs / case.data)
    source = str(inputs / case.source)
    if case.source.endswith(".pt2"):
        arguments = ["convert", source, "--data", data, "-o", str(out), *case.options]
        run(tree, inputs, "recog", arguments)
    else:
        coded = f'calibrate{{data="{data}"}},encode-lns'
        program = f"{coded},convert-lns-to-chip"
        run(tree, inputs, "recog-opt", [source, "-p", coded, "-o", str(out / "0-lns.mlir")])
        run(tree, inputs, "recog-opt", [source, "-p", program, "-o", str(out / "1-chip.mlir")])
        target = ["-t", "chip-program", "-o", str(out / "program.recog")]
        run(tree, inputs, "recog-opt", [source, "-p", program, *target])
    (out / "complete").touch()


def made(folder: Path) -> dict[str, bytes]:
    """The bytes of every stage's IR and of the program, by the stage's name."""
    found = {}
    for path in sorted([*folder.glob("*.mlir"), *folder.glob("*.recog")]):
        found[re.sub(r"^\d+-", "", path.name).removesuffix(".mlir")] = path.read_bytes()
    return found


def compare(case: Case, before: dict[str, bytes], after: dict[str, bytes]) -> bool:
    """Print what is equal and what is not; whether all is that has to be."""
    if not before.keys() & after.keys() - set(MAY_DIFFER):
        print(f"{case.name}: NOTHING to compare")
        return False
    equal, problems, allowed = [], [], []
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) == after.get(name):
            equal.append(name)
            continue
        missing = name not in before or name not in after
        if not missing and LABELS.sub(b"", before[name]) == LABELS.sub(b"", after[name]):
            allowed.append(f"{name} (differs in the labels of layers alone)")
            continue
        text = f"{name} ({'only in one' if missing else 'differs'})"
        (allowed if name in MAY_DIFFER else problems).append(text)
    print(f"{case.name}: {len(equal)} equal ({', '.join(equal)})")
    for text in allowed:
        print(f"    may differ: {text}")
    for text in problems:
        print(f"    NOT EQUAL: {text}")
    return not problems


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("base", help="the commit to compare with")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "revisions")
    parser.add_argument("--only", nargs="*", help="cases whose names contain one of these words")
    parser.add_argument("--base-only", action="store_true", help="make the base's files and stop")
    arguments = parser.parse_args()
    commit = subprocess.check_output(
        ["git", "rev-parse", f"{arguments.base}^{{commit}}"], cwd=ROOT, text=True
    ).strip()
    out: Path = arguments.out.resolve()
    inputs, tree = out / "inputs", out / f"tree-{commit[:12]}"
    if not (inputs / "complete").exists():
        prepare(inputs)
    if not tree.exists():
        subprocess.run(["git", "clone", "-q", "--shared", str(ROOT), str(tree)], check=True)
        subprocess.run(["git", "checkout", "-q", commit], cwd=tree, check=True)
    if not arguments.base_only:
        shutil.rmtree(out / "head", ignore_errors=True)
    good = True
    for case in cases():
        if arguments.only and not any(word in case.name for word in arguments.only):
            continue
        name = case.name.replace(" ", "-")
        convert(tree, case, inputs, out / f"made-{commit[:12]}" / name)
        if arguments.base_only:
            print(f"{case.name}: made", flush=True)
            continue
        convert(ROOT, case, inputs, out / "head" / name)
        pair = made(out / f"made-{commit[:12]}" / name), made(out / "head" / name)
        good = compare(case, *pair) and good
        sys.stdout.flush()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
