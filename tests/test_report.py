"""Charts and pages: what they show, and that they need nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

from unscrawl.errors import OutputError
from unscrawl.learn import charts
from unscrawl.learn.data.sheet import contact_sheet, describe
from unscrawl.learn.evaluation import Report, measure
from unscrawl.learn.report import as_text, comparison_text, first_filters, write_report
from unscrawl.learn.scoring import Scored
from unscrawl.learn.sets import Data, ImageSet

RNG = np.random.default_rng(0)
IMAGES = ImageSet(RNG.integers(0, 256, (40, 8, 8), dtype=np.uint8), np.arange(40) % 3)
CLASSES = ("a", "<b>", "c & d")


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [element.text or "" for element in root.iter() if element.tag in ("text", "title")]


@pytest.fixture
def report() -> Report:
    logits = RNG.normal(size=(40, 3)).astype(np.float32)
    logits[np.arange(40), IMAGES.labels] += 2
    return measure(Scored(logits, CLASSES), IMAGES.labels, "shapes")


def test_curves_name_their_series_and_percent_their_axis() -> None:
    figure = charts.curves(
        "title", {"training": [(1, 0.5), (2, 0.7)], "validation": []}, "accuracy", percent=True
    )
    assert figure.count("<circle") == 2
    assert "60%" in figure
    assert "validation" not in figure


def test_a_run_of_one_epoch_has_a_curve_of_one_point() -> None:
    assert charts.curves("title", {"training": [(1, 0.5)]}, "loss").count("<circle") == 1


def test_no_epochs_no_curve() -> None:
    assert charts.curves("title", {"training": [(1, float("nan"))]}, "loss") == ""


def test_the_matrix_says_what_was_taken_for_what() -> None:
    svg = charts.matrix(np.array([[8, 2], [0, 5]]), ("x<", "y"))
    assert "x< taken for y: 2 (20.00%)" in texts(svg)


def test_the_reliability_diagram_has_a_dot_for_each_bin() -> None:
    svg = charts.reliability([(0.5, 0.4, 10), (0.9, 0.95, 30)])
    assert svg.count("<circle") == 2
    assert "confidence 50.0%, accuracy 40.0%, 10 pictures" in texts(svg)


class Links(HTMLParser):
    """Collects what a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_needs_nothing_else(report: Report, tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", report, IMAGES, command="unscrawl evaluate <run>")
    page = (tmp_path / "report.html").read_text("utf-8")
    links = Links()
    links.feed(page)
    assert links.scripts == 0
    assert len(links.loaded) == len(report.mistakes) > 0
    assert all(address.startswith("data:image/png;base64,") for address in links.loaded)
    assert "url(" not in page


def test_the_page_escapes_names_and_commands(report: Report, tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", report, IMAGES, command="unscrawl evaluate <run>")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "unscrawl evaluate &lt;run&gt;" in page
    assert not re.search(r"<b>[^<]* taken", page)
    assert "&lt;b&gt;" in page


def test_a_page_that_cannot_be_written_is_named(report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"report\.html"):
        write_report(tmp_path / "file" / "report.html", report, IMAGES)


def test_the_text_has_the_figures(report: Report) -> None:
    text = as_text(report)
    assert f"accuracy {report.accuracy:.2%}" in text
    assert f"expected calibration error {report.ece:.2%}" in text
    assert all(name in text for name in CLASSES)


def test_the_comparison_gives_accuracies_in_percent_before_the_recipes() -> None:
    text = comparison_text({"a": {"recipe lr": 0.1}, "b": {"accuracy on x": 0.98765}})
    assert [line.split() for line in text.splitlines()[1:]] == [
        ["accuracy", "on", "x", "–", "98.77%"],
        ["recipe", "lr", "0.1", "–"],
    ]


def test_the_comparison_has_a_column_for_each_run() -> None:
    text = comparison_text({"runs/a": {"seed": 1, "recipe lr": 0.1}, "runs/b": {"seed": 2}})
    lines = text.splitlines()
    assert lines[0].split() == ["runs/a", "runs/b"]
    assert lines[2].split() == ["recipe", "lr", "0.1", "–"]


@pytest.mark.parametrize(
    ("model", "shape"),
    [("mlp", (28, 28)), ("lenet-dropout", (5, 5))],
)
def test_the_first_layer_is_shown_as_pictures(model: str, shape: tuple[int, int]) -> None:
    models = pytest.importorskip("unscrawl.learn.models")
    net = models.build(model, 10)
    weights = next(net.parameters()).detach().numpy()
    run = SimpleNamespace(model=net, channels=1, size=28)
    first = first_filters(run)[0]
    assert first.shape == shape
    largest = np.abs(weights[0]).max()
    np.testing.assert_allclose(first.ravel() / 127.5 - 1, weights[0].ravel() / largest, atol=0.01)


# ── contact sheet and description


def test_the_sheet_shows_as_many_of_each_class() -> None:
    sheet = contact_sheet(IMAGES, CLASSES, n=9)
    again = contact_sheet(IMAGES, CLASSES, n=9)
    other = contact_sheet(IMAGES, CLASSES, n=9, seed=1)
    assert sheet.tobytes() == again.tobytes()
    assert sheet.tobytes() != other.tobytes()


def test_the_sheet_holds_the_pictures_themselves() -> None:
    one = ImageSet(np.full((1, 8, 8), 77, np.uint8), np.zeros(1, np.int64))
    assert (77, 77, 77) in set(contact_sheet(one, ("x",)).get_flattened_data())


def test_a_sheet_of_large_coloured_pictures_stays_small() -> None:
    large = ImageSet(np.zeros((4, 300, 200, 3), np.uint8), np.arange(4) % 2)
    assert max(contact_sheet(large, ("x", "y")).size) < 300


def test_the_description_counts_each_class() -> None:
    text = describe(Data("mine", CLASSES, IMAGES, test=IMAGES.take(range(6))))
    assert text.splitlines()[0] == "mine: 3 classes"
    assert [line.split() for line in text.splitlines()[-1:]] == [["c", "&", "d", "13", "2"]]
