"""The papers' own figures, reproduced exactly, plateaus included."""

from pathlib import Path

import numpy as np
import pytest

from napari_lossviz.betti import BettiConfig, match

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "betti.npz")
CASES = sorted({name.split("/")[0] for name in GOLDEN.files})
SUBLEVEL = BettiConfig(filtration="sublevel")


def sorted_rows(*columns: np.ndarray) -> np.ndarray:
    rows = np.stack(columns, axis=1)
    return rows[np.lexsort(rows.T[::-1])]


@pytest.mark.parametrize("case", CASES)
def test_intervals_and_loss_are_those_of_the_papers_code(case: str) -> None:
    result = match(GOLDEN[f"{case}/prediction"], GOLDEN[f"{case}/target"], SUBLEVEL)
    for d, dimension in enumerate(result.dimensions):
        one, two = dimension.matched_prediction, dimension.matched_target
        matched = sorted_rows(one.birth, one.death, two.birth, two.death)
        np.testing.assert_array_equal(matched, GOLDEN[f"{case}/matched_{d}"])
        for name in ("unmatched_prediction", "unmatched_target"):
            rest = getattr(dimension, name)
            found = sorted_rows(rest.birth, rest.death)
            np.testing.assert_array_equal(found, GOLDEN[f"{case}/{name}_{d}"])
        assert dimension.loss == pytest.approx(float(GOLDEN[f"{case}/loss_{d}"]), abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_the_superlevel_filtration_is_the_sublevel_one_of_the_negative(case: str) -> None:
    prediction, target = GOLDEN[f"{case}/prediction"], GOLDEN[f"{case}/target"]
    result = match(-prediction, -target)
    for d, dimension in enumerate(result.dimensions):
        one, two = dimension.matched_prediction, dimension.matched_target
        matched = sorted_rows(-one.birth, -one.death, -two.birth, -two.death)
        np.testing.assert_array_equal(matched, GOLDEN[f"{case}/matched_{d}"])
        assert dimension.loss == pytest.approx(float(GOLDEN[f"{case}/loss_{d}"]), abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_values_stand_at_their_coordinates(case: str) -> None:
    prediction, target = GOLDEN[f"{case}/prediction"], GOLDEN[f"{case}/target"]
    result = match(prediction, target, SUBLEVEL)
    for dimension in result.dimensions:
        for image, intervals in (
            (prediction, dimension.matched_prediction),
            (target, dimension.matched_target),
            (prediction, dimension.unmatched_prediction),
            (target, dimension.unmatched_target),
        ):
            births = image[tuple(intervals.birth_coordinate.T)]
            deaths = image[tuple(intervals.death_coordinate.T)]
            np.testing.assert_array_equal(births, intervals.birth)
            np.testing.assert_array_equal(deaths, intervals.death)
