"""One's own data from folders, tables, archives, IDX pairs, PyTorch datasets; one line for what is wrong."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers
from PIL import Image

from unscrawl.errors import DataError, OptionError, PictureError
from unscrawl.learn.data import from_dataset, load
from unscrawl.learn.data.arrays import build, pictures
from unscrawl.learn.data.files import encode_idx
from unscrawl.learn.sets import check

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 4, 4), dtype=np.uint8)


def draw_folder(folder: Path, *names: str, n: int = 2, size: tuple[int, int] = (6, 5)) -> None:
    """Write `n` grey pictures into a folder for each class."""
    for value, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for i in range(n):
            Image.new("L", size, 10 * value + i).save(folder / name / f"{i}.png")


# ── folders


def test_the_folders_of_a_folder_are_its_classes(tmp_path: Path) -> None:
    draw_folder(tmp_path, "b", "a")
    data = load(tmp_path)
    assert data.classes == ("a", "b")
    assert data.train.labels.tolist() == [0, 0, 1, 1]
    assert data.train.images.shape == (4, 5, 6)
    assert data.train.images[:, 0, 0].tolist() == [10, 11, 0, 1]
    assert data.test is None


def test_train_test_and_validation_folders_are_the_parts(tmp_path: Path) -> None:
    for part, n in (("train", 3), ("test", 1), ("val", 2)):
        draw_folder(tmp_path / part, "x", "y", n=n)
    data = load(tmp_path)
    assert data.test is not None
    assert data.validation is not None
    assert (len(data.train), len(data.test), len(data.validation)) == (6, 2, 4)


def test_one_coloured_picture_makes_all_three_channels(tmp_path: Path) -> None:
    draw_folder(tmp_path, "a", "b")
    Image.new("RGB", (6, 5), (200, 10, 0)).save(tmp_path / "a" / "red.png")
    data = load(tmp_path)
    assert data.train.images.shape == (5, 5, 6, 3)
    assert data.train.images[2, 0, 0].tolist() == [200, 10, 0]


def test_prepared_photos_become_white_on_black_28_by_28(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        for side in (90, 140):
            photo = Image.new("RGB", (side, side), "white")
            photo.paste((20, 20, 60), (side // 3, side // 4, side // 2, side * 3 // 4))
            photo.save(tmp_path / name / f"{side}.png")
    data = load(tmp_path, prepare=True)
    assert data.train.images.shape == (4, 28, 28)
    assert (data.train.images[:, 0, 0] == 0).all()
    assert (data.train.images[:, 14, 14] > 200).all()


def test_mixed_sizes_are_named_with_a_way_out(tmp_path: Path) -> None:
    draw_folder(tmp_path, "a", "b")
    Image.new("L", (7, 5)).save(tmp_path / "b" / "wide.png")
    with pytest.raises(DataError, match=r"mixed size.*0\.png is 6 × 5.*wide\.png is 7 × 5.*--prepare"):
        load(tmp_path)


def test_a_class_without_pictures_is_named(tmp_path: Path) -> None:
    draw_folder(tmp_path, "a", "b")
    (tmp_path / "c").mkdir()
    with pytest.raises(DataError, match="class 'c' has no pictures"):
        load(tmp_path)


def test_a_folder_without_folders_is_told_what_to_do(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "loose.png")
    with pytest.raises(DataError, match="put the pictures of each class into one of its own"):
        load(tmp_path)


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    draw_folder(tmp_path, "a", "b")
    (tmp_path / "a" / "9.png").write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"9\.png"):
        load(tmp_path)


def test_one_class_only_cannot_be_trained_on(tmp_path: Path) -> None:
    draw_folder(tmp_path, "a")
    with pytest.raises(DataError, match="1 class, at least 2"):
        check(load(tmp_path))


def test_fewer_pictures_than_classes_cannot_be_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "few.npz"
    np.savez(path, x=IMAGES[:2], label=[0, 1], classes=list("abc"))
    with pytest.raises(DataError, match="2 training pictures are too few for 3 classes"):
        check(load(path))


def test_a_class_of_the_test_part_that_training_lacks_is_named(tmp_path: Path) -> None:
    draw_folder(tmp_path / "train", "a", "b")
    draw_folder(tmp_path / "test", "a", "c")
    with pytest.raises(DataError, match="label 'c' is none of its 2 classes"):
        load(tmp_path)


# ── tables


@pytest.mark.parametrize("header", ["", "label," + ",".join(f"pixel{i}" for i in range(16)) + "\n"])
def test_a_table_is_read_with_and_without_a_header(tmp_path: Path, header: str) -> None:
    rows = [[label, *image.ravel()] for label, image in zip([3, 7, 3, 7, 9, 9], IMAGES, strict=True)]
    path = tmp_path / "pixels.csv"
    path.write_text(header + "\n".join(",".join(str(v) for v in row) for row in rows) + "\n")
    data = load(path)
    np.testing.assert_array_equal(data.train.images, IMAGES)
    assert data.classes == ("3", "7", "9")
    assert data.train.labels.tolist() == [0, 1, 0, 1, 2, 2]


@pytest.mark.parametrize(("header", "place"), [("a,b,c,d,class", 4), ('a,"Label",b,c,d', 1)])
def test_a_table_says_in_its_header_where_the_labels_are(tmp_path: Path, header: str, place: int) -> None:
    rows = [["1", "2", "3", "4"], ["5", "6", "7", "8"]]
    for row, label in zip(rows, "xy", strict=True):
        row.insert(place, label)
    path = tmp_path / "pixels.csv"
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]))
    data = load(path)
    assert data.classes == ("x", "y")
    assert data.train.images.tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]


def test_a_table_beside_it_is_the_test_part(tmp_path: Path) -> None:
    (tmp_path / "my_train.csv").write_text("a,1,2,3,4\nb,1,2,3,4\n")
    (tmp_path / "my_test.csv").write_text("b,5,6,7,8\n")
    data = load(tmp_path / "my_train.csv")
    assert data.classes == ("a", "b")
    assert data.test is not None
    assert data.test.images.tolist() == [[[5, 6], [7, 8]]]


@pytest.mark.parametrize("rows", ["a,0,0.2,1,1\nb,1,0,0,0\n", "b,1,0,0,0\na,0.0,0.2,1.0,1.0\n"])
def test_a_table_of_fractions_keeps_its_greys(tmp_path: Path, rows: str) -> None:
    (tmp_path / "pixels.csv").write_text(rows)
    train = load(tmp_path / "pixels.csv").train
    assert train.images[train.labels == 0].tolist() == [[[0, 51], [255, 255]]]
    assert train.images[train.labels == 1].tolist() == [[[255, 0], [0, 0]]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,0,0,0,0\n2,0,0,0\n", "line 2 is not a label and 4 numbers"),
        ("1,0,0,0,0\n2,0,zero,0,0\n", "line 2 is not a label and 4 numbers"),
        ("1,0,0,0,0\n2,0,0,0,256\n", "line 2 has a pixel outside 0 … 255"),
        ("1,0,0,0,0\n2,0,0,0,-1\n", "line 2 has a pixel outside"),
        ("1,0,0,0,0\n2,0,0,0,nan\n", "line 2 has a pixel outside"),
        ("1,0,0,0\n2,0,0,0\n", "a label and 3 pixels a row are no square pictures"),
        ("-1,0,0,0,0\n2,0,0,0,0\n", "label -1 is out of range"),
        ("0.5,0,0,0,0\n2,0,0,0,0\n", "0.5 is no whole number"),
        ("label,a,b,c,d\n", "holds no pictures"),
        ("<html><body>Not found</body></html>", "web page"),
        ("", "empty"),
    ],
)
def test_a_bad_table_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "pixels.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        load(path)
    assert "pixels.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


# ── NumPy archives


@pytest.mark.parametrize(
    "names",
    [
        ("x", "label"),
        ("x", "y"),
        ("images", "labels"),
        ("x_train", "y_train"),
        ("train_images", "train_labels"),
    ],
)
def test_an_archive_may_name_its_arrays_in_several_ways(tmp_path: Path, names: tuple[str, str]) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, **{names[0]: IMAGES, names[1]: [0, 1, 2, 0, 1, 2]})
    data = load(path)
    np.testing.assert_array_equal(data.train.images, IMAGES)
    assert data.classes == ("0", "1", "2")


def test_an_archive_may_bring_its_test_part_and_names(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(
        path, x_train=IMAGES, y_train=[[0], [1]] * 3, x_test=IMAGES[:1], y_test=[1], classes=["no", "yes"]
    )
    data = load(path)
    assert data.classes == ("no", "yes")
    assert data.test is not None
    assert data.test.labels.tolist() == [1]


def test_groups_are_not_divided_between_training_and_validation(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    group = np.repeat(np.arange(20), 3)
    np.savez(path, x=np.arange(60, dtype=np.uint8).reshape(60, 1, 1), label=np.arange(60) % 2, group=group)
    data = load(path)
    assert data.validation is not None
    trained, held = (set(group[part.images.ravel()]) for part in (data.train, data.validation))
    assert len(held) == 2
    assert not trained & held


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": IMAGES, "label": [0, 1]}, "6 pictures but 2 labels"),
        (
            {"x": IMAGES, "label": [0, 1, 2, 3, 4, 5], "classes": list("abc")},
            "label 3 of picture 3 is outside 0 … 2",
        ),
        ({"x": IMAGES, "label": [0, 1, 2, 3, 4, -5]}, "label -5 is out of range"),
        ({"x": IMAGES / 100 - 1, "label": [0] * 6}, "before any normalisation"),
        ({"x": IMAGES * np.nan, "label": [0] * 6}, "before any normalisation"),
        ({"x": IMAGES.astype(str), "label": [0] * 6}, "pixels must be numbers"),
        ({"x": IMAGES[:0], "label": []}, "holds no pictures"),
        ({"pixels": IMAGES}, "has the arrays pixels"),
        ({"x": IMAGES, "label": [0] * 6, "group": [1, 2]}, "'group' is of form"),
    ],
)
def test_a_bad_archive_is_told_in_one_line(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_an_archive_of_python_objects_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    mixed = np.empty(2, object)
    mixed[:] = [IMAGES[0], IMAGES[0, :2]]
    np.savez(path, x=mixed, label=[0, 1])
    with pytest.raises(DataError, match="Python objects"):
        load(path)


def test_a_cut_off_archive_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, x=IMAGES, label=[0] * 6)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"not a whole NumPy archive|damaged"):
        load(path)


@pytest.mark.parametrize(
    "values",
    [
        IMAGES / 255.0,
        IMAGES.astype(np.int64),
        IMAGES.reshape(6, 16),
        IMAGES[..., None],
        IMAGES[:, None],
        (IMAGES / np.float32(255)).astype(np.float32)[:, None],
    ],
)
def test_any_form_of_numbers_becomes_the_same_bytes(values: np.ndarray) -> None:
    np.testing.assert_array_equal(pictures(values, "x"), IMAGES)


@given(
    numbers.arrays(
        st.sampled_from([np.dtype(kind) for kind in ("u1", "i8", "f4", "?", "U2", "c8", "M8[s]")]),
        numbers.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4),
    )
)
def test_arbitrary_arrays_become_bytes_or_our_own_error(values: np.ndarray) -> None:
    with suppress(DataError):
        images = pictures(values, "x")
        assert images.dtype == np.uint8
        assert images.ndim == 3 or images.shape[3] == 3


@given(
    numbers.arrays(
        st.sampled_from(
            [np.dtype(kind) for kind in ("u1", "u8", "i8", "f8", "?", "U2", "S2", "c8", "M8[s]")]
        ),
        st.sampled_from([(6,), (6, 1), (6, 2), (5,)]),
    )
)
def test_arbitrary_labels_become_numbers_or_our_own_error(labels: np.ndarray) -> None:
    with suppress(DataError):
        data = build("x", {"train": (IMAGES, labels)})
        assert 0 <= data.train.labels.min() <= data.train.labels.max() < len(data.classes)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64, np.bool_, np.float32])
def test_pictures_of_nothing_but_0_and_1_are_black_and_white(kind: type) -> None:
    assert pictures(np.array([[[0, 1], [1, 0]]], kind), "x").tolist() == [[[0, 255], [255, 0]]]


def test_colour_first_becomes_colour_last() -> None:
    colour = RNG.integers(0, 256, (5, 3, 4, 4), dtype=np.uint8)
    np.testing.assert_array_equal(pictures(colour, "x"), colour.transpose(0, 2, 3, 1))


# ── IDX pairs


def test_an_idx_pair_is_found_by_its_first_file(tmp_path: Path) -> None:
    for part, n in (("train", 6), ("t10k", 2)):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(encode_idx(IMAGES[:n]))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(encode_idx(np.arange(n, dtype=np.uint8) % 2))
    for source in (tmp_path / "train-images-idx3-ubyte", tmp_path):
        data = load(source)
        assert len(data.train) == 6
        assert data.test is not None
        assert len(data.test) == 2


def test_an_idx_pair_may_be_named_in_full(tmp_path: Path) -> None:
    (tmp_path / "p.idx").write_bytes(encode_idx(IMAGES))
    (tmp_path / "q.idx").write_bytes(encode_idx(np.arange(6, dtype=np.uint8)))
    assert len(load(f"{tmp_path / 'p.idx'},{tmp_path / 'q.idx'}").train) == 6


def test_idx_pictures_without_labels_are_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "images.idx").write_bytes(encode_idx(IMAGES))
    with pytest.raises(DataError, match="IMAGES,LABELS"):
        load(tmp_path / "images.idx")


# ── PyTorch datasets


class Shapes:
    """A map-style dataset, as torchvision's are."""

    classes = ("round", "square")

    def __init__(self, kind: str, n: int = 4) -> None:
        self.kind, self.n = kind, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> tuple[object, object]:
        if i >= self.n:
            raise IndexError(i)
        image = IMAGES[i]
        if self.kind == "pil":
            return Image.fromarray(image), i % 2
        if self.kind == "mixed" and i:
            image = image[:2]
        if self.kind == "normalised":
            return image[None] / 255.0 - 0.5, i % 2
        if self.kind == "lonely":
            return image, None
        if self.kind == "one-hot":
            return image, np.eye(2)[i % 2]
        if self.kind == "broken":
            raise FileNotFoundError("no such picture")
        return image[None] / np.float32(255), np.int64(i % 2)


