"""Any picture becomes upright RGB pixels; anything else becomes one clear `PictureError`."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from unscrawl.errors import PictureError
from unscrawl.image import MAX_SIDE, load


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def gradient(height: int = 60, width: int = 80) -> np.ndarray:
    ys, xs = np.mgrid[:height, :width]
    return np.stack([xs * 3, ys * 4, (xs + ys) * 1], axis=2).astype(np.uint8)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "PPM"])
def test_lossless_formats_come_back_unchanged(form: str) -> None:
    pixels = gradient()
    assert np.array_equal(load(encoded(Image.fromarray(pixels), form)).rgb, pixels)


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "GIF"])
def test_lossy_formats_come_back_nearly_unchanged(form: str) -> None:
    pixels = gradient()
    assert np.abs(load(encoded(Image.fromarray(pixels), form)).rgb.astype(int) - pixels).mean() < 10


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = np.zeros((20, 30, 3), np.uint8)
    upright[:5, :10] = 255
    turned = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]
    data = encoded(Image.fromarray(np.ascontiguousarray(turned)), "PNG", exif=exif)
    assert np.array_equal(load(data).rgb, upright)


def test_transparent_parts_are_white() -> None:
    rgba = np.zeros((10, 10, 4), np.uint8)
    rgba[:, 5:, 3] = 255
    rgb = load(encoded(Image.fromarray(rgba), "PNG")).rgb
    assert (rgb[:, :5] == 255).all()
    assert (rgb[:, 5:] == 0).all()


def test_light_ink_on_nothing_lies_on_black() -> None:
    rgba = np.zeros((300, 700, 4), np.uint8)
    rgba[140:160, 100:600] = [250, 240, 255, 255]
    for rgb in (load(encoded(Image.fromarray(rgba), "PNG")).rgb, load(rgba).rgb):
        assert (rgb[:100] == 0).all()
        assert rgb[150, 300].tolist() == [250, 240, 255]


def test_light_paper_with_clear_corners_stays_on_white() -> None:
    rgba = np.full((40, 60, 4), 250, np.uint8)
    rgba[:10, :10, 3] = 0
    assert load(rgba).rgb[0, 0].tolist() == [255, 255, 255]


def test_palette_with_transparency() -> None:
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.putpixel((3, 4), 1)
    rgb = load(encoded(image, "PNG", transparency=0)).rgb
    assert rgb[4, 3].tolist() == [200, 0, 0]
    assert rgb[0, 0].tolist() == [255, 255, 255]


def test_one_bit() -> None:
    image = Image.new("1", (9, 7), 1)
    image.putpixel((2, 3), 0)
    rgb = load(encoded(image, "PNG")).rgb
    assert rgb[3, 2].tolist() == [0, 0, 0]
    assert rgb[0, 0].tolist() == [255, 255, 255]


def test_sixteen_bit_png() -> None:
    grey = np.linspace(0, 65535, 80).astype(np.uint16)[None].repeat(6, axis=0)
    rgb = load(encoded(Image.fromarray(grey), "PNG")).rgb
    assert np.abs(rgb[0, :, 0].astype(int) - grey[0] // 257).max() <= 1


def test_cmyk_jpeg() -> None:
    rgb = load(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")).rgb
    assert rgb[8, 8, 0] > 200
    assert rgb[8, 8, 1] < 60


def test_float_tiff_of_any_range() -> None:
    values = np.linspace(-3, 9, 64, dtype=np.float32).reshape(8, 8)
    rgb = load(encoded(Image.fromarray(values), "TIFF")).rgb
    assert rgb[0, 0, 0] == 0
    assert rgb[7, 7, 0] == 255


def test_first_frame_of_a_moving_gif() -> None:
    frames = [Image.new("L", (12, 12), v) for v in (10, 240)]
    assert load(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])).rgb.max() < 60


@pytest.mark.parametrize(
    "scale", [np.uint8(255), np.uint16(65535), np.float32(1), np.float64(1), np.bool_(True)]
)
def test_arrays_of_each_type_span_black_to_white(scale: np.generic) -> None:
    array = np.zeros((4, 5), scale.dtype)
    array[1, 2] = scale
    rgb = load(array).rgb
    assert rgb[1, 2].tolist() == [255] * 3
    assert rgb[0, 0].tolist() == [0] * 3


def test_float_arrays_up_to_255_are_kept() -> None:
    assert load(np.full((4, 4), 130.0)).rgb[0, 0, 0] == 130


def test_twelve_bits_in_sixteen_are_stretched() -> None:
    assert load(np.array([[0, 4095, 0]] * 3, np.uint16)).rgb.max() == 255


def test_an_array_is_copied() -> None:
    array = np.zeros((4, 4, 3), np.uint8)
    picture = load(array)
    array[:] = 9
    assert picture.rgb.max() == 0


def test_pillow_image_and_file_object() -> None:
    pixels = gradient()
    assert np.array_equal(load(Image.fromarray(pixels)).rgb, pixels)
    file = io.BytesIO(encoded(Image.fromarray(pixels), "PNG"))
    assert np.array_equal(load(file, "scan").rgb, pixels)
    assert not file.closed


def test_source_is_the_path_as_given(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.new("L", (9, 9)), "PNG"))
    assert load(path).source == str(path)
    assert load(path, name="-").source == "-"
    assert load(np.zeros((9, 9), np.uint8)).source == ""


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_half_a_picture_is_refused(form: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), form)
    with pytest.raises(PictureError):
        load(data[: int(share * len(data))])


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="no such file"):
        load(tmp_path / "none.png")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="is a folder"):
        load(tmp_path)


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(PictureError, match="empty"):
        load(path)


def test_text_is_not_a_picture() -> None:
    with pytest.raises(PictureError, match="not a sound picture: use JPEG"):
        load(b"Dear Laurence,\n")


def test_unreadable_file_object() -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("the disk is gone")

    with pytest.raises(PictureError, match="the disk is gone"):
        load(Broken())


def test_text_file_object() -> None:
    with pytest.raises(PictureError, match="open it as binary"):
        load(io.StringIO("words"))


def test_something_else() -> None:
    with pytest.raises(PictureError, match="no picture can be taken from a int"):
        load(3)


def test_one_pixel_is_too_small() -> None:
    with pytest.raises(PictureError, match=r"1 × 1 pixels: too small to read \(at least 3 × 3\)"):
        load(encoded(Image.new("L", (1, 1)), "PNG"))


def test_too_large_is_refused_from_the_header() -> None:
    data = bytearray(encoded(Image.new("1", (30, 30)), "BMP"))
    data[18:26] = (30_000).to_bytes(4, "little") * 2  # width and height in the BMP header
    with pytest.raises(PictureError, match=f"over the limit of {MAX_SIDE}"):
        load(bytes(data))


def test_too_large_array_is_refused() -> None:
    with pytest.raises(PictureError, match=f"over the limit of {MAX_SIDE}"):
        load(np.broadcast_to(np.uint8(0), (30_000, 30_000)))


@pytest.mark.parametrize("shape", [(5,), (5, 5, 2), (5, 5, 5), (2, 5, 5, 3)])
def test_array_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(PictureError, match=r"use \[H, W\]"):
        load(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 256.0])
def test_float_out_of_range(bad: float) -> None:
    array = np.zeros((4, 4))
    array[2, 2] = bad
    with pytest.raises(PictureError, match="must lie in"):
        load(array)


def test_messages_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    with pytest.raises(PictureError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"RIFF0000WEBP", b"P6 "]
    ),
    st.binary(max_size=200),
)
def test_arbitrary_bytes_are_loaded_or_refused(head: bytes, tail: bytes) -> None:
    with suppress(PictureError):
        assert load(head + tail).rgb.dtype == np.uint8


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_picture_is_loaded_or_refused(place: int, value: int) -> None:
    data = bytearray(encoded(Image.fromarray(gradient()), ("PNG", "JPEG", "GIF", "TIFF")[place % 4]))
    data[place % len(data)] = value
    with suppress(PictureError):
        assert load(bytes(data)).rgb.shape[2] == 3


@settings(max_examples=150, deadline=None)
@given(hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, max_dims=4, max_side=6)))
def test_arbitrary_arrays_are_loaded_or_refused(array: np.ndarray) -> None:
    with suppress(PictureError):
        assert load(array).rgb.shape == (*array.shape[:2], 3)
