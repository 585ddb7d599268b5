"""What memory a frame of a DICOM file may ask for, checked before any is spent on it."""

from pydicom.dataset import FileDataset
from pydicom.encaps import get_frame
from pydicom.uid import UID

from napari_lossviz.core import InputError, OutOfMemoryError
from napari_lossviz.io.codestreams import stated_shape
from napari_lossviz.io.dicom_header import Frame
from napari_lossviz.io.memory import require_memory

_VALUE_BYTES = 4
"""Of a value after the rescale, beside the stored one."""
_MOST_SAMPLES = 4
"""Of a pixel that compressed data may have whatever the header says: it is told from a bomb."""


def refuse_large_frame(frame: Frame, whole: FileDataset, syntax: UID) -> None:
    """Raise if a frame does not fit into memory, or is compressed at another size than stated.

    A decoder takes the memory that the compressed data ask for, whatever the header says.

    Raises
    ------
    InputError
    """
    samples = int(whole.get("SamplesPerPixel") or 1)
    stored = max(int(whole.get("BitsAllocated") or 8) // 8, 1)
    needed = frame.rows * frame.columns * samples * (stored + _VALUE_BYTES)
    encoded = syntax.is_encapsulated
    if not encoded and frame.path.stat().st_size < frame.rows * frame.columns * samples * stored:
        return  # cut off, which the decoder says; a packed bit a pixel needs little
    try:
        require_memory(frame.path, needed)
    except OutOfMemoryError as error:  # of one slice, which may be left out of its series
        raise InputError(
            f"{frame.path}: {frame.rows} x {frame.columns} pixels need {needed / 1e9:.1f} GB, more "
            "memory than is free; the header may be damaged"
        ) from error
    if not encoded:
        return
    try:
        table = (whole.get("ExtendedOffsetTable"), whole.get("ExtendedOffsetTableLengths"))
        data = get_frame(
            whole.PixelData,
            frame.index,
            number_of_frames=frame.frames or 1,
            extended_offsets=table if all(table) else None,
        )
        found = stated_shape(data)
    except (ValueError, AttributeError):
        return  # the decoder says what is wrong
    if found is None:
        return
    if found[:2] != (frame.rows, frame.columns):
        raise InputError(
            f"{frame.path}: the pixels cannot be decoded, they are truncated or damaged, or the "
            f"header is wrong: expected {frame.rows} x {frame.columns} pixels, and the "
            f"{syntax.name} data speak of {found.rows} x {found.columns}"
        )
    if found.samples > max(samples, _MOST_SAMPLES):
        raise InputError(
            f"{frame.path}: expected {samples} values in a pixel, and the {syntax.name} data speak "
            f"of {found.samples}; the file is damaged, or made to fill the memory"
        )
