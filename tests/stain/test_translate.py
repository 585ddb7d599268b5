from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_lossviz.core import (
    Cancelled,
    Image,
    InputError,
    OutOfMemoryError,
    OutputExistsError,
    Step,
)
from napari_lossviz.samples.data import sample_path
from napari_lossviz.samples.stain_pairs import stain_section
from napari_lossviz.stain import StainCheckpoint, StainConfig, load_checkpoint, translate
from napari_lossviz.stain.density import hdab_densities
from napari_lossviz.stain.run import translate_image
from napari_lossviz.stain.translator import Translator

SMALL = StainConfig(tile=128, overlap=32, background="translate")


@pytest.fixture(scope="module")
def checkpoint(authors_file: Path) -> StainCheckpoint:
    return load_checkpoint(authors_file)


def by_torch(checkpoint: StainCheckpoint, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Translate in one piece, in grey levels."""
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        y = checkpoint.generator()(x)
    return np.asarray(((y + 1) * 127.5)[0].permute(1, 2, 0).numpy())


def test_one_tile_is_the_network_itself(checkpoint: StainCheckpoint, ihc: Any) -> None:
    image = ihc[:96, :128]
    config = StainConfig(statistics="tile", background="translate")
    result = translate(image, checkpoint, config)
    assert result.translated.dtype == np.uint8
    assert np.abs(result.translated - by_torch(checkpoint, image)).max() <= 0.51
    assert [named.role for named in result.images()] == ["result", "mask"]
    assert "guess" in result.describe()


def test_whole_image_statistics_in_tiles_equal_one_piece(
    checkpoint: StainCheckpoint, ihc: Any
) -> None:
    image = ihc[:340, :328]
    config = StainConfig(statistics="whole_image", tile=288, background="translate")
    difference = np.abs(
        translate(image, checkpoint, config).translated - by_torch(checkpoint, image)
    )
    assert difference.max() <= 1.0
    assert difference.mean() < 0.3  # of which 0.25 by rounding to whole grey levels


def test_tiles_in_batches_give_the_same(checkpoint: StainCheckpoint, ihc: Any) -> None:
    image = ihc[:200, :220]
    one = translate(image, checkpoint, SMALL).translated
    three = translate(image, checkpoint, SMALL.replace(batch_tiles=3)).translated
    # The random network amplifies rounding to a grey level here and there.
    assert np.abs(one.astype(int) - three).mean() < 0.05


@pytest.mark.parametrize("shape", [(16, 16), (17, 130), (131, 45), (250, 129)])
@pytest.mark.parametrize("statistics", ["kernelised", "whole_image", "tile"])
def test_any_size_keeps_its_size(
    checkpoint: StainCheckpoint, ihc: Any, shape: tuple[int, int], statistics: str
) -> None:
    image = ihc[: shape[0], : shape[1]]
    result = translate(image, checkpoint, SMALL.replace(statistics=statistics))
    assert result.translated.shape == (*shape, 3)


def halves(size: int, ihc: Any) -> NDArray[np.uint8]:
    """Return a real section whose right half is blank."""
    repeats = -(-size // 512)
    image = np.tile(ihc, (repeats, repeats, 1))[:size, :size].copy()
    image[:, size // 2 :] = 243
    return image


def test_empty_tiles_are_left_white_and_cost_nothing(checkpoint: StainCheckpoint, ihc: Any) -> None:
    image = halves(512, ihc)
    steps: list[Step] = []
    config = StainConfig(tile=128, overlap=32)
    result = translate(image, checkpoint, config, reporter=steps.append)
    assert (result.translated[:, 400:] == 243).all()
    full: list[Step] = []
    translate(image, checkpoint, config.replace(background="translate"), reporter=full.append)
    assert steps[-1].total < full[-1].total
    assert steps[-1].done == steps[-1].total
    assert result.metrics["tissue_share"] == pytest.approx(0.45, abs=0.05)


def test_kernelised_statistics_forget_what_is_blank(checkpoint: StainCheckpoint, ihc: Any) -> None:
    """The tissue half comes out as it does without any blank half beside it."""
    image = halves(512, ihc)
    config = StainConfig(tile=128, overlap=32)
    beside = translate(image, checkpoint, config).translated[:, :160].astype(int)
    alone = translate(image[:, :256], checkpoint, config).translated[:, :160]
    whole = config.replace(statistics="whole_image")
    far = translate(image, checkpoint, whole).translated[:, :160].astype(int)
    far_alone = translate(image[:, :256], checkpoint, whole).translated[:, :160]
    assert np.abs(beside - alone).mean() < np.abs(far - far_alone).mean() / 2


@pytest.mark.parametrize(
    ("mirrored", "border"),
    [(False, 1024), (False, 1200), (True, 1024)],
    ids=["crops alike", "another border", "crops that differ"],
)
def test_beside_a_blank_half_tissue_is_as_brown_as_its_crops_by_themselves(
    mirrored: bool, border: int
) -> None:
    """Crops of the size that training knows, none of them blank."""
    demonstration = load_checkpoint(sample_path("stain/demonstration.safetensors"))
    section = stain_section().source
    two = np.concatenate([section, section[:, ::-1] if mirrored else section], axis=1)
    white = np.full(3, 255.0)

    def brown(pixels: Any) -> float:
        levels = np.rint(pixels).clip(0, 255).astype(np.uint8)
        return float(hdab_densities(levels, white).dab.mean())

    # Crops that lie from 0 on, as the image would be cut, and the mean of these and of others.
    image = np.tile(two, (1, 2, 1))
    by_itself = [
        brown(
            np.concatenate(
                [
                    by_torch(demonstration, image[:, x : x + 512])[:, : border - x]
                    for x in range(start, border, 512)
                ],
                axis=1,
            )
        )
        for start in ((0, 256) if mirrored else (0,))
    ]
    image[:, border:] = 243
    found = translate(image, demonstration, StainConfig(device="cpu")).translated[:, :border]
    assert brown(found) == pytest.approx(by_itself[0], rel=0.05)
    assert brown(found) == pytest.approx(np.mean(by_itself), rel=0.05)


def test_tiles_with_a_few_pixels_of_tissue_do_not_overflow() -> None:
    demonstration = load_checkpoint(sample_path("stain/demonstration.safetensors"))
    image = np.full((512, 1024, 3), 243, np.uint8)
    image[:, :520] = np.tile(stain_section().source, (1, 2, 1))[:, :520]
    image[200:216, 980:996] = image[200:216, 100:116]
    result = translate(image, demonstration, StainConfig(tile=256, overlap=64, device="cpu"))
    # The run would warn of what is no number; the speck is neither black nor lost in it.
    assert 60 < result.translated[200:216, 980:996].mean() < 250


def test_fixed_statistics_need_a_checkpoint_with_them(
    checkpoint: StainCheckpoint, ihc: Any
) -> None:
    with pytest.raises(InputError, match="statistics of its training crops"):
        translate(ihc[:64, :64], checkpoint, SMALL.replace(statistics="fixed"))


def test_sensitivity_is_zero_for_a_network_that_moves_with_its_input(ihc: Any) -> None:
    from napari_lossviz.stain.augment import augmented, inverse

    x = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    for number in range(1, 17):
        assert torch.equal(inverse(augmented(x, number), number, x), x)
    assert len({tuple(augmented(x, n).flatten().tolist()) for n in range(1, 17)}) > 12


def test_sensitivity_is_a_layer_in_grey_levels(checkpoint: StainCheckpoint, ihc: Any) -> None:
    result = translate(ihc[:100, :90], checkpoint, SMALL.replace(sensitivity=2))
    assert result.sensitivity is not None
    assert result.sensitivity.shape == (100, 90)
    assert 0 <= result.sensitivity.min() < result.sensitivity.max() <= 255
    names = [named.name for named in result.images()]
    assert names == ["translated", "augmentation sensitivity", "tissue"]


def test_images_are_brought_to_the_checkpoints_pixel_size_and_back(
    checkpoint: StainCheckpoint, ihc: Any
) -> None:
    from dataclasses import replace

    half_micron = replace(checkpoint, microns_per_pixel=0.5)
    image = Image(ihc[:200, :300], "yxc", (0.25, 0.25, 1.0), ("um", "um", ""), name="slide")
    result = translate(image, half_micron, SMALL)
    assert result.translated.shape == (200, 300, 3)
    assert result.metrics["resampling"] == 0.5
    assert any("resampled" in warning for warning in result.warnings)
    small = ihc[:200, :300].reshape(100, 2, 150, 2, 3).mean(axis=(1, 3)).round().astype(np.uint8)
    expected = translate(small, checkpoint, SMALL).translated
    means = result.translated.mean(axis=(0, 1)), expected.mean(axis=(0, 1))
    np.testing.assert_allclose(*means, atol=8)
    same = translate(image, replace(checkpoint, microns_per_pixel=0.252), SMALL)
    assert not any("resampled" in warning for warning in same.warnings)
    unknown = translate(ihc[:64, :64], half_micron, SMALL)
    assert any("unknown" in warning for warning in unknown.warnings)
    with pytest.raises(InputError, match="too far apart"):
        translate(image, replace(checkpoint, microns_per_pixel=20.0), SMALL)


def test_lazy_images_and_stores(checkpoint: StainCheckpoint, ihc: Any, tmp_path: Path) -> None:
    import zarr

    image = ihc[:200, :180]
    lazy = zarr.create_array(str(tmp_path / "in.zarr"), data=image, chunks=(64, 64, 3))
    result = translate(lazy, checkpoint, SMALL, out=tmp_path / "out.zarr")
    in_memory = translate(image, checkpoint, SMALL).translated
    assert isinstance(result.translated, zarr.Array)
    np.testing.assert_array_equal(np.asarray(result.translated), in_memory)
    with pytest.raises(OutputExistsError):
        translate(lazy, checkpoint, SMALL, out=tmp_path / "out.zarr")


def test_a_cancelled_run_leaves_nothing(
    checkpoint: StainCheckpoint, ihc: Any, tmp_path: Path
) -> None:
    def stop(step: Step) -> None:
        if step.message == "translating":
            raise Cancelled

    with pytest.raises(Cancelled):
        translate(ihc[:200, :180], checkpoint, SMALL, reporter=stop, out=tmp_path / "out.zarr")
    assert list(tmp_path.iterdir()) == []


def test_the_look_at_the_tissue_is_over_when_tiles_begin(
    checkpoint: StainCheckpoint, ihc: Any
) -> None:
    told: list[Step] = []
    translate(ihc[:200, :180], checkpoint, SMALL, reporter=told.append)
    begun = next(n for n, step in enumerate(told) if step.total > 1)  # the tiles are counted
    assert "looking for tissue" in {step.message for step in told[:begun]}
    assert "looking for tissue" not in {step.message for step in told[begun:]}


def test_bad_images_are_refused_with_what_to_do(checkpoint: StainCheckpoint, ihc: Any) -> None:
    for bad, match in (
        (ihc[..., 0], "grey one"),
        (ihc.astype(np.uint16), "uint16.*8 bits"),
        (ihc.astype(np.float32), "float32"),
        (ihc[..., :2], "2 channels"),
        (ihc[:10], "too few"),
    ):
        with pytest.raises(InputError, match=match):
            translate(bad, checkpoint, SMALL)
    with pytest.raises(InputError, match="no checkpoint chosen"):
        translate_image(ihc, SMALL)
    with pytest.raises(InputError, match="no such file"):
        translate_image(ihc, SMALL.replace(checkpoint="/nowhere/x.safetensors"))


def test_an_alpha_channel_is_dropped_and_told(checkpoint: StainCheckpoint, ihc: Any) -> None:
    image = ihc[:64, :64]
    rgba = np.concatenate([image, np.full((64, 64, 1), 255, np.uint8)], axis=-1)
    result = translate(rgba, checkpoint, SMALL)
    assert any("alpha" in warning for warning in result.source.warnings)
    np.testing.assert_array_equal(result.translated, translate(image, checkpoint, SMALL).translated)


def test_out_of_memory_is_answered_with_smaller_tiles(
    checkpoint: StainCheckpoint, ihc: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = Translator._forward

    def scarce(self: Translator, x: Any, normalise: Any) -> Any:
        if x.shape[-1] > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, x, normalise)

    monkeypatch.setattr(Translator, "_forward", scarce)
    limit = 130
    config = StainConfig(tile=256, overlap=64, background="translate", batch_tiles=4)
    result = translate(ihc[:200, :260], checkpoint, config)
    assert result.translated.shape == (200, 260, 3)
    assert any("tiles of 128 were used" in warning for warning in result.warnings)
    limit = 60
    with pytest.raises(OutOfMemoryError, match="do not fit"):
        translate(ihc[:200, :260], checkpoint, config)


def test_fast_precision_stays_near(checkpoint: StainCheckpoint, ihc: Any) -> None:
    image = ihc[:128, :128]
    exact = translate(image, checkpoint, SMALL).translated.astype(float)
    fast = translate(image, checkpoint, SMALL.replace(precision="fast")).translated
    # A random network is harsher on rounding than a trained one.
    assert np.abs(exact - fast).mean() < 6


def test_settings_that_do_not_fit_together_are_refused() -> None:
    for settings, match in (
        ({"tile": 100}, "multiple of 8"),
        ({"tile": 128, "overlap": 96}, "at most half"),
        ({"crop": 64}, "too small for 5 discriminator layers"),
        ({"layers": (3,)}, "layers must be"),
        ({"layers": (0, 18)}, "layers must be"),
        ({"pyramid_levels": ()}, "pyramid_levels"),
        ({"layers": "0, four"}, "numbers with commas"),
        ({"epochs": 0, "decay_epochs": 0}, "nothing to train"),
    ):
        with pytest.raises(ValueError, match=match):
            StainConfig(**settings)
    for preset in ("fast", "exact", "paper", "small"):
        assert isinstance(getattr(StainConfig, preset)(), StainConfig)


def test_lists_are_kept_as_text_and_read_as_numbers() -> None:
    config = StainConfig(layers=(0, 4), pyramid_levels=[0.5, 1], preview_pairs=("a", "b"))
    assert (config.layers, config.layer_numbers) == ("0, 4", (0, 4))
    assert config.level_weights == (0.5, 1.0)
    assert config.preview_names == ("a", "b")
    assert StainConfig().level_weights == (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
    assert StainConfig().layer_numbers == (0, 4, 8, 12, 16)
    assert StainConfig.model_validate(config.model_dump(mode="json")) == config
