"""Pixels of one frame: decoded, rescaled, padding marked."""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from napari_lossviz.core import InputError
from napari_lossviz.io.dicom_decoders import decoders_for
from napari_lossviz.io.dicom_files import quiet
from napari_lossviz.io.dicom_header import Frame
from napari_lossviz.io.dicom_limits import refuse_large_frame

_PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@dataclass(frozen=True, eq=False)
class Pixels:
    """One decoded frame.

    Attributes
    ----------
    values : ndarray
        (rows, columns) float32 after the modality rescale, or (rows, columns, 3) unsigned RGB.
    valid : bool ndarray or None
        (rows, columns), False at padding; None where there is none.
    remarks : tuple of str
        What the decoder found odd.
    """

    values: np.ndarray
    valid: np.ndarray | None
    remarks: tuple[str, ...]


def decode(frame: Frame, whole: FileDataset) -> Pixels:
    """Decode one frame.

    Parameters
    ----------
    frame : Frame
    whole : FileDataset
        The frame's file, parsed with pixels.

    Raises
    ------
    InputError
        If the pixels are missing, truncated, damaged or cannot be rescaled.
    UnsupportedFileError
        If they are compressed in a way that cannot be read (video).
    MissingPackageError
        If the decoder for their compression is not installed.
    """
    with quiet():
        syntax, remark = _transfer_syntax(frame, whole)
    stored, remarks = _decode_stored(frame, whole, syntax)
    remarks = (*remark, *remarks)
    if stored.shape[:2] != (frame.rows, frame.columns):
        raise InputError(
            f"{frame.path}: the pixels decode to {stored.shape[0]} x {stored.shape[1]}, expected "
            f"{frame.rows} x {frame.columns} as the header says"
        )
    if frame.colour:
        return Pixels(_colour(frame, whole, stored), None, remarks)
    return Pixels(_rescale(frame, whole, stored), _valid(frame, stored), remarks)


def _transfer_syntax(frame: Frame, whole: FileDataset) -> tuple[UID, tuple[str, ...]]:
    """Return how the pixels are encoded; where the file does not say, how it was parsed."""
    try:
        found = whole.file_meta.get("TransferSyntaxUID")
        if found:
            return UID(found), ()
        implicit, little = whole.original_encoding
        guess = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        if implicit:
            guess = ImplicitVRLittleEndian
        whole.file_meta.TransferSyntaxUID = guess  # the decoder asks the dataset for it
    except Exception as error:  # pydicom converts the element only now
        raise InputError(f"{frame.path}: the file meta information is damaged ({error})") from error
    return guess, (f"no transfer syntax in the file; read as {guess.name}",)


def _decode_stored(
    frame: Frame, whole: FileDataset, syntax: UID
) -> tuple[np.ndarray, tuple[str, ...]]:
    path = frame.path
    if not any(keyword in whole for keyword in _PIXEL_ELEMENTS):
        raise InputError(
            f"{path}: the header describes {frame.rows} x {frame.columns} pixels, but none follow; "
            "the file is cut off, or its pixels were taken out"
        )
    refuse_large_frame(frame, whole, syntax)
    decoder, plugins = decoders_for(path, syntax)
    shift = 0 if syntax.is_encapsulated else _bits_below(frame)
    options: dict[str, Any] = {"correct_unused_bits": False} if shift else {}
    reasons = []
    for plugin in plugins:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                stored, _ = decoder.as_array(
                    whole, index=frame.index, decoding_plugin=plugin, **options
                )
            except MemoryError as error:
                raise InputError(
                    f"{path}: {frame.rows} x {frame.columns} pixels do not fit into memory; the "
                    "header may be damaged"
                ) from error
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # decoders written in Rust panic past Exception
                reasons.append(" ".join(str(error).split()))
                continue
        remarks = [str(one.message) for one in caught]
        if shift:
            stored, remark = _right_justified(frame, stored, shift)
            remarks.append(remark)
        return stored, tuple(dict.fromkeys(remarks))
    raise InputError(
        f"{path}: the pixels cannot be decoded, they are truncated or damaged, or the header is "
        f"wrong (expected {frame.rows} x {frame.columns} pixels of {whole.get('BitsAllocated')} "
        f"bits, {syntax.name}): {'; '.join(reasons)}"
    )


