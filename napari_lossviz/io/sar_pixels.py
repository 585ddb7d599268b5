"""What may be wrong with the pixels of a complex image: empty borders, saturation, no value."""

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Image
from napari_lossviz.io.lazy_border import holds_value, lazily_valid, row_ends

_INT16_ENDS = (-32768.0, 32767.0)
ROWS_LOOKED_AT = 2048
"""Of a large image, evenly spread."""


def border_mask(array: NDArray[np.complexfloating]) -> NDArray[np.bool_]:
    """Return where the image is empty: zeros from the left or right end of a row on.

    A zero that stands alone may be a dark pixel and is not counted.

    Parameters
    ----------
    array : (H, W) ndarray
    """
    columns, ends = np.arange(array.shape[1]), row_ends(array)
    return (columns < ends[:, :1]) | (columns >= ends[:, 1:])


def as_complex_image(image: Image, *, int16: bool = False, nodata: float | None = None) -> Image:
    """Return a complex image as complex64, with empty and valueless pixels masked and told of.

    Parameters
    ----------
    image : Image
        Complex, axes "yx"; other axes are left as they are. A dask array stays one.
    int16 : bool
        Whether the values came from 16-bit integers, which saturate.
    nodata : float, optional
        Value that the file declares to mean "no data".

    Returns
    -------
    Image
        With `valid` (of the array's own kind) where anything is to be masked. Of a dask array
        only some rows are looked at now.
    """
    array = image.array
    if array.dtype.kind != "c":
        return image
    if array.dtype != np.complex64:
        array = array.astype(np.complex64)
    image = image.replace(array=array)
    if image.axes != "yx" or 0 in array.shape:
        return image
    sample = array
    if not isinstance(array, np.ndarray):
        sample = np.asarray(array[:: max(1, array.shape[0] // ROWS_LOOKED_AT)])
    known = holds_value(sample, nodata)
    invalid = ~known | border_mask(sample)
    warnings = [*image.warnings, *_border_sentences(image, ~known, invalid)]
    if int16:
        warnings += _saturation_sentences(image, sample)
    valid = image.valid
    if invalid.any() or sample is not array:
        found = ~invalid if sample is array else lazily_valid(array, finite=int16, nodata=nodata)
        valid = found if valid is None else valid & found
    return image.replace(valid=valid, warnings=tuple(warnings))


def _border_sentences(
    image: Image, unknown: NDArray[np.bool_], invalid: NDArray[np.bool_]
) -> list[str]:
    if invalid.all():
        return [f"{image.name}: the image is empty: every pixel is zero or has no value."]
    sentences = []
    count = int(np.count_nonzero(unknown))
    if count:
        sentences.append(
            f"{image.name}: {count} of {unknown.size} pixels hold no value (NaN, infinite or the "
            "file's no-data value); they are left out and hold no value in the result either."
        )
    borders = int(np.count_nonzero(invalid)) - count
    if borders:
        sentences.append(
            f"{image.name}: {100 * borders / unknown.size:.1f} % of the image is an empty border "
            "(zeros); it is masked and stays empty."
        )
    return sentences


def _saturation_sentences(image: Image, sample: NDArray[np.complexfloating]) -> list[str]:
    ends = np.isin(sample.real, _INT16_ENDS) | np.isin(sample.imag, _INT16_ENDS)
    count = int(np.count_nonzero(ends))
    if not count:
        return []
    return [
        f"{image.name}: {count} of {sample.size} pixels are at the end of the 16-bit range and "
        "probably saturated; their intensity is too low, before and after despeckling."
    ]
