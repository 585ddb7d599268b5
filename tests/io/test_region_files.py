"""Regions from files of three kinds."""

import json
from pathlib import Path

import numpy as np
import pytest

from napari_lossviz.core import InputError
from napari_lossviz.io.qupath_regions import read_qupath_regions
from napari_lossviz.io.region_files import read_regions
from napari_lossviz.metrics import ellipse_mask, polygon_mask

SAVED_BY_NAPARI = """index,shape-type,vertex-index,axis-0,axis-1,axis-2
0,rectangle,0,5.0,10.0,10.0
0,rectangle,1,5.0,10.0,30.0
0,rectangle,2,5.0,20.0,30.0
0,rectangle,3,5.0,20.0,10.0
1,ellipse,0,5.0,40.0,40.0
1,ellipse,1,5.0,40.0,60.0
1,ellipse,2,5.0,60.0,60.0
1,ellipse,3,5.0,60.0,40.0
2,line,0,5.0,0.0,0.0
2,line,1,5.0,9.0,9.0
"""


def test_rectangles_hold_the_pixels_that_they_name(tmp_path: Path) -> None:
    path = tmp_path / "regions.csv"
    path.write_text("name,y0,y1,x0,x1,z\nliver,3,8,2,12,\n,0,4,0,4,2\n")
    liver, other = read_regions(path)
    mask = polygon_mask(liver.vertices, (20, 20))
    expected = np.zeros((20, 20), bool)
    expected[3:8, 2:12] = True
    np.testing.assert_array_equal(mask, expected)
    assert (liver.name, liver.z) == ("liver", None)
    assert (other.name, other.z) == ("Region 2", 2)


def test_geojson_is_x_before_y(tmp_path: Path) -> None:
    ring = [[2, 3], [12, 3], [12, 8], [2, 8], [2, 3]]
    features = [
        {
            "type": "Feature",
            "properties": {"name": "liver", "z": 4},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        },
        {
            "type": "Feature",
            "properties": {"classification": {"name": "fat"}},
            "geometry": {"type": "MultiPolygon", "coordinates": [[ring], [ring]]},
        },
        {
            "type": "Feature",
            "properties": {},
            "geometry": {"type": "Point", "coordinates": [1, 1]},
        },
    ]
    path = tmp_path / "regions.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    regions = read_regions(path)
    assert [(one.name, one.z) for one in regions] == [("liver", 4), ("fat", None), ("fat", None)]
    # from the corner of the first pixel, whose middle is (0, 0) here
    corners = [(2.5, 1.5), (2.5, 11.5), (7.5, 11.5), (7.5, 1.5)]
    np.testing.assert_array_equal(regions[0].vertices, corners)


# As QuPath writes it: a rectangle of 30 x 20 pixels with a hole of 8 x 5.
ANNOTATION = """{"type": "FeatureCollection", "features": [{"type": "Feature",
"geometry": {"type": "Polygon", "coordinates": [
[[10, 5], [40, 5], [40, 25], [10, 25], [10, 5]],
[[20, 10], [20, 15], [28, 15], [28, 10], [20, 10]]]},
"properties": {"objectType": "annotation", "name": "nest"}}]}"""


def test_both_readers_count_the_pixels_of_an_annotation_with_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "nest.geojson"
    path.write_text(ANNOTATION)
    (one,), (other,) = read_regions(path), read_qupath_regions(path)
    expected = np.zeros((40, 50), bool)
    expected[5:25, 10:40] = True
    expected[10:15, 20:28] = False
    assert expected.sum() == 30 * 20 - 8 * 5
    np.testing.assert_array_equal(polygon_mask(one.vertices, (40, 50)), expected)
    np.testing.assert_array_equal(one.vertices, other.outline)
    assert one.name == other.name == "nest"


def test_shapes_as_napari_saves_them(tmp_path: Path) -> None:
    path = tmp_path / "Shapes.csv"
    path.write_text(SAVED_BY_NAPARI)
    rectangle, ellipse = read_regions(path)
    assert (rectangle.name, rectangle.z, rectangle.ellipse) == ("Rectangle 1", 5, False)
    np.testing.assert_allclose(rectangle.vertices[2], (20, 30))
    area = ellipse_mask(ellipse.vertices, (99, 99)).sum()
    assert area == pytest.approx(np.pi * 100, rel=0.03)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected GeoJSON"),
        ("a,b\n1,2\n", "expected GeoJSON"),
        ("name,y0,y1,x0,x1\n", "expected GeoJSON"),
        ("name,y0,y1,x0,x1\nliver,8,3,2,12\n", "region 1: y0, y1 and x0, x1 must rise"),
        ("name,y0,y1,x0,x1\nliver,a,3,2,12\n", "could not convert"),
        ("name,y0,y1,x0,x1\nliver,nan,3,2,12\n", "'nan' is no place"),
        ("name,y0,y1,x0,x1\nliver,1\n", "float"),
        ("{", "not JSON"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}', "a ring of 2 points"),
        ('{"type": "Polygon", "coordinates": [[], []]}', "a ring of 0 points"),
        ('{"type": "Polygon"}', "coordinates"),
        ("[1, 2]", "expected GeoJSON"),
        ('{"features": []}', "holds no polygon"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "regions.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as error:
        read_regions(path)
    assert str(path) in str(error.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: cannot be read"):
        read_regions(tmp_path / "none.csv")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="no text"):
        read_regions(tmp_path / "picture.png")
