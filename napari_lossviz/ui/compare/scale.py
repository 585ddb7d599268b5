"""Slices on one scale: dB beside dB, as layers of complex radar images are shown."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import InputError
from napari_lossviz.metrics import is_decibel, to_decibel
from napari_lossviz.ui.compare.plane import Plane, value_unit

_POWERS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "intensity": lambda values: values,
    "amplitude": lambda values: np.square(np.maximum(values, 0)),
}


@dataclass(frozen=True, eq=False)
class DecibelPlane(Plane):
    """A slice of intensities or amplitudes, its values in dB; not valid where there is no power."""

    @cached_property
    def values(self) -> NDArray[Any]:
        """(H, W) array, as of the base class."""
        linear = np.asarray(super().values, np.float64)
        return to_decibel(_POWERS[value_unit(self.layer)](linear))


def in_decibel(plane: Plane) -> bool:
    """Return whether the values of a slice are decibels."""
    return isinstance(plane, DecibelPlane) or is_decibel(value_unit(plane.layer))


def same_scale(before: Plane, after: Plane) -> None:
    """Raise unless both slices are in dB, or none is.

    Raises
    ------
    InputError
        If just one is.
    """
    if in_decibel(before) != in_decibel(after):
        first, second = (before, after) if in_decibel(before) else (after, before)
        raise InputError(
            f"{first.layer.name!r} is in dB and {second.layer.name!r} is not: take two images of "
            "one scale"
        )


def on_scale_of(reference: Plane, compared: Plane) -> Plane:
    """Return a reference on the scale of what it is compared with.

    Parameters
    ----------
    reference, compared : Plane
        Beside decibels, an intensity or amplitude that says so by its unit becomes decibels.

    Raises
    ------
    InputError
        If their scales differ and the way from one to the other is not known.
    """
    if in_decibel(reference) == in_decibel(compared):
        return reference
    if in_decibel(reference):
        same_scale(compared, reference)
    if value_unit(reference.layer) not in _POWERS:
        raise InputError(
            f"{compared.layer.name!r} is in dB and {reference.layer.name!r} in a unit that is not "
            "known. The Judge tab of MERLIN takes such a reference as intensity"
        )
    return DecibelPlane(
        reference.layer,
        reference.rows,
        reference.columns,
        reference.index,
        reference.world_units,
    )
