from __future__ import annotations

from pathlib import Path

import pytest

from unscrawl.errors import OptionError
from unscrawl.learn import recipe
from unscrawl.learn.models import MODELS
from unscrawl.learn.recipe import Recipe, load, names


def test_the_recipes_that_come_along() -> None:
    assert {"exercise", "quick", "best", "glyph"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_packaged_recipe_loads_and_names_a_network(name: str) -> None:
    assert load(name).name == name
    assert load(name).model in MODELS


def test_the_exercise_is_the_courses_own() -> None:
    exercise = load("exercise")
    assert (exercise.optimizer, exercise.lr, exercise.batch_size, exercise.epochs) == ("adam", 1e-3, 64, 5)
    assert exercise.schedule == "constant"
    assert exercise.augment.off


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("epochs = 3\nlr = 1\n[augment]\nrotate = 5\n")
    mine = load(str(path))
    assert (mine.name, mine.epochs, mine.lr, mine.augment.rotate) == ("mine", 3, 1.0, 5.0)


def test_changes_override_and_none_does_not() -> None:
    changed = load("quick").change(epochs=9, lr=None, augment={"shift": 1})
    assert (changed.epochs, changed.lr, changed.augment.shift) == (9, load("quick").lr, 1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", r"unknown recipe .*mine.toml: key 'epoch': did you mean 'epochs'\?"),
        ("[augment]\nrotation = 3", r"key 'rotation': did you mean 'rotate'\?"),
        ('epochs = "3"', "'epochs' takes int, not '3'"),
        ("epochs = true", "takes int, not True"),
        ("epochs = 0", "epochs must be above 0"),
        ("lr = nan", "lr must be above 0, not nan"),
        ("lr = inf", "lr must be above 0, not inf"),
        ("weight_decay = -1", "weight_decay must be 0 or above"),
        ("clip = -1", "clip must be 0 or above"),
        ("momentum = -1", "momentum must be between 0 and 1"),
        ("dropout = 2", "dropout must be at most 1"),
        ("[augment]\nshift = -1", "shift must be 0 or above"),
        ("[augment]\ncells = 0", "cells must be 1 or above"),
        ("ema = 2", "ema must be between 0 and 1"),
        ('optimizer = "adamW2"', r"unknown optimizer 'adamW2': did you mean 'adamw'\?"),
        ('schedule = "onecycle"', r"did you mean 'one-cycle'\?"),
        ("epochs = = 3", "mine.toml"),
    ],
)
def test_a_faulty_file_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(OptionError, match=message) as error:
        load(str(path))
    assert "\n" not in str(error.value)


def test_an_unknown_recipe_is_answered_with_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"unknown recipe 'quik': did you mean 'quick'\?"):
        load("quik")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"absent\.toml: cannot be read"):
        load(str(tmp_path / "absent.toml"))


def test_every_default_is_a_valid_recipe() -> None:
    assert recipe.from_mapping({}, "here") == Recipe()
