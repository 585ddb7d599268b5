import warnings

import numpy as np
import pytest
from pydantic import ValidationError

from napari_lossviz.betti import BettiConfig, betti_number_error, match, matching_error
from napari_lossviz.betti.inputs import check_memory
from napari_lossviz.betti.intervals import DimensionMatching
from napari_lossviz.core import LABEL_UNIT, Cancelled, Image, InputError, OutOfMemoryError, Step


def probabilities(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape)


def test_shapes_must_agree() -> None:
    with pytest.raises(InputError, match=r"\(8, 9\).*\(8, 8\).*resample or crop"):
        match(probabilities(8, 9), probabilities(8, 8))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_values_must_be_finite(wrong: float) -> None:
    image = probabilities(6, 7)
    image[2, 3] = wrong
    with pytest.raises(InputError, match=r"1 values that are not finite, the first at \(2, 3\)"):
        match(probabilities(6, 7), image)


def test_labels_need_a_class() -> None:
    labels = np.random.default_rng(0).integers(0, 4, (9, 9), dtype=np.uint8)
    with pytest.raises(InputError, match=r"integer labels 0, 1, 2, 3.*label="):
        match(labels, labels)
    result = match(labels, labels, BettiConfig(label=2))
    np.testing.assert_array_equal(result.prediction, labels == 2)
    assert result.loss == 0
    with pytest.raises(InputError, match=r"no pixel with label 9; it holds 0, 1, 2, 3"):
        match(labels, labels, BettiConfig(label=9))


def test_all_labels_above_0_are_foreground_with_any() -> None:
    cells = np.zeros((9, 9), np.int32)
    cells[1:3, 1:3], cells[5:8, 5:8], cells[0, 8] = 7, 12, -1
    with pytest.raises(InputError, match=r"choose the class under Label.*'any'"):
        match(cells, cells > 0)
    result = match(cells, cells > 0, BettiConfig(label="any"))
    np.testing.assert_array_equal(result.prediction, cells > 0)
    assert not match(cells, 0 * cells, BettiConfig(label="any")).target.any()
    again = BettiConfig.model_validate_json(BettiConfig(label="any").model_dump_json())
    assert again.label == "any"


@pytest.mark.parametrize("wrong", [0, -1, "none"])
def test_the_background_is_no_class(wrong: object) -> None:
    with pytest.raises(ValidationError, match="label"):
        BettiConfig(label=wrong)


@pytest.mark.parametrize("high", [1, 255])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32])
def test_masks_are_masks_whatever_their_values(high: int, dtype: type) -> None:
    mask = (np.indices((9, 9)).sum(0) % 3 == 0).astype(dtype) * dtype(high)
    result = match(mask, mask != 0)
    assert result.loss == 0
    assert result.metrics["features_matched"] > 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_values_are_probabilities_unless_they_are_labels(dtype: type) -> None:
    top = np.iinfo(dtype).max
    grey = (top * probabilities(40, 40)).astype(dtype)
    target = probabilities(40, 40) > 0.5
    result = match(grey, target)
    np.testing.assert_allclose(result.prediction, grey / top, rtol=1e-6)
    bits = np.iinfo(dtype).bits
    assert any(f"grey values of {bits} bits" in warning for warning in result.warnings)
    with pytest.raises(InputError, match="integer labels"):
        match(Image(grey, "yx", value_unit=LABEL_UNIT), target)
    one = int(grey[20, 20])
    chosen = match(grey, grey, BettiConfig(label=one))
    np.testing.assert_array_equal(chosen.prediction, grey == one)


def test_classes_with_255_for_what_is_ignored_are_no_grey_values() -> None:
    classes = np.random.default_rng(0).integers(0, 19, (30, 30), dtype=np.uint8)
    classes[:3] = 255
    with pytest.raises(InputError, match="integer labels"):
        match(classes, classes > 3)


def test_channels_and_time_are_refused() -> None:
    with pytest.raises(InputError, match="channel axis"):
        match(probabilities(8, 8, 3), probabilities(8, 8, 3), axes="yxc")
    with pytest.raises(InputError, match="one time point"):
        match(probabilities(2, 3, 8, 8), probabilities(2, 3, 8, 8))
    with pytest.raises(InputError, match="complex64"):
        match(np.zeros((4, 4), np.complex64), np.zeros((4, 4)))
    with pytest.raises(InputError, match="no pixel"):
        match(np.zeros((0, 4)), np.zeros((0, 4)))


