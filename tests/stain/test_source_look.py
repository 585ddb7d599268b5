"""Whether a source is taken for IHC: on a real section, on H&E of many strengths, on nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_lossviz import samples
from napari_lossviz.core import Image
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.samples.stain_pairs import stain_section
from napari_lossviz.stain import StainConfig, load_checkpoint, save_checkpoint, translate
from napari_lossviz.stain.macenko import REFERENCE, estimate_stains
from napari_lossviz.stain.source_look import look_of, stain_shares
from napari_lossviz.stain.tissue import optical_density

WHITE = np.full(3, 245.0)


@pytest.fixture(scope="module")
def he() -> Any:
    return stain_section().source


def painted(density: Any, white: Any = WHITE) -> NDArray[np.uint8]:
    return np.rint(np.clip(white * 10.0**-density, 0, 255)).astype(np.uint8)


def said_of(pixels: Any) -> str:
    return look_of(Image(pixels, "yxc", name="section"), "H&E")


@pytest.mark.parametrize("strength", [0.25, 0.5, 1.0, 2.0, 3.0])
def test_a_real_ihc_section_is_told_and_he_of_any_strength_is_not(
    ihc: Any, he: Any, strength: float
) -> None:
    assert "looks like IHC" in said_of(painted(strength * optical_density(ihc, np.full(3, 255.0))))
    assert said_of(painted(strength * optical_density(he, WHITE))) == ""
    # a tile within the tissue, without any empty slide
    dense = optical_density(he, WHITE)
    dense = dense[dense.mean(axis=-1) > 0.1][: 200 * 200].reshape(200, 200, 3)
    assert said_of(painted(strength * dense)) == ""


def test_other_he_colours_blood_and_a_yellow_slide_raise_no_alarm(he: Any) -> None:
    density = optical_density(he, WHITE)
    own = estimate_stains(he)
    amounts = density.reshape(-1, 3) @ np.linalg.pinv(own.vectors)
    other = (amounts @ REFERENCE.vectors).reshape(density.shape)
    assert said_of(painted(other)) == ""
    assert said_of(painted(2.5 * other)) == ""
    assert said_of(painted(other, np.array([242.0, 236.0, 205.0]))) == ""
    bloody = other.copy()
    bloody[:, ::8] = (0.08, 0.42, 0.5)  # orange red cells: an eighth of the image
    assert said_of(painted(bloody)) == ""
    noise = np.random.default_rng(0).normal(0, 6, he.shape)
    assert said_of(np.clip(painted(other) + noise, 0, 255).astype(np.uint8)) == ""


def test_hematoxylin_alone_is_neither_and_a_few_brown_nuclei_tell() -> None:
    density = np.zeros((200, 200, 3))
    density[20:180, 20:180] = 0.5 * np.array([0.65, 0.70, 0.29])
    assert stain_shares(painted(density)) == (0.0, 0.0)
    density[20:180, 20:36] = 0.6 * np.array([0.27, 0.57, 0.78])  # a tenth
    brown, pink = stain_shares(painted(density))
    assert brown == pytest.approx(0.1, abs=0.01)
    assert pink == 0.0
    assert "10 % of what is stained" in said_of(painted(density))


@pytest.mark.parametrize("colour", [(240, 240, 240), (240, 235, 205), (255, 255, 255), (0, 0, 0)])
def test_a_slide_without_tissue_raises_no_alarm(colour: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(0).normal(0, 3, (256, 256, 3))
    assert said_of(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)) == ""


def test_of_a_large_slide_windows_are_read(ihc: Any) -> None:
    read = []

    class Lazy:
        shape, dtype, ndim = (20_000, 30_000, 3), np.dtype(np.uint8), 3

        def __getitem__(self, key: Any) -> Any:
            read.append(key)
            y, x = (np.arange(one.start, one.stop) % 512 for one in key[:2])
            return ihc[np.ix_(y, x)]

    assert "looks like IHC" in look_of(Image(Lazy(), "yxc", name="slide"), "")
    assert sum((y.stop - y.start) * (x.stop - x.start) for y, x in read) < 1_000_000


def test_it_is_told_before_and_after_the_run_and_not_of_other_translations(
    ihc: Any, he: Any, tmp_path: Path
) -> None:
    method, demo = find_method("stain"), samples.stain_checkpoint()
    brown, pink = (Image(one[:128, :128], "yxc", name="section") for one in (ihc, he))
    config = StainConfig(checkpoint=str(demo), tile=64, overlap=16, device="cpu")
    (doubt,) = method.doubts_of(brown, config)
    assert method.doubts_of(pink, config) == ()
    assert doubt in translate(brown, demo, config).warnings
    assert not any("IHC" in one for one in translate(pink, demo, config).warnings)
    back = save_checkpoint(
        replace(load_checkpoint(demo), source_stain="HER2"), tmp_path / "back.safetensors"
    )
    assert method.doubts_of(brown, config.replace(checkpoint=str(back))) == ()
    grey = Image(ihc[..., 0], "yx", name="grey")
    for image, path in ((grey, demo), (brown, tmp_path / "no.safetensors")):
        assert method.doubts_of(image, config.replace(checkpoint=str(path))) == ()
