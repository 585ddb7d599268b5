from pathlib import Path

import pytest
from pydantic import TypeAdapter

from napari_lossviz.core import (
    Edit,
    InputError,
    OutputExistsError,
    Region,
    Reset,
    Stroke,
    WholeMap,
)
from napari_lossviz.ui.edit.edit_files import load_edits, save_edits

MAPS = ("sigma_x", "sigma_y", "sigma_r")
EDITS = (
    Stroke(points=((1.5, 2.25), (3.1, 4.7)), radius=3.3, slices=(2, 5)),
    Region(vertices=((0, 0), (0, 9), (9, 9)), map="sigma_r", stage=1, operation="set", value=20),
    WholeMap(operation="smooth", value=2, intensity_range=(-160, 240)),
    Reset(map="sigma_x", stage=0),
)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "edits.json"
    save_edits(EDITS, path)
    assert load_edits(path, MAPS, 2) == EDITS
    assert [file.name for file in tmp_path.iterdir()] == ["edits.json"]


def test_the_file_is_the_list_that_a_recipe_holds(tmp_path: Path) -> None:
    path = tmp_path / "edits.json"
    save_edits(EDITS, path)
    assert TypeAdapter(list[Edit]).validate_json(path.read_text()) == list(EDITS)


def test_a_file_is_overwritten_only_when_told(tmp_path: Path) -> None:
    path = tmp_path / "edits.json"
    path.write_text("mine")
    with pytest.raises(OutputExistsError):
        save_edits(EDITS, path)
    assert path.read_text() == "mine"
    save_edits(EDITS, path, overwrite=True)
    assert load_edits(path, MAPS, 2) == EDITS


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no list of edits"),
        ("{}", "no list of edits"),
        ("[1]", "no list of edits at 0"),
        ('[{"kind": "stroke", "points": []}]', "0.stroke.points"),
        ('[{"kind": "whole", "operation": "multiply", "value": -1}]', "value above 0"),
        ('[{"kind": "whole", "map": "angle"}]', "another kind of result"),
        ('[{"kind": "whole", "stage": 2}]', "another kind of result"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "edits.json"
    path.write_text(text)
    with pytest.raises(InputError, match=what) as caught:
        load_edits(path, MAPS, 2)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.json: cannot be read"):
        load_edits(tmp_path / "nothing.json", MAPS, 2)
