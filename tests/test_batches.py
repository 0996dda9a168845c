from __future__ import annotations

import numpy as np
import pytest
import torch

from unscrawl.errors import DataError
from unscrawl.learn.batches import epoch_order, generator, normalise, pixels, statistics
from unscrawl.learn.sets import Data, ImageSet, check, split


def image_set(n: int = 40, classes: int = 4, shape: tuple[int, ...] = (6, 6), seed: int = 0) -> ImageSet:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
    return ImageSet(images, (np.arange(n) % classes).astype(np.int64))


def test_normalise_is_bit_identical_to_totensor_and_normalize_of_each_sample() -> None:
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16).repeat(3, axis=0)
    images[1] = images[1].T
    batch = normalise(pixels(images), (0.1307,), (0.3081,))
    for i, image in enumerate(images):
        one = torch.from_numpy(image[None]).to(torch.float32).div(255)  # ToTensor
        one = one.sub_(torch.tensor([0.1307])[:, None, None]).div_(torch.tensor([0.3081])[:, None, None])
        assert torch.equal(batch[i], one)


def test_normalise_gives_the_known_constants_of_mnist() -> None:
    x = normalise(torch.tensor([0, 1, 128, 255], dtype=torch.uint8).view(1, 1, 2, 2), (0.1307,), (0.3081,))
    expected = [-0.42421293, -0.41148475, 1.2050011, 2.8214867]
    assert x.flatten().tolist() == pytest.approx(expected, abs=2e-7)


def test_normalise_agrees_with_torchvision() -> None:
    transforms = pytest.importorskip("torchvision.transforms")
    steps = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))]
    )
    images = image_set(5, shape=(7, 9, 3)).images
    batch = normalise(pixels(images), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    assert torch.equal(batch, torch.stack([steps(image) for image in images]))


def test_normalise_leaves_its_input_alone() -> None:
    x = torch.ones(1, 1, 2, 2)
    normalise(x, (0.5,), (0.5,))
    assert torch.equal(x, torch.ones(1, 1, 2, 2))


def test_statistics_are_those_of_all_pixels() -> None:
    images = image_set(30, shape=(5, 7))
    mean, std = statistics(images)
    assert mean[0] == pytest.approx((images.images / 255).mean(), rel=1e-12)
    assert std[0] == pytest.approx((images.images / 255).std(), rel=1e-12)


def test_statistics_go_by_channel() -> None:
    images = image_set(10, shape=(4, 4, 3))
    images.images[..., 1] = 255
    mean, std = statistics(images)
    assert len(mean) == len(std) == 3
    assert mean[1] == pytest.approx(1.0)
    assert std[1] > 0  # a constant channel must not divide by zero


def test_pixels_put_channels_first() -> None:
    images = image_set(3, shape=(4, 5, 3)).images
    assert torch.equal(pixels(images)[:, 2], torch.from_numpy(images[..., 2].copy()))


def test_pixels_take_read_only_arrays() -> None:
    images = np.frombuffer(bytes(range(16)), dtype=np.uint8).reshape(1, 4, 4)
    assert pixels(images).flatten().tolist() == list(range(16))


def test_an_epoch_visits_every_sample_once() -> None:
    order = epoch_order(torch.arange(100) % 3, seed=1, epoch=0)
    assert sorted(order.tolist()) == list(range(100))


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    labels = torch.zeros(50, dtype=torch.long)
    assert torch.equal(epoch_order(labels, 1, 2), epoch_order(labels, 1, 2))
    assert not torch.equal(epoch_order(labels, 1, 2), epoch_order(labels, 1, 3))
    assert not torch.equal(epoch_order(labels, 1, 2), epoch_order(labels, 2, 2))


def test_full_balance_draws_every_class_equally() -> None:
    labels = torch.tensor([0] * 90 + [1] * 9 + [3])  # class 2 is absent
    order = epoch_order(labels, 0, 0, balance=1.0)
    counts = torch.bincount(labels[order], minlength=4).tolist()
    assert counts == [33, 33, 0, 33]


def test_balance_uses_the_samples_of_a_class_evenly() -> None:
    labels = torch.tensor([0] * 90 + [1] * 10)
    order = epoch_order(labels, 0, 0, balance=1.0)
    uses = torch.bincount(order, minlength=100)[90:]
    assert uses.tolist() == [5] * 10


def test_half_balance_follows_the_square_root() -> None:
    labels = torch.tensor([0] * 900 + [1] * 100)
    counts = torch.bincount(labels[epoch_order(labels, 0, 0, balance=0.5)]).tolist()
    assert counts == [750, 250]


def test_generators_of_different_purposes_differ() -> None:
    first, second = (torch.rand(4, generator=generator("cpu", 7, i)) for i in (1, 2))
    assert not torch.equal(first, second)


def test_split_is_stratified_and_seeded() -> None:
    images = image_set(200, classes=4)
    train, held = split(images, 0.1, seed=5)
    assert np.bincount(held.labels).tolist() == [5, 5, 5, 5]
    assert len(train) + len(held) == 200
    again = split(images, 0.1, seed=5)[1]
    assert np.array_equal(held.images, again.images)
    assert not np.array_equal(held.images, split(images, 0.1, seed=6)[1].images)


def test_split_leaves_a_lone_sample_in_training() -> None:
    images = image_set(5, classes=2)
    lone = ImageSet(images.images, np.array([0, 0, 0, 0, 1]))
    train, held = split(lone, 0.5, seed=0)
    assert 1 in train.labels
    assert 1 not in held.labels


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0, 1, 2, 3], 1, "1 class"),
        ([0, 1, 5, 2], 4, r"label 5 \(picture 2\) is not in 0 … 3"),
        ([0, 1, -1, 2], 4, "label -1"),
        ([0, 1, 2, 3], 9, "4 training pictures are too few for 9 classes"),
        ([1, 1, 1, 1], 4, "the same label"),
    ],
)
def test_check_names_what_is_wrong_with_labels(labels: list[int], classes: int, message: str) -> None:
    data = Data("toy", tuple("abcdefghi"[:classes]), ImageSet(image_set(4).images, np.array(labels)))
    with pytest.raises(DataError, match=message):
        check(data)


def test_check_refuses_parts_of_different_size() -> None:
    data = Data("toy", ("a", "b"), image_set(8, 2), test=image_set(8, 2, shape=(5, 6)))
    with pytest.raises(DataError, match=r"test pictures have form \(5, 6\), not \(6, 6\)"):
        check(data)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((2, 3, 3), np.float32), np.zeros(2, np.int64)),
        (np.zeros((2, 9), np.uint8), np.zeros(2, np.int64)),
        (np.zeros((2, 3, 3), np.uint8), np.zeros(2, np.int32)),
        (np.zeros((2, 3, 3), np.uint8), np.zeros(3, np.int64)),
    ],
)
def test_an_image_set_refuses_other_forms(images: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(DataError):
        ImageSet(images, labels)
