import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import ome_types
import pytest
import tifffile

from napari_lossviz import io
from napari_lossviz.core import Image, InputError
from napari_lossviz.io import slides, tiled_tiff


@pytest.fixture
def pixels() -> np.ndarray:
    y, x = np.mgrid[:700, :900]
    waves = [np.sin(y / 40), np.cos(x / 50), np.sin((x + y) / 70)]
    return np.stack([127 + 120 * wave for wave in waves], axis=-1).astype(np.uint8)


@pytest.fixture
def slide(tmp_path: Path, pixels: np.ndarray) -> Path:
    """A tiled file with what Aperio's scanners write: openslide takes it for an SVS."""
    path = tmp_path / "slide.svs"
    description = "Aperio Image Library v11\n900x700 |AppMag = 20|MPP = 0.5"
    with tifffile.TiffWriter(path) as tif:
        for number, level in enumerate((pixels, pixels[::4, ::4])):
            tif.write(
                level, tile=(256, 256), photometric="rgb", compression="jpeg",
                compressionargs={"level": 98}, description=description, metadata=None,
                subfiletype=number,
            )  # fmt: skip
    return path


def test_scanner_files_are_opened_lazily_with_their_pixel_size(
    slide: Path, pixels: np.ndarray
) -> None:
    assert slides.can_read(slide)
    (image,) = io.read(slide)
    assert image.origin.format == "slide"
    assert image.shape == (700, 900, 3)
    assert image.axes == "yxc"
    assert (image.spacing[:2], image.units[:2]) == ((0.5, 0.5), ("um", "um"))
    part = np.asarray(image.array[300:420, 500:640])
    assert part.dtype == np.uint8
    assert np.abs(part.astype(int) - pixels[300:420, 500:640]).mean() < 3
    full, quarter = image.metadata[tiled_tiff.LEVELS_KEY]
    assert full is image.array
    part = np.asarray(quarter[75:105, 125:160])
    assert np.abs(part.astype(int) - pixels[300:420:4, 500:640:4]).mean() < 3


def test_tiled_files_of_no_scanner_stay_with_the_tiff_reader(
    tmp_path: Path, pixels: np.ndarray
) -> None:
    path = tmp_path / "tiled.tif"
    tifffile.imwrite(path, pixels, tile=(256, 256), photometric="rgb")
    assert not slides.can_read(path)
    (image,) = io.read(path)
    assert image.origin.format == "tiff"


def test_damaged_slides_are_told(slide: Path) -> None:
    content = slide.read_bytes()
    slide.write_bytes(content[: len(content) // 3])
    with pytest.raises(InputError):
        [np.asarray(image.array) for image in io.read(slide)]


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled_tiff, "PYRAMID_PIXELS", 1000)
    monkeypatch.setattr(tiled_tiff, "LAZY_PIXELS", 1000)
    monkeypatch.setattr(tiled_tiff, "_SMALLEST_LEVEL", 100)


def test_large_rgb_images_are_written_as_pyramids(
    tmp_path: Path, pixels: np.ndarray, small_limits: None
) -> None:
    path = tmp_path / "out.ome.tif"
    image = Image(pixels[:699, :899], "yxc", (0.5, 0.5, 1.0), ("um", "um", ""), name="virtual")
    io.write(image, path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    with tifffile.TiffFile(path) as tif:
        (series,) = tif.series
        levels = [level.asarray() for level in series.levels]
        xml: Any = tif.ome_metadata
        assert all(page.is_tiled for page in (series.keyframe, series.levels[1].keyframe))
    assert [level.shape for level in levels] == [(699, 899, 3), (349, 449, 3), (174, 224, 3)]
    np.testing.assert_array_equal(levels[0], image.array)
    blocks = pixels[:698, :898].reshape(349, 2, 449, 2, 3).mean(axis=(1, 3))
    assert np.abs(levels[1] - blocks).max() <= 0.5
    described = ome_types.from_xml(xml, validate=True).images[0].pixels
    assert (described.size_x, described.size_y) == (899, 699)
    for size, unit in (
        (described.physical_size_x, described.physical_size_x_unit),
        (described.physical_size_y, described.physical_size_y_unit),
    ):
        assert (size, unit.value) == (0.5, "µm")


def test_a_pyramid_is_read_back_lazily(
    tmp_path: Path, pixels: np.ndarray, small_limits: None
) -> None:
    import dask.array

    path = tmp_path / "out.ome.tif"
    lazy = dask.array.from_array(pixels, chunks=(300, 300, 3))
    io.write(Image(lazy, "yxc", (0.25, 0.25, 1.0), ("um", "um", "")), path)
    (image,) = io.read(path)
    assert isinstance(image.array, dask.array.Array)
    assert image.spacing[:2] == (0.25, 0.25)
    np.testing.assert_array_equal(np.asarray(image.array[600:, 800:]), pixels[600:, 800:])


def test_other_images_are_written_as_before(tmp_path: Path, pixels: np.ndarray) -> None:
    path = tmp_path / "out.ome.tif"
    io.write(Image(pixels, "yxc", (0.5, 0.5, 1.0), ("um", "um", "")), path)
    with tifffile.TiffFile(path) as tif:
        assert len(tif.series[0].levels) == 1


def test_a_slide_of_any_size_is_opened_without_a_mask_as_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiled_tiff, "LAZY_PIXELS", 1000)
    path = tmp_path / "large.tif"
    side = 1 << 14
    with tifffile.TiffWriter(path) as tif:
        tif.write(
            (b"" for _ in range((side // 512) ** 2)), shape=(side, side, 3), dtype=np.uint8,
            tile=(512, 512), photometric="rgb", compression="zlib",
        )  # fmt: skip
    tracemalloc.start()
    (image,) = io.read(path)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert image.shape == (side, side, 3)
    assert image.valid is None
    assert taken < side * side // 4
