import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from napari_lossviz.core import Cancelled, Image, OutputError, OutputExistsError, Step, Stroke
from napari_lossviz.filter2noise import EditSession, Filter2NoiseConfig, denoise
from napari_lossviz.filter2noise.layout import Slices
from napari_lossviz.filter2noise.store import SliceSink


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
    with SliceSink(Slices(Image(np.ones(shape, np.uint8), axes)), tmp_path / "b.zarr") as sink:
        assert sink.finish().chunks == chunks


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
        SliceSink(Slices(Image(np.ones((20, 20)), "yx")), tmp_path / "e.zarr")
    assert list(tmp_path.iterdir()) == []


def test_a_zarr_array_is_an_input_too(tmp_path: Path, noisy: np.ndarray) -> None:
    stored = zarr.create_array(str(tmp_path / "in.zarr"), data=noisy, chunks=(32, 32))
    result = denoise(Image(stored, "yx"), Filter2NoiseConfig.instant())
    np.testing.assert_array_equal(
        result.denoised, denoise(noisy, Filter2NoiseConfig.instant()).denoised
    )


CONFIGS = {
    "instant": Filter2NoiseConfig.instant(),
    "best": Filter2NoiseConfig.best(),
    "trained": Filter2NoiseConfig(steps=2),
}
STROKE = (Stroke(points=((8.0, 9.0),), radius=4, value=3.0, map="sigma_r", slices=(1, 2)),)


class FileLike:
    """An array of which no more than a slice may be read at once."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self.shape, self.ndim, self.dtype = array.shape, array.ndim, array.dtype

    def __getitem__(self, index: Any) -> np.ndarray:
        part = self._array[index]
        assert part.size <= self._array[0].size, "more than a slice was read at once"
        return part


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_series_goes_from_file_to_store_slice_by_slice(
    tmp_path: Path, noisy: np.ndarray, kind: str
) -> None:
    part = noisy[:32, :36]
    stack = np.stack([np.roll(part, 3 * n, axis=1) for n in range(10)])
    plain = denoise(stack, CONFIGS[kind], edits=STROKE)
    lazy = Image(FileLike(stack), "zyx")
    streamed = denoise(lazy, CONFIGS[kind], edits=STROKE, out=tmp_path / "f.zarr")
    np.testing.assert_array_equal(streamed.denoised, plain.denoised)
    assert streamed.metrics == plain.metrics
    assert streamed.guide is None
    # maps, guide and edits are there for each slice all the same
    for n in (0, 1, 7):
        for name, maps in plain.predicted.slice_maps(n).items():
            np.testing.assert_array_equal(streamed.predicted.slice_maps(n)[name], maps)
        for name, maps in plain.maps_of_slice(n).items():
            np.testing.assert_array_equal(streamed.maps_of_slice(n)[name], maps)
        np.testing.assert_array_equal(EditSession(streamed).denoised(n)[0], plain.denoised[n])


@pytest.mark.parametrize("kind", ["instant", "best"])
def test_a_result_does_not_keep_maps_by_pixel(noisy: np.ndarray, kind: str) -> None:
    stack = np.stack([noisy[:40, :40]] * 6)
    result = denoise(stack, CONFIGS[kind])
    for n in range(6):
        result.predicted.slice_maps(n)
    kept = len(pickle.dumps(result.predicted)) - (stack.nbytes if kind == "instant" else 0)
    assert kept < 3 * 4 * stack[0].nbytes


def test_maps_follow_the_image_from_process_to_process(noisy: np.ndarray) -> None:
    stack = np.stack([noisy[:40, :40], noisy[40:80, :40]])
    result = denoise(stack, CONFIGS["instant"])
    empty = result.source.replace(array=np.empty((0, 0, 0), np.float32))
    sent = pickle.dumps(result.with_inputs(empty))
    there = pickle.loads(sent).with_inputs(result.source)
    for name, maps in result.predicted.full().items():
        np.testing.assert_array_equal(there.predicted.full()[name], maps)


def test_a_run_that_is_stopped_in_the_middle_leaves_nothing(
    tmp_path: Path, noisy: np.ndarray
) -> None:
    def reporter(step: Step) -> None:
        if step.message.startswith("slice 2"):
            assert [path.suffix for path in tmp_path.iterdir()] == [".partial"]
            raise Cancelled

    stack = np.stack([noisy[:32, :32]] * 4)
    with pytest.raises(Cancelled):
        denoise(stack, CONFIGS["instant"], out=tmp_path / "g.zarr", reporter=reporter)
    assert list(tmp_path.iterdir()) == []


class Endless:
    """Slices of noise that are made when they are asked for."""

    dtype, ndim = np.dtype(np.float32), 3

    def __init__(self, count: int) -> None:
        self.shape = (count, 128, 128)

    def __getitem__(self, index: Any) -> np.ndarray:
        drawn = np.random.default_rng(index[0]).normal(100, 20, self.shape[1:])
        return drawn.astype(np.float32)


def test_memory_does_not_grow_with_the_number_of_slices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_lossviz.filter2noise.judge._SAMPLE", 20_000)
    config = CONFIGS["instant"].replace(h=2.0)

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            denoise(Image(Endless(count), "zyx"), config, out=tmp_path / f"{count}.zarr")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)  # what is loaded and compiled once
    few, many = peak(8), peak(32)
    assert many - few < 4 * 128 * 128 * 4  # of 24 slices more
