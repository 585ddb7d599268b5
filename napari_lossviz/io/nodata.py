"""Pixels without a value: NaN, infinity or a file's no-data value."""

import numpy as np

from napari_lossviz.core import Image


def mask_nodata(image: Image, nodata: float | None = None) -> Image:
    """Mark NaN, infinite and no-data pixels in `Image.valid`, with a warning; values are kept.

    Parameters
    ----------
    image : Image
        A pixel with channels is invalid if any channel is. One that stays in its file is not looked
        at, which a warning says where it may have such pixels.
    nodata : float, optional
        Value that the file declares to mean "no data".
    """
    array = image.array
    if array.dtype.kind not in "fc" and nodata is None:
        return image
    if not isinstance(array, np.ndarray):
        sentence = f"{image.name}: so large an image is not searched for pixels without a value."
        return image.replace(warnings=(*image.warnings, sentence))
    invalid: np.ndarray = np.zeros(array.shape, dtype=bool)
    if array.dtype.kind in "fc":
        invalid |= ~np.isfinite(array)
    if nodata is not None:
        invalid |= np.equal(array, nodata)
    if "c" in image.axes:
        invalid = np.any(invalid, axis=image.axes.index("c"))
    count = int(np.count_nonzero(invalid))
    if not count:
        return image
    sentence = (
        f"{image.name}: {count} of {invalid.size} pixels hold no value (NaN, infinite or no-data); "
        "they are left out and given back unchanged."
    )
    valid = ~invalid if image.valid is None else image.valid & ~invalid
    return image.replace(valid=valid, warnings=(*image.warnings, sentence))
