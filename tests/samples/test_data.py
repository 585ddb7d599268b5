import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_lossviz import samples
from napari_lossviz.core import InputError
from napari_lossviz.samples import data


@pytest.fixture(scope="module")
def low_dose() -> np.ndarray:
    (image,) = samples.low_dose_ct()
    return image.array


@pytest.fixture(scope="module")
def full_dose() -> np.ndarray:
    (image,) = samples.full_dose_ct()
    return image.array


def test_low_dose_ct_is_one_calibrated_volume() -> None:
    (image,) = samples.low_dose_ct()
    assert (image.shape, image.axes) == ((8, 256, 256), "zyx")
    assert image.spacing == pytest.approx((3.0, 1.2, 1.2))
    assert image.units == ("mm", "mm", "mm")
    assert image.value_unit == "HU"
    assert image.warnings == ()


def test_noise_in_soft_tissue_is_that_of_a_low_dose(
    low_dose: np.ndarray, full_dose: np.ndarray
) -> None:
    soft = (full_dose > 0) & (full_dose < 150)
    for noise, tissue in zip(low_dose - full_dose, soft, strict=True):
        assert 20 < noise[tissue].std() < 35


def test_noise_is_correlated(low_dose: np.ndarray, full_dose: np.ndarray) -> None:
    noise = (low_dose - full_dose)[:, 100:150, 40:90]
    assert np.mean(noise[..., 1:] * noise[..., :-1]) / noise.var() > 0.3


def test_inserts_are_in_the_data_at_their_place(full_dose: np.ndarray) -> None:
    row, column = np.mgrid[:256, :256]
    for insert in samples.low_contrast_inserts():
        start, stop = insert.slices
        distance = np.hypot(row - insert.centre[0], column - insert.centre[1])
        inside = full_dose[start:stop][:, distance < insert.radius - 1]
        around = (distance > insert.radius + 1) & (distance < 1.6 * insert.radius - 0.5)
        contrast = inside.mean() - full_dose[start:stop][:, around].mean()
        # Reconstruction blurs small inserts and bone casts faint streaks.
        assert contrast == pytest.approx(insert.contrast, abs=6)


def test_pydicom_ct_is_real() -> None:
    (image,) = samples.pydicom_ct()
    assert image.shape == (128, 128)
    assert image.value_unit == "HU"


def test_an_unknown_sample_is_named_with_those_that_exist() -> None:
    with pytest.raises(InputError, match=r"no sample 'nonsense'.*low_dose_ct"):
        samples.sample_path("nonsense")


def test_missing_data_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "_ROOM", tmp_path / "site" / "package" / "samples")
    with pytest.raises(InputError, match="is missing; looked in"):
        samples.sample_path("low_dose_ct")


def test_a_foreign_folder_of_that_name_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sample_data" / "low_dose_ct").mkdir(parents=True)
    monkeypatch.setattr(data, "_ROOM", tmp_path / "package" / "samples")
    with pytest.raises(InputError, match="missing"):
        samples.sample_path("low_dose_ct")


def test_the_copy_inside_a_wheel_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "package" / "samples"
    shutil.copytree(samples.sample_path(), room / "data")
    monkeypatch.setattr(data, "_ROOM", room)
    assert samples.sample_path("low_dose_ct") == room / "data" / "low_dose_ct"


def test_stain_pair_lies_in_register_and_the_checkpoint_is_marked() -> None:
    source, target = samples.stain_pair()
    assert source.shape == target.shape == (512, 512, 3)
    assert source.array.dtype == np.uint8
    assert source.spacing_of("y") == (0.5, "um")
    dark = [255.0 - np.asarray(one.array, float).mean(axis=2) for one in (source, target)]
    assert np.corrcoef(dark[0].ravel(), dark[1].ravel())[0, 1] > 0.4
    (turned,) = samples.stain_neighbour()
    darkness = 255.0 - np.asarray(turned.array, float).mean(axis=2)
    assert np.corrcoef(dark[0].ravel(), darkness.ravel())[0, 1] < 0.3
    path = samples.stain_checkpoint()
    assert path.stat().st_size < 2_000_000
    card = path.with_name("demonstration.card.md").read_text(encoding="utf-8")
    assert "Demonstration only" in card
