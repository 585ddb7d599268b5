import numpy as np
import pytest
from scipy.spatial.distance import cdist
from skimage.morphology import skeletonize

from napari_lossviz.core import InputError
from napari_lossviz.metrics import paired_difference, segmentation_quality
from napari_lossviz.metrics.segmentation import cldice, dice, hd95


def square(low: int, high: int, size: int = 24) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[low:high, low:high] = True
    return mask


def test_dice_by_counting() -> None:
    assert dice(square(2, 8), square(5, 11)) == pytest.approx(2 * 9 / 72)
    assert dice(square(0, 0), square(0, 0)) == 1
    assert dice(square(0, 0), square(1, 3)) == 0


def test_cldice_sees_a_break_and_no_width() -> None:
    whole = np.zeros((21, 41), bool)
    whole[8:13, 3:38] = True
    thin = skeletonize(whole)
    assert cldice(thin, whole) == 1
    assert dice(thin, whole) < 0.4
    broken = whole.copy()
    broken[:, 15:26] = False
    # all of the broken one's centreline lies in the whole, of the whole's what is left
    line = skeletonize(whole)
    share = (line & broken).sum() / line.sum()
    assert cldice(broken, whole) == pytest.approx(2 * share / (1 + share))
    assert cldice(whole, np.roll(whole, 9, 0)) == 0


@pytest.mark.parametrize("shape", [(9, 9), (7, 7, 7)])
def test_cldice_of_empty_masks(shape: tuple[int, ...]) -> None:
    nothing, something = np.zeros(shape, bool), np.ones(shape, bool)
    assert cldice(nothing, nothing) == cldice(something, something) == 1
    assert cldice(nothing, something) == cldice(something, nothing) == 0


def test_hd95_is_that_of_all_distances_between_outlines() -> None:
    one, two = square(2, 9), square(5, 16)

    def outline(mask: np.ndarray) -> np.ndarray:
        inner = np.zeros_like(mask)
        inner[1:-1, 1:-1] = (
            mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
        )
        return np.argwhere(mask & ~inner) * (2.0, 0.5)

    between = cdist(outline(one), outline(two))
    expected = np.percentile(np.concatenate((between.min(1), between.min(0))), 95)
    assert hd95(one, two, (2.0, 0.5)) == pytest.approx(expected)


def test_empty_masks() -> None:
    nothing, something = square(0, 0), square(3, 6)
    assert segmentation_quality(nothing, nothing).hd95 == 0
    assert np.isnan(segmentation_quality(nothing, something).hd95)
    assert np.isnan(segmentation_quality(something, nothing).rand_error)


def test_equal_masks_are_perfect_and_a_merge_is_seen() -> None:
    two = square(2, 6) | square(10, 14)
    same = segmentation_quality(two, two)
    assert (same.dice, same.hd95) == (1, 0)
    assert same.rand_error == pytest.approx(0)
    assert same.variation_of_information == pytest.approx(0)
    merged = two.copy()
    merged[5:11, 5:11] = True
    assert segmentation_quality(merged, two).rand_error > 0.2
    with pytest.raises(InputError, match="its target"):
        segmentation_quality(two, two[1:])


def test_what_is_left_out_is_an_error_of_the_partition() -> None:
    """The Rand error by counting pairs; a mask that finds nothing of one component is not right."""
    target = np.zeros((12, 12), bool)
    target[2:8, 2:8] = True
    nothing = np.zeros_like(target)
    assert segmentation_quality(nothing, target).rand_error == 1
    half = target.copy()
    half[:, 5:] = False
    together, wanted = 18 * 17, 36 * 35
    expected = 1 - together / (0.5 * together + 0.5 * wanted)
    assert segmentation_quality(half, target).rand_error == pytest.approx(expected)
    assert np.isnan(segmentation_quality(nothing, nothing).rand_error)


def test_the_interval_of_a_difference_covers_it() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(60):
        noise = rng.normal(1.0, 2.0, 40)
        found = paired_difference(np.zeros(40), noise, samples=2000, seed=trial)
        assert found.low < found.mean < found.high
        covered += found.low < 1.0 < found.high
    assert covered >= 50  # of 60 at 95 %, the bootstrap being a little narrow


@pytest.mark.parametrize("images", [6, 10])
def test_few_images_of_equal_models_seldom_make_a_difference(images: int) -> None:
    """5 % are due; the plain percentile interval claims one in more than 10 %."""
    rng = np.random.default_rng(2)
    claimed = 0
    for trial in range(500):
        one, two = rng.poisson(4.0, (2, images))
        found = paired_difference(one, two, samples=1000, seed=trial)
        claimed += found.low > 0 or found.high < 0
    assert 0.02 * 500 < claimed < 0.08 * 500


def test_unknown_figures_are_left_out_of_a_difference() -> None:
    found = paired_difference([1, np.nan, 3], [2, 5, 4])
    assert (found.mean, found.images) == (1, 2)
    assert paired_difference([np.nan], [1.0]).images == 0
    alone = paired_difference([1.0, np.nan], [3.0, 1.0])
    assert (alone.mean, alone.images) == (2, 1)
    assert np.isnan([alone.low, alone.high]).all()  # no interval, rather than one without width


def test_many_images_are_resampled_in_blocks_with_the_same_result() -> None:
    """The interval of the mean of 3000 normal differences is that of the normal distribution."""
    difference = np.random.default_rng(1).normal(0.1, 1, 3000)
    found = paired_difference(np.zeros(3000), difference, samples=4000)
    half = 1.96 * difference.std() / np.sqrt(3000)
    assert found.mean == pytest.approx(difference.mean())
    assert found.low == pytest.approx(found.mean - half, abs=0.1 * half)
    assert found.high == pytest.approx(found.mean + half, abs=0.1 * half)
