"""How a layer looks: colours, colormap and contrast by what it shows."""

from functools import cache
from typing import Any

import numpy as np

from napari_lossviz.core import Image, NamedImage
from napari_lossviz.core.contrast import contrast_limits

_LARGEST = 3e38
_MAP_COLORMAPS = {"sigma_r": "magma", "angle": "twilight"}
_HALF_TURN = 0.5 * np.pi
_PULLS = (
    (np.array([0.3, 0.7, 1.0]), np.array([0.0, 0.45, 0.9])),
    (np.array([1.0, 0.7, 0.3]), np.array([0.9, 0.35, 0.0])),
)
"""Weak and strong colour of what must rise, and of what must fall."""
_PULL_STEPS = 17


def colours(named: NamedImage, data: Any, shown: Any) -> dict[str, Any]:
    """Return colormap and contrast limits by the role of an image."""
    alike = named.role == "result" or (named.role == "map" and named.name == "guide")
    if alike and shown._type_string == "image" and not shown.rgb:
        return {
            "colormap": shown.colormap,
            "contrast_limits": tuple(shown.contrast_limits),
            "gamma": shown.gamma,
            "interpolation2d": shown.interpolation2d,
        }
    sample = _subsample(data)
    sample = sample[np.isfinite(sample)]
    high = float(np.percentile(np.abs(sample), 99.5)) if sample.size else 0.0
    high = high if high > 0 else 1.0
    if named.role == "residual" and named.name == "ratio":  # of mean 1, never below 0
        return {"colormap": "gray", "contrast_limits": (0.0, high)}
    if named.role == "residual":
        return {"colormap": "gray", "contrast_limits": (-high, high)}
    if named.role == "map":
        kind = named.name.split()[0]
        # Room above, so that what an edit raises is not white at once.
        limits = (-_HALF_TURN, _HALF_TURN) if kind == "angle" else (0.0, 2 * high)
        return {"colormap": _MAP_COLORMAPS.get(kind, "viridis"), "contrast_limits": limits}
    if named.role == "gradient":
        # the strongest pull of all: clipped to less, noise would look as strong as an error
        high = float(np.max(np.abs(data), where=np.isfinite(data), initial=0.0)) or 1.0
        return {"colormap": _pull_colormap(), "contrast_limits": (-high, high)}
    if named.role == "loss":
        return {"colormap": "inferno", "contrast_limits": (0.0, high)}
    return {}


@cache
def _pull_colormap() -> Any:
    """Return that of a derivative: blue where a higher value lowers the loss, else orange.

    Opacity is the square root of the strength, on both sides: a hundredth of the strongest pull is
    still seen. The layer's own gamma would bend one side only.
    """
    from napari.utils import Colormap  # the reader, which napari loads at its start, stays light

    strength = np.linspace(0, 1, _PULL_STEPS)[:, None] ** 2  # closer together where the root bends
    raise_, lower = (
        np.concatenate([weak + strength * (strong - weak), np.sqrt(strength)], axis=1)
        for weak, strong in _PULLS
    )
    controls = 0.5 + 0.5 * strength[:, 0]
    return Colormap(
        np.concatenate([raise_[::-1], lower[1:]]),
        name="pull",
        controls=np.concatenate([1 - controls[::-1], controls[1:]]),
    )


def decibels(array: np.ndarray) -> np.ndarray:
    """Return the amplitude of values in dB, at most 200 dB below the maximum."""
    amplitude = np.abs(array)
    floor = max(float(amplitude.max(initial=0.0)) * 1e-10, float(np.finfo(np.float32).tiny))
    return np.asarray(20 * np.log10(np.maximum(amplitude, floor)), dtype=np.float32)


def is_colour(array: Any) -> bool:
    """Return whether napari can show the last axis of an array as colours."""
    if array.shape[-1] not in (3, 4):
        return False
    if np.issubdtype(array.dtype, np.floating):  # napari takes such colours in [0, 1] only
        sample = _subsample(array)
        return bool(sample.size and np.nanmin(sample) >= 0 and np.nanmax(sample) <= 1)
    return array.dtype in (np.uint8, np.uint16)


def _subsample(array: Any) -> np.ndarray:
    """Return every n-th element along each axis: some millions at most, whatever the size."""
    leading = max(array.ndim - 2, 1)
    most = (int(16 ** (1 / leading)),) * (array.ndim - 2) + (512, 512)
    steps = zip(array.shape, most, strict=True)
    return np.asarray(array[tuple(slice(None, None, max(1, n // m)) for n, m in steps)])


def contrast_limits_of(image: Image, array: Any) -> tuple[float, float]:
    """Return the preferred window of the image, else robust percentiles of what is shown."""
    if image.display_windows and array is image.array:
        window = image.display_windows[0]
        if window.low < window.high:
            return window.low, window.high
    sample = _subsample(array)
    usable = np.isfinite(sample)
    if image.valid is not None and image.valid.shape == array.shape:
        usable &= _subsample(image.valid)
    # A texture holds float32: beyond its range no limit can be told from another.
    values = np.clip(sample[usable].astype(np.float64), -_LARGEST, _LARGEST)
    return contrast_limits(values)
