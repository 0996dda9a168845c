"""The builder of language files: texts, counting, smoothing, pruning, tries, the file itself."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl.alphabet import LINE
from unscrawl.errors import DataError
from unscrawl.language import Language
from unscrawl.language.fold import FOLD, SYMBOLS, fold_text, shares_of
from unscrawl.language.textmodel import TextModel
from unscrawl.language.trie import Trie

pytest.importorskip("wordfreq")

from unscrawl.learn import grams, texts, words

TEXT = texts.clean(
    "“The cat—sat on the mat…” Then Mr. Smith said, ‘I saw the cat in London.’ The café cost £2. " * 60
)


@pytest.fixture(scope="module")
def arrays() -> dict[str, NDArray[np.uint8]]:
    return words.build([(TEXT, 1)], "en", order=5, threshold=1.0, limit=2000)


def test_clean_leaves_the_alphabet_only() -> None:
    assert texts.clean("“Naïve”—it’s…\n\n5° £2 ☃ ē") == '"Naïve"—it\'s... 5° £2 e'


def test_fold_joins_cases_digits_and_spaces() -> None:
    assert "".join(SYMBOLS[s] for s in fold_text("Dear  Bob 42!")) == "dear bob 00!"


def test_french_accents_stay_and_rare_ones_fold() -> None:
    assert "".join(SYMBOLS[s] for s in fold_text("Œuvre à GÊNES, Äthér «»")) == "œuvre à gênes, athér ««"


def test_shares_of_a_symbol_and_case_sum_to_one() -> None:
    shares = shares_of("a à ä — - $ £ 12")
    small = np.array([not c.isupper() for c in LINE])
    total = np.bincount(FOLD[small], shares[small])
    np.testing.assert_allclose(total, 1.0)
    assert shares[LINE.index("7")] == pytest.approx(0.1)


def test_count_grams_counts() -> None:
    keys, counts = grams.count_grams(fold_text("abab"), 2)
    pairs = {(SYMBOLS[int(k) >> 6], SYMBOLS[int(k) & 63]): int(n) for k, n in zip(keys, counts, strict=True)}
    assert pairs == {("a", "b"): 2, ("b", "a"): 1}


def test_texts_count_as_many_times_as_asked() -> None:
    twice = grams.gram_arrays([(TEXT, 2)], 3, 1.0)
    doubled = grams.gram_arrays([(TEXT, 1), (TEXT, 1)], 3, 1.0)
    np.testing.assert_array_equal(twice["gram_log"], doubled["gram_log"])


def test_every_context_sums_to_one(arrays: dict[str, NDArray[np.uint8]]) -> None:
    model = TextModel(arrays)
    for text in ("the cat", "qzx"):
        state = model.start()
        for c in text:
            state = model.step(state, np.array([LINE.index(c)]))
        assert np.exp(model.gram_rows(state.context)).sum() == pytest.approx(1, abs=0.06)  # steps of 1/16 nat


def test_a_text_spelt_at_once_is_as_probable_as_step_by_step(arrays: dict[str, NDArray[np.uint8]]) -> None:
    model = TextModel(arrays)
    chars = np.array([LINE.index(c) for c in "the cat, Qzx's mat"])
    state, logs = model.start(), []
    for c in chars:
        logs.append(model.gram_rows(state.context)[0, FOLD[c]])
        state = model.step(state, np.array([c]))
    assert model.by_grams(chars) == pytest.approx(logs, abs=1e-4)


def test_more_text_of_the_kind_is_less_surprising(arrays: dict[str, NDArray[np.uint8]]) -> None:
    language = Language(arrays)
    seen, strange = "the cat sat on the mat", "kvz qwx pjf bnh zz yyq"
    assert language.score(seen) / len(seen) > -1.0 > -2.5 > language.score(strange) / len(strange)


def test_pruning_keeps_what_gains(arrays: dict[str, NDArray[np.uint8]]) -> None:
    small = grams.gram_arrays([(TEXT, 1)], 5, 400.0)
    assert len(small["gram_log"]) < len(arrays["gram_log"])


def test_word_list_joins_text_and_frequencies() -> None:
    p = words.word_frequencies("marmee " * 50, "en", 500)
    assert len(p) == 500
    assert sum(p.values()) == pytest.approx(1)
    assert p["the"] > 0.01
    assert "marmee" in p


def test_french_words_end_at_an_apostrophe() -> None:
    p = words.word_frequencies("aujourd'hui l'œuvre de l'été " * 9, "fr", 5000)
    assert {"aujourd", "hui", "l", "œuvre", "été"} <= set(p)
    assert not any("'" in w for w in p)


def test_titles_count_inside_sentences_only() -> None:
    text = "was in London. The man, the dog and the cat saw London and the HALL of " * 9
    shares = words.title_shares(text, "en")
    assert shares["london"] > 0.8
    assert shares["the"] < 0.2
    assert "hall" not in shares


def test_trie_finds_children_and_nowhere() -> None:
    trie = Trie(np.array([0, 1, 5, 2], np.uint8), np.array([2, 1, 0, 0], np.uint8))  # root: 1 (→ 2), 5
    nodes = np.array([0, 0, 0, 1, 2], np.int32)
    found = trie.child(nodes, np.array([1, 5, 2, 2, 2]))
    assert found.tolist() == [1, 2, trie.nowhere, 3, trie.nowhere]


def line_set(folder: Path) -> Path:
    rows = [f"{n}.jpg\tp{n // 3}.jpg\tw{n // 6}\t\tThe cat number {n}" for n in range(120)]
    path = folder / "letters.tsv"
    path.write_text("\n".join(["file\tpage\twriter\ttag\ttext", *rows]), encoding="utf-8")
    (folder / "SOURCES.md").write_text(
        "### other\n- licence as stated: none\n\n"
        "### letters\n- licence as stated: CC BY 4.0\n- attribution: A. B.\n",
        encoding="utf-8",
    )
    return path


def test_writers_of_a_line_set_are_held_back_whole(tmp_path: Path) -> None:
    text = texts.read_texts(line_set(tmp_path))
    held = {int(line.split()[-1]) // 6 for line in text.held}
    kept = {int(w) // 6 for w in text.text.split() if w.isdigit()}
    assert held
    assert not held & kept
    assert held | kept == set(range(20))


def test_a_line_set_names_its_source(tmp_path: Path) -> None:
    text = texts.read_texts(line_set(tmp_path))
    assert (text.origin, text.licence) == ("A. B.", "CC BY 4.0")


def test_a_line_set_without_columns_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.tsv"
    path.write_text("file\ttext\na\tb\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"bad\.tsv: a line set needs a column 'page'"):
        texts.read_texts(path)


def test_the_file_is_made_again_byte_for_byte(tmp_path: Path) -> None:
    book = tmp_path / "books.txt.xz"
    book.write_bytes(lzma.compress(f"Title: Agnes Grey\n-----\n{TEXT}\nTitle: Two\n-----\n{TEXT}".encode()))
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        words.main([str(tmp_path / name), str(book), str(line_set(tmp_path)), "--words", "300"])
        made.append((tmp_path / name / "en.npz").read_bytes())
    assert made[0] == made[1]
    card = json.loads((tmp_path / "a" / "en.json").read_text(encoding="utf-8"))
    assert [s.get("name") for s in card["sources"]] == ["books", "letters", None]
    bits = card["figures"]["bits per character of held-back text, case and accents included"]
    assert set(bits) == {"books", "letters"}
    assert bits["books"] < 3


def test_missing_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.txt"):
        texts.read_texts(tmp_path / "nothing.txt")
    with pytest.raises(DataError, match=r"nothing\.tsv"):
        texts.read_texts(tmp_path / "nothing.tsv")
