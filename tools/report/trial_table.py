"""The table of the trials of a search for the smallest program within a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recog.tools.console import print_table

if TYPE_CHECKING:
    from recog.lowering.allocation.loss_search import Trial
    from recog.tools.loss_trials import LossSearched


def print_trials(found: LossSearched, *, tuned_on_it: bool) -> None:
    """Print the trials, which was taken, and how far it can be relied on.

    Args:
        tuned_on_it: whether what was measured on was tuned on too.
    """
    from recog.tools.loss_trials import loss_text

    headers = ["trial", "ratio asked", "epochs", "weight bytes", "ratio", "lost"]
    rows = [_cells(i, each, found) for i, each in enumerate(found.trials, 1)]
    print_table("trials, largest ratio last", headers, sorted(rows, key=_by_ratio))
    taken = found.taken
    print(
        f"--max-loss {found.most:g}: {taken.bytes:,} bytes ({taken.reached:.1f}x) lose "
        f"{loss_text(taken)} in {found.metric}, the smallest program found that loses no more"
    )
    if taken.high is not None and taken.high > found.most:
        print(
            f"note: on other frames it may lose up to {taken.high:.3g}: more frames in --test-data "
            "narrow that"
        )
    if taken.high is None:
        print("note: what it may lose on other frames is not known: one number for all frames")
    if (taken.lost if taken.high is None else taken.high) < 0:
        print("note: it scores better than the float network: the larger is taken for the better")
    if tuned_on_it:
        print("note: it is measured on what it was tuned on: --test-data FILE says more")


def _cells(number: int, trial: Trial, found: LossSearched) -> list[str]:
    from recog.tools.loss_trials import loss_text

    taken = " taken" if trial == found.taken else ""
    first = [f"{number}{taken}", f"{trial.ratio:g}x", str(trial.epochs)]
    if not trial.is_possible:
        return [*first, "", f"at most {trial.reached:.1f}x", ""]
    return [*first, f"{trial.bytes:,}", f"{trial.reached:.1f}x", loss_text(trial)]


def _by_ratio(cells: list[str]) -> tuple[float, int]:
    return float(cells[1].removesuffix("x")), int(cells[2])
