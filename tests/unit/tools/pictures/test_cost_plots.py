"""Which names the picture of activation memory shows."""

from __future__ import annotations

from recog.tools.pictures.cost_plots import named_slices


def names(*slices: tuple[str, tuple[float, float, float, float]]) -> list[str]:
    return [name for name, _ in named_slices(slices)]


def test_of_names_that_would_overlap_the_largest_slice_has_its_own():
    small, large = ("small", (100, 0, 200, 40)), ("large", (90, 0, 200, 50))
    assert names(small, large) == ["large"]
    assert names(large, small) == ["large"]


def test_slices_beside_each_other_all_have_names():
    beside = [
        (f"layer{number}", (100.0 * number, 0, 100.0 * (number + 1), 20)) for number in range(9)
    ]
    assert names(*beside) == [name for name, _ in beside]
    # Slices may overlap where their names do not.
    assert set(names(("a", (0, 0, 100, 100)), ("b", (60, 0, 160, 100)))) == {"a", "b"}


def test_names_without_room_are_left_out():
    assert names(("a name that is long", (0, 0, 60, 40))) == []
    assert names(("flat", (0, 0, 400, 12))) == []
    # One that is not shown takes no room from another.
    assert names(("a name that is long", (0, 0, 60, 400)), ("short", (5, 180, 60, 220))) == [
        "short"
    ]
