"""Printed lines go, and strokes that cross them or look like them stay."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unscrawl.image import Picture
from unscrawl.ink import extract
from unscrawl.ink.ruling import without_rules
from unscrawl.ink.stray import one_character, without_lines


def absorbed(
    rule: int = 60, ink: int = 150, slope: float = 0.0, grid: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Absorbance of ruled paper with writing on it, and of the writing alone, uint8 [400, 700]."""
    alone = np.zeros((400, 700), np.uint8)
    for i, words in enumerate(("TEETH at ten z", "Lizzie felt it", "fifty - sixty")):
        cv2.putText(alone, words, (40, 92 + 110 * i), cv2.FONT_HERSHEY_SIMPLEX, 2, ink, 4, cv2.LINE_AA)
    lined = np.zeros_like(alone)
    for y in range(30, 400, 37):
        cv2.line(lined, (0, y), (699, round(y + 699 * slope)), rule, 2, cv2.LINE_AA)
    if grid:
        for x in range(20, 700, 37):
            cv2.line(lined, (x, 0), (x, 399), rule, 2, cv2.LINE_AA)
    both = 255 - (255.0 - alone) * (255.0 - lined) / 255
    noisy = both + np.random.default_rng(0).normal(4, 2, both.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), alone


@pytest.mark.parametrize("slope", [0.0, 0.008, -0.02, 0.055])
@pytest.mark.parametrize("grid", [False, True])
@pytest.mark.parametrize("rule", [40, 90])
def test_rules_go_and_strokes_stay(slope: float, grid: bool, rule: int) -> None:
    plane, alone = absorbed(rule, slope=slope, grid=grid)
    cleaned, bands = without_rules(plane, 40, 150)
    writing = alone > 100
    near = cv2.dilate(writing.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert (cleaned[writing] > 75).mean() > 0.93
    assert (cleaned[~near] > 30).mean() < 0.005
    assert bands[~near & (plane > 0.7 * rule)].mean() > 0.95


def test_upright_rules_that_fan_out_go() -> None:
    alone = absorbed()[1]
    lined = np.zeros_like(alone)
    for x in range(-150, 850, 60):  # seen from below: they meet far above the page
        cv2.line(lined, (x, 399), (round(350 + 0.87 * (x - 350)), 0), 60, 2, cv2.LINE_AA)
    plane = (255 - (255.0 - alone) * (255.0 - lined) / 255).astype(np.uint8)
    cleaned, _ = without_rules(plane, 40, 150)
    writing = alone > 100
    near = cv2.dilate(writing.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert (cleaned[writing] > 75).mean() > 0.9
    assert (cleaned[~near] > 30).mean() < 0.01


def test_rules_as_dark_as_the_ink() -> None:
    plane, alone = absorbed(rule=140, ink=140)
    cleaned, _ = without_rules(plane, 40, 140)
    near = cv2.dilate((alone > 90).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert (cleaned[~near] > 40).mean() < 0.003
    upright = alone > 90
    upright &= cv2.erode(upright.astype(np.uint8), np.ones((15, 1), np.uint8)) > 0  # strokes that cross
    assert (cleaned[upright] > 70).mean() > 0.9


def sheet(words: tuple[str, ...], pitch: int, size: float, grid: bool) -> tuple[np.ndarray, np.ndarray]:
    """A picture, uint8 [h, 900, 3], of words that stand on dark rules, and its writing alone."""
    alone = np.zeros((pitch * (len(words) + 1), 900), np.uint8)
    for i, line in enumerate(words, start=1):
        cv2.putText(alone, line, (60, pitch * i), cv2.FONT_HERSHEY_SIMPLEX, size, 255, 4, cv2.LINE_AA)
    rules = np.zeros_like(alone)
    rules[pitch::pitch] = rules[pitch + 1 :: pitch] = 255
    if grid:
        rules[pitch // 2 :: pitch] = rules[pitch // 2 + 1 :: pitch] = 255
        rules[:, 20 :: pitch // 2] = rules[:, 21 :: pitch // 2] = 255
    rgb = np.where(rules[..., None] > 0, (110, 130, 170), (238, 234, 224))
    rgb = rgb * (1 - 0.8 * alone[..., None] / 255) + np.random.default_rng(0).normal(0, 2, rgb.shape)
    return np.clip(rgb, 0, 255).astype(np.uint8), alone


def test_words_that_all_stand_on_tilted_rules() -> None:
    rgb, alone = sheet(
        ("Meet me at ten", "by the harbour", "where it rains", "in the morning"), 110, 1.6, False
    )
    turn = cv2.getRotationMatrix2D((450, 20), 3, 1.0)
    rgb, alone = (
        cv2.warpAffine(p, turn, (900, 550), borderMode=mode)
        for p, mode in ((rgb, cv2.BORDER_REPLICATE), (alone, cv2.BORDER_CONSTANT))
    )
    mask = extract(Picture(rgb, "")).mask
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    assert 45 < len(stats) < 60
    assert stats[1:, cv2.CC_STAT_WIDTH].max() < 60
    assert mask.sum() == pytest.approx((alone > 127).sum(), rel=0.2)


def test_few_lines_on_a_squared_sheet_tilted_on_a_desk() -> None:
    rgb, alone = sheet(("Dear Laurence", "I hope this is", "easy to read"), 70, 2.0, True)
    scene = np.full((rgb.shape[0] + 120, 1060, 3), (60, 40, 30), np.uint8)
    scene[60:-60, 80:-80] = rgb
    turn = cv2.getRotationMatrix2D((530, 150), 3, 1.0)
    scene = cv2.warpAffine(scene, turn, scene.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    mask = extract(Picture(scene, "")).mask
    assert cv2.connectedComponentsWithStats(mask)[2][1:, cv2.CC_STAT_HEIGHT].max() < 70
    assert mask.sum() == pytest.approx((alone > 127).sum(), rel=0.2)


def test_unruled_writing_is_left_as_it_is() -> None:
    _, alone = absorbed()
    cleaned, bands = without_rules(alone, 40, 150)
    assert np.array_equal(cleaned, alone)
    assert not bands.any()


def test_blank_ruled_paper_gives_no_ink() -> None:
    paper = np.full((500, 700, 3), 240.0)
    for y in range(20, 500, 30):
        paper[y : y + 2] *= (0.7, 0.8, 0.95)
    paper += np.random.default_rng(0).normal(0, 2, paper.shape)
    assert not extract(Picture(paper.astype(np.uint8), "")).mask.any()


def test_leftover_lines_go_and_dashes_stay() -> None:
    mask = np.zeros((200, 400), np.uint8)
    mask[50:53, 20:380] = 1
    mask[100:104, 60:90] = 1
    cv2.line(mask, (10, 190), (300, 120), 1, 2)
    kept = without_lines(mask, 40)
    assert kept.sum() == 4 * 30
    assert kept[102, 70] == 1


def crop(text: str, size: tuple[int, int] = (60, 50), at: tuple[int, int] = (12, 45)) -> np.ndarray:
    plane = np.zeros(size, np.uint8)
    cv2.putText(plane, text, at, cv2.FONT_HERSHEY_SIMPLEX, 1.2, 1, 3)
    return plane


@pytest.mark.parametrize("char", list("ij!?:;%=A8t"))
def test_a_clean_crop_is_left_as_it_is(char: str) -> None:
    mask = crop(char)
    assert np.array_equal(one_character(mask * np.uint8(255), mask), mask)


@pytest.mark.parametrize("char", list('ij!?:;%="TELZHD1-'))
def test_a_close_crop_is_left_as_it_is(char: str) -> None:
    mask = crop(char)
    ys, xs = np.nonzero(mask)
    mask = np.ascontiguousarray(mask[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1])
    assert np.array_equal(one_character(mask * np.uint8(255), mask), mask)


@pytest.mark.parametrize("char", list("ij!A8t"))
def test_what_lies_at_the_border_goes(char: str) -> None:
    mask = crop(char)
    stray = mask.copy()
    stray[-4:, 2:9] = 1
    stray[5:20, :3] = 1
    stray[:, -2:] = 1
    assert np.array_equal(one_character(stray * np.uint8(255), stray), mask)


def test_a_rule_through_the_crop_goes() -> None:
    mask = crop("k")
    ruled = mask.copy()
    ruled[51:53] = 1
    assert np.array_equal(one_character(ruled * np.uint8(255), ruled), mask)
