"""What is set aside for tables of functions, and budgets that hold it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from xdsl.dialects.builtin import ModuleOp

from recog.backend.assembly import load_program, weight_bytes
from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_torch
from recog.lowering.allocation.reserve import Reserve
from recog.lowering.common.options import OptionError
from recog.lowering.pipeline import ConversionOptions, Stage, convert
from recog.lowering.pipeline import weight_bytes as constant_bytes
from recog.lowering.precision.choose_formats import MoreTableBytes


@pytest.mark.parametrize("wider", [0, 3, 256, 10**6])
@pytest.mark.parametrize("others", [0, 1, 60, 4999, 12_345_678])
def test_the_least_budget_holds_what_it_leaves_and_no_less_does(wider: int, others: int):
    reserve = Reserve(20, 512, MoreTableBytes(7, wider))
    least = reserve.least_budget(others)
    assert others + sum(reserve.within(least).values()) == least
    for fewer in (1, 2, 10):
        assert others + sum(reserve.within(least - fewer).values()) > least - fewer


class Gated(nn.Module):
    """Tables in every layer, and a head on the first one's."""

    def __init__(self, branch: float = 1.0):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
        self.c = nn.Conv2d(16, 16, 3, padding=1)
        self.d, self.e = nn.Linear(16, 8), nn.Linear(16, 8)
        with torch.no_grad():
            self.c.weight *= branch

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = nn.functional.silu(self.a(x))
        y = x + self.c(nn.functional.silu(self.b(x)))
        return self.d(x.mean((2, 3))).sigmoid(), self.e(y.mean((2, 3))).sigmoid()


def imported(branch: float = 1.0) -> ModuleOp:
    return import_torch(Gated(branch).eval(), (torch.zeros(1, 3, 8, 8),))


def frames() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (32, 3, 8, 8)).astype(np.float32)


def options(**given: float | str) -> ConversionOptions:
    return ConversionOptions(tune=False, compare_recipes=False, **given)  # pyright: ignore


def test_the_most_that_an_error_says_is_possible():
    with pytest.raises(RecogError, match=r"beyond what is sure to fit: at most \d") as error:
        convert(imported(), [frames()], options=options(ratio=1000.0))
    most = float(str(error.value).split("at most ")[1].split()[0])
    plan = convert(imported(), [frames()], options=options(ratio=most)).plan
    assert plan is not None
    with pytest.raises(RecogError, match=f"at most {most} of"):
        convert(imported(), [frames()], options=options(ratio=most + 0.1))
    with pytest.raises(RecogError, match="below what is sure to fit: 100 of") as error:
        convert(imported(), [frames()], options=options(budget="100"))
    least = str(error.value).split(" of ")[1].split()[0].replace(",", "")
    assert convert(imported(), [frames()], options=options(budget=least)).plan is not None


@pytest.mark.parametrize("branch", [1.0, 1e4, 1e6, 1e8])
@pytest.mark.parametrize("widths", ["", "*=12"])
def test_terms_that_lie_far_apart_take_no_table(branch: float, widths: str):
    """Whose wider codes would have thousands of entries, which nothing was set aside for."""
    asked = options(budget="60kB" if widths else "4kB", value_widths=widths)
    conversion = convert(imported(branch), [frames()], options=asked)
    assert conversion.plan is not None
    program = load_program(conversion.assemble())
    assert weight_bytes(program) <= conversion.plan.bytes


def test_layouts_chosen_before_leave_as_much_to_tables():
    """As a task's, whose tuned network is converted without choosing them again."""
    first = convert(imported(), [frames()], options=options(ratio=6.0))
    budget = constant_bytes(imported()) // 6
    clustered, dense = first.stages[Stage.CLUSTERED], ConversionOptions(cluster=False)
    again = convert(clustered, [frames()], options=dense, weight_budget=budget)
    assert weight_bytes(load_program(again.assemble())) <= budget
    free = convert(clustered, [frames()], options=dense)
    assert weight_bytes(load_program(free.assemble())) > budget
    with pytest.raises(RecogError, match=r"take [\d,]+ bytes, of 900 that they may") as error:
        convert(clustered, [frames()], options=dense, weight_budget=900)
    assert "times the ratio" in (error.value.hint or "")


@pytest.mark.parametrize(
    "widths", [{"width": 10, "frac": 6}, {"width": 12, "frac": 8}, {"output_width": 16}]
)
def test_tables_of_wide_codes_are_reserved(widths: dict[str, int]):
    """What the refusal of a byte says is enough is so."""
    more: Any = widths | ({"unsigned_frac": widths["frac"] + 1} if "frac" in widths else {})
    with pytest.raises(RecogError, match="below what is sure to fit: 1 of") as error:
        convert(imported(), [frames()], options=options(budget="1", **more))
    least = str(error.value).split(" of ")[1].split()[0].replace(",", "")
    conversion = convert(imported(), [frames()], options=options(budget=least, **more))
    assert weight_bytes(load_program(conversion.assemble())) <= int(least)


@pytest.mark.parametrize("asked", [{"ratio": 1e-307}, {"budget": "9" * 400}])
def test_more_bytes_than_there_are(asked: dict[str, Any]):
    assert convert(imported(), [frames()], options=options(**asked)).plan is not None


def test_bytes_are_written_without_exponents():
    with pytest.raises(OptionError, match="must be bytes, as 8MiB"):
        options(budget="9e9GiB")
