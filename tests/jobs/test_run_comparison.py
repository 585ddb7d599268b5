import csv
from pathlib import Path

import numpy as np
import pytest
from run_records import made_record

from napari_lossviz.core import LABEL_UNIT, Image, InputError
from napari_lossviz.jobs.run_comparison import (
    Change,
    compare_runs,
    difference_image,
    settings_that_differ,
)
from napari_lossviz.jobs.run_table import as_csv, rows_of


def image(values: object, axes: str = "yx", **changes: object) -> Image:
    return Image(np.asarray(values), axes, **{"value_unit": "HU", **changes})


def test_settings_metrics_and_inputs_that_differ_are_listed() -> None:
    first = made_record("a", metrics={"noise": 20.0, "residual": 4.0})
    second = made_record(
        "b",
        inputs=("chest",),
        settings={"steps": 20, "crop": 48, "guide": True},
        metrics={"noise": 15.0, "strength": 2.0},
        seconds=1.5,
        edits=2,
    )
    assert compare_runs(first, second) == (
        Change("run", "input", "head", "chest"),
        Change("setting", "steps", "8", "20", "+12"),
        Change("setting", "guide", "", "yes"),
        Change("run", "edits", "0", "2", "+2"),
        Change("metric", "noise", "20", "15", "-5"),
        Change("metric", "residual", "4", ""),
        Change("metric", "strength", "", "2"),
        Change("metric", "seconds", "1.5", "1.5", "0"),
    )


def test_of_two_methods_no_settings_are_compared() -> None:
    kinds = {one.kind for one in compare_runs(made_record("a"), made_record("b", method="merlin"))}
    assert kinds == {"run", "metric"}


def test_versions_are_compared_where_both_are_known() -> None:
    first, second = (made_record(v, versions={"torch": v}) for v in ("2.5", "2.6"))
    assert Change("version", "torch", "2.5", "2.6") in compare_runs(first, second)
    assert all(one.kind != "version" for one in compare_runs(first, made_record("c")))


def test_only_settings_that_differ_within_a_method_are_told() -> None:
    runs = [
        made_record("a"),
        made_record("b", settings={"steps": 9, "crop": 48}),
        made_record("c", method="nothing of ours", settings={"steps": 7}),
    ]
    assert settings_that_differ(runs) == [{"steps": 8}, {"steps": 9}, {}]


def test_the_only_run_of_a_method_is_compared_with_the_defaults() -> None:
    from napari_lossviz.filter2noise import Filter2NoiseConfig

    usual = Filter2NoiseConfig()
    other = usual.replace(steps=usual.steps + 1)
    (found,) = settings_that_differ([made_record("a", settings=other.model_dump(mode="json"))])
    assert found == {"steps": usual.steps + 1}


def test_a_difference_keeps_unit_scale_and_place_and_is_signed() -> None:
    valid = np.array([[True, False]])
    one = image(np.array([[10, 200]], np.uint8), spacing=(0.5, 0.7), units=("mm", "mm"))
    two = image(np.array([[4, 250]], np.uint8), spacing=(0.5, 0.7), units=("mm", "mm"), valid=valid)
    found = difference_image(one, two)
    np.testing.assert_array_equal(found.array, [[-6, 50]])
    assert found.array.dtype == np.float32
    assert (found.value_unit, found.spacing, found.units) == ("HU", (0.5, 0.7), ("mm", "mm"))
    np.testing.assert_array_equal(found.valid, valid)


def test_the_difference_of_colours_is_that_of_their_mean() -> None:
    one, two = (
        image(np.zeros((2, 3, 3), np.uint8), "yxc"),
        image(np.ones((2, 3, 3), np.uint8), "yxc"),
    )
    found = difference_image(one, two.replace(array=two.array * [0, 3, 6]))
    assert (found.axes, found.shape) == ("yx", (2, 3))
    np.testing.assert_array_equal(found.array, 3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"values": np.zeros((2, 4))}, r"2 x 3 \(yx\) pixels, the second 2 x 4 \(yx\)"),
        ({"spacing": (1, 2)}, "pixels of the first are"),
        ({"units": ("mm", "mm")}, "pixels of the first are"),
        ({"value_unit": "dB"}, "the first is in HU, the second in dB"),
        ({"value_unit": LABEL_UNIT}, "holds labels"),
        ({"values": np.zeros((2, 3), np.complex64)}, "complex"),
    ],
)  # fmt: skip
def test_what_has_no_difference_is_refused_in_a_sentence(changes: dict, said: str) -> None:
    values = changes.pop("values", np.zeros((2, 3)))
    with pytest.raises(InputError, match=said):
        difference_image(image(np.zeros((2, 3))), image(values, **changes))


def test_the_table_has_a_row_for_each_run_and_its_file_all_figures(tmp_path: Path) -> None:
    runs = [made_record("a"), made_record("b, again", settings={"steps": 9, "crop": 48})]
    assert rows_of(runs)[1] == ("b, again", "Filter2Noise", "head", "steps 9", "noise 20", "1.5 s")
    path = tmp_path / "runs.csv"
    path.write_text(as_csv(runs))
    with path.open(newline="") as stream:
        found = list(csv.DictReader(stream))
    assert [row["setting steps"] for row in found] == ["8", "9"]
    assert [row["metric noise"] for row in found] == ["20.0", "20.0"]
    assert "setting crop" not in found[0]


def test_no_name_becomes_a_formula_of_a_spreadsheet() -> None:
    line = as_csv([made_record("=cmd|'/c calc'!A1", seconds=-1.0)]).splitlines()[1]
    assert line.startswith("'=cmd")
    assert ",-1.0," in line
