import numpy as np
from skimage.color import hdx_from_rgb
from skimage.data import immunohistochemistry

from napari_lossviz.samples.stain_pairs import stain_pairs


def brown(pixels: np.ndarray) -> np.ndarray:
    return (-np.log10(np.maximum(pixels, 1) / 255) @ hdx_from_rgb)[..., 1]


def test_pairs_are_the_same_for_the_same_seed_and_differ_for_others() -> None:
    first, again, other = (stain_pairs(3, 64, seed=seed) for seed in (0, 0, 1))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.source, b.source)
        np.testing.assert_array_equal(a.target, b.target)
    assert not np.array_equal(first[0].source, other[0].source)
    assert len({pair.name for pair in first}) == 3


def test_held_out_pairs_are_real_clean_and_of_another_part_of_the_section() -> None:
    section = immunohistochemistry()
    unseen = section[:, 384:]
    windows = np.lib.stride_tricks.sliding_window_view(unseen[..., 0], (8, 8))
    for pair in stain_pairs(3, 96, held_out=True):
        np.testing.assert_array_equal(pair.target, pair.clean_target)
        assert not pair.inconsistent.any()
        corner = pair.target[:8, :8, 0]
        assert (windows == corner).all(axis=(2, 3)).any()


def test_brown_contradicts_the_source_within_planted_regions_alone() -> None:
    for pair in stain_pairs(6, 128, inconsistent=1.0, misregistration=0.0):
        inside = pair.inconsistent
        change = np.abs(brown(pair.target) - brown(pair.clean_target))
        assert 0.05 < inside.mean() < 0.5
        assert change[inside].mean() > 0.15
        from scipy import ndimage

        outside = ~ndimage.binary_dilation(inside, iterations=8)
        assert change[outside].max() < 0.02


def test_misregistration_moves_the_target_a_little() -> None:
    (pair,) = stain_pairs(1, 128, inconsistent=0.0, misregistration=2.0)
    difference = np.abs(pair.target.astype(int) - pair.clean_target).mean()
    assert 1 < difference < 30


def test_the_source_shows_no_brown_but_the_same_nuclei() -> None:
    for pair in stain_pairs(4, 128, inconsistent=0.0, misregistration=0.0):
        source, target = pair.source.astype(float), pair.target.astype(float)
        # Brown is redder than blue; H&E is bluer than green everywhere.
        assert (source[..., 2] >= source[..., 1] - 6).mean() > 0.98
        assert np.corrcoef(source.mean(axis=2).ravel(), target.mean(axis=2).ravel())[0, 1] > 0.4
