"""Sentinel-1 SLC products in SAFE format, as a folder or its zip archive.

Each swath and polarisation is an image of its own, its bursts below each other as they lie in the
file. Their annotation, calibration and noise come along in the metadata.
"""

import re
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from napari_lossviz.core import Image, InputError, Selection
from napari_lossviz.io import sentinel1
from napari_lossviz.io.measurements import Measurement, MeasurementChoice
from napari_lossviz.io.sar_product import SAR_KEY, SarProduct
from napari_lossviz.io.sar_raster import import_rasterio, not_complex, read_raster
from napari_lossviz.io.xml_text import Element, parse_xml, refuse_large

NAME = "safe"
_MANIFEST = "manifest.safe"
_ZIP_MAGIC = b"PK\x03\x04"
_BROKEN_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,  # packed in a way that Python does not know
    RuntimeError,  # encrypted
)
_WGS84 = "EPSG:4326"
_MEASUREMENTS = re.compile(r"(?:^|.*/)measurement/([^/]+)\.tiff?$", re.IGNORECASE)


def can_read(path: Path) -> bool:
    """Whether this is the manifest of a SAFE product, or a zip archive that holds one."""
    with path.open("rb") as stream:
        start = stream.read(512)
    if start.startswith(_ZIP_MAGIC):
        return b".SAFE/" in start
    return start.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<") and b"XFDU" in start


def read(path: Path, choice: MeasurementChoice = MeasurementChoice()) -> list[Image]:
    """Read swaths and polarisations of a product, in this order; default: all.

    Raises
    ------
    InputError
        If the product is not SLC, is incomplete or damaged.
    MissingPackageError
        If rasterio is not installed.
    """
    import_rasterio(path)
    there = sorted(list_measurements(path), key=lambda one: (one.swath, one.polarisation))
    chosen = [one for one in there if choice.takes(one)]
    if not chosen:
        held = ", ".join(f"{one.swath} {one.polarisation}" for one in there) or "no measurement"
        raise InputError(f"{path}: holds {held}; none of that was chosen")
    files = _files_of(path)
    return [_read_measurement(files, one, there.index(one)) for one in chosen]


def list_measurements(path: str | Path) -> list[Measurement]:
    """Return what a product holds, for a choice, without reading any pixels.

    Parameters
    ----------
    path : path
        The .SAFE folder, its manifest, or its zip archive.

    Raises
    ------
    InputError
        If this is no Sentinel-1 product, or one of detected images.
    """
    files = _files_of(Path(path))
    found = []
    for stem in files.stems:
        root = _annotation(files, stem)
        where = f"{files.path} ({stem})"
        acquisition, tops, _ = sentinel1.read_annotation(root, where)
        if acquisition.product_type != "SLC":
            raise InputError(not_complex(files.path, f"a {acquisition.product_type} product"))
        bursts = 0 if tops is None else len(tops.bursts)
        found.append(Measurement(acquisition.swath, acquisition.polarisation, bursts, stem))
    return found


def read_safe(
    path: str | Path,
    *,
    swaths: Collection[str] = (),
    polarisations: Collection[str] = (),
) -> list[Image]:
    """Read some swaths and polarisations of a product; of bursts see `burst_selection`.

    Parameters
    ----------
    path : path
        The .SAFE folder, its manifest, or its zip archive.
    swaths, polarisations : collection of str
        As "IW1", "VV"; empty: all.

    Returns
    -------
    list of Image
        In the order of swaths, then polarisations.

    Raises
    ------
    InputError
        If nothing fits the choice, or the product is not SLC, incomplete or damaged.
    MissingPackageError
        If rasterio is not installed.
    """
    return read(Path(path), MeasurementChoice.of(swaths, polarisations))


def burst_selection(image: Image, first: int, count: int = 1) -> Selection:
    """Return the lines of some bursts as a selection, which a recipe can keep.

    Parameters
    ----------
    image : Image
        With the annotation of its bursts.
    first, count : int
        Index of the first burst, from 0, and how many.

    Raises
    ------
    InputError
        If the image has no annotated bursts, or not so many.
    """
    product = image.metadata.get(SAR_KEY)
    if product is None or product.tops is None:
        raise InputError(f"{image.name}: has no bursts that an annotation describes")
    bursts = product.tops.bursts
    if not 0 <= first < first + count <= len(bursts):
        raise InputError(
            f"{image.name}: bursts {first + 1} to {first + count} are chosen, counted from 1; "
            f"there are {len(bursts)}"
        )
    last = bursts[first + count - 1]
    start = max(bursts[first].first_line, 0)
    return Selection(ranges={"y": (start, min(last.first_line + last.lines, image.shape[0]))})


def _read_measurement(files: "_Files", one: Measurement, number: int) -> Image:
    """Read an image of a product, the `number`-th that it holds."""
    (image,) = read_raster(
        Path(f"{one.stem}.tiff"),
        NAME,
        driver="GTiff",
        url=files.url(one.stem),
        origin=files.origin(one.stem),
    )
    name = f"{files.product_name} {one.swath} {one.polarisation}"
    warnings = tuple(text.replace(f"{image.name}:", f"{name}:", 1) for text in image.warnings)
    image = image.replace(name=name, warnings=warnings)
    # Read again by its path, a measurement is the only image; a zip archive holds all.
    index = number if files.archive else 0
    image = image.replace(metadata={**image.metadata, "volume_index": index})
    return _with_annotation(image, files, one.stem)


