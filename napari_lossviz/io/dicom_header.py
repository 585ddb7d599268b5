"""What one DICOM image says of itself: `Frame`, from a classic file or a multi-frame one."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from napari_lossviz.core import InputError, UnsupportedFileError
from napari_lossviz.io.dicom_files import damage_named, quiet, read_dataset
from napari_lossviz.io.memory import require_memory

Vector = tuple[float, float, float]

GRAYSCALE = ("MONOCHROME1", "MONOCHROME2")
COLOUR = (
    "RGB",
    "PALETTE COLOR",
    "YBR_FULL",
    "YBR_FULL_422",
    "YBR_PARTIAL_420",
    "YBR_PARTIAL_422",
    "YBR_ICT",
    "YBR_RCT",
)
_REQUIRED = ("Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "PhotometricInterpretation")
_DIRECTORY = "1.2.840.10008.1.3.10"
_FRAME_ITEM = 8
"""Bytes of the item that starts a compressed frame."""
_VALUE_BYTES = 4
"""Of a pixel once it is read."""
_LARGEST_DEFLATION = 1032
"""How many times smaller the deflate algorithm makes data at best."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One two-dimensional image.

    Attributes
    ----------
    path : Path
        Its file.
    dataset : FileDataset
        The file's header without pixels and overlays, shared by the frames of a file.
    index : int
        Number within the file, from 0.
    frames : int or None
        Number of frames in a multi-frame file, None for a file that is one image.
    own : Dataset
        The frame's functional groups, flattened; empty for a file that is one image.
    rows, columns : int
    photometric : str
        PhotometricInterpretation.
    position : (x, y, z) or None
        Centre of the first pixel in patient coordinates (LPS) in mm.
    orientation : (2, 3) ndarray or None
        Unit vectors of increasing column index (x) and of increasing row index (y).
    """

    path: Path
    dataset: FileDataset
    index: int
    frames: int | None
    own: Dataset
    rows: int
    columns: int
    photometric: str
    position: Vector | None
    orientation: np.ndarray | None

    def get(self, keyword: str) -> Any:
        """Return a value from the frame's own groups, else from the file's header, or None."""
        for source in (self.own, self.dataset):
            try:
                value = source.get(keyword)
            except Exception:  # an element that pydicom cannot convert counts as absent
                value = None
            if value is not None and value != "":
                return value
        return None

    def text(self, keyword: str) -> str:
        """Return a value as text, without surrounding blanks; empty where absent."""
        value = self.get(keyword)
        return "" if value is None else str(value).strip()

    def number(self, keyword: str) -> float | None:
        """Return the first number of an element, or None where there is no finite one."""
        values = self.numbers(keyword)
        return values[0] if values and math.isfinite(values[0]) else None

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return the numbers of an element; empty where absent or unreadable."""
        return _numbers(self.get(keyword))

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID, empty where absent."""
        return self.text("SeriesInstanceUID")

    @property
    def instance_number(self) -> int | None:
        """InstanceNumber, for a frame of a multi-frame file its number in the file."""
        number = self.index if self.frames is not None else self.number("InstanceNumber")
        return None if number is None else int(number)

    @property
    def image_type(self) -> tuple[str, ...]:
        """Values of ImageType (FrameType in an enhanced file)."""
        value = self.get("FrameType") or self.get("ImageType") or ()
        return (value,) if isinstance(value, str) else tuple(str(one) for one in value)

    @property
    def colour(self) -> bool:
        """Whether the pixels have three channels once decoded."""
        return self.photometric in COLOUR

    @property
    def distance(self) -> float | None:
        """Position along the slice normal in mm, None without geometry."""
        if self.position is None or self.orientation is None:
            return None
        return float(np.dot(self.position, np.cross(*self.orientation)))


def read_frames(path: Path) -> list[Frame]:
    """Read a file's header and return its frames.

    Raises
    ------
    UnsupportedFileError
        If the object holds no pixels.
    InputError
        If the header cannot be parsed or contradicts itself.
    """
    dataset = read_dataset(path, pixels=False)
    with quiet(), damage_named(path, "the DICOM header cannot be understood"):
        return _frames_of(path, dataset)


def _frames_of(path: Path, dataset: FileDataset) -> list[Frame]:
    if _text(dataset, "SOPClassUID") == _DIRECTORY or "DirectoryRecordSequence" in dataset:
        raise UnsupportedFileError(
            f"{path}: this is a DICOMDIR, an index of other files; open the folder that holds it"
        )
    missing = [keyword for keyword in _REQUIRED if _text(dataset, keyword) == ""]
    if missing:
        _explain_missing(path, dataset, missing)
    rows, columns = (_integer(path, dataset, keyword) for keyword in ("Rows", "Columns"))
    if rows < 1 or columns < 1:
        raise InputError(f"{path}: the image is {rows} x {columns} pixels, expected at least 1 x 1")
    photometric = _check_pixel_module(path, dataset)
    for tag in [tag for tag in dataset.keys() if 0x6000 <= tag.group <= 0x60FF]:  # noqa: SIM118
        del dataset[tag]  # overlays are drawn over the pixels, they are none
    count = _frame_count(path, dataset)
    frames = []
    for index in range(count or 1):
        own = _own_groups(dataset, index) if count is not None else Dataset()
        position, orientation = _geometry(dataset, own, index, count or 1)
        frames.append(
            Frame(
                path, dataset, index, count, own, rows, columns, photometric, position, orientation
            )
        )
    return frames


def _explain_missing(path: Path, dataset: FileDataset, missing: list[str]) -> None:
    whole = read_dataset(path, pixels=True)
    if any(word in whole for word in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise InputError(
            f"{path}: {', '.join(missing)} missing from the DICOM header; without them the pixels "
            "cannot be read"
        )
    raise UnsupportedFileError(f"{path}: {kind_of(dataset)} holds no pixels; expected an image")


def kind_of(dataset: Dataset) -> str:
    """Return what a DICOM object is, in words: "RT Plan Storage object"."""
    uid = dataset.get("SOPClassUID") or getattr(dataset, "file_meta", Dataset()).get(
        "MediaStorageSOPClassUID"
    )
    name = getattr(uid, "name", "") or _text(dataset, "Modality") or "unknown"
    return f"this DICOM object ({name})"


def _check_pixel_module(path: Path, dataset: FileDataset) -> str:
    photometric = _text(dataset, "PhotometricInterpretation")
    if photometric not in (*GRAYSCALE, *COLOUR):
        raise InputError(
            f"{path}: PhotometricInterpretation is {photometric!r}; expected one of "
            f"{', '.join((*GRAYSCALE, *COLOUR))}"
        )
    samples = _integer(path, dataset, "SamplesPerPixel")
    expected = 1 if photometric in (*GRAYSCALE, "PALETTE COLOR") else 3
    if samples != expected:
        raise InputError(
            f"{path}: SamplesPerPixel is {samples}, but {photometric} needs {expected}"
        )
    bits = _integer(path, dataset, "BitsAllocated")
    if bits not in (1, 8, 16, 32, 64):
        raise InputError(f"{path}: BitsAllocated is {bits}; expected 1, 8, 16, 32 or 64")
    if _text(dataset, "BitsStored") != "":
        stored = _integer(path, dataset, "BitsStored")
        if not 1 <= stored <= bits:
            raise InputError(f"{path}: BitsStored is {stored}; expected 1 to {bits}")
    return photometric


def _frame_count(path: Path, dataset: FileDataset) -> int | None:
    grouped = "PerFrameFunctionalGroupsSequence" in dataset
    if _text(dataset, "NumberOfFrames") == "":
        return 1 if grouped else None
    count = _integer(path, dataset, "NumberOfFrames")
    if count < 0:
        raise InputError(f"{path}: NumberOfFrames is {count}; expected 1 or more")
    if count > 1:
        _check_room(path, dataset, count)
    # 0 is written by some devices for a single image.
    return count if count > 1 else 1 if grouped else None


def _check_room(path: Path, dataset: FileDataset, count: int) -> None:
    """Raise if a file is too small for its frames: a damaged number may be in the billions."""
    syntax = getattr(dataset, "file_meta", Dataset()).get("TransferSyntaxUID")
    smallest = _FRAME_ITEM
    if syntax is None or not UID(syntax).is_encapsulated:
        samples = 2 if _text(dataset, "PhotometricInterpretation") == "YBR_FULL_422" else 0
        samples = samples or _integer(path, dataset, "SamplesPerPixel")
        pixels = _integer(path, dataset, "Rows") * _integer(path, dataset, "Columns")
        smallest = max(1, pixels * samples * _integer(path, dataset, "BitsAllocated") // 8)
    size = path.stat().st_size
    if syntax == DeflatedExplicitVRLittleEndian:
        size *= _LARGEST_DEFLATION
    if count * smallest > size:
        raise InputError(
            f"{path}: NumberOfFrames is {count}, but the file holds {size // smallest} at most; it "
            "is truncated or damaged"
        )
    pixels = _integer(path, dataset, "Rows") * _integer(path, dataset, "Columns")
    require_memory(path, count * pixels * _VALUE_BYTES)


def _own_groups(dataset: FileDataset, index: int) -> Dataset:
    """Flatten the shared and then the frame's own functional groups into one dataset."""
    own = Dataset()
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    by_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    for groups in (*shared[:1], *by_frame[index : index + 1]):
        for group in groups:
            if group.VR == "SQ" and len(group.value) == 1:
                own.update(group.value[0])
    return own


