"""Recipes of the line recogniser: packaged ones load, wrong ones are refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from unscrawl.errors import OptionError
from unscrawl.learn.lines.recipe import LineRecipe, load
from unscrawl.learn.recipe import names


@pytest.mark.parametrize("name", names("unscrawl.learn.lines"))
def test_packaged_recipes_load(name: str) -> None:
    assert load(name).name == name


def test_quick_recipe_is_quick() -> None:
    assert load("line-quick").steps < load("line").steps / 10


def test_weights_stand_in_the_recipe() -> None:
    assert load("line").weights["stanford1905"] == 5.0
    assert load("line-quick").weights == {}


def test_changes_go_before_the_file() -> None:
    assert load("line", steps=7, batch=None).steps == 7


def test_rate_rises_stays_and_falls() -> None:
    recipe = LineRecipe(steps=100, warmup=10, decay=0.3)
    rates = [recipe.rate(step) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[0] < 0.2
    assert set(rates[10:70]) == {1.0}
    assert rates[70:] == sorted(rates[70:], reverse=True)
    assert 0 < rates[-1] < 0.05


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps = 0", "steps must be above 0"),
        ("dropout = 1.0", "dropout must be from 0"),
        ("stps = 3", "did you mean 'steps'"),
        ("steps = 'many'", "takes int"),
        ("optimizer = 'muan'", "did you mean 'muon'"),
        ("weights = 3", "'weights' takes dict"),
        ("[weights]\na = 0", "weight of set 'a'"),
        ("[weights]\na = nan", "weight of set 'a'"),
        ("[weights]\na = 'b'", "weight of set 'a'"),
        ("steps = ", "recipe"),
    ],
)
def test_wrong_recipe_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(OptionError, match=said):
        load(str(tmp_path / "own.toml"))


def test_unknown_recipe_is_named() -> None:
    with pytest.raises(OptionError, match="did you mean 'line-quick'"):
        load("line-quik")
    with pytest.raises(OptionError, match="cannot be read"):
        load("none.toml")
