import pytest
from pydantic import ValidationError

from napari_lossviz.core import InputRecord, Recipe, Reset, Selection, Stroke


def recipe() -> Recipe:
    record = InputRecord(
        paths=("../a.dcm",),
        file_sha256=("00",),
        pixel_sha256="11",
        axes="yx",
        shape=(4, 5),
        dtype="float32",
        name="a",
    )
    return Recipe(
        method="filter2noise",
        config={"intensity_range": (-160.0, 240.0)},
        inputs=(record,),
        selection=Selection(ranges={"z": (1, 3)}),
        edits=(Stroke(points=((0, 0),), radius=2.0), Reset()),
        metrics={"noise": 12.0},
    )


def test_a_recipe_survives_json() -> None:
    again = Recipe.model_validate_json(recipe().model_dump_json())
    assert again.edits == recipe().edits
    assert again.inputs == recipe().inputs
    assert again.selection == recipe().selection
    assert again.config == {"intensity_range": [-160.0, 240.0]}


def test_recipes_of_another_version_and_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate({**recipe().model_dump(), "recipe_version": 2})
    with pytest.raises(ValidationError):
        Recipe.model_validate({**recipe().model_dump(), "colour": "red"})


def test_it_says_that_it_is_not_for_diagnosis() -> None:
    assert "Not for diagnostic use" in recipe().disclaimer
