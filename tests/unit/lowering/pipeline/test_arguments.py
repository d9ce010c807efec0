"""Arguments of a conversion that are of other types than it takes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from middle_networks import images, residual

from recog.dialects.errors import RecogError
from recog.lowering.pipeline import convert


@pytest.mark.parametrize(
    "given,message",
    [
        ({"module": torch.nn.ReLU()}, "the network is a ReLU, not a module of the IR"),
        ({"inputs": images(2)}, "inputs are an array, not a list of one array"),
        ({"inputs": torch.zeros(2, 3)}, "inputs are a Tensor, not a list of one array"),
        ({"inputs": "images.npy"}, "inputs are a str, not a list of one array"),
        ({"inputs": None}, "inputs are None, not a list of one array"),
        ({"inputs": []}, "inputs are a list without elements, not a list of one array"),
        ({"inputs": ["images.npy"]}, "input 0 is a str, not an array"),
        ({"targets": [0, 1]}, "targets are a list, not an array"),
        ({"targets": torch.zeros(2)}, "targets are a Tensor, not an array"),
        ({"weight_budget": "8KB"}, "weight_budget is an integer of at least 1 byte, got '8KB'"),
        ({"weight_budget": 0}, "weight_budget is an integer of at least 1 byte, got 0"),
        ({"own": torch.nn.functional.mse_loss}, "own is a function, not an OwnObjective"),
    ],
)
def test_arguments_of_other_types(given: dict[str, Any], message: str):
    arguments: dict[str, Any] = {"module": residual(), "inputs": [images(2)], **given}
    with pytest.raises(RecogError, match=message):
        convert(**arguments)