@pytest.mark.parametrize("kind", ["pil", "array"])
def test_a_map_style_dataset_becomes_data(kind: str) -> None:
    data = from_dataset(Shapes(kind), Shapes(kind, 2))
    np.testing.assert_array_equal(data.train.images, IMAGES[:4])
    assert data.classes == ("round", "square")
    assert data.test is not None
    assert data.test.labels.tolist() == [0, 1]


def test_a_torch_dataset_becomes_data() -> None:
    torch = pytest.importorskip("torch")
    tensors = torch.utils.data.TensorDataset(torch.from_numpy(IMAGES)[:, None], torch.tensor([0, 1, 2] * 2))
    data = from_dataset(tensors)
    np.testing.assert_array_equal(data.train.images, IMAGES)
    assert data.classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Shapes("mixed"), "mixed size"),
        (Shapes("normalised"), "before any normalisation"),
        (Shapes("lonely"), "labels must be"),
        (Shapes("one-hot"), "item 0 is not a pair"),
        (Shapes("broken"), "item 0 fails: FileNotFoundError: no such picture"),
        (Shapes("pil", 0), "holds no pictures"),
        ([1, 2], "item 0 is not a pair"),
        (iter([(IMAGES[0], 1)]), "map-style"),
    ],
)
def test_a_bad_dataset_is_told_in_one_line(dataset: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_dataset(dataset)


def test_a_python_file_may_give_a_dataset(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def make():\n    return [([[0, 255]], 'a'), ([[255, 0]], 'b')], [([[0, 255]], 'a')]\n")
    data = load(f"{path}:make")
    assert data.classes == ("a", "b")
    assert data.test is not None


def test_a_class_of_a_python_file_is_made(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "class Mine:\n    def __len__(self): return 2\n    def __getitem__(self, i): return [[0, 255]], i\n"
    )
    assert load(f"{path}:Mine").classes == ("0", "1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", "division by zero"),
        ("x = 1", "make"),
        ("def make(:", "SyntaxError"),
        ("def make(): return 1 / 0", "division by zero"),
    ],
)
def test_a_python_file_that_fails_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(OptionError, match=message) as caught:
        load(f"{path}:make")
    assert "\n" not in str(caught.value)


# ── names


def test_an_unknown_name_comes_with_the_nearest() -> None:
    with pytest.raises(OptionError, match="did you mean 'emnist-letters'"):
        load("emnist-leters")


def test_a_path_that_is_not_there_is_no_unknown_name() -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        load("some/folder")


def test_a_file_of_another_kind_is_told_what_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "data.xls"
    path.write_bytes(b"x")
    with pytest.raises(DataError, match="must be a folder of class folders"):
        load(path)
