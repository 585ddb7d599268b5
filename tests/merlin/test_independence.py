from collections.abc import Callable

import numpy as np
import pytest

from napari_lossviz.core import Image
from napari_lossviz.io.sar_product import SarProduct
from napari_lossviz.merlin import MerlinConfig, measure_independence
from napari_lossviz.merlin.prepare import Prepared, prepare
from napari_lossviz.merlin.scene import Scene
from napari_lossviz.samples.slc import TransferFunction, simulate_slc
from napari_lossviz.samples.tops import simulate_tops


def prepared(array: np.ndarray, product: SarProduct | None = None, **settings: object) -> Prepared:
    image = Image(array, "yx", metadata={} if product is None else {"sar": product})
    return prepare(Scene(image), MerlinConfig(**settings), lambda: None)  # type: ignore[arg-type]


def test_figures_are_those_of_the_direct_formula(make_speckle: Callable[..., np.ndarray]) -> None:
    image = make_speckle((64, 256), bandwidth=0.7)
    image = (image * np.exp(2j * np.pi * 0.15 * np.arange(64))[:, None]).astype(np.complex64)
    test = measure_independence(image)
    a, b = image.real, image.imag
    direct = np.corrcoef(a[:-1].ravel(), b[1:].ravel())[0, 1]
    assert test.azimuth.shape == (3, 1, 1)
    assert float(test.azimuth[0, 0, 0]) == pytest.approx(direct, abs=0.03)
    assert abs(direct) > 0.25
    assert abs(float(test.lag_zero[0, 0])) < 0.03
    assert test.centroid[0] == pytest.approx(0.15, abs=0.01)


def test_unequal_power_is_found(make_speckle: Callable[..., np.ndarray]) -> None:
    image = make_speckle((256, 256))
    image = (1.2 * image.real + 1j * image.imag).astype(np.complex64)
    test = measure_independence(image)
    assert test.verdict == "unequal"
    assert np.mean(test.power) == pytest.approx(20 * np.log10(1.2), abs=0.2)


@pytest.mark.parametrize("kind", ["white", "band-limited"])
def test_a_centred_scene_neither_warns_nor_changes_its_statistics(kind: str) -> None:
    found = prepared(simulate_slc(speckle=kind, seed=1).slc)  # type: ignore[arg-type]
    assert found.warnings == ()
    assert found.before is not None
    assert found.before.verdict == "independent"
    assert found.after is not None
    assert found.after.verdict == "independent"


def test_a_shifted_scene_warns_and_is_mended() -> None:
    slc = simulate_slc(transfer=TransferFunction(doppler_centroid=0.15, range_offset=-0.1)).slc
    found = prepared(slc)
    assert found.before is not None
    assert found.before.verdict == "shifted"
    assert len(found.warnings) == 1
    assert "off centre" in found.warnings[0]
    assert "Remedy" not in found.warnings[0]  # it was taken
    assert found.after is not None
    assert found.after.verdict == "independent"
    assert float(np.nanmax(found.after.map)) < 0.05
    left = prepared(slc, symmetrise=False)
    assert "Remedy: symmetrise" in left.warnings[0]


def test_a_drifting_scene_warns_and_is_mended_block_by_block() -> None:
    slc = simulate_slc((1024, 512), transfer=TransferFunction(doppler_drift=0.3)).slc
    whole = prepared(slc)
    assert whole.before is not None
    assert whole.before.verdict == "drifting"
    assert "set Centring to blocks (on the command line --centring blocks)" in whole.warnings[0]
    assert "did not mend" in whole.warnings[0]
    blocks = prepared(slc, centring="blocks")
    assert blocks.after is not None
    assert blocks.after.verdict == "independent"
    assert float(np.nanmax(blocks.after.map)) < 0.05


def test_a_tops_like_scene_warns_and_is_mended_by_its_annotation() -> None:
    tops = simulate_tops()
    without = prepared(tops.slc)
    assert without.before is not None
    assert without.before.verdict == "tops"
    # over the whole image the ramps cancel, which is why blocks are looked at
    assert max(abs(value) for value in without.before.whole.values()) < 0.05
    assert without.before.worst > 0.4
    assert "annotation" in without.warnings[0]
    found = prepared(tops.slc, SarProduct(tops=tops.annotation))
    assert len(found.segments) == len(found.bursts) == 3
    assert found.warnings == ()
    assert found.after is not None
    assert found.after.verdict == "independent"
    assert float(np.nanmax(found.after.map)) < 0.05


def test_the_map_covers_the_image_and_empty_blocks_hold_nan(
    make_speckle: Callable[..., np.ndarray],
) -> None:
    image = make_speckle((192, 600))
    image[:64] = 0
    test = measure_independence(image)
    assert np.isnan(test.map[0]).all()
    assert np.isfinite(test.map[1:]).all()
    assert test.expanded_map().shape == (192, 600)
    assert test.verdict == "independent"
    assert measure_independence(np.zeros((64, 64), np.complex64)).verdict == "unknown"


def test_spectra_move_to_zero() -> None:
    slc = simulate_slc(transfer=TransferFunction(doppler_centroid=0.2)).slc
    spectra = prepared(slc).spectra
    assert spectra is not None
    frequency = spectra.frequency["azimuth"]
    middles = [
        float(np.angle(np.sum(power["azimuth"] * np.exp(2j * np.pi * frequency))) / (2 * np.pi))
        for power in (spectra.before, spectra.after)
    ]
    assert middles == pytest.approx([0.2, 0.0], abs=0.02)


def test_azimuth_along_columns_gives_the_same() -> None:
    """As SICD files have it: the drift is along azimuth, wherever that lies."""
    slc = simulate_slc((512, 192), transfer=TransferFunction(doppler_drift=0.5)).slc
    along_columns = SarProduct(azimuth_axis="x")
    found = [
        prepared(slc, centring="blocks"),
        prepared(np.ascontiguousarray(slc.T), along_columns, centring="blocks"),
    ]
    usual, other = (one.before for one in found)
    assert usual is not None
    assert other is not None
    np.testing.assert_allclose(other.map, usual.map.T, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(other.expanded_map(), usual.expanded_map().T, rtol=1e-4, atol=1e-6)
    assert other.whole == pytest.approx(usual.whole, abs=1e-5)
    assert other.sweep == pytest.approx(usual.sweep, abs=1e-4)
    assert other.sweep > 0.3
    after = found[1].after
    assert after is not None
    assert after.worst < 0.06
    spectra = [one.spectra for one in found]
    for axis in ("azimuth", "range"):
        for when in ("before", "after"):
            profiles = [getattr(one, when)[axis] for one in spectra]
            np.testing.assert_allclose(profiles[1], profiles[0], rtol=1e-3, atol=1e-3)