def _geometry(
    dataset: FileDataset, own: Dataset, index: int, count: int
) -> tuple[Vector | None, np.ndarray | None]:
    position: Vector | None = None
    orientation: np.ndarray | None = None
    for source in (dataset, own):
        found = _numbers(source.get("ImagePositionPatient"))
        if len(found) == 3 and all(map(math.isfinite, found)):
            position = (found[0], found[1], found[2])
        orientation = _unit_vectors(source.get("ImageOrientationPatient"), orientation)
    offsets = _numbers(dataset.get("GridFrameOffsetVector"))
    if position is not None and count > 1 and "ImagePositionPatient" not in own:
        if orientation is None or len(offsets) < count:
            return None, orientation  # all frames share one position: that says nothing
        # RT dose: offsets of the frames along the normal, from the first.
        moved = np.asarray(position) + np.cross(*orientation) * (offsets[index] - offsets[0])
        position = (float(moved[0]), float(moved[1]), float(moved[2]))
    return position, orientation


def _unit_vectors(value: Any, default: np.ndarray | None) -> np.ndarray | None:
    found = np.asarray(_numbers(value), float)
    if found.shape != (6,) or not np.isfinite(found).all():
        return default
    vectors = found.reshape(2, 3)
    lengths = np.linalg.norm(vectors, axis=1)
    if np.abs(lengths - 1).max() > 0.01 or abs(float(vectors[0] @ vectors[1])) > 0.01:
        return default
    unit: np.ndarray = vectors / lengths[:, None]
    return unit


def _numbers(value: Any) -> tuple[float, ...]:
    if value is None:
        return ()
    several = value if isinstance(value, list | tuple) or hasattr(value, "append") else (value,)
    try:
        return tuple(float(one) for one in several)
    except (TypeError, ValueError):
        return ()


def _text(dataset: Dataset, keyword: str) -> str:
    try:
        value = dataset.get(keyword)
    except Exception:  # pydicom could not convert what is there
        return "unreadable"
    return "" if value is None else str(value).strip()


def _integer(path: Path, dataset: Dataset, keyword: str) -> int:
    try:
        return int(dataset[keyword].value)
    except Exception as error:  # what pydicom raises for a value of the wrong kind varies
        raise InputError(f"{path}: {keyword} cannot be read as a whole number ({error})") from error
