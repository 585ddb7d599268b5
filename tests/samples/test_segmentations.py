from pathlib import Path

import numpy as np
import pytest

from napari_lossviz import samples
from napari_lossviz.betti import BettiConfig, match
from napari_lossviz.betti.features import DIMENSION_NAMES, FALSE, MATCHED, MISSED, STATUS_NAMES
from napari_lossviz.core import InputError
from napari_lossviz.samples.make_segmentations import make_segmentations
from napari_lossviz.samples.planted import DRAWINGS
from napari_lossviz.samples.planted_error import PERSISTENCE
from napari_lossviz.samples.segmentations import NAMES

CONFIG = BettiConfig(relative=True, minimal_persistence=PERSISTENCE)


@pytest.mark.parametrize("name", NAMES)
def test_every_planted_error_is_found_at_its_place_and_nothing_else(name: str) -> None:
    pair = samples.planted_pair(name)
    found = match(pair.prediction, pair.target, CONFIG).features()
    rows = np.flatnonzero(found.status != MATCHED)
    assert len(rows) == len(pair.errors)
    for error in pair.errors:
        status = FALSE if error.status == "false" else MISSED
        at = [
            n
            for n in rows
            if found.dimension[n] == error.dimension
            and found.status[n] == status
            and (found.place[n] >= error.low).all()
            and (found.place[n] < error.high).all()
        ]
        assert len(at) == 1, (error, STATUS_NAMES[status], DIMENSION_NAMES[error.dimension])


@pytest.mark.parametrize("name", NAMES)
def test_the_matching_error_counts_the_planted_errors(name: str) -> None:
    pair = samples.planted_pair(name)
    error = match(pair.prediction, pair.target, CONFIG).matching_error
    expected = [0] * len(error.by_dimension)
    for one in pair.errors:
        expected[one.dimension] += 1
    assert list(error.by_dimension) == expected


def test_a_displaced_blob_is_invisible_to_betti_numbers() -> None:
    errors = samples.planted_pair("cells").errors
    displaced = [one.status for one in errors if one.error == "displaced blob"]
    assert displaced == ["missed", "false"]


def test_made_anew_they_are_the_same(tmp_path: Path) -> None:
    make_segmentations(tmp_path)
    bundled = samples.sample_path("segmentations")
    for name in NAMES:
        for file in ("prediction.tif", "target.tif"):
            (new,), (old,) = (
                samples.data.io.read(folder / name / file) for folder in (tmp_path, bundled)
            )
            np.testing.assert_array_equal(new.array, old.array)
        truth = (folder / name / "truth.csv" for folder in (tmp_path, bundled))
        assert len({path.read_text("utf-8") for path in truth}) == 1


def test_the_names_are_those_of_the_drawings() -> None:
    assert tuple(DRAWINGS) == NAMES
    with pytest.raises(InputError, match="there are roads, vessels"):
        samples.planted_pair("nonsense")


def test_the_retina_is_a_pair_that_can_be_matched() -> None:
    pair = samples.retina_pair()
    assert pair.prediction.shape == pair.target.shape
    assert pair.prediction.array.min() == 0
    assert pair.prediction.array.max() == 1
    found = match(pair.prediction, pair.target, CONFIG).metrics
    assert found["features_matched"] > 3
    assert found["matching_error"] > 10
