"""Macenko normalisation on the way into training and translation."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_lossviz.core import Image
from napari_lossviz.samples.stain_pairs import stain_section
from napari_lossviz.stain import StainCheckpoint, StainConfig, rank_pairs, train, translate
from napari_lossviz.stain.macenko import estimate_stains, normalise_stains
from napari_lossviz.stain.pairs import as_pairs
from napari_lossviz.stain.scene import Scene
from napari_lossviz.stain.source_colours import as_trained, recolours, stains_of
from napari_lossviz.stain.tissue import estimate_white, optical_density, tissue_mask

TINY = StainConfig(
    generator_channels=4, residual_blocks=1, discriminator_channels=4, discriminator_layers=2,
    layers=(0, 4, 12), patches=16, patch_features=8, crop=32, epochs=1, decay_epochs=0,
    pyramid_levels=(0.5, 1.0), validation=0.0, device="cpu", macenko=True, tile=64, overlap=16,
)  # fmt: skip


@pytest.fixture(scope="module")
def he() -> Any:
    return stain_section().source[:256, :256]


@pytest.fixture(scope="module")
def other(he: Any) -> Any:
    """The same section from a laboratory whose stains are paler and redder."""
    density = optical_density(he, np.full(3, 245.0)) * (0.6, 0.7, 0.8)
    return np.rint(238 * 10.0**-density).astype(np.uint8)


@pytest.fixture(scope="module")
def checkpoint(he: Any) -> StainCheckpoint:
    tiles = [he[y : y + 64, x : x + 64] for y in (0, 64) for x in (0, 64)]
    return train(as_pairs([(tile, tile[::-1].copy()) for tile in tiles]), TINY)


def test_two_laboratories_are_translated_alike(
    he: Any, other: Any, checkpoint: StainCheckpoint
) -> None:
    assert recolours(checkpoint)
    plain = replace(checkpoint, card={})
    apart, near = (
        np.abs(
            translate(he, one, TINY).translated.astype(int) - translate(other, one, TINY).translated
        ).mean()
        for one in (plain, checkpoint)
    )
    assert near < 0.5 * apart


def test_what_is_translated_is_what_the_training_saw(he: Any, checkpoint: StainCheckpoint) -> None:
    plain = replace(checkpoint, card={})
    expected = translate(normalise_stains(he, estimate_stains(he)), plain, TINY).translated
    found = translate(he, checkpoint, TINY).translated
    # The stains are estimated from parts of the image, so that slides may be of any size.
    assert np.abs(found.astype(int) - expected).mean() < 3


def test_what_has_no_stain_is_translated_as_it_is(checkpoint: StainCheckpoint) -> None:
    empty = np.full((64, 64, 3), 240, np.uint8)
    found = translate(empty, checkpoint, TINY.replace(background="translate"))
    plain = translate(empty, replace(checkpoint, card={}), TINY.replace(background="translate"))
    np.testing.assert_array_equal(found.translated, plain.translated)
    assert any("colours are not normalised: only 0 stained pixels" in w for w in found.warnings)


def test_stains_of_a_slide_are_those_of_its_tissue(he: Any) -> None:
    slide = np.full((512, 1024, 3), 245, np.uint8)
    slide[100:356, 500:756] = he
    scene = Scene(Image(slide, "yxc"))
    thumbnail, side = scene.thumbnail()
    white = estimate_white(thumbnail)
    found = stains_of(scene, tissue_mask(thumbnail, white), side, white)
    expected = estimate_stains(he, white)
    np.testing.assert_allclose(found.vectors, expected.vectors, atol=0.02)
    np.testing.assert_allclose(found.strongest, expected.strongest, rtol=0.05)


def test_pairs_are_looked_at_as_they_were_trained_on(he: Any, checkpoint: StainCheckpoint) -> None:
    empty = np.full((64, 64, 3), 240, np.uint8)
    pairs = as_pairs([(he[:64, :64], he[64:128, :64]), (empty, empty)])
    seen = as_trained(pairs, checkpoint)
    source, target = seen[0].load()
    np.testing.assert_array_equal(source, normalise_stains(he[:64, :64]))
    np.testing.assert_array_equal(target, he[64:128, :64])
    np.testing.assert_array_equal(seen[1].load()[0], empty)  # nothing to normalise in it
    assert rank_pairs(pairs, checkpoint, TINY) == rank_pairs(seen, checkpoint, TINY)
    assert as_trained(pairs, replace(checkpoint, card={})) is pairs


def test_a_checkpoint_without_a_pixel_size_says_so(he: Any, checkpoint: StainCheckpoint) -> None:
    for microns, expected in ((0.0, True), (0.5, False)):
        known = replace(checkpoint, card={}, microns_per_pixel=microns)
        config = TINY.replace(microns_per_pixel=0.5)
        found = translate(he[:64, :64], known, config)
        assert any("does not tell the size of the pixels" in w for w in found.warnings) == expected