def test_constant_and_empty_images_have_no_features_and_say_so() -> None:
    nothing, constant = np.zeros((7, 8), bool), np.full((7, 8), 0.5)
    result = match(constant, nothing)
    assert result.loss == 0
    assert "prediction: constant (0.5); it has no features" in result.warnings
    assert "target: an empty mask; it has no features" in result.warnings
    assert len(result.features()) == 0
    assert result.images().__next__().array.shape == (7, 8)


def test_values_that_are_no_probabilities_are_told() -> None:
    result = match(3 * probabilities(9, 9) - 1, probabilities(9, 9))
    assert any("are no probabilities" in warning for warning in result.warnings)


def test_invalid_pixels_are_background() -> None:
    image = probabilities(9, 9)
    valid = np.ones((9, 9), bool)
    valid[:, 5:] = False
    holes = np.where(valid, image, np.nan)
    result = match(Image(holes, "yx", valid=valid), image)
    assert np.isfinite(result.prediction).all()
    assert any("count as background" in warning for warning in result.warnings)


@pytest.mark.parametrize("filtration", ["superlevel", "sublevel"])
def test_a_code_of_no_data_is_no_class(filtration: str) -> None:
    mask = (np.indices((9, 9)).sum(0) % 3 == 0).astype(np.uint8)
    coded = mask.copy()
    coded[4:6] = 255
    image = Image(coded, "yx", valid=coded != 255)
    config = BettiConfig(filtration=filtration)
    result = match(image, mask, config)
    background = filtration == "sublevel"
    np.testing.assert_array_equal(
        result.prediction, np.where(coded == 255, background, mask).astype(bool)
    )
    with pytest.raises(InputError, match="integer labels 0, 1, 255,"):
        match(coded, mask, config)
    # where all that is known is foreground, the rest is none
    full = Image(np.where(coded == 255, coded, 1), "yx", valid=coded != 255)
    known = match(full, mask, BettiConfig()).prediction
    np.testing.assert_array_equal(known, coded != 255)
    with pytest.raises(InputError, match="no pixel with label 255; it holds 0, 1"):
        match(mask, image, config.replace(label=255))


@pytest.mark.parametrize("filtration", ["superlevel", "sublevel"])
def test_what_is_not_valid_is_no_foreground_at_the_threshold(filtration: str) -> None:
    sure = np.full((9, 9), 0.8 if filtration == "superlevel" else 0.2)
    valid = np.ones((9, 9), bool)
    valid[:, 5:] = False
    result = match(
        Image(sure, "yx", valid=valid), probabilities(9, 9), BettiConfig(filtration=filtration)
    )
    np.testing.assert_array_equal(result.masks[0], valid)


def test_pixels_of_different_size_are_told() -> None:
    fine, coarse = (
        Image(probabilities(9, 9), "yx", spacing=(n, n), units=("um", "um")) for n in (0.5, 0.7)
    )
    (warning,) = match(fine, coarse).warnings
    assert "prediction is 0.5 x 0.5 um large, one of the target 0.7 x 0.7 um" in warning
    same = Image(fine.array, "yx", spacing=(5e-4, 5e-4), units=("mm", "mm"))
    assert not match(fine, same).warnings
    assert not match(fine, fine.array).warnings  # of which nothing is known


def test_too_large_says_how_much_it_takes_and_what_to_do() -> None:
    with pytest.raises(
        OutOfMemoryError, match=r"1000 x 1000 x 1000 pixels takes about .* GiB.*down"
    ):
        check_memory((1000, 1000, 1000), available=2**30)
    check_memory((100, 100, 100), available=2**30)


@pytest.mark.parametrize("shape", [(300, 300), (40, 40, 40)])
def test_a_run_can_be_stopped(shape: tuple[int, ...]) -> None:
    steps = []

    def stop(step: Step) -> None:
        steps.append(step)
        if len(steps) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        match(probabilities(*shape), probabilities(*shape), reporter=stop)
    assert len(steps) == 2
    match(probabilities(8, 8), probabilities(8, 8))


def blob(y: int, x: int) -> np.ndarray:
    mask = np.zeros((24, 24), bool)
    mask[y : y + 4, x : x + 4] = True
    return mask


