"""PyTorch's threads: as many on every machine."""

from __future__ import annotations

import torch

from recog.backend.threads import THREADS, fixed_threads


def test_the_number_is_the_block_s_alone():
    before = torch.get_num_threads()
    with fixed_threads():
        assert torch.get_num_threads() == THREADS
        with fixed_threads(3):
            assert torch.get_num_threads() == 3
            with fixed_threads():  # of a function that a command calls
                assert torch.get_num_threads() == 3
        assert torch.get_num_threads() == THREADS
    assert torch.get_num_threads() == before


def test_a_function_has_it_while_it_runs():
    @fixed_threads()
    def threads() -> int:
        return torch.get_num_threads()

    before = torch.get_num_threads()
    with fixed_threads(5):
        assert threads() == 5
    assert threads() == THREADS
    assert torch.get_num_threads() == before
