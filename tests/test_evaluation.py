"""Accuracy, intervals, calibration and confusions, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from unscrawl.errors import DataError
from unscrawl.learn.evaluation import CORRECTIONS, Report, fit_temperature, measure, softmax, wilson
from unscrawl.learn.scoring import Scored, align, part_to_measure, restrict
from unscrawl.learn.sets import Data, ImageSet

CLASSES = ("a", "b", "c")


def scored(probabilities: list[list[float]], classes: tuple[str, ...] = CLASSES) -> Scored:
    return Scored(np.log(np.array(probabilities, np.float32)), classes)


@pytest.fixture
def report() -> Report:
    """Four pictures: a right, a taken for b, b right, b right; c has none."""
    said = scored([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.02, 0.96, 0.02]])
    return measure(said, np.array([0, 0, 1, 1]), "letters")


def test_accuracy_is_the_share_that_is_right(report: Report) -> None:
    assert report.accuracy == 0.75
    assert report.n == 4


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # Published values: Wilson's interval for 0 of 10, 5 of 10, and 9,900 of 10,000.
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (9_900, 10_000, 0.98786, 0.99177), (10, 10, 0.7225, 1.0)],
)
def test_the_interval_is_wilsons(right: int, n: int, low: float, high: float) -> None:
    assert wilson(right, n) == pytest.approx((low, high), abs=1e-4)


def test_calibration_error_is_the_weighted_gap_of_the_bins(report: Report) -> None:
    # Bins of 1/15: 0.6 is alone and wrong, two 0.8 are right, 0.96 is right.
    assert report.ece == pytest.approx((0.6 + 2 * 0.2 + 0.04) / 4, abs=1e-6)
    assert [count for _, _, count in report.bins] == [1, 2, 1]


def test_each_class_has_its_recall_and_precision(report: Report) -> None:
    a, b, c = report.per_class
    assert (a.n, a.accuracy, a.precision) == (2, 0.5, 1.0)
    assert (b.n, b.accuracy) == (2, 1.0)
    assert b.precision == pytest.approx(2 / 3)
    assert (c.n, c.accuracy, c.precision) == (0, None, None)


def test_confusions_go_from_label_to_guess(report: Report) -> None:
    assert report.confusion.tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert report.confusions() == [("a", "b", 1)]


def test_the_surest_mistake_comes_first() -> None:
    said = scored([[0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.9, 0.05, 0.05]])
    report = measure(said, np.array([1, 0, 0]))
    assert [(m.index, m.label, m.guess) for m in report.mistakes] == [(1, "a", "b"), (0, "b", "a")]
    assert report.mistakes[0].confidence == pytest.approx(0.8)


def test_exported_figures_are_plain(report: Report) -> None:
    exported = report.export()
    assert {"accuracy", "interval", "n", "ece", "per_class"} <= exported.keys()
    assert exported["per_class"]["a"] == {"n": 2, "accuracy": 0.5, "precision": 1.0}
    assert "corrected" not in exported


def test_nothing_to_measure_on_is_an_error() -> None:
    with pytest.raises(DataError, match="no pictures"):
        measure(Scored(np.zeros((0, 3), np.float32), CLASSES), np.zeros(0, np.int64), "letters")


def test_the_temperature_divides_the_logits() -> None:
    said = Scored(np.array([[2.0, 0.0, 0.0]], np.float32), CLASSES, temperature=2.0)
    report = measure(said, np.array([1]))
    assert report.mistakes[0].confidence == pytest.approx(np.e / (np.e + 2))


# ── temperature


def test_the_temperature_that_was_put_in_is_found() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, (4000, 10))
    labels = np.array([rng.choice(10, p=p) for p in softmax(true)])
    assert fit_temperature(3 * true, labels) == pytest.approx(3, rel=0.05)
    assert fit_temperature(0.5 * true, labels) == pytest.approx(0.5, rel=0.05)


def test_without_a_mistake_the_temperature_stays_at_its_bound() -> None:
    logits = np.eye(3) * 5
    assert fit_temperature(logits, np.arange(3)) == pytest.approx(0.05, rel=1e-3)


def test_softmax_bears_huge_logits() -> None:
    assert softmax(np.array([[1e4, 0.0]])).tolist() == [[1.0, 0.0]]


# ── MNIST's label errors


def test_mnist_is_measured_as_labelled_and_corrected() -> None:
    labels = np.zeros(10_000, np.int64)
    labels[list(CORRECTIONS)] = 2  # a label that is the right one nowhere among them
    guess = np.zeros(10_000, np.int64)
    guess[list(CORRECTIONS)] = list(CORRECTIONS.values())
    report = measure(Scored(np.eye(10, dtype=np.float32)[guess], tuple("0123456789")), labels, "mnist")
    assert report.accuracy == 1 - 15 / 10_000
    assert report.corrected is not None
    assert report.corrected[0] == 1.0
    letters_first = (*"abcdefghij", *"0123456789")
    report = measure(Scored(np.eye(20, dtype=np.float32)[guess + 10], letters_first), labels + 10, "mnist")
    assert report.corrected is not None
    assert report.corrected[0] == 1.0


def test_the_fifteen_pictures_are_those_of_the_paper() -> None:
    paper = [947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729]
    assert sorted(CORRECTIONS) == paper


# ── what is measured, and against which classes


def test_labels_are_matched_by_the_names_of_their_classes() -> None:
    assert align(np.array([0, 1, 0]), ("c", "a"), CLASSES, "x").tolist() == [2, 0, 2]


def test_a_class_the_network_does_not_know_is_named() -> None:
    with pytest.raises(DataError, match="does not know the classes z; it knows a, b, c"):
        align(np.array([0, 1]), ("a", "z"), CLASSES, "x")


def test_an_unknown_class_without_pictures_does_not_matter() -> None:
    assert align(np.array([0, 0]), ("a", "z"), CLASSES, "x").tolist() == [0, 0]


def test_a_restricted_network_chooses_among_the_classes_of_the_data() -> None:
    said = restrict(scored([[0.5, 0.2, 0.3]]), ("b", "c"))
    assert said.classes == ("b", "c")
    assert said.logits.argmax() == 1


def images(n: int) -> ImageSet:
    return ImageSet(np.arange(n, dtype=np.uint8).reshape(n, 1, 1), np.arange(n) % 2)


def test_the_test_part_is_measured_on_where_there_is_one() -> None:
    data = Data("x", ("a", "b"), images(10), test=images(4))
    part, name = part_to_measure(data)
    assert (len(part), name) == (4, "test")


def test_data_without_a_test_part_is_measured_on_as_a_whole() -> None:
    part, name = part_to_measure(Data("x", ("a", "b"), images(10)))
    assert (len(part), name) == (10, "whole")
