from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_lossviz.core import Cancelled, Image, OutputError, OutputExistsError, Step
from napari_lossviz.filter2noise import Filter2NoiseConfig, denoise
from napari_lossviz.filter2noise.store import save_to_store


def test_the_result_refers_to_the_store(tmp_path: Path, noisy: np.ndarray) -> None:
    stack = np.stack([noisy, noisy[::-1]])
    plain = denoise(stack, Filter2NoiseConfig.instant())
    result = denoise(stack, Filter2NoiseConfig.instant(), out=tmp_path / "a.zarr")
    assert isinstance(result.denoised, zarr.Array)
    np.testing.assert_array_equal(zarr.open_array(str(tmp_path / "a.zarr")), plain.denoised)
    np.testing.assert_array_equal(result.residual, plain.residual)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


@pytest.mark.parametrize(
    ("axes", "shape", "chunks"),
    [
        ("yx", (20, 30), (20, 30)),
        ("zyx", (3, 20, 30), (1, 20, 30)),
        ("yxc", (20, 30, 3), (20, 30, 3)),
        ("tczyx", (2, 3, 4, 20, 30), (1, 3, 1, 20, 30)),
    ],
)
def test_a_chunk_is_a_plane(
    tmp_path: Path, axes: str, shape: tuple[int, ...], chunks: tuple[int, ...]
) -> None:
    stored = save_to_store(np.ones(shape, np.uint8), axes, tmp_path / "b.zarr")
    assert stored.chunks == chunks


def test_nothing_is_overwritten_and_that_is_said_before_the_work(
    tmp_path: Path, noisy: np.ndarray
) -> None:
    (tmp_path / "c.zarr").mkdir()

    def reporter(step: Step) -> None:
        raise AssertionError("the work had begun")

    with pytest.raises(OutputExistsError, match=r"c\.zarr"):
        denoise(noisy, Filter2NoiseConfig.instant(), out=tmp_path / "c.zarr", reporter=reporter)
    assert list((tmp_path / "c.zarr").iterdir()) == []


def test_a_stopped_run_leaves_nothing(tmp_path: Path, noisy: np.ndarray) -> None:
    def reporter(step: Step) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        denoise(noisy, Filter2NoiseConfig.instant(), out=tmp_path / "d.zarr", reporter=reporter)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = zarr.create_array

    def fail(store: str, **options: object) -> None:
        create(store, **options)  # type: ignore[arg-type]
        raise OSError("no space left on device")

    monkeypatch.setattr(zarr, "create_array", fail)
    with pytest.raises(OutputError, match="no space left"):
        save_to_store(np.ones((20, 20)), "yx", tmp_path / "e.zarr")
    assert list(tmp_path.iterdir()) == []


def test_a_zarr_array_is_an_input_too(tmp_path: Path, noisy: np.ndarray) -> None:
    stored = zarr.create_array(str(tmp_path / "in.zarr"), data=noisy, chunks=(32, 32))
    result = denoise(Image(stored, "yx"), Filter2NoiseConfig.instant())
    np.testing.assert_array_equal(
        result.denoised, denoise(noisy, Filter2NoiseConfig.instant()).denoised
    )
