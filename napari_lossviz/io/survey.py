"""What files and folders hold, found without reading any pixels where a format allows it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import tifffile

from napari_lossviz.core import LossvizError, Reporter, Step, silent
from napari_lossviz.io import geotiff, safe
from napari_lossviz.io.quiet_logger import quiet_logger
from napari_lossviz.io.read import FoundFiles, read, sort_by_kind
from napari_lossviz.io.registry import Format

if TYPE_CHECKING:
    from napari_lossviz.io.dicom_header import Frame


@dataclass(frozen=True)
class Holding:
    """One image that `read` would return.

    Attributes
    ----------
    paths : tuple of Path
        What to give to `read`.
    index : int
        Which of the images that it then returns.
    count : int
        How many those are.
    format : str
        As in `Origin.format`.
    series_uid : str
        Of DICOM; else empty.
    error : LossvizError, optional
        Why the file cannot be read, where that is known already.
    """

    paths: tuple[Path, ...]
    index: int = 0
    count: int = 1
    format: str = ""
    series_uid: str = ""
    error: LossvizError | None = None


@dataclass(frozen=True)
class Survey:
    """What some paths hold.

    Attributes
    ----------
    holdings : tuple of Holding
        The DICOM volumes first, then the other files in the order given, at last what fails.
    passed_over : tuple of Path
        Files of folders that are no images.
    """

    holdings: tuple[Holding, ...]
    passed_over: tuple[Path, ...]


def survey(
    paths: Iterable[str | Path],
    *,
    leave_out: Path | None = None,
    pictures: bool = False,
    reporter: Reporter | None = None,
) -> Survey:
    """Return which images files and folders hold, a broken file being one that fails.

    Parameters
    ----------
    paths : paths
        As `read` takes them.
    leave_out : Path, optional
        A folder whose files are passed over.
    pictures : bool
        Whether the PNG and JPEG files of folders count.
    reporter : Reporter, optional
        Told of every file; raises `Cancelled` to stop.

    Raises
    ------
    InputError
        If a path is one that no file can have.
    """
    with quiet_logger("tifffile"):  # reading a file will say what is wrong with it
        report = reporter or silent
        given = [Path(path) for path in paths]
        return _survey(sort_by_kind(given, report, leave_out, pictures=pictures), report)


def _survey(found: FoundFiles, report: Reporter) -> Survey:
    holdings = _dicom_holdings(found.dicom, report)
    covered: set[Path] = set()
    for done, (file, known) in enumerate(found.others):
        report(Step(done, len(found.others), message=f"looking into {file.name}"))
        if file not in covered:  # else a header, or the pixels that it describes
            holdings += _holdings_of(file, known, covered)
    holdings += [Holding((path,), error=error) for path, error in found.failures]
    return Survey(tuple(holdings), tuple(found.no_images))


def _holdings_of(file: Path, known: Format, covered: set[Path]) -> list[Holding]:
    count = 1
    try:
        if known.name == "safe":
            count = len(safe.list_measurements(file))
        elif known.name == "envi" or (known.name == "tiff" and not _holds_one(file)):
            images = read(file)
            covered.update(path for image in images for path in image.origin.paths)
            count = len(images)
    except (LossvizError, OSError):
        pass  # reading it will say why
    return [Holding((file,), index, count, known.name) for index in range(count)]


def _holds_one(file: Path) -> bool:
    """Whether a TIFF has one series, and that one image, by its header alone."""
    if geotiff.can_read(file):
        return False
    try:
        with tifffile.TiffFile(file) as tif:
            axes = [series.axes for series in tif.series]
    except Exception:  # tifffile raises many kinds on a damaged file; reading it will say why
        return True
    return len(axes) == 1 and not {"C", "S"} <= set(axes[0])


def _dicom_holdings(files: Sequence[Path], report: Reporter) -> list[Holding]:
    """Return the volumes of DICOM files; the headers of one folder at a time are in memory."""
    if not files:
        return []
    from napari_lossviz.io.dicom_header import read_frames

    failed: list[Holding] = []
    series: dict[str, list[Holding]] = {}
    spread: dict[str, list[Path]] = {}
    done = 0

    def look(paths: Iterable[Path], keep: Callable[[str, list[Holding]], None]) -> None:
        nonlocal done
        frames: list[Frame] = []
        for path in paths:
            report(Step(done, len(files), message=f"header {done + 1} of {len(files)}"))
            done = min(done + 1, len(files) - 1)
            try:
                frames.extend(read_frames(path))
            except LossvizError as error:
                failed.append(Holding((path,), format="dicom", error=error))
        for volumes in _volumes(frames):
            keep(volumes[0].series_uid or str(volumes[0].paths[0]), volumes)

    def first_look(key: str, volumes: list[Holding]) -> None:
        paths = [path for volume in volumes for path in volume.paths]
        if key in series:  # it continues in another folder
            spread.setdefault(key, [p for one in series[key] for p in one.paths]).extend(paths)
        else:
            series[key] = volumes

    for _, inside in groupby(files, key=lambda path: path.parent):
        look(inside, first_look)
    for paths in spread.values():
        look(dict.fromkeys(paths), series.__setitem__)
    return [volume for volumes in series.values() for volume in volumes] + failed


def _volumes(frames: "list[Frame]") -> list[list[Holding]]:
    """Return the volumes of each series among some frames."""
    from napari_lossviz.io.dicom_files import quiet
    from napari_lossviz.io.dicom_series import group_series, split_series

    found = []
    with quiet():
        for group in group_series(frames):
            uid = group[0].series_uid
            parts = [
                tuple(dict.fromkeys(frame.path for frame in stack.frames))
                for stack in split_series(group)
            ]
            every = tuple(dict.fromkeys(path for part in parts for path in part))
            if sum(len(part) for part in parts) == len(every):
                found.append([Holding(part, format="dicom", series_uid=uid) for part in parts])
            else:  # several volumes in one file
                many = range(len(parts))
                found.append([Holding(every, n, len(parts), "dicom", uid) for n in many])
    return found
