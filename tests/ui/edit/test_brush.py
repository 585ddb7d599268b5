from napari_lossviz.core import Region, Stroke, WholeMap
from napari_lossviz.ui.edit.brush import Brush, mask_choices


def test_the_default_brush_multiplies_all_sigma_maps_on_the_slice_shown() -> None:
    stroke = Brush(size=20, strength=0.25).stroke([(1.0, 2.0)], 3)
    assert stroke == Stroke(
        points=((1.0, 2.0),),
        radius=10,
        hardness=0.5,
        operation="multiply",
        value=2.0,
        strength=0.25,
        map="all",
        stage=None,
        slices=(3, 4),
    )


def test_slices_in_scope() -> None:
    assert Brush(scope="all").slices(5) is None
    assert Brush(scope="shown").slices(5) == (5, 6)
    assert Brush(scope="range", slice_range=(2, 4)).slices(9) == (2, 5)
    assert Brush(scope="range", slice_range=(4, 2)).slices(9) == (2, 5)


def test_regions_and_everywhere_do_what_the_brush_does() -> None:
    brush = Brush(
        operation="set", value=7, map="sigma_r", stage=1, strength=1, intensity_range=(0.0, 9.0)
    )
    same = {
        "operation": "set",
        "value": 7,
        "map": "sigma_r",
        "stage": 1,
        "strength": 1,
        "intensity_range": (0.0, 9.0),
        "slices": (0, 1),
    }
    corners = [(0.0, 0.0), (0.0, 5.0), (5.0, 5.0)]
    assert brush.region(corners, 0) == Region(vertices=tuple(corners), **same)
    assert brush.whole(0) == WholeMap(**same)


def test_restoring_takes_no_value() -> None:
    assert Brush(operation="restore", value=-3).whole(0).value == 1


def test_ready_made_masks_are_for_hounsfield_units_only() -> None:
    assert ("Soft tissue (-160 to 240 HU)", (-160.0, 240.0)) in mask_choices("HU")
    assert mask_choices("") == (("Everything", None),)
