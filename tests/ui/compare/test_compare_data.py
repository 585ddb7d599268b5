"""Slices, drawings and the table of regions, on napari's layers without a window."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image as ImageLayer
from napari.layers import Layer, Shapes

from napari_lossviz.core import Image, InputError
from napari_lossviz.core.image import Origin
from napari_lossviz.metrics import ResidualStructure
from napari_lossviz.ui.compare.drawn import LINES, REGIONS, drawn_on, fill_names, rename
from napari_lossviz.ui.compare.plane import same_shape, shown_plane
from napari_lossviz.ui.compare.region_rows import as_text, contrast, measure_regions
from napari_lossviz.ui.compare.residual_words import explanation, headline
from napari_lossviz.ui.layers import image_layer

SPACING = (3.0, 0.5, 2.0)


def rectangle(y0: float, y1: float, x0: float, x1: float) -> np.ndarray:
    return np.array([[y0, x0], [y0, x1], [y1, x1], [y1, x0]])


@pytest.fixture
def volume() -> Image:
    array = np.random.default_rng(0).normal(40, 30, (4, 20, 30)).astype(np.float32)
    return Image(array, "zyx", SPACING, ("mm",) * 3, value_unit="HU", name="ct")


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


def add(viewer: ViewerModel, image: Image) -> ImageLayer:
    return viewer.add_layer(Layer.create(*image_layer(image)))


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0)])
def test_the_plane_is_what_napari_shows(
    viewer: ViewerModel, volume: Image, order: tuple[int, ...]
) -> None:
    layer = add(viewer, volume)
    viewer.dims.order = order
    for axis in range(3):
        viewer.dims.set_current_step(axis, 2)
    plane = shown_plane(viewer, layer)
    np.testing.assert_array_equal(plane.values, layer._data_view)
    assert plane.shape == plane.values.shape
    spacing, unit = plane.spacing
    assert unit == "mm"
    np.testing.assert_allclose(spacing, [SPACING[order[1]], SPACING[order[2]]])
    assert plane.place == f"{'zyx'[order[0]]} 2"


def test_the_plane_of_layers_with_other_places_and_fewer_axes(
    viewer: ViewerModel, volume: Image
) -> None:
    layer = add(viewer, volume)
    moved = viewer.add_image(np.asarray(volume.array) + 1, scale=SPACING, translate=(3.0, 0.0, 0.0))
    flat = viewer.add_image(np.ones((20, 30)), scale=SPACING[1:])
    viewer.dims.set_current_step(0, 2)
    for shown in (layer, moved, flat):
        np.testing.assert_array_equal(shown_plane(viewer, shown).values, shown._data_view)
    viewer.dims.set_current_step(0, 0)
    with pytest.raises(InputError, match="no slice here"):
        shown_plane(viewer, moved)
    viewer.dims.order = (1, 0, 2)
    with pytest.raises(InputError, match="axis"):
        shown_plane(viewer, flat)


def test_the_finest_level_of_a_pyramid_counts(viewer: ViewerModel) -> None:
    fine = np.arange(64.0 * 64).reshape(64, 64)
    layer = viewer.add_image([fine, fine[::2, ::2]], multiscale=True)
    np.testing.assert_array_equal(shown_plane(viewer, layer).values, fine)


def test_padding_and_nan_are_not_valid(viewer: ViewerModel, volume: Image) -> None:
    array = np.array(volume.array)
    array[1, 0, 0] = np.nan
    valid = np.ones(array.shape, bool)
    valid[1, :, 25:] = False
    layer = add(viewer, volume.replace(array=array, valid=valid))
    viewer.dims.set_current_step(0, 1)
    expected = valid[1].copy()
    expected[0, 0] = False
    np.testing.assert_array_equal(shown_plane(viewer, layer).valid, expected)


def test_colours_and_volumes_on_show_are_refused(viewer: ViewerModel, volume: Image) -> None:
    colours = viewer.add_image(np.zeros((8, 8, 3), np.uint8), rgb=True, name="stain")
    with pytest.raises(InputError, match=r"'stain' shows colours \(RGB\)"):
        shown_plane(viewer, colours)
    layer = add(viewer, volume)
    viewer.dims.ndisplay = 3
    with pytest.raises(InputError, match="2D"):
        shown_plane(viewer, layer)


def test_slices_of_two_sizes_are_refused(viewer: ViewerModel) -> None:
    first = viewer.add_image(np.zeros((8, 9)), name="a")
    second = viewer.add_image(np.zeros((9, 9)), name="b")
    with pytest.raises(InputError, match="'a' is 8 x 9 pixels here and 'b' 9 x 9"):
        same_shape(shown_plane(viewer, first), shown_plane(viewer, second))


def test_drawings_come_in_pixels_of_the_image(viewer: ViewerModel, volume: Image) -> None:
    layer = add(viewer, volume)
    # 10 mm down and 20 mm to the right is row 20 and column 10.
    in_mm = viewer.add_shapes([rectangle(10, 12, 20, 24)], units=("mm", "mm"))
    moved = viewer.add_shapes(
        [rectangle(0, 4, 0, 2)], scale=SPACING[1:], translate=(10.0, 20.0), units=("mm", "mm")
    )
    viewer.dims.set_current_step(0, 1)
    plane = shown_plane(viewer, layer)
    for shapes in (in_mm, moved):
        (drawn,) = drawn_on(plane, shapes, REGIONS, viewer.dims.point)
        np.testing.assert_allclose(drawn.vertices, rectangle(20, 24, 10, 12))
        assert drawn.index == plane.index == (1, None, None)


def test_layers_in_millimetres_and_micrometres_meet(viewer: ViewerModel, volume: Image) -> None:
    layer = add(viewer, volume)
    in_um = viewer.add_shapes([rectangle(10e3, 12e3, 20e3, 24e3)], units=("um", "um"))
    twin = viewer.add_image(
        np.asarray(volume.array), scale=np.array(SPACING) * 1e3, units=("um",) * 3
    )
    viewer.dims.set_current_step(0, 2)
    for shown in (layer, twin):
        plane = shown_plane(viewer, shown)
        np.testing.assert_array_equal(plane.values, shown._data_view)
        (drawn,) = drawn_on(plane, in_um, REGIONS, viewer.dims.point)
        np.testing.assert_allclose(drawn.vertices, rectangle(20, 24, 10, 12))
        assert drawn.index == plane.index == (2, None, None)
        np.testing.assert_allclose(plane.spacing[0], SPACING[1:])


def test_a_drawing_with_a_slice_of_its_own_stays_there(viewer: ViewerModel, volume: Image) -> None:
    layer = add(viewer, volume)
    corners = np.insert(rectangle(2, 6, 3, 9), 0, 3, axis=1)
    shapes = viewer.add_shapes([corners], scale=SPACING, units=("mm",) * 3)
    viewer.dims.set_current_step(0, 0)
    plane = shown_plane(viewer, layer)
    (row,) = measure_regions(plane, plane, shapes, viewer.dims.point)
    inside = np.asarray(volume.array)[3, 2:7, 3:10]
    assert row.place == "z 3"
    assert row.before.pixels == inside.size
    assert row.before.mean == pytest.approx(inside.mean(dtype=float))


def test_a_drawing_beside_the_slices_holds_nothing(viewer: ViewerModel, volume: Image) -> None:
    layer = add(viewer, volume)
    corners = np.insert(rectangle(2, 6, 3, 9), 0, 9, axis=1)
    shapes = viewer.add_shapes([corners], scale=SPACING, units=("mm",) * 3)
    plane = shown_plane(viewer, layer)
    (row,) = measure_regions(plane, plane, shapes, viewer.dims.point)
    assert row.before.pixels == 0
    assert np.isnan(row.after.mean)


def test_regions_and_lines_are_told_apart(viewer: ViewerModel, volume: Image) -> None:
    layer = add(viewer, volume)
    shapes = viewer.add_shapes(None, ndim=2)
    shapes.add_rectangles(rectangle(2, 6, 3, 9))
    shapes.add_lines([[0, 0], [5, 5]])
    shapes.add_ellipses(rectangle(2, 6, 3, 9))
    shapes.add_paths([[0, 0], [5, 5], [6, 9]])
    shapes.add_polygons([[0, 0], [5, 5], [6, 9]])
    plane = shown_plane(viewer, layer)
    regions = drawn_on(plane, shapes, REGIONS, viewer.dims.point)
    lines = drawn_on(plane, shapes, LINES, viewer.dims.point)
    assert [drawn.kind for drawn in regions] == ["polygon", "ellipse", "rectangle"][::-1]
    assert [drawn.number for drawn in regions] == [0, 2, 4]
    assert [drawn.kind for drawn in lines] == ["line", "path"]


def test_names_are_kept_with_the_shapes() -> None:
    shapes = Shapes([rectangle(0, 4, 0, 4), rectangle(2, 6, 2, 6)])
    rename(shapes, 1, "liver")
    assert list(shapes.features["name"]) == ["", "liver"]
    fill_names(shapes)
    assert list(shapes.features["name"]) == ["Rectangle 1", "liver"]
    shapes.add_ellipses(rectangle(0, 4, 0, 4))
    fill_names(shapes)
    assert list(shapes.features["name"]) == ["Rectangle 1", "liver", "Ellipse 3"]
    shapes.selected_data = {1}
    fill_names(shapes)
    shapes.add_paths([[0, 0], [1, 1]])
    fill_names(shapes)
    assert list(shapes.features["name"]) == ["Rectangle 1", "liver", "Ellipse 3", "Path 4"]


def test_layers_without_names_stay_without() -> None:
    shapes = Shapes([rectangle(0, 4, 0, 4)])
    fill_names(shapes)
    assert "name" not in shapes.features


def test_the_csv_holds_values_units_layers_and_files(
    viewer: ViewerModel, volume: Image, tmp_path: Path
) -> None:
    path = tmp_path / "ct, low dose.npy"
    before = add(viewer, volume.replace(origin=Origin((path,), "npy")))
    after = add(viewer, volume.replace(array=np.asarray(volume.array) / 3, name='"de"noised'))
    shapes = viewer.add_shapes(
        [rectangle(2, 6, 3, 9), rectangle(10, 14, 15, 20)],
        scale=SPACING[1:],
        units=("mm", "mm"),
        features={"name": ["liver", "fat, under skin"]},
    )
    viewer.dims.set_current_step(0, 1)
    planes = shown_plane(viewer, before), shown_plane(viewer, after)
    rows = measure_regions(*planes, shapes, viewer.dims.point)
    ratio = contrast(rows, 0, 1)
    table = list(csv.DictReader(io.StringIO(as_text(rows, ratio, before, after))))
    liver, fat = (np.asarray(volume.array)[1, 2:7, 3:10], np.asarray(volume.array)[1, 10:15, 15:21])
    cnr = abs(liver.mean() - fat.mean()) / np.sqrt((liver.var() + fat.var()) / 2)
    first, second = table
    assert first["region"] == "liver"
    assert second["region"] == "fat, under skin"
    assert first["outline"] == "rectangle"
    assert first["slice"] == "z 1"
    assert first["layer_before"] == before.name
    assert first["layer_after"] == after.name == '"de"noised'
    assert first["file_before"] == str(path)
    assert first["pixels"] == "35"
    assert float(first["area"]) == pytest.approx(35 * 0.5 * 2.0)
    assert first["area_unit"] == "mm²"
    assert first["value_unit"] == "HU"
    assert float(first["mean_before"]) == pytest.approx(liver.mean(dtype=float))
    assert float(first["mean_after"]) == pytest.approx(liver.mean(dtype=float) / 3, rel=1e-6)
    assert float(second["standard_deviation_before"]) == pytest.approx(fat.std(dtype=float))
    assert first["cnr_against"] == "fat, under skin"
    assert float(first["cnr_before"]) == pytest.approx(cnr, rel=1e-5)
    assert float(first["cnr_after"]) == pytest.approx(cnr, rel=1e-5)
    assert second["cnr_against"] == second["cnr_before"] == ""
    with pytest.raises(InputError, match="two different"):
        contrast(rows, 1, 1)


def test_without_units_areas_are_in_pixels(viewer: ViewerModel) -> None:
    layer = viewer.add_image(np.zeros((20, 20)), scale=(0.5, 0.5))
    shapes = viewer.add_shapes([rectangle(2, 5, 2, 5)], scale=(0.5, 0.5))
    plane = shown_plane(viewer, layer)
    (row,) = measure_regions(plane, plane, shapes, viewer.dims.point)
    assert (row.area, row.area_unit) == (16, "px")


@pytest.mark.parametrize(
    ("unit", "spacing", "area"),
    [("m", (14.0, 2.5), (16 * 35, "m²")), ("mm", (14.0, 2.5), (16 * 35, "mm²")),
     ("m", (0.002, 0.003), (16 * 6, "mm²")), ("pixel", (14.0, 2.5), (16, "px"))],
)  # fmt: skip
def test_areas_have_the_unit_that_suits_the_pixel(
    viewer: ViewerModel, unit: str, spacing: tuple[float, float], area: tuple[float, str]
) -> None:
    layer = add(viewer, Image(np.zeros((20, 20), np.float32), "yx", spacing, (unit, unit)))
    around = rectangle(1.7, 5.3, 1.7, 5.3)
    shapes = viewer.add_shapes([around], scale=layer.scale, units=layer.units)
    plane = shown_plane(viewer, layer)
    (row,) = measure_regions(plane, plane, shapes, viewer.dims.point)
    assert (row.area, row.area_unit) == (pytest.approx(area[0]), area[1])


def structure(verdict: str, correlation: float, **others: object) -> ResidualStructure:
    values = {"chance": 0.01, "mean": 1e-7, "standard_deviation": 30.0, **others}
    return ResidualStructure(verdict, correlation, **values)


def test_the_residual_in_plain_words() -> None:
    noise = structure("noise", 0.004)
    assert headline(noise) == "The residual looks like noise"
    assert "correlation 0.004; pure noise of this size stays within ±0.010" in explanation(noise)
    assert explanation(noise, "HU").endswith("Removed: mean 0 HU, standard deviation 30 HU.")
    edges = structure("edges removed", 0.4, strongest=(12, 34))
    assert headline(edges) == "Edges were removed"
    assert "row 12, column 34" in explanation(edges)
    assert "more than chance" in explanation(structure("noise", 0.03))
    left = structure("noise left at edges", -0.2)
    assert "weaker" in explanation(left)
    nothing = structure("nothing removed", float("nan"), chance=float("nan"))
    assert "nan" not in explanation(nothing)
    assert "nan" not in explanation(structure("no edges", float("nan"), chance=float("nan")))


@pytest.mark.parametrize(
    ("mean", "words"), [(-0.56, "0.56 dB brighter than before"), (0.3, "0.30 dB darker than"),
                        (0.001, "as bright as before")],
)  # fmt: skip
def test_the_residual_of_decibels_tells_the_change_of_the_mean(mean: float, words: str) -> None:
    found = ResidualStructure("noise", 0.001, 0.01, mean, 5.4)
    assert words in explanation(found, "dB")
    assert explanation(found, "dB").endswith("standard deviation of 5.4 dB.")
