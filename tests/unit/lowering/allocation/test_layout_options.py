"""Sizes and layouts as a person writes them."""

from __future__ import annotations

import pytest

from recog.dialects.cluster import Layout
from recog.lowering.allocation.options import LayoutOptions, layout_text, parse_size
from recog.lowering.common.options import OptionError


@pytest.mark.parametrize(
    "text,size",
    [
        *(("65536", 65536), ("300kB", 300_000), ("8MiB", 8 << 20), (" 1.5 MiB ", 3 << 19)),
        *(("1GB", 10**9), ("12 B", 12), ("0.5kib", 512)),
    ],
)
def test_sizes(text: str, size: int):
    assert parse_size(text) == size
    assert LayoutOptions(budget=text).budget_bytes(1) == size


@pytest.mark.parametrize("text", ["", "8 XB", "MiB", "-3", "1e3", "8 MiB more", "nan", "٣"])
def test_what_is_no_size(text: str):
    with pytest.raises(OptionError, match="option budget must be bytes, as 8MiB"):
        LayoutOptions(budget=text)


@pytest.mark.parametrize("ratio", [0.0, -1.0, float("nan"), float("inf")])
def test_ratios_that_nothing_has(ratio: float):
    with pytest.raises(OptionError, match="option ratio must be a finite number above 0"):
        LayoutOptions(ratio=ratio)


def test_a_ratio_rounds_down():
    assert LayoutOptions(ratio=29).budget_bytes(1000) == 34
    assert LayoutOptions().budget_bytes(1000) is None
    with pytest.raises(OptionError, match="give one of them"):
        LayoutOptions(ratio=29, budget="1MB")


def test_layouts_by_name():
    text = (
        "layer1.*: block 1x1x3x3 centroids 64; fc:dense ; *: block 1x8x1x1 centroids 16 table a b;"
    )
    found = LayoutOptions(layouts=text).layer_layouts()
    assert [each.pattern for each in found] == ["layer1.*", "fc", "*"]
    assert [each.layout for each in found] == [
        *(Layout((1, 1, 3, 3), 64), Layout(), Layout((1, 8, 1, 1), 16, "a b")),
    ]
    assert found[0].matches("layer1.0.conv1")
    assert not found[0].matches("layer2.0.conv1")
    again = "; ".join(f"{each.pattern}: {layout_text(each.layout)}" for each in found)
    assert LayoutOptions(layouts=again).layer_layouts() == found


@pytest.mark.parametrize(
    "text,reason",
    [
        ("dense", "must be 'PATTERN: LAYOUT; ...', got 'dense'"),
        ("fc: sparse", "of 'fc' must be 'dense' or 'block AxB centroids K'"),
        ("fc: block 1x1 centroids 1", r"of 'fc': centroids must be in \[2, 65536\], got 1"),
        ("fc: block 1x0 centroids 4", "of 'fc': the extents of a block are at least 1"),
    ],
)
def test_what_is_no_layout(text: str, reason: str):
    with pytest.raises(OptionError, match=f"option layouts {reason}"):
        LayoutOptions(layouts=text)
