"""`make demo`: the digits network from training to the machine, every level measured."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recog.backend.threads import THREADS, fixed_threads

if TYPE_CHECKING:
    from recog.frontend.tasks.digits import DigitsData
    from recog.lowering.pipeline import Conversion

SEED = 0
NETWORK_NAME, TRAIN_NAME, TEST_NAME = FILES = ("digits.pt2", "train.npz", "test.npz")


@dataclass(frozen=True)
class DemoSettings:
    """How long to train and tune, on how many shifted copies of each image, and how much smaller
    the program's weights are to be."""

    train_epochs: int = 10
    tune_epochs: int = 8
    tune_copies: int = 3
    ratio: float = 29.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; exit code 0 only if every stage ran and all bits agreed."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from recog.tools.console import run_main

    parser = argparse.ArgumentParser(
        prog="python -m recog.tools.demo",
        description="Train the digits network, convert it, run it on the machine.",
    )
    parser.add_argument(
        "--out", default="build/demo", metavar="DIR", help="folder to write (default: build/demo)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=THREADS,
        metavar="N",
        help=f"threads of PyTorch (default: {THREADS})",
    )

    def body() -> int:
        arguments = parser.parse_args(argv)
        with fixed_threads(max(1, arguments.threads)):
            run_demo(Path(arguments.out), DemoSettings())
        return 0

    return run_main("demo", body)


@fixed_threads()
def run_demo(folder: Path, settings: DemoSettings) -> list[dict[str, Any]]:
    """All of the demo; returns the rows of report.json."""
    from recog.backend.machine import Machine
    from recog.frontend.tasks.digits import load_digits_data
    from recog.lowering.check.compare_layers import compare_layers
    from recog.tools.console import print_table, stage
    from recog.tools.conversion_folder import (
        conversion_folder,
        parts_of,
        write_conversion,
        write_report,
    )
    from recog.tools.report.compare_bits import compare_bits
    from recog.tools.report.conversion_record import Measured
    from recog.tools.report.layer_table import print_layers
    from recog.tools.report.level_pictures import LevelPictures
    from recog.tools.report.levels import level_table, measure_levels

    data = load_digits_data(SEED)
    with conversion_folder(folder) as draft:
        model = _train(data, settings)
        _save_for_recog(draft, model, data)
        conversion = _convert(model, data, settings)
        program = conversion.assemble()
        names = write_conversion(draft, conversion, program)
        machine = Machine(program)
        images, labels = data.test_images, data.test_labels
        pictures = LevelPictures(conversion, [images], labels)
        with stage(f"run {len(images)} held-out images at every level"):
            rows = measure_levels(conversion, machine, [images], labels, observe=pictures.observe)
        with stage("compare lns level and machine, layer by layer"):
            found = compare_bits(
                conversion.lns_module, conversion.chip_module, machine, [data.test_images]
            )
        layers = compare_layers(conversion.float_module, conversion.lns_module, [data.test_images])
        measured = Measured.of(
            NETWORK_NAME, rows, conversion.notes, conversion.plan, pictures.record()
        )
        names += write_report(draft, parts_of(conversion, program), measured)

    print_table("Held-out images", *level_table(rows))
    print_layers(layers)
    print(f"lns level and machine: {found.elements:,} values of all layers, every bit equal")
    for each in found.left_out:
        print(f"note: {each}")
    print("Written, and in the same folder the network and its data to try `recog` on:")
    for file in (folder / name for name in (*names, *FILES)):
        print(f"  {file}  ({file.stat().st_size:,} bytes)")
    return [row.as_record() for row in rows]


def _train(data: DigitsData, settings: DemoSettings) -> Any:
    import torch

    from recog.frontend.tasks.digits import train_digits
    from recog.frontend.tasks.networks import digits_resnet
    from recog.tools.console import progress, stage

    torch.manual_seed(SEED)
    model = digits_resnet()
    with (
        stage(f"train on {len(data.train_images)} images"),
        progress("train", settings.train_epochs) as advance,
    ):
        train_digits(
            model,
            data,
            epochs=settings.train_epochs,
            seed=SEED,
            progress=lambda done, epochs, loss: advance(1, f"loss {loss:.3f}"),
        )
    return model


def _save_for_recog(folder: Path, model: Any, data: DigitsData) -> None:
    """The trained network and its images as files, to try the `recog` commands on."""
    import io

    import numpy as np
    import torch

    from recog.backend.files import atomic_write

    archive = io.BytesIO()
    torch.export.save(torch.export.export(model, (torch.zeros(1, 1, 8, 8),)), archive)
    with atomic_write(folder / NETWORK_NAME, "wb") as stream:
        stream.write(archive.getvalue())
    with atomic_write(folder / TRAIN_NAME, "wb") as stream:
        np.savez(stream, inputs=data.train_images)
    with atomic_write(folder / TEST_NAME, "wb") as stream:
        np.savez(stream, inputs=data.test_images, targets=data.test_labels)


def _convert(model: Any, data: DigitsData, settings: DemoSettings) -> Conversion:
    import torch

    from recog.frontend.tasks.digits import shifted
    from recog.frontend.torch.importer import import_torch
    from recog.lowering.pipeline import ConversionOptions, convert
    from recog.tools.console import stage, staged_progress

    with stage("import through torch.export"):
        module = import_torch(model, torch.zeros(1, 1, 8, 8))
    options = ConversionOptions(
        ratio=settings.ratio, epochs=settings.tune_epochs, learning_rate=4e-3, seed=SEED
    )
    generator = torch.Generator().manual_seed(SEED)
    images = torch.from_numpy(data.train_images)
    copies = [shifted(images, generator) for _ in range(settings.tune_copies - 1)]
    inputs = torch.cat([images, *copies]).numpy()
    with (
        stage("fold, cluster, tune, calibrate, encode, select instructions"),
        staged_progress("convert", 6) as report,
    ):
        return convert(module, [inputs], options=options, progress=report)


if __name__ == "__main__":
    sys.exit(main())
