"""Checks both images and turns them into arrays that can be matched."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_lossviz.betti.config import BettiConfig
from napari_lossviz.core import LABEL_UNIT, Image, InputError, OutOfMemoryError, to_millimetres

BYTES_PER_PIXEL = {2: 200, 3: 450}
"""Peak memory of a matching by number of axes, on white noise (smooth images: two thirds of it)."""

_SHOWN_LABELS = 12

_GREY_VALUES = 32
"""More different integers than classes are likely: with one in the upper half of the range, these
are grey values."""


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Two arrays of one shape, and what the user should know about them."""

    prediction: NDArray[Any]
    target: NDArray[Any]
    warnings: tuple[str, ...]


def check_inputs(prediction: Image, target: Image, config: BettiConfig) -> Inputs:
    """Return the values of both images, labels turned into masks, grey values into probabilities.

    Parameters
    ----------
    prediction, target : Image
        Axes y, x or z, y, x; probabilities, masks, or labels with `config.label`. Unsigned integers
        of 8 or 16 bits that spread over their range are probabilities, the highest one being 1,
        unless the image says that they are labels.
    config : BettiConfig

    Raises
    ------
    InputError
        If the shapes differ, there is a channel or time axis, a value is not finite, values are
        complex, or integers hold several labels and none is chosen.
    OutOfMemoryError
        If the matching needs more memory than there is.
    """
    for role, image in (("prediction", prediction), ("target", target)):
        _check_axes(role, image)
    if prediction.shape != target.shape:
        raise InputError(
            f"prediction {prediction.name!r} has the shape {prediction.shape}, target "
            f"{target.name!r} {target.shape}; both must be the same picture: resample or crop one"
        )
    if 0 in prediction.shape:
        raise InputError(f"{prediction.name!r} has the shape {prediction.shape}: there is no pixel")
    check_memory(prediction.shape)
    arrays, warnings = [], _remarks_on_sizes(prediction, target)
    for role, image in (("prediction", prediction), ("target", target)):
        if image.valid is not None and not image.valid.any():
            raise InputError(f"{role} {image.name!r} holds no valid value at all (NaN, no-data)")
        values = _values(role, image, config.label)
        if values.dtype.kind == "f" and image.array.dtype.kind == "u":
            top = np.iinfo(image.array.dtype).max
            warnings.append(
                f"{role}: grey values of {image.array.dtype.itemsize * 8} bits were taken as "
                f"probabilities, {top} as 1; if they are labels, choose the class under Label"
            )
        if image.valid is not None and not image.valid.all():
            background = _background(values[image.valid], config.filtration)
            values = np.where(image.valid, values, values.dtype.type(background))
            warnings.append(f"{role}: pixels without a valid value count as background")
        arrays.append(values)
        warnings += _remarks(role, values, config)
    if config.relative and len(prediction.shape) == 3 and 1 in prediction.shape:
        warnings.append(
            "one slice of a volume: with the setting relative the frame lies before and behind it, "
            "too, and touches every feature; the matching error takes it as a plane"
        )
    return Inputs(arrays[0], arrays[1], tuple(warnings))


def check_memory(shape: tuple[int, ...], available: int | None = None) -> None:
    """Refuse images whose matching does not fit into memory.

    Parameters
    ----------
    shape : tuple of int
    available : int, optional
        Bytes; default: what the machine has left.

    Raises
    ------
    OutOfMemoryError
        The message says how much it would take.
    """
    pixels = int(np.prod(shape, dtype=np.int64))
    axes = max(len(shape), 2)
    needed = pixels * BYTES_PER_PIXEL[axes]
    free = psutil.virtual_memory().available if available is None else available
    numbers = pixels * (3 if axes == 3 else 2)
    if needed > free or numbers > np.iinfo(np.int32).max:
        most = min(free / BYTES_PER_PIXEL[axes], np.iinfo(np.int32).max / (numbers / pixels))
        factor = (pixels / max(most, 1)) ** (1 / len(shape))
        raise OutOfMemoryError(
            f"matching two images of {' x '.join(map(str, shape))} pixels takes about "
            f"{needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free; choose a region or "
            f"some slices, work in tiles, or downsample by {int(np.ceil(factor))} along each axis"
        )


def _check_axes(role: str, image: Image) -> None:
    if "c" in image.axes:
        raise InputError(
            f"{role} {image.name!r} has a channel axis (axes {image.axes!r}, shape {image.shape}); "
            "a probability map or mask has one value a pixel: choose a channel"
        )
    if "t" in image.axes or len(image.axes) > 3:
        raise InputError(
            f"{role} {image.name!r} has axes {image.axes!r}, shape {image.shape}; features are "
            "matched in 2D or 3D: choose one time point"
        )


