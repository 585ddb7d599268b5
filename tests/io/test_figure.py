import numpy as np
import pytest
from PIL import Image as Picture

from napari_lossviz.core import DisplayWindow, Image, OutputExistsError
from napari_lossviz.io.figure import DISCLAIMER, before_after_figure, draw_before_after


def volume(**changes):
    array = np.random.default_rng(0).normal(40, 20, (5, 24, 32)).astype(np.float32)
    array += 100 * np.arange(5, dtype=np.float32)[:, None, None]
    known = {
        "spacing": (2.0, 1.0, 0.5),
        "units": ("mm",) * 3,
        "value_unit": "HU",
        "display_windows": (DisplayWindow("soft tissue", -160.0, 240.0),),
    }
    return Image(array, "zyx", **{**known, **changes})


def words_of(figure):
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    labels = [axes.get_ylabel() for axes in figure.axes] + [a.get_title() for a in figure.axes]
    return " | ".join([*texts, *labels, figure.get_suptitle(), figure.get_supxlabel()])


def test_the_png_is_written_whole_and_not_over_another(tmp_path, halve):
    path = before_after_figure(halve(volume()), tmp_path / "a.png")
    assert Picture.open(path).format == "PNG"
    with pytest.raises(OutputExistsError):
        before_after_figure(halve(volume()), path)


def test_the_middle_slice_at_the_display_window(halve):
    image = volume()
    figure = draw_before_after(halve(image))
    shown = [axes.images[0] for axes in figure.axes if axes.images]
    np.testing.assert_array_equal(shown[0].get_array(), image.array[2])
    np.testing.assert_array_equal(shown[1].get_array(), image.array[2] / 2)
    np.testing.assert_allclose(shown[2].get_array(), image.array[2] / 2, rtol=1e-6)
    assert shown[0].get_clim() == shown[1].get_clim() == (-160.0, 240.0)
    low, high = shown[2].get_clim()
    assert low == -high
    # A pixel is twice as high as wide in the patient.
    assert shown[0].axes.get_aspect() == 2.0


def test_it_says_what_it_shows(halve):
    result = halve(volume(name="head"))
    words = words_of(draw_before_after(result))
    for expected in ("head", "slice 3 of 5", "HU", "2 mm", "Halving", DISCLAIMER, "residual"):
        assert expected in words


def test_without_spacing_no_scale_is_claimed(halve):
    words = words_of(draw_before_after(halve(volume(spacing=(), units=()))))
    assert "mm" not in words


@pytest.mark.parametrize(
    ("axes", "shape", "dtype"),
    [
        ("yx", (20, 30), np.uint8),
        ("yxc", (20, 30, 3), np.uint8),
        ("yxc", (20, 30, 3), np.float32),
        ("czyx", (2, 3, 20, 30), np.uint16),
        ("tzyx", (2, 3, 20, 30), np.float64),
        ("yx", (20, 30), np.complex64),
    ],
)
def test_all_kinds_of_images_are_drawn(tmp_path, halve, axes, shape, dtype):
    array = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    before_after_figure(halve(Image(array, axes)), tmp_path / "a.png")


def test_constant_and_empty_images_are_drawn(tmp_path, halve):
    before_after_figure(halve(Image(np.zeros((8, 8), np.float32), "yx")), tmp_path / "a.png")
    hidden = Image(np.full((8, 8), np.nan, np.float32), "yx", valid=np.zeros((8, 8), bool))
    before_after_figure(halve(hidden), tmp_path / "b.png")
