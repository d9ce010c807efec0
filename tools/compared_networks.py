"""The float network and the converted one, as comparisons of layers take them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recog.dialects.errors import RecogError
from recog.dialects.words import counted
from recog.lowering.pipeline.stages import Stage

if TYPE_CHECKING:
    import numpy as np
    from xdsl.dialects.builtin import ModuleOp

    from recog.backend.arithmetic.engine import EngineOptions
    from recog.lowering.check.compare_layers import LayerComparison, OutputsWithLayers


class ComparedNetworks(NamedTuple):
    """The float network, its batch norms folded as the converted one has them, and that.

    Where it is divided, `chip` is the chip's part, `host` the host's, and `inputs` how many the
    whole takes.
    """

    chip: ModuleOp
    host: ModuleOp | None
    converted: ModuleOp
    inputs: int

    def load_inputs(self, path: str) -> tuple[list[np.ndarray], np.ndarray | None]:
        """As `module_files.load_inputs`, and the network takes the inputs; raises RecogError."""
        from recog.lowering.check.float_network import FloatNetwork
        from recog.lowering.common.data_files import naming_file
        from recog.tools.module_files import load_inputs

        inputs, targets = load_inputs(path, self.inputs)
        with naming_file(f"data {path}"):
            FloatNetwork(self.chip, self.host).check(inputs)
        return inputs, targets

    def layers(
        self,
        inputs: Sequence[np.ndarray],
        engine: EngineOptions,
        outputs: OutputsWithLayers | None = None,
    ) -> list[LayerComparison]:
        """Compare layer by layer under a progress bar, see `compare_layers`."""
        from recog.lowering.check.compare_layers import compare_layers
        from recog.tools.console import by_share, progress, stage

        with (
            stage(f"compare on {counted(len(inputs[0]), 'input')}"),
            progress("layers", 1000) as advance,
        ):
            return compare_layers(
                self.chip,
                self.converted,
                inputs,
                host=self.host,
                engine=engine,
                outputs=outputs,
                progress=by_share(advance),
            )


def compared_networks(network: str, converted: str) -> ComparedNetworks:
    """The two networks of a comparison.

    Args:
        network: the float network, as `load_network` takes it.
        converted: the folder of a conversion, or an IR file of the lns dialect.

    Raises:
        RecogError, OSError: one of them cannot be read, or holds no lns module.
    """
    from recog.lowering.pipeline import fold_network
    from recog.tools.conversion_folder import HOST_NAME, NO_FOLDER_HINT
    from recog.tools.module_files import load_network

    folder = Path(converted) if Path(converted).is_dir() else None
    if folder is None and not converted.endswith(".mlir"):
        why = (
            "is no folder and no IR file" if Path(converted).exists() else "there is no such folder"
        )
        raise RecogError(why, where=converted, hint=NO_FOLDER_HINT)
    lns_file = converted if folder is None else stage_file(folder, Stage.LNS)
    if lns_file is None:
        message = f"holds no stage *-{Stage.LNS}.mlir"
        raise RecogError(message, where=converted, hint=NO_FOLDER_HINT)
    lns_module = load_network(str(lns_file))
    float_module = load_network(network)
    fold_network(float_module)
    balanced = None if folder is None else _balanced(folder, float_module)
    host_file = None if folder is None else folder / HOST_NAME
    if host_file is not None and not host_file.is_file():
        host_file = None
    found = _divided(float_module, lns_module, host_file)
    return found if balanced is None else found._replace(chip=balanced)


def _balanced(folder: Path, float_module: ModuleOp) -> ModuleOp | None:
    """What a folder was converted from, with the ranges of its channels evened out, as the
    converted layers have them; None where it was another network, or they were even."""
    from recog.tools.module_files import load_network

    folded, balanced = stage_file(folder, Stage.FOLDED), stage_file(folder, Stage.BALANCED)
    if folded is None or balanced is None:
        return None
    same = float_module.is_structurally_equivalent(load_network(str(folded)))
    return load_network(str(balanced)) if same else None


def _divided(
    float_module: ModuleOp, lns_module: ModuleOp, host_file: Path | None
) -> ComparedNetworks:
    """The float network's parts, if it has two."""
    from recog.lowering.partition.join import join
    from recog.lowering.partition.partition import partition, split_modules
    from recog.tools.module_files import input_count, load_network

    inputs = input_count(float_module)
    if host_file is None and inputs == input_count(lns_module):
        return ComparedNetworks(float_module, None, lns_module, inputs)
    divided = float_module.clone()
    partition(divided)
    chip, host = split_modules(divided)
    works = host is not None and any(op.dialect_name() == "nn" for op in host.walk())
    if works or host_file is None:
        return ComparedNetworks(chip, host, lns_module, inputs)
    # The float network is a later stage: the chip's part already.
    host = load_network(str(host_file))
    taken = join(float_module, host).inputs
    return ComparedNetworks(float_module, host, lns_module, 1 + max(taken, default=-1))


def stage_file(folder: Path, stage: Stage) -> Path | None:
    """The IR file of a stage in a folder that `recog convert` wrote."""
    return next(iter(sorted(folder.glob(f"*-{stage}.mlir"))), None)
