"""Values to stored integers and back: how a derived DICOM keeps HU to within 0.5."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydicom.valuerep import format_number_as_ds

from napari_lossviz.core import InputError

Plane = tuple[np.ndarray, np.ndarray | None]
"""Values of a slice, and where they are valid (None: everywhere)."""

_LARGEST_ERROR = 0.5
"""In HU; in steps of the slope where that is finer."""
_FEW_LEVELS = 64
"""Fewer steps than that over the whole range would lose what the values say."""
_LEVELS = 60000.0
"""Steps over the whole range where it decides the step: 16 bits hold them, and padding."""
_ROUNDING = 1e-3
"""Allowance for float32 values of some ten thousand."""


@dataclass(frozen=True)
class Encoding:
    """How values are stored: ``value = slope * stored + intercept``.

    Attributes
    ----------
    slope, intercept : float
        As a DICOM decimal string can hold them.
    bits_allocated, bits_stored : int
    signed : bool
    padding, padding_limit : int, optional
        Stored values from one to the other, both included, mean "no pixel".
    """

    slope: float = 1.0
    intercept: float = 0.0
    bits_allocated: int = 16
    bits_stored: int = 16
    signed: bool = True
    padding: int | None = None
    padding_limit: int | None = None

    @property
    def dtype(self) -> np.dtype[np.signedinteger | np.unsignedinteger]:
        """Little-endian dtype of the stored pixels."""
        return np.dtype(f"<{'i' if self.signed else 'u'}{self.bits_allocated // 8}")

    @property
    def limits(self) -> tuple[int, int]:
        """Lowest and highest stored value."""
        half = 1 << (self.bits_stored - 1)
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)

    @property
    def padding_range(self) -> tuple[int, int] | None:
        """Lowest and highest stored value that mean "no pixel"."""
        if self.padding is None:
            return None
        limit = self.padding if self.padding_limit is None else self.padding_limit
        return min(self.padding, limit), max(self.padding, limit)

    def store(self, values: np.ndarray) -> np.ndarray:
        """Return the stored integers nearest to `values`, as int64."""
        scaled = (np.asarray(values, dtype=np.float64) - self.intercept) / self.slope
        return np.rint(scaled).astype(np.int64)


def choose_encoding(
    planes: Sequence[Plane],
    source: Encoding | None,
    unit: str,
    name: str,
    slopes: Sequence[float] = (),
) -> Encoding:
    """Choose how to store values: as the source did where that holds them, else in 16 bits.

    HU are stored in steps of 1 at most, other values in steps of the source at most (much finer
    where they span only a few of them), so that rounding changes HU by 0.5 at most.

    Parameters
    ----------
    planes : sequence of (values, valid)
        Real (rows, columns) ndarrays, each with its bool ndarray that is False at padding, or
        None.
    source : Encoding, optional
        Of the source; None where its slices differ.
    unit : str
        Unit of the values.
    name : str
        Of the image, for messages.
    slopes : sequence of float
        Of the source's slices, where they differ (PET): the finest is kept as far as 16 bits go.

    Raises
    ------
    InputError
        If valid values are not finite, or span more than 16 bits can hold in such steps.
    """
    low, high, whole = _range(planes, name)
    padded = any(valid is not None and not valid.all() for _, valid in planes)
    base = source or Encoding()
    step = 1.0 if unit == "HU" else abs(base.slope)
    if unit != "HU" and source is None and slopes:
        step = max(min(map(abs, slopes)), _decimal((high - low) / _LEVELS))
    if unit != "HU" and not whole and high - low < _FEW_LEVELS * step:
        step = _decimal((high - low) / _LEVELS) or step
        source = None
    candidates = [] if source is None or not 0 < source.slope <= step else [source]
    candidates += [
        Encoding(step, base.intercept, signed=base.signed),
        Encoding(step, base.intercept, signed=not base.signed),
        Encoding(step, float(np.floor(low)) if unit == "HU" else _decimal(low), signed=False),
    ]
    for candidate in candidates:
        fitted = _with_padding(candidate, planes, (low, high), padded)
        if fitted is not None:
            return fitted
    raise InputError(
        f"{name}: values {low:g} to {high:g} {unit} span more than the 65536 steps of {step:g} "
        "that a 16-bit DICOM can hold: write a TIFF or NIfTI file, or clip the values first"
    )


def _range(planes: Sequence[Plane], name: str) -> tuple[float, float, bool]:
    """Return the lowest and highest valid value, and whether all are whole numbers."""
    lows, highs, whole, bad = [], [], True, 0
    for values, valid in planes:
        real = values if valid is None else values[valid]
        bad += int(np.count_nonzero(~np.isfinite(real)))
        if real.size and not bad:
            lows.append(float(real.min()))
            highs.append(float(real.max()))
            whole = whole and bool(np.array_equal(real, np.rint(real)))
    if bad:
        raise InputError(
            f"{name}: {bad} valid pixels are NaN or infinite, which DICOM cannot store: mark them "
            "as not valid, or write a TIFF"
        )
    return min(lows, default=0.0), max(highs, default=0.0), whole


def encode(plane: Plane, encoding: Encoding) -> np.ndarray:
    """Return the stored pixels of a slice, padding where it is not valid.

    Raises
    ------
    InputError
        If a valid value would come back changed by more than half a step.
    """
    values, valid = plane
    stored = encoding.store(np.nan_to_num(values))
    if valid is not None and encoding.padding_range is not None:
        first, last = encoding.padding_range
        kept = (stored >= first) & (stored <= last)
        stored[~(valid | kept)] = encoding.padding
    lowest, highest = encoding.limits
    stored = np.clip(stored, lowest, highest)
    error = np.abs(stored * encoding.slope + encoding.intercept - np.nan_to_num(values))
    worst = float(error.max(initial=0.0, where=True if valid is None else valid))
    if worst > _LARGEST_ERROR * encoding.slope + _ROUNDING:
        raise InputError(
            f"values would change by up to {worst:g} in {encoding.bits_stored} bits with slope "
            f"{encoding.slope:g} and intercept {encoding.intercept:g}"
        )
    pixels: np.ndarray = stored.astype(encoding.dtype)
    return pixels


def _with_padding(
    encoding: Encoding, planes: Sequence[Plane], extremes: tuple[float, float], padded: bool
) -> Encoding | None:
    """Return the encoding with a padding value that no valid pixel has; None if it does not fit."""
    lowest, highest = encoding.limits
    low, high = sorted(int(n) for n in encoding.store(np.array(extremes)))
    if low < lowest or high > highest:
        return None
    span = encoding.padding_range
    if span is not None and lowest <= span[0] and span[1] <= highest:
        near = span[0] <= high and low <= span[1]
        if not (near and _stores_any_of(encoding, planes, span)):
            return encoding
    encoding = replace(encoding, padding=None, padding_limit=None)
    if not padded:
        return encoding
    if low > lowest:
        return replace(encoding, padding=lowest)
    return replace(encoding, padding=highest) if high < highest else None


def _stores_any_of(encoding: Encoding, planes: Sequence[Plane], span: tuple[int, int]) -> bool:
    """Whether a valid pixel would be stored as a value within `span`."""
    for values, valid in planes:
        stored = encoding.store(values if valid is None else values[valid])
        if ((stored >= span[0]) & (stored <= span[1])).any():
            return True
    return False


def _decimal(value: float) -> float:
    """Round to what a DICOM decimal string of 16 characters holds."""
    return float(format_number_as_ds(float(value)))
