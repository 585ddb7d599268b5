"""The entry function: what the dock, the command line, a recipe and a notebook call."""

import time
from pathlib import Path

from numpy.typing import ArrayLike

from napari_lossviz.betti.config import BettiConfig
from napari_lossviz.betti.evaluation import (
    BettiNumberError,
    betti_numbers,
    error_of_masks,
    foreground_of,
)
from napari_lossviz.betti.inputs import check_inputs
from napari_lossviz.betti.intervals import dimension_matchings
from napari_lossviz.betti.pairing import pair_images
from napari_lossviz.betti.result import BettiMatching
from napari_lossviz.betti.watch import Watch
from napari_lossviz.core import Image, Reporter, as_image
from napari_lossviz.engine.memory import PeakMemory

_STEPS = {2: 3, 3: 5}


def match(
    prediction: Image | ArrayLike,
    target: Image | ArrayLike,
    config: BettiConfig = BettiConfig(),
    *,
    axes: str | None = None,
    reporter: Reporter | None = None,
    out: str | Path | None = None,
) -> BettiMatching:
    """Match the topological features of a prediction with those of its target.

    Parameters
    ----------
    prediction, target : Image or array
        Probability maps, masks, or labels with ``config.label``: 2D (y, x) or 3D (z, y, x), of one
        shape. Invalid pixels count as background.
    config : BettiConfig
    axes : str, optional
        Axes of bare arrays.
    reporter : Reporter, optional
        Called several times a second; may raise `Cancelled`.
    out : path, optional
        Not used: a matching fits into memory wherever the images do.

    Returns
    -------
    BettiMatching

    Raises
    ------
    InputError
        If the images cannot be compared, see `inputs.check_inputs`.
    OutOfMemoryError
        If they are too large for this machine.
    Cancelled
        If the reporter stopped the run.
    """
    del out
    started = time.perf_counter()
    source, wanted = as_image(prediction, axes), as_image(target, axes)
    inputs = check_inputs(source, wanted, config)
    one, two = inputs.prediction, inputs.target
    watch = Watch(reporter, _STEPS[one.ndim])
    watch.announce("pairing births and deaths (compiled once, at the first use)")
    pairing = pair_images(
        one,
        two,
        filtration=config.filtration,
        construction=config.construction,
        relative=config.relative,
        watch=watch,
    )
    dimensions = dimension_matchings(
        pairing, one, two, filtration=config.filtration, essential=config.essential
    )
    watch.step("matching the masks at the threshold")
    masks = [foreground_of(values, config.threshold, config.filtration) for values in (one, two)]
    error = error_of_masks(masks[0], masks[1], config.construction, watch)
    watch.step("Betti numbers")
    numbers = BettiNumberError(*(betti_numbers(mask, config.construction) for mask in masks))
    result = BettiMatching(
        source=source,
        config=config,
        device="CPU",
        warnings=inputs.warnings,
        target_image=wanted,
        prediction=one,
        target=two,
        dimensions=dimensions,
        matching_error=error,
        betti_number_error=numbers,
        metrics={},
        seconds=time.perf_counter() - started,
        peak_memory=PeakMemory.of_process(),
    )
    watch.step("done")
    return result.with_metrics(_metrics(result))


def _metrics(result: BettiMatching) -> dict[str, float]:
    """Return the figures by name; each name says which of the conventions it follows."""
    found = {"betti_matching_loss": result.loss}
    for d, dimension in enumerate(result.dimensions):
        found[f"betti_matching_loss_dimension_{d}"] = dimension.loss
    for figure, error in (
        ("matching_error", result.matching_error),
        ("betti_number_error", result.betti_number_error),
    ):
        found[figure] = float(error.total)
        for d, count in enumerate(error.by_dimension):
            found[f"{figure}_dimension_{d}"] = float(count)
    return found | result.features().counts()
