"""The file formats beside DICOM: one module each, imported when a file needs it.

A format's module exposes

- ``can_read(path: Path) -> bool``: cheap, by the file's first bytes, never by its name;
- ``read(path: Path) -> list[Image]``, of a format with measurements with a `MeasurementChoice`
  after the path;
- optionally ``write(image: Image, path: Path) -> None``.

DICOM is not among them: it takes many files as one (see `napari_lossviz.io.dicom_read`).
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from napari_lossviz.core import MissingPackageError


@dataclass(frozen=True)
class Format:
    """A file format and what it takes to read it.

    Attributes
    ----------
    name : str
        Short name, as in `Origin.format`.
    suffixes : tuple of str
        Usual endings of file names, lower case, with the dot; the first is the preferred one.
    module : str
        Full name of the module that reads (and perhaps writes) it.
    package : str
        The package that ``pip install`` needs to be told.
    measurements : bool
        Whether a file holds several measurements, of which some can be chosen.
    only_named : bool
        Whether such files are passed over in folders, and read only if they are named themselves
        or the caller asks for pictures.
    """

    name: str
    suffixes: tuple[str, ...]
    module: str
    package: str
    measurements: bool = False
    only_named: bool = False

    def load(self) -> ModuleType:
        """Import and return the format's module.

        Raises
        ------
        MissingPackageError
            If the package that it needs is not installed.
        """
        try:
            return import_module(self.module)
        except ImportError as error:
            raise MissingPackageError(
                f"{self.name.upper()} files need the package {self.package}, which is not "
                f"installed or does not load ({error}). Install it with: "
                f"python -m pip install {self.package}"
            ) from error

    def names(self, path: Path) -> bool:
        """Whether the file's name has one of the format's usual endings."""
        return path.name.lower().endswith(self.suffixes)


FORMATS: tuple[Format, ...] = (
    Format(
        "tiff", (".tif", ".tiff", ".ome.tif", ".ome.tiff"), "napari_lossviz.io.tiff", "tifffile"
    ),
    Format(
        "slide",
        (".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".svslide"),
        "napari_lossviz.io.slides",
        "openslide-python openslide-bin",
    ),
    Format("npy", (".npy",), "napari_lossviz.io.npy", "numpy"),
    # In folders of other files these are previews or screenshots.
    Format("png", (".png",), "napari_lossviz.io.png", "pillow", only_named=True),
    Format("jpeg", (".jpg", ".jpeg"), "napari_lossviz.io.jpeg", "pillow", only_named=True),
    Format("nifti", (".nii.gz", ".nii"), "napari_lossviz.io.nifti", "nibabel"),
    Format("nrrd", (".nrrd", ".nhdr"), "napari_lossviz.io.nrrd", "pynrrd"),
    Format("cosar", (".cos",), "napari_lossviz.io.cosar", "rasterio"),
    Format("sicd", (".ntf", ".nitf"), "napari_lossviz.io.sicd", "sarkit"),
    Format("safe", (".safe", ".zip"), "napari_lossviz.io.safe", "rasterio", measurements=True),
    # Last: an ENVI file is known by the header beside it only.
    Format("envi", (".img", ".hdr", ".slc"), "napari_lossviz.io.envi", "rasterio"),
)


def find_by_content(path: Path) -> Format | None:
    """Return the format whose module takes the file by its first bytes, or None.

    Formats whose endings fit the name are asked first, so that most files load one module only.

    Raises
    ------
    MissingPackageError
        If the file's name fits a format whose package is missing, and no other format takes it.
    """
    missing: MissingPackageError | None = None
    for candidate in sorted(FORMATS, key=lambda known: not known.names(path)):
        try:
            module = candidate.load()
        except MissingPackageError as error:
            if candidate.names(path):
                missing = MissingPackageError(f"{path}: {error}")
            continue
        if module.can_read(path):
            return candidate
    if missing is not None:
        raise missing
    return None


def find_by_name(path: Path) -> Format | None:
    """Return the format that the file's ending stands for (to write it), or None."""
    return next((known for known in FORMATS if known.names(path)), None)
