"""The stages of a conversion, from the network as imported to the machine."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """What a network is after a part of the pipeline; its value names it in files and tables.

    All but the last are IR. `FLOAT` is the network as imported, `FOLDED` has its batch norms in its
    layers, `SPLIT` (only where not all runs on the chip) the functions @main and @host, `BALANCED`
    (only where they were not) channels of even ranges, `CLUSTERED` its weights as pointers, `TUNED`
    tuned centroids, `CALIBRATED` a format on every activation, `ROUNDED` weights that are codes,
    each chosen for the others, `LNS` codes, `CHIP` instructions. `MACHINE` is the assembled
    program, as it runs.
    """

    FLOAT = "float"
    FOLDED = "folded"
    SPLIT = "split"
    BALANCED = "balanced"
    CLUSTERED = "clustered"
    TUNED = "tuned"
    CALIBRATED = "calibrated"
    ROUNDED = "rounded"
    LNS = "lns"
    CHIP = "chip"
    MACHINE = "machine"

    @property
    def is_ir(self) -> bool:
        """Whether a conversion writes it as an IR file."""
        return self is not Stage.MACHINE

    @property
    def is_whole(self) -> bool:
        """Whether it comes before a network is divided between chip and host."""
        return self in (Stage.FLOAT, Stage.FOLDED)

    @property
    def is_measured(self) -> bool:
        """Whether outputs are computed and compared at it: `SPLIT`, `BALANCED` and `CALIBRATED`
        compute what the stage before them does, `CHIP` what `MACHINE` does; weights of `ROUNDED`
        are chosen for codes, so that they are measured at `LNS`."""
        same = (Stage.SPLIT, Stage.BALANCED, Stage.CALIBRATED, Stage.ROUNDED, Stage.CHIP)
        return self not in same

    @property
    def runs_in_float(self) -> bool:
        """Whether it is measured in float arithmetic."""
        return self.is_measured and self not in (Stage.LNS, Stage.MACHINE)

    def file_name(self, index: int) -> str:
        """The name of its IR file as the index-th of a conversion: in order when sorted."""
        return f"{index}-{self.value}.mlir"


TASK_LEVELS = (
    *(Stage.FLOAT, Stage.FOLDED, Stage.LNS, Stage.CLUSTERED, Stage.TUNED),
    Stage.MACHINE,
)
"""What a perception task is scored at. LNS has one 8-bit code a weight, so it stands before the
clusters."""
