"""The entry function: what the dock, the command line, a recipe and a notebook call."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_lossviz.core import Image, Reporter, as_image
from napari_lossviz.engine.progress import Progress
from napari_lossviz.engine.row_sink import RowSink, refuse_existing
from napari_lossviz.merlin.config import MerlinConfig
from napari_lossviz.merlin.prepare import Prepared, level_warnings, prepare, segment_rows
from napari_lossviz.merlin.result import MerlinResult
from napari_lossviz.merlin.scene import Scene
from napari_lossviz.merlin.tiles import cover
from napari_lossviz.merlin.weights import MerlinWeights, load_weights

if TYPE_CHECKING:
    from napari_lossviz.merlin.apply import Despeckler

_LOSS_MAP_PIXELS = 16_000_000
"""Loss maps of larger images are left out: they would outweigh the result."""


def despeckle(
    slc: Image | ArrayLike,
    config: MerlinConfig = MerlinConfig(),
    *,
    axes: str | None = None,
    reporter: Reporter | None = None,
    out: str | Path | None = None,
) -> MerlinResult:
    """Despeckle a single-look-complex SAR image with MERLIN (arXiv 2110.13148).

    The network sees the logarithm of the squared real part, and of the squared imaginary part;
    both estimates of the reflectivity are averaged. With `config.training`, it is trained on the
    image itself first.

    Parameters
    ----------
    slc : Image or (H, W) complex array
        Azimuth along rows, range along columns, unless ``metadata["sar"]`` says otherwise (SICD);
        in the sensor's digital numbers; at least 16 x 16 pixels. The array may be lazy (dask,
        zarr): it is read tile by tile. Zero-filled borders and masked pixels are no data: they stay
        0 and lend nothing to others. Bursts of a TOPS product are known from ``metadata["sar"]``.
    config : MerlinConfig
        Default: the pretrained spotlight network on the symmetrised spectrum, float32.
    axes : str, optional
        Axes of a bare array; only "yx" can be despeckled.
    reporter : Reporter, optional
        Called at every step; may raise `Cancelled`.
    out : path, optional
        Zarr store to hold the amplitude of a large scene; the result then refers to it.

    Returns
    -------
    MerlinResult

    Raises
    ------
    InputError
        If the image is not complex, too small, holds NaN outside of its mask, or weights cannot be
        used.
    MissingPackageError
        If the pretrained weights are not installed; the message holds the command.
    OutputExistsError
        If there is something at `out`.
    Cancelled
        If the reporter stopped the run.
    """
    started = time.perf_counter()
    if out is not None:
        refuse_existing(out)
    image = as_image(slc, axes)
    scene = Scene(image)
    weights = _weights_or_none(config)
    training = 0 if config.training == "none" else config.steps
    # All that is to come counts from the start, so that the bar never goes back.
    progress = Progress(reporter, 1 + training + _tiles(scene, config))
    progress.announce("testing whether real and imaginary parts are independent")
    prepared = prepare(scene, config, progress.poll)
    progress.step("statistics tested")
    warnings = [*prepared.warnings]
    if weights is not None and config.training == "none":
        warnings += level_warnings(scene, weights, config)

    from napari_lossviz.engine.devices import choose_device, describe_device
    from napari_lossviz.engine.memory import PeakMemory
    from napari_lossviz.merlin.apply import Despeckler

    device = choose_device(config.device)
    history: dict[str, list[float]] = {}
    metrics = _metrics(prepared)
    with PeakMemory(device) as peak:
        if config.training != "none":
            from napari_lossviz.merlin.train_run import train_on

            weights = train_on([(scene, prepared.segments)], config, progress)
            history, figures = _training_figures(weights)
            metrics |= figures
        assert weights is not None  # only a training may begin without
        despeckler = Despeckler(weights, config, device)
        amplitude, loss_maps = _apply(despeckler, scene, prepared, config, progress, out)

    import torch

    return MerlinResult(
        source=image,
        config=config,
        history=history,
        metrics=metrics,
        device=describe_device(device),
        threads=torch.get_num_threads(),
        seconds=time.perf_counter() - started,
        peak_memory=peak.bytes,
        warnings=tuple(warnings),
        files={"weights": weights.file_sha256} if weights.file_sha256 else {},
        amplitude=amplitude,
        weights=weights,
        before=prepared.before,
        after=prepared.after,
        spectra=prepared.spectra,
        bursts=prepared.bursts,
        loss_maps=loss_maps,
    )


def _weights_or_none(config: MerlinConfig) -> MerlinWeights | None:
    """Return the weights that a run starts from; None: random ones."""
    if config.training == "from_scratch":
        return None
    return load_weights(config.weights, config.sensor)


def _tiles(scene: Scene, config: MerlinConfig) -> int:
    """Return how many tiles will be despeckled."""
    columns = len(cover(scene.shape[1], config.tile, config.overlap))
    rows = segment_rows(scene, config)
    return columns * sum(len(cover(end - y, config.tile, config.overlap)) for y, end in rows)


def _apply(
    despeckler: "Despeckler",
    scene: Scene,
    prepared: Prepared,
    config: MerlinConfig,
    progress: Progress,
    out: str | Path | None,
) -> tuple[Any, dict[str, NDArray[np.float32]]]:
    """Run the network over all segments.

    Returns
    -------
    Any, dict
        The amplitude (array or zarr array), and the loss maps by name.
    """
    from napari_lossviz.merlin.apply import Rows

    with_losses = out is None and scene.shape[0] * scene.shape[1] <= _LOSS_MAP_PIXELS
    loss_maps: dict[str, NDArray[np.float32]] = {}
    with RowSink(scene.shape, np.float32, config.tile - config.overlap, out) as sink:

        def take(rows: Rows) -> None:
            sink.write(rows.y, rows.amplitude)
            for name, part in rows.losses.items():
                whole = loss_maps.setdefault(name, np.zeros(scene.shape, np.float32))
                whole[rows.y : rows.y + len(part)] = part

        done: Callable[[], None] = lambda: progress.step("despeckling")  # noqa: E731
        for segment in prepared.segments:
            despeckler.run(scene, segment, take, done, progress.poll, with_losses=with_losses)
        return sink.finish(), loss_maps


def _metrics(prepared: Prepared) -> dict[str, float]:
    metrics = {}
    for name, test in (("before", prepared.before), ("after", prepared.after)):
        if test is not None:
            metrics[f"dependence_{name}"] = test.worst
    return metrics


def _training_figures(weights: MerlinWeights) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Return history and figures of a training, from its model card."""
    card = weights.card
    history = {
        "negative log-likelihood": list(card["history_of_loss"]),
        "validation": list(card["history_of_validation"]),
    }
    names = ("steps", "best_step", "validation_at_start", "validation_best")
    return history, {f"training_{name}": float(card[name]) for name in names}