def with_annotation_beside(image: Image, path: Path) -> Image:
    """Return the image of a single measurement file with what its product's folder tells of it."""
    files = _Files(path.parent.parent, None)
    if path.parent.name == "measurement" and files.holds(f"annotation/{path.stem}.xml"):
        return _with_annotation(image, files, path.stem)
    sentence = (
        f"{image.name}: a Sentinel-1 measurement without its annotation, so that TOPS bursts "
        "cannot be deramped nor the values calibrated: open the whole .SAFE folder instead."
    )
    return image.replace(warnings=(*image.warnings, sentence))


def _with_annotation(image: Image, files: "_Files", stem: str) -> Image:
    where = f"{files.path} ({stem})"
    product: SarProduct = image.metadata[SAR_KEY]
    acquisition, tops, points = sentinel1.read_annotation(_annotation(files, stem), where)
    if tops is not None:
        lines = sum(burst.lines for burst in tops.bursts)
        if lines != image.shape[0]:
            raise InputError(
                f"{where}: the annotation speaks of {lines} lines, the image has "
                f"{image.shape[0]}; the product is damaged"
            )
    changes: dict[str, Any] = {"acquisition": acquisition, "tops": tops}
    if points:  # finer than those in the TIFF, and with heights
        changes |= {"ground_points": points, "crs": _WGS84}
    warnings = list(image.warnings)
    for key, prefix, parser in (
        ("calibration", "calibration", sentinel1.read_calibration),
        ("noise", "noise", sentinel1.read_noise),
    ):
        name = f"annotation/calibration/{prefix}-{stem}.xml"
        if files.holds(name):
            changes[key] = parser(parse_xml(files.read(name), where), where)
        else:
            warnings.append(f"{image.name}: the product's {key} table is missing.")
    return image.replace(
        metadata={**image.metadata, SAR_KEY: replace(product, **changes)},
        warnings=tuple(warnings),
    )


def _annotation(files: "_Files", stem: str) -> Element:
    name = f"annotation/{stem}.xml"
    where = f"{files.path} ({name})"
    if not files.holds(name):
        raise InputError(
            f"{where}: the measurement's annotation is missing; the product is damaged"
        )
    return parse_xml(files.read(name), where)


@dataclass(frozen=True)
class _Files:
    """The files of a product, in a folder or in a zip archive.

    Attributes
    ----------
    path : Path
        Of the folder or the archive.
    archive : str, optional
        The folder within the archive; None if this is no archive.
    """

    path: Path
    archive: str | None

    @property
    def product_name(self) -> str:
        """Name of the product without its suffix."""
        name = self.path.name if self.archive is None else PurePosixPath(self.archive).name
        return name.removesuffix(".SAFE")

    @property
    def stems(self) -> list[str]:
        """Names of the measurements without suffix, sorted."""
        if self.archive is not None:
            with zipfile.ZipFile(self.path) as archive:
                names = archive.namelist()
        else:
            names = [f"measurement/{one.name}" for one in self.path.glob("measurement/*.tif*")]
        return sorted(match[1] for name in names if (match := _MEASUREMENTS.match(name)))

    def holds(self, name: str) -> bool:
        """Whether the product has a file of this name."""
        if self.archive is None:
            return (self.path / name).is_file()
        with zipfile.ZipFile(self.path) as archive:
            return f"{self.archive}/{name}" in archive.namelist()

    def read(self, name: str) -> bytes:
        """Return the content of an XML file.

        Raises
        ------
        InputError
            If it is larger than any, or the archive is damaged there.
        """
        where = f"{self.path} ({name})"
        if self.archive is None:
            refuse_large((self.path / name).stat().st_size, where)
            return (self.path / name).read_bytes()
        try:
            with zipfile.ZipFile(self.path) as archive:
                member = archive.getinfo(f"{self.archive}/{name}")
                refuse_large(member.file_size, where)
                with archive.open(member) as stream:
                    # With a number of bytes no more is unpacked, whatever the archive holds.
                    return stream.read(max(member.file_size, 1))
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise InputError(
                f"{where}: the archive is cut off or damaged ({error}); download it again"
            ) from error

    def url(self, stem: str) -> str:
        """Return a measurement as rasterio takes it; an archive is read without unpacking it."""
        if self.archive is None:
            return str(self._tiff(stem))
        archive = str(self.path.resolve())
        # By their suffix GDAL tells archives from folders; one without is put in braces.
        place = archive if archive.lower().endswith(".zip") else f"{{{archive}}}"
        return f"/vsizip/{place}/{self._in_archive(stem)}"

    def _in_archive(self, stem: str) -> str:
        with zipfile.ZipFile(self.path) as archive:
            names = archive.namelist()
        start = f"{self.archive}/measurement/{stem}.tif"
        return next(name for name in names if name.lower().startswith(start.lower()))

    def origin(self, stem: str) -> tuple[Path, ...]:
        """Return the files that an image is read from."""
        return (self._tiff(stem) if self.archive is None else self.path,)

    def _tiff(self, stem: str) -> Path:
        return next(self.path.glob(f"measurement/{stem}.tif*"))


def _files_of(path: Path) -> _Files:
    if path.is_dir():
        return _Files(path, None)
    with path.open("rb") as stream:
        if stream.read(len(_ZIP_MAGIC)) != _ZIP_MAGIC:
            return _Files(path.parent, None)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        raise InputError(
            f"{path}: the archive is cut off or damaged ({error}); download it again"
        ) from error
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in name:
            raise InputError(
                f"{path}: refused, since it names the file {name!r} outside of itself, which no "
                "Sentinel-1 archive does; download it again from a trusted place"
            )
    manifests = [name for name in names if name.endswith(f"/{_MANIFEST}")]
    if not manifests:
        raise InputError(f"{path}: the archive holds no {_MANIFEST}; it is no Sentinel-1 product")
    return _Files(path, manifests[0].rpartition("/")[0])
