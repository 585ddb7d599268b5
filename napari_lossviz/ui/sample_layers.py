"""The entries of File ▸ Open Sample ▸ LossViz."""

import numpy as np

from napari_lossviz import samples
from napari_lossviz.ui.layers import LayerData
from napari_lossviz.ui.reader import layers_of

_BRIGHT = 95
"""Percentile of an intensity that is shown white: it has a long tail."""

_AMPLITUDE = 0.5
"""Gamma that shows an intensity as its amplitude."""


def low_dose_ct() -> list[LayerData]:
    """Return the layer of the simulated low-dose CT."""
    return layers_of(samples.low_dose_ct())


def full_dose_ct() -> list[LayerData]:
    """Return the layer of its full-dose twin."""
    return layers_of(samples.full_dose_ct())


def slc_scene() -> list[LayerData]:
    """Return the layer of the simulated radar scene."""
    return layers_of(samples.slc_scene())


def slc_reflectivity() -> list[LayerData]:
    """Return the layer of its truth, bright enough to be seen beside points and houses."""
    layers = layers_of(samples.slc_reflectivity())
    for data, settings, _ in layers:
        settings["contrast_limits"] = (0.0, float(np.percentile(data, _BRIGHT)))
        settings["gamma"] = _AMPLITUDE
    return layers


def pydicom_ct() -> list[LayerData]:
    """Return the layer of the real CT slice that pydicom ships."""
    return layers_of(samples.pydicom_ct())


def stain_pair() -> list[LayerData]:
    """Return the layers of the IHC section and, over it and so chosen, of the H&E image."""
    source, target = samples.stain_pair()
    return layers_of([target, source])


def stain_neighbour() -> list[LayerData]:
    """Return the layer of the turned section."""
    return layers_of(samples.stain_neighbour())


def roads_pair() -> list[LayerData]:
    """Return the layers of a probability map of roads, with planted errors, and of its target."""
    return _pair(samples.planted_pair("roads"))


def vessels_pair() -> list[LayerData]:
    """Return the layers of a probability map of vessels, with planted errors, and its target."""
    return _pair(samples.planted_pair("vessels"))


def cells_pair() -> list[LayerData]:
    """Return the layers of a probability map of cells, with planted errors, and of its target."""
    return _pair(samples.planted_pair("cells"))


def vessel_volume_pair() -> list[LayerData]:
    """Return the layers of a small volume of vessels, with planted errors, and of its target."""
    return _pair(samples.planted_pair("vessel_volume"))


def retina_pair() -> list[LayerData]:
    """Return the layers of two segmentations of a real picture."""
    return _pair(samples.retina_pair())


def _pair(pair: samples.SegmentationPair) -> list[LayerData]:
    """Return the layers of both, the target below, so that the prediction is seen."""
    return layers_of([pair.target, pair.prediction])
