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
