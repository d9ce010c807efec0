"""A network whose report shows all kinds of things: a skip connection, a part on the host, and a
layer with a name that would end a script."""

from __future__ import annotations

EVIL = "</script><script>alert(1)</script><!--"
NETWORK = f"""
import torch
from torch import nn


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
        self.add_module({EVIL!r}, nn.Conv2d(16, 16, 3, padding=1))
        self.alone = nn.BatchNorm2d(16)
        self.head = nn.Conv2d(16, 4, 1)

    def forward(self, x):
        x = self.stem(x)
        x = self.alone(torch.relu(self.get_submodule({EVIL!r})(x)) + x).relu()
        score, where = self.head(x).sigmoid().flatten(1).topk(8)
        return {{"score": score, "where": (where // 64).float()}}


def make():
    torch.manual_seed(0)
    return Detector().eval(), torch.zeros(1, 3, 16, 16)
"""
