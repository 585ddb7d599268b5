"""The session of a viewer, as an export takes it."""

from functools import partial
from typing import Any

import numpy as np

from napari_lossviz.core import Edit, InputError, Result
from napari_lossviz.filter2noise.edited import edited_result
from napari_lossviz.filter2noise.result import Filter2NoiseResult
from napari_lossviz.jobs.session import Session, SessionLayer, SessionResult
from napari_lossviz.ui.edit.layer_writer import EDITS_KEY
from napari_lossviz.ui.layers import METADATA_KEY, NAMED_KEY, image_from_layer, selection_of
from napari_lossviz.ui.result_layers import ResultLayers
from napari_lossviz.ui.session_runs import SessionRun, SessionRuns


def session_in(viewer: Any, runs: SessionRuns, *, visible_only: bool = False) -> Session:
    """Return the image and labels layers of a viewer, and its runs with the edits they have.

    Parameters
    ----------
    viewer : napari.Viewer
    runs : SessionRuns
    visible_only : bool
        Whether hidden layers are left out.

    Raises
    ------
    InputError
        If the axes of a layer cannot be told; the message names it.
    """
    layers = [
        _layer(layer)
        for layer in viewer.layers
        if layer._type_string in ("image", "labels") and (layer.visible or not visible_only)
    ]
    return Session(tuple(layers), tuple(_run(viewer, run) for run in runs.runs))


def _layer(layer: Any) -> SessionLayer:
    try:
        image = image_from_layer(layer)
    except InputError as error:
        raise InputError(f"{error}; hide it and export visible layers only") from error
    ours = layer.metadata.get(METADATA_KEY, {})
    labels = layer._type_string == "labels"
    if labels or ours.get(EDITS_KEY):  # they may be painted on while they are written
        image = image.replace(array=np.array(image.array))
    return SessionLayer(layer.name, image, labels, ours.get(NAMED_KEY, ""))


def _run(viewer: Any, run: SessionRun) -> SessionResult:
    layers = run.layers_in(viewer)
    if layers is None:
        return SessionResult(run.record)
    result = layers.result
    make = partial(_edited, result, edits_of(layers))
    return SessionResult(run.record, make, result.inputs(), selection_of(layers.source))


def edits_of(layers: ResultLayers) -> tuple[Edit, ...]:
    """Return the edits that the main layer of a result contains now."""
    known = layers.denoised.metadata.get(METADATA_KEY, {})
    return tuple(known.get(EDITS_KEY, layers.result.edits))


def _edited(result: Result, edits: tuple[Edit, ...]) -> Result:
    return edited_result(result, edits) if isinstance(result, Filter2NoiseResult) else result
