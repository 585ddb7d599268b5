"""Small pictures of results."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any, ClassVar

import numpy as np
from PIL import Image as PillowImage

from napari_lossviz.core import DisplayWindow, Image, MethodConfig, NamedImage, Result
from napari_lossviz.io.thumbnails import thumbnail, thumbnails


class _Config(MethodConfig):
    method = "inverting"


@dataclass(frozen=True, eq=False, kw_only=True)
class _Inverted(Result):
    method: ClassVar[str] = "inverting"

    def images(self) -> Any:
        yield NamedImage("inverted", -np.asarray(self.source.array), "result")

    def describe(self) -> str:
        return "inverted"


def decoded(jpeg: bytes) -> np.ndarray:
    return np.asarray(PillowImage.open(BytesIO(jpeg)).convert("L"), float)


def test_middle_slice_under_one_contrast() -> None:
    volume = np.zeros((3, 60, 200), np.float32)
    volume[1, :, :100] = 50.0
    image = Image(volume, "zyx", display_windows=(DisplayWindow("w", -100.0, 100.0),))
    before, after = map(decoded, thumbnails(_Inverted(source=image, config=_Config())))
    assert before.shape == after.shape == (38, 128)
    np.testing.assert_allclose(before[:, 5:55], 191, atol=4)  # 50 of -100 to 100
    np.testing.assert_allclose(after[:, 5:55], 64, atol=4)
    np.testing.assert_allclose(before[:, 75:], 127.5, atol=4)


def test_colours_and_empty_images() -> None:
    red = np.zeros((20, 20, 3), np.uint8)
    red[..., 0] = 200
    shown = np.asarray(PillowImage.open(BytesIO(thumbnail(Image(red, "yxc")))))
    assert shown.shape == (20, 20, 3)
    np.testing.assert_allclose(shown[10, 10], (200, 0, 0), atol=8)
    nothing = np.full((16, 16), np.nan, np.float32)
    assert decoded(thumbnail(Image(nothing, "yx"))).max() == 0


def test_a_few_outliers_leave_the_contrast_to_the_rest() -> None:
    pixels = np.full((128, 128), 100.0, np.float32)
    pixels[:, 64:] = 200.0
    pixels[0, :8] = 1e6
    shown = decoded(thumbnail(Image(pixels, "yx")))
    assert shown[64, 96] - shown[64, 32] > 200


def test_small_structure_on_empty_background_keeps_its_grey_values() -> None:
    pixels = np.zeros((128, 128), np.float32)
    pixels[60:64, 60:64], pixels[60:64, 64:68] = 40.0, 80.0
    shown = decoded(thumbnail(Image(pixels, "yx")))
    assert abs(shown[62, 62] - 128) < 40
    assert shown[62, 66] > 200
