"""Tell a DICOM file from others, and read its header."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import FileDataset

from napari_lossviz.core import InputError, LossvizError, OutOfMemoryError
from napari_lossviz.io.dicom_deflated import refuse_deflated_bomb

_PREAMBLE = 128
# Groups 0002 and 0008, little and big endian: a data set without preamble starts with one of them.
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")
_IDENTIFYING = ("SOPClassUID", "SOPInstanceUID", "Modality", "Rows")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence pydicom's warnings of odd values, of which most are in elements nobody here needs.

    pydicom converts values when they are asked for, and warns only then. Those that matter are
    checked one by one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def damage_named(path: Path, what: str) -> Iterator[None]:
    """Turn whatever pydicom raises on a damaged file into an `InputError` that names the file.

    pydicom lets many kinds of error through, some of them only when a value is looked at.
    """
    try:
        yield
    except (LossvizError, OSError, MemoryError):
        raise
    except Exception as error:
        raise InputError(
            f"{path}: {what}, the file is probably damaged ({type(error).__name__}: {error})"
        ) from error


def has_magic_word(path: Path) -> bool:
    """Whether "DICM" stands after the preamble, as in every regular DICOM file."""
    with path.open("rb") as file:
        return file.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM"


def parses_as_dicom(path: Path) -> bool:
    """Whether a file without the magic word holds a DICOM data set nevertheless."""
    with path.open("rb") as file:
        if file.read(2) not in _FIRST_GROUPS:
            return False
    try:
        dataset = read_dataset(path, pixels=False)
    except LossvizError:
        return False
    return sum(keyword in dataset for keyword in _IDENTIFYING) >= 2


def read_dataset(path: Path, *, pixels: bool) -> FileDataset:
    """Parse a DICOM file, with or without its pixels.

    Raises
    ------
    InputError
        If the file cannot be opened or parsed; the message names it.
    OutOfMemoryError
        If it is deflated and unpacks to more than fits into memory.
    """
    try:
        refuse_deflated_bomb(path)
        with quiet(), damage_named(path, "the DICOM header cannot be parsed"):
            return dcmread(path, force=True, stop_before_pixels=not pixels)
    except OutOfMemoryError:
        raise
    except MemoryError as error:
        raise InputError(f"{path}: does not fit into memory; its header may be damaged") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror or error})") from error
