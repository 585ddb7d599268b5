from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_lossviz import io
from napari_lossviz.core import Image, InputError
from napari_lossviz.io.write import check_file


def test_colours_are_written_as_they_are_without_alpha(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)
    io.write(Image(pixels, "yxc"), tmp_path / "a.png")
    with PIL.Image.open(tmp_path / "a.png") as opened:
        np.testing.assert_array_equal(np.asarray(opened), pixels[..., :3])


@pytest.mark.parametrize(
    "image", [Image(np.zeros((4, 4), np.float32), "yx"), Image(np.zeros((4, 4, 3)), "yxc")]
)
def test_what_a_png_cannot_hold_is_refused_before_it_is_computed(
    image: Image, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="TIFF instead"):
        check_file(image, tmp_path / "a.png")
    with pytest.raises(InputError, match="TIFF instead"):
        io.write(image, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def saved(folder: Path, pixels: np.ndarray, name: str = "a.png", mode: str | None = None) -> Path:
    picture = PIL.Image.fromarray(pixels)
    if mode is not None:
        picture = picture.convert(mode)
    picture.save(folder / name)
    return folder / name


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16])
def test_grey_values_are_read_as_they_are(dtype: type, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 2 if dtype is bool else 256, (5, 7))
    pixels = pixels.astype(dtype) * dtype(200 if dtype is np.uint16 else 1)
    (image,) = io.read(saved(tmp_path, pixels))
    assert (image.axes, image.name, image.origin.format) == ("yx", "a", "png")
    assert image.array.dtype == dtype
    np.testing.assert_array_equal(image.array, pixels)


def test_a_palette_holds_labels_and_alpha_is_left_out(tmp_path: Path) -> None:
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4) % 5
    picture = PIL.Image.fromarray(labels).convert("P")
    picture.putdata(labels.ravel().tolist())
    picture.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200, 9, 9, 9, 50, 60, 70])
    picture.save(tmp_path / "labels.png")
    (image,) = io.read(tmp_path / "labels.png")
    np.testing.assert_array_equal(image.array, labels)
    colours = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)
    (image,) = io.read(saved(tmp_path, colours))
    assert image.axes == "yxc"
    np.testing.assert_array_equal(image.array, colours[..., :3])


def test_a_damaged_png_is_told_and_a_folder_s_previews_are_passed_over(tmp_path: Path) -> None:
    path = saved(tmp_path, np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8))
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(InputError, match=r"a\.png: not a readable PNG .*cut off"):
        io.read(path)
    saved(tmp_path, np.zeros((4, 4), np.uint8))
    io.write(Image(np.ones((6, 6), np.float32), "yx"), tmp_path / "b.tif")
    assert [image.name for image in io.read(tmp_path)] == ["b"]
