"""The digits data, and training: a proper split, seeded, reproducible."""

from __future__ import annotations

import numpy as np
import torch

from recog.backend.interpreters.nn_runner import run_nn
from recog.frontend.tasks.digits import accuracy, load_digits_data, shifted, train_digits
from recog.frontend.tasks.networks import digits_resnet
from recog.frontend.torch.importer import import_torch


def test_split_is_disjoint_stratified_and_seeded():
    data = load_digits_data(0)
    assert data.train_images.shape == (1437, 1, 8, 8)
    assert data.test_images.shape == (360, 1, 8, 8)
    assert data.train_images.dtype == np.float32
    assert (data.train_images.min(), data.train_images.max()) == (0.0, 1.0)
    shares = np.bincount(data.test_labels) / np.bincount(
        np.concatenate([data.train_labels, data.test_labels])
    )
    assert np.abs(shares - 0.2).max() < 0.01
    again, other = load_digits_data(0), load_digits_data(1)
    assert np.array_equal(data.test_images, again.test_images)
    assert not np.array_equal(data.test_images, other.test_images)


def test_held_out_images_are_not_trained_on():
    data = load_digits_data(0)
    both = np.concatenate([data.train_images, data.test_images]).reshape(1797, 64)
    from sklearn.datasets import load_digits

    every = np.asarray(load_digits(return_X_y=True)[0], dtype=np.float32) / 16
    order, expected = (np.lexsort(images.T) for images in (both, every))
    assert np.array_equal(both[order], every[expected])  # each image once, in one of the parts


def test_shifts_move_images_without_wrapping():
    image = torch.zeros(1, 1, 8, 8)
    image[0, 0, 0, 3] = 1.0
    moved = shifted(image.expand(500, 1, 8, 8), torch.Generator().manual_seed(0))
    assert moved.shape == (500, 1, 8, 8)
    rows, columns = moved[:, 0].nonzero()[:, 1:].T
    assert set(rows.tolist()) == {0, 1}  # the third shift leaves the frame
    assert set(columns.tolist()) == {2, 3, 4}
    assert float(moved.sum()) < 500


def test_training_learns_and_repeats_itself():
    data = load_digits_data(0)
    seen: list[tuple[int, int]] = []

    def train() -> torch.nn.Module:
        torch.manual_seed(0)
        return train_digits(
            digits_resnet(16), data, epochs=4, progress=lambda i, n, loss: seen.append((i, n))
        )

    first, second = train(), train()
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)] * 2
    assert not first.training
    for a, b in zip(first.state_dict().values(), second.state_dict().values()):
        assert torch.equal(a, b)
    module = import_torch(first, torch.zeros(1, 1, 8, 8))
    with torch.no_grad():
        (logits,) = run_nn(module, data.test_images)
        eager = first(torch.from_numpy(data.test_images))
    torch.testing.assert_close(logits, eager, rtol=1e-5, atol=1e-5)
    assert accuracy(logits.numpy(), data.test_labels) > 0.9


def test_accuracy():
    logits = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0], [5.0, 4.0]])
    assert accuracy(logits, np.array([1, 0, 0, 0])) == 0.75


def test_size_of_the_demo_network():
    count = sum(parameter.numel() for parameter in digits_resnet().parameters())
    assert 250_000 < count < 400_000
