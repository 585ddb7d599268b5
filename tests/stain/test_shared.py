"""One slide shared by several processes: the pixels are those of one process, to the last bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_lossviz.core import Image, Step
from napari_lossviz.stain import StainConfig, translate_image
from napari_lossviz.stain.parts import Division, Parts
from napari_lossviz.stain.shared import SharedTranslation


@pytest.fixture
def config(authors_file: Path) -> StainConfig:
    return StainConfig(checkpoint=str(authors_file), tile=64, overlap=16, device="cpu")


@pytest.fixture
def section(ihc: NDArray[np.uint8]) -> Image:
    """A section with a blank corner, whose sides are no multiples of anything."""
    pixels = ihc[:390, :203].copy()
    pixels[300:, :90] = 243
    return Image(pixels, "yxc", (0.5, 0.5, 1.0), ("um", "um", ""), name="section")


def share(section: Image, config: StainConfig, folder: Path, processes: int = 2) -> list[list[str]]:
    """Do all parts, each as a process of its own would; return their names."""
    plan = SharedTranslation(section, config, folder).plan(processes)
    for names in plan:
        for name in reversed(names):  # in whatever order
            SharedTranslation(section, config, folder).do(name)
    return plan


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"batch_tiles": 3, "background": "translate"},
        {"statistics": "tile"},
        {"sensitivity": 1, "overlap": 32},
        {"microns_per_pixel": 0.4},
    ],
    ids=["kernelised", "batches", "by itself", "sensitivity", "resampled"],
)
def test_parts_together_are_the_whole(
    section: Image, config: StainConfig, tmp_path: Path, changes: dict[str, Any]
) -> None:
    config = config.replace(**changes)
    plan = share(section, config, tmp_path / "parts")
    assert len(plan[-1]) >= 2
    assert len(plan) == (1 if config.statistics == "tile" else 2)
    assert SharedTranslation(section, config, tmp_path / "parts").plan(2) == []
    steps: list[Step] = []
    joined = translate_image(section, config, parts=tmp_path / "parts", reporter=steps.append)
    assert not [step for step in steps if step.message == "translating"]  # all of it was there
    alone = translate_image(section, config)
    np.testing.assert_array_equal(joined.translated, alone.translated)
    np.testing.assert_array_equal(joined.tissue, alone.tissue)
    if config.sensitivity:
        np.testing.assert_array_equal(joined.sensitivity, alone.sensitivity)
    assert joined.warnings == alone.warnings
    assert steps[-1].done == steps[-1].total


def test_what_is_missing_is_computed_where_they_are_joined(
    section: Image, config: StainConfig, tmp_path: Path
) -> None:
    parts = tmp_path / "parts"
    statistics, rows = SharedTranslation(section, config, parts).plan(2)
    for name in (statistics[1], rows[-1]):
        SharedTranslation(section, config, parts).do(name)
    left = SharedTranslation(section, config, parts).plan(7)  # the division stays
    assert left == [[one for one in statistics if one != statistics[1]], rows[:-1]]
    joined = translate_image(section, config, parts=parts)
    np.testing.assert_array_equal(joined.translated, translate_image(section, config).translated)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off"])
def test_damaged_statistics_are_measured_again(
    section: Image, config: StainConfig, tmp_path: Path, content: bytes
) -> None:
    parts = tmp_path / "parts"
    statistics, _ = SharedTranslation(section, config, parts).plan(2)
    for name in statistics:
        SharedTranslation(section, config, parts).do(name)
    (parts / f"{statistics[0]}.npz").write_bytes(content)
    joined = translate_image(section, config, parts=parts)
    np.testing.assert_array_equal(joined.translated, translate_image(section, config).translated)


def test_part_that_another_process_has_done_meanwhile_stays(
    section: Image, config: StainConfig, tmp_path: Path
) -> None:
    parts = tmp_path / "parts"
    _, rows = SharedTranslation(section, config, parts).plan(2)
    (parts / f".{rows[0]}.zarr.1.partial").mkdir()  # of a process that was killed
    process = SharedTranslation(section, config, parts)
    process.do(rows[0])
    process.do(rows[0])
    process.do("rows-99")
    assert rows[0] not in SharedTranslation(section, config, parts).plan(2)[-1]
    assert not list(parts.glob(".*"))


def test_statistics_of_the_whole_image_are_not_shared(
    section: Image, config: StainConfig, tmp_path: Path
) -> None:
    whole = config.replace(statistics="whole_image")
    assert SharedTranslation(section, whole, tmp_path / "parts").plan(2) == []
    assert not (tmp_path / "parts").exists()


def test_macenko_stains_are_those_of_the_whole_slide(
    section: Image, config: StainConfig, tmp_path: Path, authors_file: Path
) -> None:
    from dataclasses import replace

    from napari_lossviz.stain import load_checkpoint, save_checkpoint

    checkpoint = replace(load_checkpoint(authors_file), card={"settings": {"macenko": True}})
    trained = save_checkpoint(checkpoint, tmp_path / "macenko.safetensors")
    config = config.replace(checkpoint=str(trained))
    share(section, config, tmp_path / "parts")
    joined = translate_image(section, config, parts=tmp_path / "parts")
    alone = translate_image(section, config)
    np.testing.assert_array_equal(joined.translated, alone.translated)


def test_division_is_even_and_bands_are_not_too_large() -> None:
    work = [4] * 10
    assert Division.among(2, 0, work, 1).bands == (0, 5, 10)
    assert Division.among(2, 0, [0, 0, *work, 0], 1).bands == (0, 7, 13)
    assert len(Division.among(2, 0, [1] * 240, 1).bands) - 1 >= 15
    assert Division.among(64, 0, [1] * 2, 1).bands == (0, 2)  # shared, it would take as long
    assert Division.among(2, 17, work, 4).chunks == (0, 4, 8, 12, 16, 17)
    assert Parts(Path("nowhere")).missing() == []
