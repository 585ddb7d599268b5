import csv
import io
import pickle

import numpy as np
import pytest

from napari_lossviz import samples
from napari_lossviz.betti import BettiConfig, match
from napari_lossviz.betti.features import FALSE, MATCHED, MISSED


@pytest.fixture(params=[(14, 15), (7, 8, 6)], ids=["plane", "volume"])
def result(request: pytest.FixtureRequest):
    rng = np.random.default_rng(4)
    return match(*rng.random((2, *request.param)))


def test_the_table_holds_every_interval_and_the_whole_loss(result) -> None:
    table = result.features(0)
    for d, dimension in enumerate(result.dimensions):
        for status, kind in (
            (MATCHED, "matched_prediction"),
            (FALSE, "unmatched_prediction"),
            (MISSED, "unmatched_target"),
        ):
            rows = (table.dimension == d) & (table.status == status)
            assert rows.sum() == len(getattr(dimension, kind))
            intervals = getattr(dimension, kind).take(table.index[rows])
            np.testing.assert_array_equal(table.birth[rows], intervals.birth)
            np.testing.assert_array_equal(table.death[rows], intervals.death)
    assert table.loss.sum() == pytest.approx(result.loss)
    assert table.loss_share.sum() == pytest.approx(1)
    assert (np.diff(table.persistence) <= 0).all()


def test_what_matches_noise_only_is_no_match() -> None:
    prediction, target = np.full((9, 9), 0.1), np.zeros((9, 9))
    prediction[0, 0] = prediction[4, 4] = 0.2  # noise where the target has a blob
    prediction[0, 0] = target[0, 0] = 1
    target[4, 4] = 1
    result = match(prediction, target)
    plain = result.features(0)
    assert (plain.status == MATCHED).all()
    strict = result.features(0.3)
    assert strict.status_names == ["missed"]
    assert strict.listed[0] == MATCHED
    np.testing.assert_array_equal(strict.place, [[4, 4]])
    # its ends are the target's own, not those of the noise that it matches
    assert (strict.birth[0], strict.death[0], strict.persistence[0]) == (1, 0, 1)
    assert (strict.target_birth[0], strict.target_death[0]) == (1, 0)
    false = match(target, prediction).features(0.3)
    assert false.status_names == ["false"]
    assert (false.birth[0], false.death[0], false.persistence[0]) == (1, 0, 1)


def test_the_csv_says_the_same(result) -> None:
    table = result.features(0.2)
    rows = list(csv.DictReader(io.StringIO(table.to_csv(result.source.axes))))
    assert len(rows) == len(table)
    assert [float(row["persistence"]) for row in rows] == table.persistence.tolist()
    assert [int(row["y"]) for row in rows] == table.place[:, -2].tolist()
    assert [row["target_birth"] == "" for row in rows] == (table.listed == FALSE).tolist()


def test_painted_features_lie_where_they_are() -> None:
    pair = samples.planted_pair("cells")
    config = BettiConfig(relative=True, minimal_persistence=0.3)
    result = match(pair.prediction, pair.target, config)
    gradient, prediction, target = result.images()
    assert (gradient.role, prediction.role, target.role) == ("gradient", "labels", "labels")
    assert gradient.array.shape == pair.prediction.shape
    table = result.features()
    for n in np.flatnonzero(table.status == MISSED):
        assert target.array[tuple(table.place[n])] == n + 1
        assert (prediction.array != n + 1).all()
    for n in np.flatnonzero(table.status == FALSE):
        assert prediction.array[tuple(table.place[n])] == n + 1


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    prediction, target = rng.random((2, 9, 9))
    gradient = match(prediction, target).gradient()
    for place in [(0, 0), (4, 4), (8, 3), (2, 7)]:
        losses = []
        for step in (-1e-6, 1e-6):
            moved = prediction.copy()
            moved[place] += step
            losses.append(match(moved, target).loss)
        slope = (losses[1] - losses[0]) / 2e-6
        assert gradient[place] == pytest.approx(slope, abs=1e-5)


def test_a_result_travels_to_another_process(result) -> None:
    again = pickle.loads(pickle.dumps(result))
    assert again.loss == result.loss
    assert again.describe() == result.describe()
    assert "matching error" in result.describe()
    assert result.main_image().shape == result.prediction.shape


def test_both_sides_of_a_table_are_those_of_the_lists(result) -> None:
    table = result.features(0.2)
    for side, own in (("prediction", FALSE), ("target", MISSED)):
        found = result.side(table, side)
        assert set(table.status[found.row]) <= {MATCHED, own}
        assert len(found.row) == np.isin(table.status, (MATCHED, own)).sum()
        other = "target" if side == "prediction" else "prediction"
        image = getattr(result, side)
        np.testing.assert_array_equal(image[tuple(found.birth_place.T)], found.birth)
        np.testing.assert_array_equal(image[tuple(found.death_place.T)], found.death)
        for n, row in enumerate(found.row):
            kind = result.kind_of(table, row, side)
            intervals = result.intervals(table.dimension[row], kind)
            assert intervals.birth[table.index[row]] == found.birth[n]
            assert (result.kind_of(table, row, other) is None) == (table.status[row] == own)
    prediction = result.side(table, "prediction")
    shown = table.status[prediction.row] != MISSED
    np.testing.assert_array_equal(prediction.place[shown], table.place[prediction.row][shown])


def test_another_minimal_persistence_lists_and_counts_anew(result) -> None:
    other = result.with_minimal_persistence(0.3)
    assert other.settings.minimal_persistence == 0.3
    assert len(other.features()) == len(result.features(0.3))
    counted = sum(other.metrics[f"features_{name}"] for name in ("matched", "false", "missed"))
    assert counted == len(other.features())
    assert other.metrics["betti_matching_loss"] == result.metrics["betti_matching_loss"]
