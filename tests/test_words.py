"""The builder of language files: counting, smoothing, pruning, tries, the file itself."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl.errors import DataError
from unscrawl.language.textmodel import FOLDED, TextModel, fold_text
from unscrawl.language.trie import Trie

pytest.importorskip("wordfreq")

from unscrawl.learn import words

TEXT = words.clean(
    "“The cat—sat on the mat…” Then Mr. Smith said, ‘I saw the cat in London.’ The café cost £2. " * 60
)


@pytest.fixture(scope="module")
def arrays() -> dict[str, NDArray[np.uint8]]:
    return words.build(TEXT, "en", order=5, threshold=1.0, limit=2000)


def test_clean_leaves_the_alphabet_only() -> None:
    assert words.clean("“Naïve”—it’s…\n\n5° £2") == '"Naive" - it\'s... 5 £2'


def test_fold_joins_cases_digits_and_spaces() -> None:
    assert "".join(FOLDED[s] for s in fold_text("Dear  Bob 42!")) == "dear bob 00!"


def test_count_grams_counts() -> None:
    keys, counts = words.count_grams(fold_text("abab"), 2)
    pairs = {(FOLDED[int(k) >> 6], FOLDED[int(k) & 63]): int(n) for k, n in zip(keys, counts, strict=True)}
    assert pairs == {("a", "b"): 2, ("b", "a"): 1}


def test_every_context_sums_to_one(arrays: dict[str, NDArray[np.uint8]]) -> None:
    model = TextModel(arrays)
    total = np.zeros(2)
    for i, text in enumerate(("the cat", "qzx")):
        state = model.start()
        for symbol in fold_text(text):
            context = model._advance(state.context, np.array([symbol], np.int64))
            state = type(state)(**{**state.__dict__, "context": context})
        total[i] = np.exp(model._gram_rows(state.context)[0]).sum()
    np.testing.assert_allclose(total, 1.0, atol=0.06)  # 8-bit steps of 1/16 nat


def test_more_text_of_the_kind_is_less_surprising(arrays: dict[str, NDArray[np.uint8]]) -> None:
    model = TextModel(arrays)
    seen, strange = fold_text("the cat sat on the mat"), fold_text("kvz qwx pjf bnh zz yyq")
    assert model.surprise(seen[None]) < 1.0 < 4.0 < model.surprise(strange[None])


def test_pruning_keeps_what_gains(arrays: dict[str, NDArray[np.uint8]]) -> None:
    small = words.build(TEXT, "en", order=5, threshold=400.0, limit=2000)
    assert len(small["gram_log"]) < len(arrays["gram_log"])


def test_word_list_joins_text_and_frequencies() -> None:
    p = words.word_frequencies("marmee " * 50, "en", 500)
    assert len(p) == 500
    assert sum(p.values()) == pytest.approx(1)
    assert p["the"] > 0.01
    assert "marmee" in p


def test_titles_count_inside_sentences_only() -> None:
    shares = words.title_shares("was in London. The man, the dog and the cat saw London and the " * 9)
    assert shares["london"] > 0.8
    assert shares["the"] < 0.2


def test_trie_finds_children_and_nowhere() -> None:
    trie = Trie(np.array([0, 1, 5, 2], np.uint8), np.array([2, 1, 0, 0], np.uint8))  # root: 1 (→ 2), 5
    nodes = np.array([0, 0, 0, 1, 2], np.int32)
    found = trie.child(nodes, np.array([1, 5, 2, 2, 2]))
    assert found.tolist() == [1, 2, trie.nowhere, 3, trie.nowhere]


def test_the_file_is_made_again_byte_for_byte(tmp_path: Path) -> None:
    book = tmp_path / "books.txt.xz"
    book.write_bytes(lzma.compress(f"Title: Agnes Grey\n-----\n{TEXT}\nTitle: Two\n-----\n{TEXT}".encode()))
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        words.main([str(book), str(tmp_path / name), "--words", "300"])
        made.append((tmp_path / name / "en.npz").read_bytes())
    assert made[0] == made[1]
    card = json.loads((tmp_path / "a" / "en.json").read_text(encoding="utf-8"))
    assert card["figures"]["held-out books"] == ["Agnes Grey"]
    assert card["figures"]["perplexity per character"] < 5


def test_missing_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.txt"):
        words.read_books(tmp_path / "nothing.txt")
