"""Photographs a made page: perspective, desk, light, shadow, blur, noise, JPEG."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.synth.options import Camera
from unscrawl.synth.strokes import noise

__all__ = ["bleed_for", "photograph"]


def bleed_for(shape: tuple[int, int], camera: Camera) -> int:
    """Return how much paper is needed on every side of a page [h, w] to fill the corners when it is tilted.

    A page of width w and height h turned by t reaches w·sin t·cos t and h·sin t·cos t beyond itself.
    None is needed where the desk is seen.
    """
    if camera.desk:
        return 0
    turn = np.deg2rad(abs(camera.tilt))
    reach = max(shape) * np.sin(turn) * np.cos(turn) + 3 * min(shape) * camera.perspective
    return int(np.ceil(reach))


def photograph(
    page: NDArray[np.uint8], bleed: int, camera: Camera, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the photograph, uint8 RGB, and the 3×3 matrix from page (x, y) without bleed to picture (x, y).

    Args:
        page: uint8 RGB [h, w, 3], bleed and all.
        bleed: pixels of paper on every side that only fill the corners, see `bleed_for`.
        camera: how it is taken.
        rng: decides the rest.
    """
    height, width = page.shape[:2]
    matrix, size = _aim(width - 2 * bleed, height - 2 * bleed, camera, rng)
    if camera.desk:
        picture = _on_desk(page, matrix, size, camera, rng)
    else:
        whole = matrix @ np.array([[1, 0, -bleed], [0, 1, -bleed], [0, 0, 1]], np.float64)
        warped = cv2.warpPerspective(page, whole, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        picture = warped.astype(np.float32)
    picture *= _light((size[1], size[0]), camera, rng)[..., None]
    if camera.blur:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), camera.blur), np.float32)
    if camera.noise:
        picture += camera.noise * rng.standard_normal(picture.shape, np.float32)
    taken = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    if camera.jpeg is not None:
        _, data = cv2.imencode(".jpg", taken[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg])
        taken = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1].copy()
    return taken, matrix


def _aim(
    width: int, height: int, camera: Camera, rng: np.random.Generator
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Return the matrix from page to picture and the picture's (width, height).

    The picture shows the whole page, with desk all around it if there is any.
    """
    border = camera.desk * max(width, height)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    turn = np.deg2rad(camera.tilt)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    placed = (corners - corners.mean(0)) @ rotation + corners.mean(0)
    placed += rng.uniform(-1, 1, (4, 2)) * camera.perspective * min(width, height)
    placed -= placed.min(0) - border * rng.uniform(0.5, 1, 2)
    size = np.ceil(placed.max(0) + border * rng.uniform(0.5, 1, 2))
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), placed.astype(np.float32))
    return np.asarray(matrix, np.float64), (int(size[0]), int(size[1]))


def _on_desk(
    page: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    size: tuple[int, int],
    camera: Camera,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Lay the page on a wooden desk, where it throws a soft shadow; float32 RGB."""
    width, height = size
    # Wood: long waves along the grain, short ones across.
    grain = cv2.resize(noise(rng, (height, max(width // 16, 8)), 5.0), size, interpolation=cv2.INTER_CUBIC)
    fine = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), 3, sigmaY=0.6)
    desk = np.array(camera.desk_colour, np.float32) * (1 + 0.07 * grain + 0.12 * fine)[..., None]
    cover = cv2.warpPerspective(np.full(page.shape[:2], 255, np.uint8), matrix, size, flags=cv2.INTER_LINEAR)
    depth = max(size) / 150
    moved = cv2.warpAffine(cover, np.array([[1, 0, depth / 2], [0, 1, depth]]), size)
    desk *= 1 - 0.5 * (cv2.GaussianBlur(moved, (0, 0), depth).astype(np.float32) / 255)[..., None]
    sheet = cv2.warpPerspective(page, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    share = cover.astype(np.float32)[..., None] / 255
    return np.asarray(desk * (1 - share) + sheet * share, np.float32)


def _light(shape: tuple[int, int], camera: Camera, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return how bright each place is, float32 [h, w], at most 1: a lamp to one side, a shadow's edge."""
    height, width = shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    xs, ys = xs / width - 0.5, ys / height - 0.5
    angle, centre = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.3, 2)
    slope = np.cos(angle) * xs + np.sin(angle) * ys
    fall = (xs - centre[0]) ** 2 + (ys - centre[1]) ** 2
    uneven = slope + fall
    uneven = (uneven - uneven.min()) / max(float(np.ptp(uneven)), 1e-6)
    light = 1 - camera.light * uneven
    if camera.shadow:
        angle = rng.uniform(0, 2 * np.pi)
        edge = np.cos(angle) * xs + np.sin(angle) * ys - rng.uniform(-0.15, 0.25)
        edge += 0.05 * noise(rng, shape, max(shape) / 3)
        light *= 1 - camera.shadow / (1 + np.exp(-edge / rng.uniform(0.008, 0.04)))
    return np.asarray(light, np.float32)