def _bits_below(frame: Frame) -> int:
    """Return how many unused bits the header puts below the stored ones: 0 in regular files."""
    high, stored, allocated = (
        int(frame.number(keyword) or 0) for keyword in ("HighBit", "BitsStored", "BitsAllocated")
    )
    usable = 0 < stored <= high < allocated and allocated in (8, 16, 32) and not frame.colour
    return high + 1 - stored if usable else 0


def _right_justified(frame: Frame, raw: np.ndarray, shift: int) -> tuple[np.ndarray, str]:
    """Return the stored values of pixels whose HighBit is not BitsStored - 1, and a remark.

    Old devices put the values into the upper bits and left the lower ones empty; other writers
    only state a wrong HighBit. The lower bits tell.
    """
    high, stored = int(frame.number("HighBit") or 0), int(frame.number("BitsStored") or 0)
    said = f"HighBit is {high} with BitsStored {stored}, expected {stored - 1}"
    upper = not (raw & ((1 << shift) - 1)).any()
    above = raw.dtype.itemsize * 8 - stored - (shift if upper else 0)
    # First to the left: what lies above the stored bits is dropped, and the sign comes to the top.
    values = (raw << above) >> (raw.dtype.itemsize * 8 - stored)
    used = "the lower bits are empty, so the upper ones" if upper else "the lower bits are in use"
    return values, f"{said}: {used}" + (" are taken" if upper else ", so HighBit is not followed")


def _colour(frame: Frame, whole: FileDataset, stored: np.ndarray) -> np.ndarray:
    if frame.photometric != "PALETTE COLOR":
        return stored
    try:
        coloured = apply_color_lut(stored, whole)[..., :3]
    except Exception as error:  # a missing, short or contradictory palette
        raise InputError(f"{frame.path}: the colour palette cannot be used ({error})") from error
    if coloured.dtype == np.uint16:
        # Palettes mostly have 16-bit entries; a screen shows the upper 8.
        return (coloured >> 8).astype(np.uint8)
    return np.asarray(coloured)


def _rescale(frame: Frame, whole: FileDataset, stored: np.ndarray) -> np.ndarray:
    if whole.get("ModalityLUTSequence"):
        try:
            return np.asarray(apply_modality_lut(stored, whole), np.float32)
        except Exception as error:  # a missing, short or contradictory table
            raise InputError(
                f"{frame.path}: the modality look-up table cannot be used ({error})"
            ) from error
    slope, intercept = rescale_parameters(frame)
    if slope == 1 and intercept == 0:
        return stored.astype(np.float32)
    return (stored * np.float64(slope) + intercept).astype(np.float32)


def rescale_parameters(frame: Frame) -> tuple[float, float]:
    """Return slope and intercept from stored values to the image's unit.

    Raises
    ------
    InputError
        If the slope is zero, or one of them is no finite number.
    """
    values = []
    for keyword, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)):
        if keyword == "RescaleSlope" and frame.text(keyword) == "":
            keyword = "DoseGridScaling"  # the slope of an RT dose
        value = frame.number(keyword)
        text = frame.text(keyword)
        if value is None and text != "":
            raise InputError(f"{frame.path}: {keyword} is {text}; expected a finite number")
        values.append(default if value is None else value)
    slope, intercept = values
    if slope == 0:
        raise InputError(
            f"{frame.path}: RescaleSlope is 0, so that all pixels would be {intercept:g}; expected "
            "another number"
        )
    if not math.isfinite(slope * intercept):
        raise InputError(f"{frame.path}: rescale of {slope:g} and {intercept:g} overflows")
    return slope, intercept


def _valid(frame: Frame, stored: np.ndarray) -> np.ndarray | None:
    valid: np.ndarray = np.isfinite(stored)
    padding = frame.number("PixelPaddingValue")
    if padding is None:
        padding = frame.number("FloatPixelPaddingValue")
    if padding is not None:
        limit = frame.number("PixelPaddingRangeLimit")
        ends = [
            _as_stored(value, stored) for value in (padding, padding if limit is None else limit)
        ]
        valid &= (stored < min(ends)) | (stored > max(ends))
    return None if valid.all() else valid


def _as_stored(value: float, stored: np.ndarray) -> float:
    """Return a padding value in the sign of the pixels; many files write it in the other."""
    if stored.dtype.kind not in "iu":
        return value
    information = np.iinfo(stored.dtype)
    if value > information.max:
        return value - 2.0**information.bits
    if value < information.min:
        return value + 2.0**information.bits
    return value
