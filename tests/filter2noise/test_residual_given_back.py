"""What best took away comes back where it is coarse: formula, gain, edits, given maps, padding."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from napari_lossviz.core import Box, Image, InputError, Region, Stroke, WholeMap
from napari_lossviz.filter2noise import Filter2NoiseConfig, apply_sigma_maps, denoise
from napari_lossviz.filter2noise.apply import RESIDUAL_RADIUS, with_residual
from napari_lossviz.filter2noise.edit import EditSession

BEST = Filter2NoiseConfig.best()
NOTHING = BEST.replace(sigma_residual=None)


def test_a_uniform_map_is_twicing_with_a_gaussian() -> None:
    rng = np.random.default_rng(0)
    values, filtered = rng.normal(0, 10, (2, 1, 50, 60)).astype(np.float32)
    found = with_residual(filtered, values, np.full((50, 60), 2.0, np.float32))
    averaged = ndimage.gaussian_filter(
        (values - filtered)[0].astype(np.float64), 2.0, mode="mirror", radius=RESIDUAL_RADIUS
    )
    np.testing.assert_allclose(found[0], filtered[0] + averaged, atol=2e-4)


def test_a_narrow_map_gives_the_image_and_a_wide_one_the_filtered_image() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0, 10, (1, 400, 400)).astype(np.float32)
    filtered = np.zeros_like(values)
    narrow = with_residual(filtered, values, np.full((400, 400), 0.05, np.float32))
    np.testing.assert_allclose(narrow, values, atol=1e-4)
    wide = with_residual(filtered, values, np.full((400, 400), 12.0, np.float32))
    weight = np.exp(-0.5 * (np.arange(-12, 13) / 12) ** 2)
    left = np.square(weight).sum() / weight.sum() ** 2  # of white noise, along both axes
    assert wide[0, 12:-12, 12:-12].std() == pytest.approx(10 * left, rel=0.15)


def test_a_box_equals_the_same_part_of_the_whole_bit_by_bit() -> None:
    rng = np.random.default_rng(2)
    values, filtered = rng.normal(0, 10, (2, 2, 70, 80)).astype(np.float32)
    sigma = rng.uniform(0.3, 12, (70, 80)).astype(np.float32)
    valid = rng.random((70, 80)) > 0.1
    whole = with_residual(filtered, values, sigma, valid=valid)
    for box in (Box(0, 9, 0, 13), Box(20, 45, 31, 33), Box(60, 70, 70, 80)):
        part = with_residual(filtered, values, sigma, valid=valid, box=box)
        np.testing.assert_array_equal(part, whole[:, *box.slices])


def test_padding_lends_nothing() -> None:
    rng = np.random.default_rng(3)
    values, filtered = rng.normal(0, 10, (2, 1, 40, 40)).astype(np.float32)
    valid = np.ones((40, 40), bool)
    valid[:, :15] = False
    sigma = np.full((40, 40), 2.0, np.float32)
    found = with_residual(filtered, values, sigma, valid=valid)
    other = np.where(valid, values, np.float32(1e6))
    again = with_residual(filtered, other, sigma, valid=valid)
    np.testing.assert_allclose(found[:, valid], again[:, valid], atol=1e-3)


def test_faint_discs_come_back_and_the_error_hardly_grows() -> None:
    """A disc at a third of the noise: without its residual, best takes most of it for noise."""
    y, x = np.mgrid[:160, :160]
    disc = sum(
        (np.hypot(y - cy, x - cx) < 6).astype(np.float32) for cy in (40, 120) for cx in (40, 120)
    )
    clean = 10 * disc
    kept, error = {}, {}
    for name, config in (("given back", BEST), ("nothing", NOTHING)):
        found = []
        for seed in range(6):
            noise = np.random.default_rng(seed).standard_normal(clean.shape)
            noisy = (clean + 30 * (noise - ndimage.gaussian_filter(noise, 1.0))).astype(np.float32)
            found.append(denoise(noisy, config).denoised)
        mean = np.mean(found, axis=0)
        kept[name] = mean[disc > 0].mean() - mean[disc == 0].mean()
        error[name] = np.sqrt(np.mean((np.array(found) - clean) ** 2))
    assert kept["given back"] > kept["nothing"] + 2.5
    assert error["given back"] < 1.1 * error["nothing"]


def test_the_result_is_the_filtered_image_with_its_residual(noisy: np.ndarray) -> None:
    image = Image(noisy, "yx", value_unit="HU")
    plain, found = denoise(image, NOTHING), denoise(image, BEST)
    assert "sigma_residual" not in plain.maps
    np.testing.assert_array_equal(found.maps["sigma_residual"], np.full((1, *noisy.shape), 2.0))
    assert {n.name: n.unit for n in found.images()}["sigma_residual"] == "px"
    sigma = found.maps["sigma_residual"][0]
    expected = with_residual(plain.denoised[None], noisy[None], sigma)[0]
    np.testing.assert_array_equal(found.denoised, expected)
    assert "residual given back averaged over 2 px" in found.describe()
    assert "given back" not in plain.describe()


def test_edits_refilter_what_a_full_run_gives(noisy: np.ndarray) -> None:
    image = Image(noisy, "yx", value_unit="HU")
    result = denoise(image, BEST)
    edits = (
        WholeMap(map="sigma_residual", operation="set", value=3.0),
        Stroke(
            points=((30.0, 30.0), (34.0, 40.0)),
            radius=6,
            map="sigma_residual",
            operation="set",
            value=0.4,
        ),
        Region(
            vertices=((5.0, 5.0), (5.0, 20.0), (20.0, 20.0)),
            map="all",
            operation="multiply",
            value=3.0,
        ),
        Stroke(points=((12.0, 12.0),), radius=5, map="sigma_r", operation="multiply", value=0.3),
    )
    session = EditSession(result)
    for count in (1, 2, 3, 4, 2, 4):
        update = session.update(edits[:count])
        whole = denoise(image, BEST, edits=edits[:count]).denoised
        np.testing.assert_array_equal(session.denoised()[0], whole)
        if count > 1:
            assert update.box != Box.whole(noisy.shape)


def test_given_maps_filter_to_the_same_result(noisy: np.ndarray) -> None:
    image = Image(noisy, "yx", value_unit="HU")
    edits = (Stroke(points=((30.0, 30.0),), radius=9, map="all", operation="multiply", value=0.5),)
    result = denoise(image, BEST, edits=edits)
    options = {"windows": result.windows}
    residual = result.maps["sigma_residual"]
    found = apply_sigma_maps(image, result.sigma_maps, BEST, sigma_residual=residual, **options)
    np.testing.assert_array_equal(found, result.denoised)
    plain = denoise(image, BEST)
    default = apply_sigma_maps(image, plain.sigma_maps, BEST, **options)
    np.testing.assert_array_equal(default, plain.denoised)
    with pytest.raises(InputError, match="gives nothing back"):
        apply_sigma_maps(image, result.sigma_maps, NOTHING, sigma_residual=residual, **options)
    with pytest.raises(InputError, match="sigma_residual must be above 0"):
        apply_sigma_maps(image, result.sigma_maps, BEST, sigma_residual=0 * residual, **options)
    with pytest.raises(InputError, match="sigma_residual must be"):
        apply_sigma_maps(image, result.sigma_maps, BEST, sigma_residual=residual[0], **options)


@pytest.mark.parametrize("value", [0.0, -1.0, 13.0])
def test_a_sigma_without_meaning_is_refused(value: float) -> None:
    with pytest.raises(ValidationError, match="sigma_residual"):
        Filter2NoiseConfig(sigma_residual=value)
