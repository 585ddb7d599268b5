"""`Image`, the one form in which pixels travel between files, methods and layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from napari_lossviz.core.axes import check_axes
from napari_lossviz.core.errors import InputError

LABEL_UNIT = "label"
"""Unit of values that are names of classes or objects, and no amounts."""


@dataclass(frozen=True)
class Origin:
    """Where an image came from.

    Attributes
    ----------
    paths : tuple of Path
        The files read, for a series in the order of its slices.
    format : str
        Name of the reader ("dicom", "tiff", …), empty for an array.
    series_uid : str
        DICOM SeriesInstanceUID, else empty.
    guarded : tuple of Path
        Files that the image was made from but does not hold any more (a layer whose pixels were
        replaced): no recipe names them, and no export may overwrite them.
    """

    paths: tuple[Path, ...] = ()
    format: str = ""
    series_uid: str = ""
    guarded: tuple[Path, ...] = ()

    @property
    def never_overwritten(self) -> tuple[Path, ...]:
        """All files that an export must leave alone."""
        return self.paths + self.guarded


@dataclass(frozen=True)
class DisplayWindow:
    """A named contrast window in the image's value unit."""

    name: str
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels with all that is known of them.

    Attributes
    ----------
    array : ndarray, dask array or zarr array
        In its own dtype: float32 HU for CT after rescale, uint8 for RGB, complex64 for SAR, ….
    axes : str
        One letter for each axis, of t (time, phase), z, y, x, c (channel); never guessed from the
        shape.
    spacing : tuple of float
        Distance between neighbouring samples, in the order of the axes; 1 where unknown.
    units : tuple of str
        Unit of each spacing: "mm", "um", "pixel" where unknown; "" for a channel axis.
    value_unit : str
        Unit of the values, such as "HU", or `LABEL_UNIT`; empty where unknown.
    name : str
        Short name for layers and files.
    patient_affine : (4, 4) ndarray, optional
        From (z, y, x) index to DICOM patient coordinates (LPS) in mm.
    origin : Origin
        Files and series the image was read from.
    valid : bool ndarray, optional
        False at padding and no-data, in the shape of the axes without c. Methods leave such pixels
        unchanged and take nothing from them. None: all valid.
    display_windows : tuple of DisplayWindow
        Contrast windows, the preferred one first.
    metadata : mapping
        What a writer needs to give back (DICOM headers, TIFF tags, …), by format.
    warnings : tuple of str
        What the user should know, a sentence each.
    """

    array: Any = field(repr=False)
    axes: str
    spacing: tuple[float, ...] = ()
    units: tuple[str, ...] = ()
    value_unit: str = ""
    name: str = "image"
    patient_affine: np.ndarray | None = None
    origin: Origin = Origin()
    valid: np.ndarray | None = field(default=None, repr=False)
    display_windows: tuple[DisplayWindow, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_axes(self.axes, self.array.ndim)
        if not self.spacing:
            object.__setattr__(self, "spacing", (1.0,) * len(self.axes))
        if not self.units:
            units = tuple("" if axis == "c" else "pixel" for axis in self.axes)
            object.__setattr__(self, "units", units)
        for what, values in (("spacing", self.spacing), ("units", self.units)):
            if len(values) != len(self.axes):
                raise InputError(f"{self.name}: {what} {values} does not match axes {self.axes!r}")
        if self.valid is not None and self.valid.shape != self.spatial_shape:
            raise InputError(
                f"{self.name}: the mask of valid pixels is {self.valid.shape}, the image "
                f"{self.spatial_shape}"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(self.array.shape)

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """Shape without the channel axis."""
        return tuple(n for n, axis in zip(self.shape, self.axes, strict=True) if axis != "c")

    def spacing_of(self, axis: str) -> tuple[float, str]:
        """Return spacing and unit of one axis; (1.0, "pixel") where the image lacks it."""
        if axis not in self.axes:
            return 1.0, "pixel"
        i = self.axes.index(axis)
        return self.spacing[i], self.units[i]

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some attributes changed."""
        return replace(self, **changes)


@dataclass(frozen=True, eq=False)
class NamedImage:
    """One image of a result, as the layer maker and the writers need it.

    Attributes
    ----------
    name : str
        Such as "denoised" or "sigma_x stage 1"; becomes "<input> <name>".
    array : array-like
        In the axes of the input, without its channel axis where the role is "map".
    role : str
        "result", "residual", "map", "loss", "gradient", "mask" or "labels": decides colormap and
        order.
    unit : str
        Unit of the values.
    """

    name: str
    array: Any
    role: str
    unit: str = ""


def as_image(image: Image | Any, axes: str | None = None) -> Image:
    """Return `image` as an `Image`.

    Parameters
    ----------
    image : Image or array-like
    axes : str, optional
        Axes of a bare array. Default: the last two are y, x, one before them z, another t; a
        channel axis is never guessed.

    Raises
    ------
    InputError
        If the axes do not fit, or a bare array has fewer than 2 or more than 4 axes.
    """
    if isinstance(image, Image):
        if axes is not None and axes != image.axes:
            raise InputError(f"{image.name}: axes={axes!r} given, but the image has {image.axes!r}")
        return image
    array = image if hasattr(image, "ndim") and hasattr(image, "dtype") else np.asarray(image)
    if axes is None:
        if not 2 <= array.ndim <= 4:
            raise InputError(
                f"an array of {array.ndim} axes needs axes=, such as 'zyx' or 'yxc' for channels"
            )
        axes = "tzyx"[-array.ndim :]
    return Image(array, axes)
