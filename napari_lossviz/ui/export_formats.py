"""Which formats an export offers, for which result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from napari_lossviz.core import Image
from napari_lossviz.io.dicom_write import has_dicom_source
from napari_lossviz.io.sar_product import SAR_KEY, SarProduct


@dataclass(frozen=True)
class ExportFormats:
    """The formats of a kind of images.

    Attributes
    ----------
    entries : mapping of str to (str, str)
        Title and tooltip by the name that `jobs.export` knows.
    possible : callable
        Names of those that an image, the source of a result, allows.
    usual : callable
        Name of the one that is chosen at first.
    radar : bool
        Whether calibration is offered.
    identity : bool
        Whether the files may tell who the patient is.
    title : str
        What the main image is.
    beside : mapping of str to (str, str)
        Title and tooltip of "maps", "figure" and "recipe".
    """

    entries: Mapping[str, tuple[str, str]]
    possible: Callable[[Image], frozenset[str]]
    usual: Callable[[Image], str]
    radar: bool = False
    identity: bool = True
    title: str = "Image"
    beside: Mapping[str, tuple[str, str]] = field(default_factory=lambda: BESIDE)


BESIDE = {
    "maps": ("Maps", "The maps of the result as files, with their units"),
    "figure": ("Picture (PNG)", "Before and after side by side"),
    "recipe": ("Recipe", "Everything needed to compute the result again: lossviz replay"),
}
_VOLUME = {
    "dicom": (
        "DICOM",
        "A derived series with new UIDs that refers to the input's; from DICOM only",
    ),
    "tiff": ("TIFF", "One file with the spacing, as float32 in image units"),
    "nifti": ("NIfTI", "One file with the place in the patient"),
}
_RADAR = {
    "amplitude": ("Amplitude", "GeoTIFF, float32, with the place on the ground and overviews"),
    "intensity": ("Intensity", "The same of the squared amplitude"),
    "decibel": ("dB", "The same in 10 log10 of the intensity; where there is nothing, NaN"),
    "complex": ("Complex", "GeoTIFF, the despeckled amplitude with the phase of the original"),
    "dimap": ("SNAP", "BEAM-DIMAP with tie points; from a radar product with ground points only"),
    "npy": ("NumPy", "The amplitude as a plain array"),
}

_SLIDE = {
    "ome_tiff": (
        "OME-TIFF",
        "With the microns per pixel, a pyramid where it is large: for QuPath, OMERO and napari",
    ),
    "tiff": ("TIFF", "One file; a pyramid where it is large"),
    "png": ("PNG", "For a slide deck or a manuscript; up to 100 megapixels"),
}
_LARGEST_PNG = 100_000_000
"""Pixels."""


def _possible_slides(source: Image) -> frozenset[str]:
    small = source.shape[0] * source.shape[1] <= _LARGEST_PNG
    return frozenset(_SLIDE if small else _SLIDE.keys() - {"png"})


def _possible_volumes(source: Image) -> frozenset[str]:
    return frozenset(_VOLUME if has_dicom_source(source) else _VOLUME.keys() - {"dicom"})


def _possible_radar(source: Image) -> frozenset[str]:
    product = source.metadata.get(SAR_KEY)
    placed = isinstance(product, SarProduct) and bool(product.ground_points)
    return frozenset(_RADAR if placed else _RADAR.keys() - {"dimap"})


VOLUMES = ExportFormats(
    _VOLUME, _possible_volumes, lambda source: "dicom" if has_dicom_source(source) else "tiff"
)
RADAR = ExportFormats(
    _RADAR, _possible_radar, lambda source: "amplitude", radar=True, identity=False
)
SLIDES = ExportFormats(_SLIDE, _possible_slides, lambda source: "ome_tiff", identity=False)
GRADIENTS = ExportFormats(
    {name: _VOLUME[name] for name in ("tiff", "nifti")},
    lambda source: frozenset(("tiff", "nifti")),
    lambda source: "tiff",
    title="Gradient of the loss",
    beside=BESIDE
    | {
        "maps": (
            "Features (labels, CSV)",
            "The features of both images as label images (TIFF), and a table with a row for each",
        ),
        "figure": (
            "Figures (PNG, SVG)",
            "The features on the prediction; barcode and diagram",
        ),
    },
)
