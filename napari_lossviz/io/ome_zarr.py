"""Images as OME-Zarr (NGFF 0.4): a pyramid of resolutions with axes, units and scale."""

import math
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Image, InputError
from napari_lossviz.core.pending_writes import let_writes_end
from napari_lossviz.io.atomic import atomic_folder

VERSION = "0.4"

_ORDER = "tczyx"
"""Of axes in the file, as the specification asks."""

_CHUNK = 512
_ROWS = 2048
"""Rows that are in memory at once."""

_COARSEST = 256
"""Pixels of a side below which no further resolution is made."""

_KINDS = {"t": "time", "c": "channel"}
_UNITS = {
    "nm": "nanometer",
    "um": "micrometer",
    "µm": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
    "s": "second",
    "ms": "millisecond",
    "min": "minute",
}
"""Names of units in UDUNITS-2."""


def write_ome_zarr(
    image: Image,
    path: str | Path,
    *,
    labels: bool = False,
    overwrite: bool = False,
    tick: Callable[[], None] = lambda: None,
) -> Path:
    """Write an image as a folder, whole or not at all.

    Each further resolution halves y and x: of labels every second pixel is taken, of other values
    the mean of four. Bytes stand for booleans, and the amplitude for complex values, which no
    viewer of this format shows.

    Parameters
    ----------
    image : Image
        Read in parts, so that it need not fit into memory.
    path : path
        Of the folder, by custom ending in ".ome.zarr".
    labels : bool
        Whether the values are names of objects.
    overwrite : bool
        Whether a folder that we wrote may be replaced.
    tick : callable
        Called between parts; it may raise `Cancelled`.

    Raises
    ------
    InputError
        If the values are no numbers.
    OutputExistsError, OutputError
        See `atomic_folder`.
    """
    with atomic_folder(path, overwrite) as temporary:
        fill_ome_zarr(image, temporary, labels=labels, tick=tick)
    return Path(path)


def fill_ome_zarr(
    image: Image,
    folder: Path,
    *,
    labels: bool = False,
    tick: Callable[[], None] = lambda: None,
) -> None:
    """Write an image into a folder that is there and empty; see `write_ome_zarr`."""
    try:
        _fill(image, folder, labels, tick)
    except BaseException:
        let_writes_end()
        raise


def _fill(image: Image, folder: Path, labels: bool, tick: Callable[[], None]) -> None:
    import zarr

    kind = _stored_dtype(image)
    order = [image.axes.index(axis) for axis in _ORDER if axis in image.axes]
    axes = "".join(image.axes[n] for n in order)
    shape = tuple(image.shape[n] for n in order)
    group: Any = zarr.open_group(str(folder), mode="a", zarr_format=2)
    factors = _factors(shape)
    for level, factor in enumerate(factors):
        size = (*shape[:-2], *(math.ceil(n / factor) for n in shape[-2:]))
        array = group.create_array(
            str(level),
            shape=size,
            dtype=kind,
            chunks=(*(1 for _ in size[:-2]), *(min(_CHUNK, n) for n in size[-2:])),
            chunk_key_encoding={"name": "v2", "separator": "/"},
        )
        for place in _places(size):
            tick()
            if level == 0:
                array[place] = _stored(image, place, order, kind)
            else:
                array[place] = _halved(group[str(level - 1)], place, labels)
    group.attrs.update(_attributes(image, axes, order, factors, labels))


def _stored_dtype(image: Image) -> np.dtype[Any]:
    kind: np.dtype[Any] = np.dtype(image.array.dtype)
    if kind.kind == "b":
        return np.dtype(np.uint8)
    if kind.kind == "c":
        return np.dtype(np.float64 if kind.itemsize > 8 else np.float32)
    if kind.kind not in "iuf" or kind == np.longdouble:
        raise InputError(f"{image.name}: values of type {kind} cannot be written as OME-Zarr")
    return kind.newbyteorder("<")


def _places(size: tuple[int, ...]) -> Iterator[tuple[int | slice, ...]]:
    """Yield the parts of an array: some rows of each plane."""
    for leading in product(*(range(n) for n in size[:-2])):
        for start in range(0, size[-2], _ROWS):
            yield (*leading, slice(start, min(start + _ROWS, size[-2])), slice(None))


def _stored(
    image: Image, place: tuple[int | slice, ...], order: list[int], kind: np.dtype[Any]
) -> NDArray[Any]:
    """Return one part of the image as it is in the file."""
    where: list[int | slice] = [slice(None)] * len(order)
    for n, index in zip(order, place, strict=True):
        where[n] = index
    part = np.asarray(image.array[tuple(where)])
    left = [n for n in range(len(order)) if isinstance(where[n], slice)]
    wanted = [n for n in order if n in left]
    part = part.transpose([left.index(n) for n in wanted])
    return (np.abs(part) if part.dtype.kind == "c" else part).astype(kind, copy=False)


def _halved(finer: Any, place: tuple[int | slice, ...], labels: bool) -> NDArray[Any]:
    """Return a part of a level from the finer one; an odd edge is repeated."""
    *leading, rows, _ = place
    assert isinstance(rows, slice)
    part = np.asarray(finer[(*leading, slice(2 * rows.start, 2 * rows.stop), slice(None))])
    if labels:
        return np.asarray(part[::2, ::2])
    padded = np.pad(part, [(0, n % 2) for n in part.shape], mode="edge")
    height, width = padded.shape
    with np.errstate(invalid="ignore"):
        mean = padded.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3), dtype=np.float64)
    rounded: NDArray[Any] = np.rint(mean) if part.dtype.kind in "iu" else mean
    return rounded.astype(part.dtype)


def _factors(shape: tuple[int, ...]) -> list[int]:
    factors = [1]
    while max(shape[-2:]) / factors[-1] > 2 * _COARSEST:
        factors.append(2 * factors[-1])
    return factors


def _attributes(
    image: Image, axes: str, order: list[int], factors: list[int], labels: bool
) -> dict[str, Any]:
    described = []
    for axis, n in zip(axes, order, strict=True):
        one = {"name": axis, "type": _KINDS.get(axis, "space")}
        unit = _UNITS.get(image.units[n].lower())
        if unit is not None and axis != "c":
            one["unit"] = unit
        described.append(one)
    datasets = []
    for level, factor in enumerate(factors):
        step = {"y": factor, "x": factor}
        scale = [image.spacing[n] * step.get(a, 1) for a, n in zip(axes, order, strict=True)]
        # the middle of a coarse pixel lies between those of the fine ones
        shift = [
            image.spacing[n] * (step.get(a, 1) - 1) / 2 for a, n in zip(axes, order, strict=True)
        ]
        transformations = [{"type": "scale", "scale": scale}]
        if factor > 1 and not labels:
            transformations.append({"type": "translation", "translation": shift})
        datasets.append({"path": str(level), "coordinateTransformations": transformations})
    multiscale = {
        "version": VERSION,
        "name": image.name,
        "axes": described,
        "datasets": datasets,
        "type": "every second pixel" if labels else "mean of 2 x 2 pixels",
    }
    attributes: dict[str, Any] = {"multiscales": [multiscale]}
    if labels:
        attributes["image-label"] = {"version": VERSION}
    elif image.display_windows and "c" not in axes:
        window = image.display_windows[0]
        limits = {"min": window.low, "max": window.high, "start": window.low, "end": window.high}
        channel = {"color": "FFFFFF", "window": limits, "label": image.name, "active": True}
        attributes["omero"] = {"version": VERSION, "channels": [channel]}
    if image.value_unit:
        attributes["napari-lossviz"] = {"value_unit": image.value_unit}
    return attributes
