from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_lossviz import io
from napari_lossviz.core import InputError


def saved(path: Path, mode: str = "RGB", **options: object) -> np.ndarray:
    """Save a picture of smooth colours, and return its pixels."""
    y, x = np.mgrid[:32, :48]
    pixels = np.stack([120 + 2 * y, 40 + 3 * x, 200 - y - x], axis=-1).astype(np.uint8)
    PIL.Image.fromarray(pixels).convert(mode).save(path, quality=95, **options)
    return pixels


def test_colours_come_as_the_picture_shows_them(tmp_path: Path) -> None:
    pixels = saved(tmp_path / "section.jpg")
    (image,) = io.read(tmp_path / "section.jpg")
    assert (image.axes, image.name, image.origin.format) == ("yxc", "section", "jpeg")
    assert image.array.dtype == np.uint8
    assert np.abs(image.array.astype(int) - pixels).mean() < 2  # what JPEG itself loses


def test_a_picture_is_turned_as_its_camera_noted(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: a quarter to the right
    pixels = saved(tmp_path / "upright.jpg", exif=exif)
    (image,) = io.read(tmp_path / "upright.jpg")
    assert image.shape == (48, 32, 3)
    assert np.abs(image.array.astype(int) - np.rot90(pixels, -1)).mean() < 2


def test_what_is_no_picture_of_a_section_is_refused(tmp_path: Path) -> None:
    saved(tmp_path / "print.jpg", "CMYK")
    with pytest.raises(InputError, match="CMYK; expected grey values or RGB"):
        io.read(tmp_path / "print.jpg")
    saved(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:400])
    with pytest.raises(InputError, match="cut off"):
        io.read(tmp_path / "cut.jpg")


def test_pictures_in_folders_are_read_only_where_they_are_asked_for(tmp_path: Path) -> None:
    saved(tmp_path / "a.jpg")
    saved(tmp_path / "b.png")
    np.save(tmp_path / "c.npy", np.zeros((20, 20), np.float32))
    assert [one.name for one in io.read(tmp_path)] == ["c"]
    assert [one.name for one in io.read(tmp_path, pictures=True)] == ["a", "b", "c"]
