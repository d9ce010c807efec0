"""The demo, shortened: every stage, and the same bits at the lns level and on the machine."""

from __future__ import annotations

import json
from pathlib import Path

from recog.tools.demo import DemoSettings, run_demo


def test_demo_keeps_accuracy_at_a_twenty_ninth_of_the_weights(tmp_path: Path) -> None:
    rows = run_demo(tmp_path, DemoSettings(train_epochs=4, tune_epochs=1, tune_copies=2))
    assert json.loads((tmp_path / "report.json").read_text())["rows"] == rows
    by_level = {row["level"]: row for row in rows}
    assert list(by_level) == ["float", "folded", "clustered", "tuned", "lns", "machine"]
    assert by_level["float"]["accuracy"] > 96
    assert by_level["folded"]["accuracy"] == by_level["float"]["accuracy"]
    assert by_level["machine"]["accuracy"] == by_level["lns"]["accuracy"]
    # The demo itself trains and tunes for longer, and loses less than a point.
    assert by_level["machine"]["accuracy"] > by_level["float"]["accuracy"] - 3
    assert by_level["machine"]["ratio"] >= 29
