"""`read`: any file, list of files or folder to images, decided by content."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from napari_lossviz.core import (
    Image,
    InputError,
    LossvizError,
    OutOfMemoryError,
    Reporter,
    Step,
    UnsupportedFileError,
    silent,
)
from napari_lossviz.io.measurements import MeasurementChoice
from napari_lossviz.io.registry import FORMATS, Format, find_by_content
from napari_lossviz.io.sound_geometry import with_sound_geometry

PathLike = str | os.PathLike[str]

PRODUCT_MANIFEST = "manifest.safe"
"""Name of the file that describes a folder of Sentinel's SAFE format."""

_NAMED_AT_MOST = 5
_ARCHIVES = {
    b"\x1f\x8b": "it is gzip-compressed; unpack it first",
    b"PK\x03\x04": "it is a zip archive; unpack it and open the folder",
    b"BZh": "it is bzip2-compressed; unpack it first",
    b"7z\xbc\xaf\x27\x1c": "it is a 7z archive; unpack it and open the folder",
}

_ZARR_FILES = (".zgroup", ".zarray", "zarr.json")

_LOOKED_AT = 4096
"""Bytes of a file that is no image: what it is instead."""


@dataclass
class FoundFiles:
    """The files of one call, sorted by who reads them, and why some are not read.

    Attributes
    ----------
    dicom : list of Path
    others : list of (Path, Format)
    failures : list of (Path, LossvizError)
        What cannot be opened or, being named itself, is no image.
    no_images : list of Path
        Files of folders that are no images.
    """

    dicom: list[Path] = field(default_factory=list)
    others: list[tuple[Path, Format]] = field(default_factory=list)
    failures: list[tuple[Path, LossvizError]] = field(default_factory=list)
    no_images: list[Path] = field(default_factory=list)


def read(
    path: PathLike | Iterable[PathLike],
    *,
    reporter: Reporter | None = None,
    measurements: MeasurementChoice = MeasurementChoice(),
    lazy: bool = False,
    pictures: bool = False,
) -> list[Image]:
    """Read files and folders; the content decides what they are, not their names.

    Parameters
    ----------
    path : path or list of paths
        Files or folders. A folder is searched with its subfolders, links to folders apart; hidden
        files and DICOMDIR are skipped. DICOM files are put together to volumes, however they are
        spread. PNG and JPEG files are read only if they are named themselves, unless `pictures`.
    reporter : Reporter, optional
        Told of every file; raises `Cancelled` to stop.
    measurements : MeasurementChoice
        Which swaths and polarisations of Sentinel-1 products; default: all.
    lazy : bool
        Whether the pixels of large DICOM volumes stay in their files: `Image.array` then decodes a
        slice when it is indexed. (Scenes and slides always stay in theirs.)
    pictures : bool
        Whether the PNG and JPEG files of folders are images too, and not previews of others.

    Returns
    -------
    list of Image
        One for each volume that belongs together: first the DICOM volumes in the order of their
        series numbers, then the other files in the order given. What could not be read and what is
        odd about a volume stands in `Image.warnings`.

    Raises
    ------
    InputError
        If a path does not exist, or nothing at all could be read; the message names the files.
    UnsupportedFileError
        If no file is of a known kind, or none holds pixels.
    MissingPackageError
        If the only files need a package that is not installed.
    """
    report = reporter or silent
    given = [Path(path)] if isinstance(path, str | os.PathLike) else [Path(one) for one in path]
    found = sort_by_kind(given, report, pictures=pictures)

    images: list[Image] = []
    failures = [error for _, error in found.failures]
    if found.dicom:
        from napari_lossviz.io.dicom_read import read_dicom

        outcome = read_dicom(found.dicom, report, lazy=lazy)
        images.extend(outcome.images)
        failures.extend(outcome.failures)
    for done, (file, known) in enumerate(found.others):
        report(Step(done, len(found.others), message=f"reading {file.name}"))
        if any(file in one.origin.paths for one in images):
            continue  # a header, or the pixels that it describes: both stand for one image
        try:
            images.extend(_read_other(file, known, measurements))
        except LossvizError as error:
            failures.append(error)
    if not images:
        raise _nothing_read(given, failures, found.no_images)
    warnings = (*_sentences(failures), *_passed_over(found.no_images))
    return [image.replace(warnings=(*image.warnings, *warnings)) for image in images]


def find_files(
    folder: Path, on_error: Callable[[OSError], None] = lambda error: None
) -> Iterator[Path]:
    """Yield the files below `folder`, sorted, without hidden ones and DICOMDIR.

    Links to folders are not followed: they may lead round in circles. Of a satellite product in
    SAFE format only the manifest is yielded.

    Parameters
    ----------
    folder : Path
    on_error : callable
        Told of every folder that cannot be listed, and that is passed over.
    """
    for parent, folders, names in os.walk(folder, onerror=on_error):
        if PRODUCT_MANIFEST in names:  # it stands for all the files of its product
            folders.clear()
            yield Path(parent, PRODUCT_MANIFEST)
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name.upper() != "DICOMDIR":
                yield Path(parent, name)


