"""The entry functions of translation: what the dock, the command line and a notebook call."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_lossviz.core import Image, InputError, OutOfMemoryError, Reporter
from napari_lossviz.engine.progress import Progress
from napari_lossviz.engine.row_sink import RowSink, refuse_existing
from napari_lossviz.stain.checkpoint import StainCheckpoint, load_checkpoint
from napari_lossviz.stain.config import StainConfig
from napari_lossviz.stain.parts import Parts
from napari_lossviz.stain.resize import AxisResize, apply_resize
from napari_lossviz.stain.result import StainResult
from napari_lossviz.stain.slide import Slide, look_at

if TYPE_CHECKING:
    import torch

_SMALLEST_TILE = 128
_SENSITIVITY_PIXELS = 64_000_000
"""The sensitivity layer of larger images is left out: it is kept in memory."""


def translate(
    image: Image | ArrayLike,
    checkpoint: StainCheckpoint | str | Path,
    config: StainConfig = StainConfig(),
    *,
    axes: str | None = None,
    reporter: Reporter | None = None,
    out: str | Path | None = None,
    parts: str | Path | None = None,
) -> StainResult:
    """Translate an image into another stain (arXiv 2303.06193).

    Tiles with overlap are translated one after the other and blended; memory does not grow with the
    image when `out` is given and the image is lazy.

    Parameters
    ----------
    image : Image or (H, W, 3) uint8 array
        Any size from 16 x 16 on; the array may be lazy (dask, zarr).
    checkpoint : StainCheckpoint or path
        See `load_checkpoint`.
    config : StainConfig
        Default: kernelised statistics, float32.
    axes : str, optional
        Axes of a bare array; default "yxc".
    reporter : Reporter, optional
        Called at every tile; may raise `Cancelled`.
    out : path, optional
        Zarr store to hold the result; the result then refers to it.
    parts : path, optional
        Folder of `SharedTranslation`: what lies there of this image is not computed again.

    Returns
    -------
    StainResult

    Raises
    ------
    InputError
        If the image is not 8-bit RGB, its pixels are of a wholly different size than the
        checkpoint's, or the checkpoint cannot be used.
    OutOfMemoryError
        If even small tiles do not fit into the device's memory.
    OutputExistsError
        If there is something at `out`.
    Cancelled
        If the reporter stopped the run.
    """
    started = time.perf_counter()
    if out is not None:
        refuse_existing(out)
    files = {}
    if not isinstance(checkpoint, StainCheckpoint):
        checkpoint = load_checkpoint(checkpoint)
        files = {"checkpoint": checkpoint.file_sha256}
    progress = Progress(reporter, 1)
    kept = None if parts is None else Parts(Path(parts))
    slide = look_at(image, checkpoint, config, progress, kept, axes)
    rgb, warnings = slide.scene.image, list(slide.warnings)

    from napari_lossviz.engine.devices import choose_device, describe_device
    from napari_lossviz.engine.memory import PeakMemory

    device = choose_device(config.device)
    with PeakMemory(device) as peak:
        translated, sensitivity, used = _translate_with_smaller_tiles(
            slide, checkpoint, config, device, progress, out, kept
        )
    if used.tile < config.tile:
        warnings.append(
            f"{rgb.name}: the memory of {describe_device(device)} did not suffice for tiles of "
            f"{config.tile}; tiles of {used.tile} were used."
        )
    if config.sensitivity and sensitivity is None:
        warnings.append(f"{rgb.name}: too large for the augmentation sensitivity layer.")

    import torch

    return StainResult(
        source=rgb,
        config=used,
        metrics={"tissue_share": float(slide.tissue.mean()), "resampling": slide.scene.factor},
        device=describe_device(device),
        threads=torch.get_num_threads(),
        seconds=time.perf_counter() - started,
        peak_memory=peak.bytes,
        warnings=tuple(warnings),
        files=files,
        translated=translated,
        sensitivity=sensitivity,
        tissue=slide.tissue,
        white=slide.white,
        checkpoint_name=checkpoint.name,
        checkpoint_sha256=checkpoint.sha256,
        source_stain=checkpoint.source_stain,
        target_stain=checkpoint.target_stain,
    )


def translate_image(
    image: Image | ArrayLike,
    config: StainConfig = StainConfig(),
    *,
    axes: str | None = None,
    reporter: Reporter | None = None,
    out: str | Path | None = None,
    parts: str | Path | None = None,
) -> StainResult:
    """Translate with the checkpoint that the configuration names; see `translate`."""
    if not config.checkpoint.strip():
        raise InputError(
            "no checkpoint chosen: name the file of a trained generator (.safetensors, or the "
            "authors' latest_net_G.pth) as checkpoint"
        )
    return translate(
        image, config.checkpoint, config, axes=axes, reporter=reporter, out=out, parts=parts
    )


def _translate_with_smaller_tiles(
    slide: Slide,
    checkpoint: StainCheckpoint,
    config: StainConfig,
    device: "torch.device",
    progress: Progress,
    out: str | Path | None,
    parts: Parts | None,
) -> tuple[Any, NDArray[np.float32] | None, StainConfig]:
    """Translate; each time that memory does not suffice, again with tiles half as large.

    Returns
    -------
    translated, sensitivity, configuration that was used
    """
    import torch

    while True:
        try:
            return *_translate(slide, checkpoint, config, device, progress, out, parts), config
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            if config.tile // 2 < _SMALLEST_TILE:
                raise OutOfMemoryError(
                    f"tiles of {config.tile} pixels do not fit into the memory of {device}: close "
                    "other programs that use it, choose batch_tiles=1, or device='cpu'"
                ) from error
        smaller = config.tile // 2 // 8 * 8
        config = config.replace(
            tile=smaller, overlap=min(config.overlap, smaller // 2 // 8 * 8), batch_tiles=1
        )
        parts = None  # of other tiles
        if device.type == "cuda":
            torch.cuda.empty_cache()
        progress.announce(f"out of memory: trying again with tiles of {smaller}")


def _is_out_of_memory(error: BaseException) -> bool:
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return "not enough memory" in str(error) or "out of memory" in str(error)


def _translate(
    slide: Slide,
    checkpoint: StainCheckpoint,
    config: StainConfig,
    device: "torch.device",
    progress: Progress,
    out: str | Path | None,
    parts: Parts | None,
) -> tuple[Any, NDArray[np.float32] | None]:
    from napari_lossviz.stain.tile_grid import Rows
    from napari_lossviz.stain.tiled import TiledSlide

    scene = slide.scene
    tiled = TiledSlide(slide, checkpoint, config, device, progress, parts)
    progress.extend(tiled.passes)
    progress.announce("computing the first tile")  # else the look at the tissue seems to last
    height, width = scene.shape
    keeps_spread = config.sensitivity > 0 and height * width <= _SENSITIVITY_PIXELS
    spread = np.zeros((height, width), np.float32) if keeps_spread else None
    network_out = None
    if scene.resampled and out is not None:
        network_out = Path(out).with_name(f".{Path(out).name}.network")
    rows = config.tile - config.overlap
    with RowSink(
        (height, width, 3), np.uint8, rows, network_out if scene.resampled else out
    ) as sink:

        def take(finished: Rows) -> None:
            sink.write(finished.y, finished.pixels)
            if spread is not None and finished.spread is not None:
                spread[finished.y : finished.y + len(finished.spread)] = finished.spread

        tiled.run(take)
        if not scene.resampled:
            return sink.finish(), spread
        shape = (scene.image.shape[0], scene.image.shape[1])
        with RowSink((*shape, 3), np.uint8, rows, out) as final:
            _resize_rows(sink.array, shape, final.write, progress.poll)
            back = final.finish()
    return back, None if spread is None else _resized_map(spread, shape)


def _resize_rows(
    array: Any,
    shape: tuple[int, int],
    write: Callable[[int, NDArray[np.uint8]], None],
    poll: Callable[[], None],
) -> None:
    """Bring an image (h, w, 3) to another size, strip by strip."""
    rows, columns = AxisResize(array.shape[0], shape[0]), AxisResize(array.shape[1], shape[1])
    along = columns.matrix(0, shape[1])
    for y in range(0, shape[0], 256):
        y1 = min(y + 256, shape[0])
        low, high = rows.source(y, y1)
        write(y, apply_resize(np.asarray(array[low:high]), rows.matrix(y, y1), along))
        poll()


def _resized_map(values: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    factors = (shape[0] / values.shape[0], shape[1] / values.shape[1])
    resized: NDArray[np.float32] = ndimage.zoom(
        values, factors, order=1, mode="nearest", grid_mode=True
    )
    return resized
