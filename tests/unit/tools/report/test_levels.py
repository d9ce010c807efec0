"""The table of levels, in the words that people read."""

from __future__ import annotations

import numpy as np

from recog.tools.report.levels import decibels


def test_no_ratio_is_never_called_exact():
    assert [decibels(x) for x in (np.nan, np.inf, 31.26)] == ["NaN", "exact", "31.3"]