def test_a_displaced_blob_counts_two_and_no_betti_number() -> None:
    one, two = blob(3, 3), blob(15, 14)
    error = matching_error(one, two)
    assert (error.by_dimension, error.total) == ((2, 0), 2)
    assert betti_number_error(one, two).total == 0
    assert match(one, two).loss == 0  # both are everlasting there: finite intervals say nothing
    assert matching_error(blob(3, 3), blob(5, 4)).total == 0


def test_thresholds_and_dark_foreground() -> None:
    one, two = 0.6 * blob(3, 3), 0.9 * blob(15, 14)
    assert matching_error(one, two, threshold=0.5).total == 2
    assert matching_error(one, two, threshold=0.7).total == 1
    dark = BettiConfig(filtration="sublevel")
    assert matching_error(1 - one, 1 - two, threshold=0.5, config=dark).total == 2


def test_betti_numbers_by_counting() -> None:
    ring = blob(4, 4).astype(int)
    ring[5:7, 5:7] = 0
    assert betti_number_error(ring, blob(4, 4)).prediction == (1, 1)
    corners = np.zeros((5, 5), bool)
    corners[0, 0] = corners[1, 1] = True
    four, eight = (BettiConfig(construction=c) for c in "VT")
    assert betti_number_error(corners, corners, config=four).target == (2, 0)
    assert betti_number_error(corners, corners, config=eight).target == (1, 0)


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("shape", [(9, 11), (6, 7, 5)])
def test_betti_numbers_are_those_of_the_barcode(construction: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    for _ in range(10):
        mask = rng.random(shape) < rng.uniform(0.2, 0.8)
        config = BettiConfig(construction=construction, essential=True)
        result = match(mask, mask, config)
        counts = tuple(len(d.matched_prediction) for d in result.dimensions)
        assert result.betti_number_error.prediction == counts


def test_values_beyond_float32_are_compared_without_a_word() -> None:
    image = np.array([[0, 1e308], [-1e308, 0.5]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert match(image, image).loss == 0


@pytest.mark.parametrize("order", ["strided", "fortran", "backwards", "big-endian", "read-only"])
@pytest.mark.parametrize("shape", [(9, 10), (5, 6, 7)])
def test_the_layout_in_memory_does_not_count(order: str, shape: tuple[int, ...]) -> None:
    pair = np.random.default_rng(0).random((2, *shape))
    expected = match(*(image.copy() for image in pair)).loss

    def laid_out(image: np.ndarray) -> np.ndarray:
        if order == "strided":
            wide = np.zeros(tuple(2 * n for n in shape))
            view = wide[(slice(None, None, 2),) * len(shape)]
            view[...] = image
            return view
        if order == "backwards":
            return image[::-1].copy()[::-1]
        if order == "big-endian":
            return image.astype(">f8")
        changed = np.asfortranarray(image) if order == "fortran" else image.copy()
        changed.flags.writeable = order != "read-only"
        return changed

    assert match(*map(laid_out, pair)).loss == expected


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_one_slice_of_a_volume_is_counted_as_the_plane_that_it_is(
    construction: str, axis: int
) -> None:
    one, two = (np.random.default_rng(seed).random((12, 14)) for seed in (0, 1))
    config = BettiConfig(construction=construction)
    plane = match(one, two, config)
    volume = match(np.expand_dims(one, axis), np.expand_dims(two, axis), config)
    assert volume.matching_error.by_dimension == (*plane.matching_error.by_dimension, 0)
    assert volume.betti_number_error.by_dimension == (*plane.betti_number_error.by_dimension, 0)
    for side in ("prediction", "target"):
        for flat, deep in zip(plane.dimensions, volume.dimensions, strict=False):
            assert barcode(deep, side) == barcode(flat, side)
    if construction == "V":  # of T, matches may differ: see test_matching
        assert volume.loss == pytest.approx(plane.loss, rel=1e-12)
    assert any("one slice" in w for w in match(one[None], two[None], relative()).warnings)


def barcode(dimension: DimensionMatching, side: str) -> list[tuple[float, float]]:
    lists = [getattr(dimension, f"{kind}_{side}") for kind in ("matched", "unmatched")]
    return sorted(pair for one in lists for pair in zip(one.birth, one.death, strict=True))


def relative() -> BettiConfig:
    return BettiConfig(relative=True)
