import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from napari_lossviz.core import InputError, OutputExistsError
from napari_lossviz.io.qupath_regions import read_qupath_regions, write_qupath_regions


def ring(left: float, top: float, width: float, height: float) -> list[list[float]]:
    """Return the ring that QuPath writes of a rectangle."""
    right, bottom = left + width, top + height
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


def write(path: Path, *features: Any) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def feature(coordinates: Any, kind: str = "Polygon", **about: Any) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": about}


def mask_of(region: Any) -> np.ndarray:
    return np.asarray(polygon2mask((40, 50), region.outline))


def test_a_rectangle_holds_the_pixels_that_qupath_counts(tmp_path: Path) -> None:
    path = write(tmp_path / "a.geojson", feature([ring(7, 4, 20, 10)], name="tumour"))
    (region,) = read_qupath_regions(path)
    expected = np.zeros((40, 50), bool)
    expected[4:14, 7:27] = True
    assert region.name == "tumour"
    np.testing.assert_array_equal(mask_of(region), expected)


def test_holes_stay_out_and_parts_are_regions_of_their_own(tmp_path: Path) -> None:
    holed = [ring(2, 2, 30, 30), ring(5, 5, 4, 4), ring(20, 20, 6, 3)]
    path = write(
        tmp_path / "a.geojson",
        feature(holed, classification={"name": "Stroma"}),
        feature([[ring(0, 0, 5, 5)], [ring(40, 30, 5, 5)]], "MultiPolygon"),
        feature([1, 1], "Point"),
    )
    first, *others = read_qupath_regions(path)
    expected = np.zeros((40, 50), bool)
    expected[2:32, 2:32] = True
    expected[5:9, 5:9] = expected[20:23, 20:26] = False
    assert first.name == "Stroma"
    np.testing.assert_array_equal(mask_of(first), expected)
    assert [int(mask_of(one).sum()) for one in others] == [25, 25]


@given(st.lists(st.tuples(st.floats(-9, 9e4), st.floats(-9, 9e4)), min_size=3, max_size=9))
def test_what_is_written_is_read_again(points: list[tuple[float, float]]) -> None:
    import tempfile

    if points[0] == points[-1]:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.geojson"
        write_qupath_regions([points, points[::-1]], path, names=["one", ""])
        first, second = read_qupath_regions(path)
        written = json.loads(path.read_text())["features"][0]
    np.testing.assert_allclose(first.outline, points, atol=1e-9)
    np.testing.assert_allclose(second.outline, points[::-1], atol=1e-9)
    assert (first.name, second.name) == ("one", "")
    assert written["properties"]["objectType"] == "annotation"
    place = written["geometry"]["coordinates"][0][0]
    assert place == pytest.approx([points[0][1] + 0.5, points[0][0] + 0.5])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing", "not JSON"),
        ("[1, 2]", "expected GeoJSON"),
        ('{"features": []}', "holds no polygon"),
        ('{"type": "Polygon", "coordinates": [[[1, 2], [3, 4]]]}', "a ring of 2 points"),
        ('{"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [NaN, 5]]]}', "a ring of 3"),
        ('{"type": "Polygon", "coordinates": [[["a", 2], [3, 4], [5, 5]]]}', "expected"),
        ('{"type": "Polygon"}', "expected"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.geojson"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as error:
        read_qupath_regions(path)
    assert str(path) in str(error.value)


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    write_qupath_regions([[(0, 0), (0, 5), (5, 5)]], path)
    with pytest.raises(OutputExistsError):
        write_qupath_regions([[(0, 0), (0, 5), (9, 9)]], path)
    with pytest.raises(InputError, match="cannot be read"):
        read_qupath_regions(tmp_path / "none.geojson")
