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
from napari_lossviz.stain.reference import UNKNOWN_SIZE
from napari_lossviz.stain.resize import AxisResize, apply_resize
from napari_lossviz.stain.result import StainResult
from napari_lossviz.stain.scene import Scene, as_rgb_image, pixel_size
from napari_lossviz.stain.source_colours import RecolouredScene, recolours, stains_of
from napari_lossviz.stain.tissue import estimate_white, tissue_mask

if TYPE_CHECKING:
    import torch

_CLOSING = 32
"""Pixels: gaps of tissue up to twice this wide count as tissue, as they did in training crops."""
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
    told = image.warnings if isinstance(image, Image) else ()
    image = as_rgb_image(image, axes)
    if not isinstance(checkpoint, StainCheckpoint):
        checkpoint = load_checkpoint(checkpoint)
    microns = config.microns_per_pixel or pixel_size(image)
    scene = Scene(image, microns, checkpoint.microns_per_pixel)
    warnings = [*(one for one in image.warnings if one not in told), *scene.warnings]
    if not checkpoint.microns_per_pixel:
        warnings.append(f"{image.name}: {UNKNOWN_SIZE}")
    if checkpoint.card.get("demonstration"):
        warnings.append(
            str(checkpoint.card.get("note", "The checkpoint is for demonstration only."))
        )
    progress = Progress(reporter, 1)
    progress.announce("looking for tissue")
    thumbnail, side = scene.thumbnail()
    white = estimate_white(thumbnail)
    tissue = tissue_mask(thumbnail, white)
    if recolours(checkpoint):
        try:
            stains = stains_of(scene, tissue, side, white)
            scene = RecolouredScene(image, microns, checkpoint.microns_per_pixel, stains)
        except InputError as error:
            warnings.append(f"{image.name}: its colours are not normalised: {error}.")
    progress.step("looking for tissue")
    if not tissue.any():
        warnings.append(f"{image.name}: no tissue was found in it.")

    from napari_lossviz.engine.devices import choose_device, describe_device
    from napari_lossviz.engine.memory import PeakMemory

    device = choose_device(config.device)
    with PeakMemory(device) as peak:
        translated, sensitivity, used = _translate_with_smaller_tiles(
            scene, checkpoint, config, device, (tissue, side, white), progress, out
        )
    if used.tile < config.tile:
        warnings.append(
            f"{image.name}: the memory of {describe_device(device)} did not suffice for tiles of "
            f"{config.tile}; tiles of {used.tile} were used."
        )
    if config.sensitivity and sensitivity is None:
        warnings.append(f"{image.name}: too large for the augmentation sensitivity layer.")

    import torch

    return StainResult(
        source=image,
        config=used,
        metrics={"tissue_share": float(tissue.mean()), "resampling": scene.factor},
        device=describe_device(device),
        threads=torch.get_num_threads(),
        seconds=time.perf_counter() - started,
        peak_memory=peak.bytes,
        warnings=tuple(warnings),
        translated=translated,
        sensitivity=sensitivity,
        tissue=tissue,
        white=white,
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
) -> StainResult:
    """Translate with the checkpoint that the configuration names; see `translate`."""
    if not config.checkpoint.strip():
        raise InputError(
            "no checkpoint chosen: name the file of a trained generator (.safetensors, or the "
            "authors' latest_net_G.pth) as checkpoint"
        )
    return translate(image, config.checkpoint, config, axes=axes, reporter=reporter, out=out)


def _translate_with_smaller_tiles(
    scene: Scene,
    checkpoint: StainCheckpoint,
    config: StainConfig,
    device: "torch.device",
    slide: tuple[NDArray[np.bool_], int, NDArray[np.float64]],
    progress: Progress,
    out: str | Path | None,
) -> tuple[Any, NDArray[np.float32] | None, StainConfig]:
    """Translate; each time that memory does not suffice, again with tiles half as large.

    Returns
    -------
    translated, sensitivity, configuration that was used
    """
    import torch

    while True:
        try:
            return *_translate(scene, checkpoint, config, device, slide, progress, out), config
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
        if device.type == "cuda":
            torch.cuda.empty_cache()
        progress.announce(f"out of memory: trying again with tiles of {smaller}")


def _is_out_of_memory(error: BaseException) -> bool:
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return "not enough memory" in str(error) or "out of memory" in str(error)


def _translate(
    scene: Scene,
    checkpoint: StainCheckpoint,
    config: StainConfig,
    device: "torch.device",
    slide: tuple[NDArray[np.bool_], int, NDArray[np.float64]],
    progress: Progress,
    out: str | Path | None,
) -> tuple[Any, NDArray[np.float32] | None]:
    from napari_lossviz.stain.tile_grid import Rows
    from napari_lossviz.stain.translator import Translator

    tissue, side, white = slide
    closed = _closed(tissue, max(_CLOSING // side, 1))
    translator = Translator(checkpoint, config, device)
    tiles = translator.tiles(scene, closed, side)
    progress.extend(translator.passes(scene, tiles, closed, side))
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

        normalisation = translator.normalisation(
            scene, tiles, closed, side, progress.step, progress.poll
        )
        translator.run(scene, tiles, white, normalisation, take, progress.step)
        if not scene.resampled:
            return sink.finish(), spread
        shape = (scene.image.shape[0], scene.image.shape[1])
        with RowSink((*shape, 3), np.uint8, rows, out) as final:
            _resize_rows(sink.array, shape, final.write, progress.poll)
            back = final.finish()
    return back, None if spread is None else _resized_map(spread, shape)


def _closed(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Return the mask with gaps up to twice `reach` filled."""
    grown = ndimage.maximum_filter(mask, 2 * reach + 1, mode="nearest")
    return np.asarray(ndimage.minimum_filter(grown, 2 * reach + 1, mode="nearest"))


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