def _values(role: str, image: Image, label: int | Literal["any"] | None) -> NDArray[Any]:
    values = np.asarray(image.array)
    known = values if image.valid is None else values[image.valid]  # without codes of no data
    if values.dtype.kind not in "buif":
        raise InputError(
            f"{role} {image.name!r} holds values of type {values.dtype}; expected a probability "
            "map, a mask or labels, which are real numbers"
        )
    if label == "any" and values.dtype.kind in "bui":
        return np.asarray(values > 0)
    if label is not None and values.dtype.kind in "bui":
        if not (known == label).any() and role == "target":
            raise InputError(
                f"{role} {image.name!r} holds no pixel with label {label}; it holds "
                f"{_labels(known)}"
            )
        return np.asarray(values == label)
    if values.dtype.kind in "ui":
        found = _labels_of(known)
        if image.value_unit != LABEL_UNIT and _are_grey(values, found):
            return np.asarray(values / np.float32(np.iinfo(values.dtype).max))
        if len(found) > 2 or (len(found) == 2 and 0 not in found):
            raise InputError(
                f"{role} {image.name!r} holds the integer labels {_labels(known)}, where a "
                "probability map or a mask is expected; choose the class under Label (--label, "
                "label=...), or 'any' there for all labels above 0; if these are grey values, "
                "convert them to floating point between 0 and 1, in an image layer"
            )
        return np.asarray(values != 0)
    if values.dtype.kind == "f":
        wrong = ~np.isfinite(values)
        if image.valid is not None:
            values = np.where(image.valid, values, values.dtype.type(0))
            wrong &= image.valid
        if wrong.any():
            place = tuple(int(n) for n in np.argwhere(wrong)[0])
            raise InputError(
                f"{role} {image.name!r} holds {int(wrong.sum())} values that are not finite, the "
                f"first at {place}; replace them, as by numpy.nan_to_num"
            )
        if values.dtype == np.float16:
            values = values.astype(np.float32)
    return values


def _background(known: NDArray[Any], filtration: str) -> float:
    """Return the value that is foreground last: an end of [0, 1], or of values that lie beyond."""
    low, high = float(known.min()), float(known.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return low if filtration == "superlevel" else high


def _are_grey(values: NDArray[Any], found: list[int]) -> bool:
    """Whether unsigned integers of 8 or 16 bits spread as those of a saved probability map do."""
    if values.dtype not in (np.uint8, np.uint16):
        return False
    return len(found) > _GREY_VALUES and found[-1] > np.iinfo(values.dtype).max // 2


def _labels_of(values: NDArray[Any]) -> list[int]:
    return [int(n) for n in np.unique(values)]


def _labels(values: NDArray[Any]) -> str:
    found = _labels_of(values)
    shown = ", ".join(map(str, found[:_SHOWN_LABELS]))
    return shown + (f", … ({len(found)} in all)" if len(found) > _SHOWN_LABELS else "")


def _remarks_on_sizes(prediction: Image, target: Image) -> list[str]:
    """Say if pixels of both are known to differ in size: it is hardly the same picture."""
    first, second = _size(prediction), _size(target)
    if first is None or second is None or np.allclose(first, second, rtol=1e-3, atol=0):
        return []
    one, two = (
        f"{' x '.join(f'{n:g}' for n in image.spacing)} {image.units[-1]}"
        for image in (prediction, target)
    )
    return [
        f"a pixel of the prediction is {one} large, one of the target {two}; they were compared "
        "pixel by pixel: resample one if they are not of the same grid"
    ]


def _size(image: Image) -> list[float] | None:
    """Return the size of a pixel in millimetres, or None where it is not known."""
    found = [to_millimetres(n, unit) for n, unit in zip(image.spacing, image.units, strict=True)]
    known = [n for n in found if n is not None]
    return known if len(known) == len(found) else None


def _remarks(role: str, values: NDArray[Any], config: BettiConfig) -> list[str]:
    low, high = float(values.min()), float(values.max())
    if low == high:
        what = "an empty mask" if values.dtype == bool and not high else f"constant ({high:g})"
        return [f"{role}: {what}; it has no features"]
    if low < 0 or high > 1:
        return [
            f"{role}: values from {low:g} to {high:g} are no probabilities; persistence is in "
            f"their unit, and the threshold is {config.threshold:g}"
        ]
    return []
