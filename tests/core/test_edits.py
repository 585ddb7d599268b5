import pytest
from pydantic import TypeAdapter, ValidationError

from napari_lossviz.core import Edit, Region, Reset, Stroke, WholeMap

EDITS = [
    Stroke(points=((1.5, 2.0), (3.0, 4.0)), radius=3.0, map="sigma_r", value=2.0),
    Region(vertices=((0, 0), (0, 5), (5, 5)), operation="add", value=-1.0, stage=1),
    WholeMap(operation="smooth", value=2.0, slices=(0, 3), intensity_range=(-50, 50)),
    Reset(map="angle"),
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.kind)
def test_an_edit_survives_json(edit: Edit) -> None:
    adapter: TypeAdapter[Edit] = TypeAdapter(Edit)
    assert adapter.validate_json(adapter.dump_json(edit)) == edit


@pytest.mark.parametrize(
    "wrong",
    [
        {"operation": "multiply", "value": 0.0},
        {"operation": "multiply", "value": -1.0},
        {"operation": "smooth", "value": 0.0},
        {"operation": "smooth", "value": 51.0},
        {"value": float("nan")},
        {"value": float("inf")},
        {"strength": 1.5},
        {"stage": -1},
        {"slices": (3, 2)},
        {"intensity_range": (1.0, 0.0)},
        {"intensity_range": (300.0, float("inf"))},
        {"operation": "divide"},
        {"colour": "red"},
    ],
)
def test_edits_without_meaning_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WholeMap(**wrong)  # type: ignore[arg-type]


def test_shapes_without_extent_are_refused() -> None:
    with pytest.raises(ValidationError):
        Stroke(points=())
    with pytest.raises(ValidationError):
        Stroke(points=((0, 0),), radius=0)
    with pytest.raises(ValidationError):
        Stroke(points=((0, float("nan")),))
    with pytest.raises(ValidationError):
        Stroke(points=((0, 0),), radius=float("inf"))
    with pytest.raises(ValidationError):
        Region(vertices=((0, 0), (1, 1)))
    with pytest.raises(ValidationError):
        Reset(operation="add")  # type: ignore[arg-type]
