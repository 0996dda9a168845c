"""Whether capitals stand at random."""

from __future__ import annotations

from unscrawl.casing import case_is_random


def test_mixed_case_is_random() -> None:
    assert case_is_random("dEAr lAuReNce tHe gArDEn iS fUlL oF rOsEs".split())


def test_sentences_and_names_are_not() -> None:
    assert not case_is_random("Dear Laurence MacDonald and the McKay brothers went HOME on Sunday".split())


def test_one_misread_word_is_no_proof() -> None:
    assert not case_is_random("the garDen is full of roses and every bed is tended by the gardener".split())


def test_two_words_of_cut_characters_suffice() -> None:
    assert case_is_random(["dEAr", "lAuReNce"], fewest=4)
    assert not case_is_random(["Dear", "MacDonald"], fewest=4)


def test_a_single_odd_word_is_too_little() -> None:
    assert not case_is_random(["gArDeN"])