def sort_by_kind(
    given: list[Path],
    report: Reporter,
    leave_out: Path | None = None,
    *,
    pictures: bool = False,
) -> FoundFiles:
    """Sort files, and the files of folders, by who reads them.

    Parameters
    ----------
    given : list of Path
        Files or folders, as `read` takes them.
    report : Reporter
    leave_out : Path, optional
        A folder whose files are passed over, wherever it is found.
    pictures : bool
        As `read` takes it.

    Raises
    ------
    InputError
        If a path is one that no file can have.
    """
    files: dict[Path, bool] = {}  # and whether the file was named by the caller
    found = FoundFiles()

    def unreadable(error: OSError) -> None:
        reason = f"{error.filename}: the folder cannot be opened ({error.strerror})"
        found.failures.append((Path(error.filename), InputError(reason)))

    for path in given:
        if not _is_folder(path):
            files[path] = True
            continue
        passed_over = _place_within(path, leave_out)
        for file in find_files(path, unreadable):
            if passed_over is not None and file.is_relative_to(passed_over):
                continue
            files.setdefault(file, False)
            if len(files) % 1000 == 0:
                report(Step(0, 1, message=f"{len(files)} files found"))
    for done, (file, named) in enumerate(files.items()):
        if done % 50 == 0:
            report(Step(done, len(files), message="looking at files"))
        try:
            _add(file, named, found, pictures)
        except OSError as error:
            reason = error.strerror or error
            found.failures.append((file, InputError(f"{file}: cannot be opened ({reason})")))
        except LossvizError as error:
            found.failures.append((file, error))
    return found


def _place_within(folder: Path, inner: Path | None) -> Path | None:
    """Return how files of `inner` are named when `folder` is searched; None: it is not in there."""
    if inner is None:
        return None
    whole, part = folder.resolve(), inner.resolve()
    return folder / part.relative_to(whole) if part.is_relative_to(whole) else None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError) as error:  # a name that is too long, or has a zero byte
        raise InputError(f"{path}: no file can have this name ({error})") from error


def _add(file: Path, named: bool, found: FoundFiles, pictures: bool) -> None:
    from napari_lossviz.io.dicom_files import has_magic_word, parses_as_dicom

    if not file.exists():
        raise InputError(f"{file}: there is no such file or folder")
    if not file.is_file():
        raise UnsupportedFileError(f"{file}: this is no regular file")
    if has_magic_word(file):
        found.dicom.append(file)
    elif (known := find_by_content(file)) is not None and (
        named or pictures or not known.only_named
    ):
        found.others.append((file, known))
    elif parses_as_dicom(file):
        found.dicom.append(file)
    elif named:
        raise UnsupportedFileError(f"{file}: {_why_unknown(file)}")
    else:
        found.no_images.append(file)


def _why_unknown(file: Path) -> str:
    with file.open("rb") as opened:
        start = opened.read(_LOOKED_AT)
    if not start:
        return "the file is empty"
    for magic, advice in _ARCHIVES.items():
        if start.startswith(magic):
            return advice
    if start.lstrip().startswith(b"{") and b'"recipe_version"' in start:
        return (
            "this is a recipe, not an image; to compute its result again, type in a terminal: "
            f'lossviz replay "{file}" -o OUT'
        )
    kinds = ", ".join(["DICOM", *(known.name.upper() for known in FORMATS)])
    return f"it is of no kind that can be read; expected one of {kinds}"


def _read_other(file: Path, known: Format, measurements: MeasurementChoice) -> list[Image]:
    choice = (measurements,) if known.measurements else ()
    try:
        images: list[Image] = known.load().read(file, *choice)
    except LossvizError:
        raise
    except MemoryError as error:
        raise OutOfMemoryError(
            f"{file}: the image does not fit into memory; close other programs, or open a part of "
            "it. The header of the file may also be damaged"
        ) from error
    except Exception as error:  # whatever a format's library raises on a broken file
        raise InputError(
            f"{file}: cannot be read as {known.name.upper()}, the file is probably damaged "
            f"({type(error).__name__}: {error})"
        ) from error
    return [with_sound_geometry(image) for image in images]


def _passed_over(files: list[Path]) -> list[str]:
    """Return one sentence for all the files of folders that are no images."""
    if not files:
        return []
    names = ", ".join(str(file) for file in files[:_NAMED_AT_MOST])
    more = f" and {len(files) - _NAMED_AT_MOST} more" if len(files) > _NAMED_AT_MOST else ""
    return [f"passed over {len(files)} file(s) of no known image kind: {names}{more}"]


def _sentences(failures: list[LossvizError]) -> list[str]:
    """Return a sentence for each failure; of many only the first ones, and the number."""
    shown = [str(failure) for failure in failures[:_NAMED_AT_MOST]]
    more = len(failures) - _NAMED_AT_MOST
    return [*shown, f"{more} more files could not be read"] if more > 0 else shown


def _nothing_read(
    given: list[Path], failures: list[LossvizError], no_images: list[Path]
) -> LossvizError:
    if len(failures) == 1:
        return failures[0]
    if failures:
        kinds = {type(failure) for failure in failures}
        kind = kinds.pop() if len(kinds) == 1 else InputError
        return kind("; ".join(_sentences(failures)))
    names = ", ".join(str(path) for path in given) or "the list of paths"
    if any((path / name).is_file() for path in given for name in _ZARR_FILES):
        return UnsupportedFileError(
            f"{names}: a zarr folder, perhaps OME-Zarr, which is not read here; napari opens it "
            "itself if it is dropped on the window, or save it as OME-TIFF"
        )
    if no_images:
        return UnsupportedFileError(
            f"{names}: holds no image that can be read; {_passed_over(no_images)[0]}"
        )
    return InputError(f"{names}: holds no file")
