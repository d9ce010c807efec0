"""The order of a report's layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recog.backend.assembly import load_program
from recog.backend.assembly.accounting import program_bytes
from recog.backend.cost import program_cost
from recog.frontend.torch.importer import import_torch
from recog.lowering.pipeline import ConversionOptions, convert
from recog.tools.report.layer_rows import layer_rows, with_views


def row(layer: str, op: str) -> dict[str, Any]:
    return {"layer": layer, "ops": [op]}


def test_views_stand_where_the_network_has_them():
    rows = [row("input", "dma.in"), row("conv", "conv"), row("fc", "conv"), row("out", "dma.out")]
    views = {name: row(name, "reshape") for name in ("first", "flat", "flat2", "last")}
    order = ["first", "conv", "flat", "flat2", "fc", "last"]
    found = [each["layer"] for each in with_views(rows, views, order)]
    assert found == ["input", "first", "conv", "flat", "flat2", "fc", "last", "out"]
    assert with_views(rows, {}, []) == rows


class HardSwish(nn.Module):
    """Written out, as older networks have it: three ops, one table on the chip."""

    def forward(self, x: Tensor) -> Tensor:
        return x * nn.functional.relu6(x + 3) / 6


def test_ops_of_a_module_count_in_its_row():
    """What they are called is `2`, `2#2` and so on; the chip has one layer for them."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), HardSwish()).eval()
    x = torch.randn(8, 1, 6, 6)
    module = import_torch(network, x[:1])
    conversion = convert(module, [x.numpy()], options=ConversionOptions(cluster=False))
    data = conversion.assemble()
    program = load_program(data)
    compared: list[dict[str, Any]] = [
        {"layer": "0", "op": "nn.conv2d", "alone_db": 40.0, "cumulative_db": 40.0},
        {"layer": "2", "op": "nn.add", "alone_db": None, "cumulative_db": 39.0},
        {"layer": "2#2", "op": "nn.mul", "alone_db": 35.0, "cumulative_db": 34.0},
        {"layer": "2#3", "op": "nn.div", "alone_db": 41.0, "cumulative_db": 33.0},
        {"layer": "view#2", "op": "nn.reshape", "alone_db": None, "cumulative_db": 33.0},
    ]
    rows = layer_rows(program, program_cost(program), program_bytes(data, program), {}, compared)
    found = {row["layer"]: (row["alone_db"], row["cumulative_db"]) for row in rows[1:-1]}
    assert found == {"0": (40, 40), "2": (35, 33), "view#2": (None, 33)}
    # What comes only after others stands where it comes, as the second sum of a residual block.
    compared.insert(2, compared.pop())
    rows = layer_rows(program, program_cost(program), program_bytes(data, program), {}, compared)
    assert [row["layer"] for row in rows[1:-1]] == ["0", "2", "view#2", "2#2", "2#3"]
