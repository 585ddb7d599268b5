"""An image with a DICOM source to a derived DICOM series."""

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from napari_lossviz.core import Image, InputError
from napari_lossviz.io.dicom_derive import (
    Derivation,
    derivation_image,
    derive,
    describe_colour,
    describe_grayscale,
)
from napari_lossviz.io.dicom_encoding import Encoding, Plane, choose_encoding, encode
from napari_lossviz.io.dicom_identity import Pseudonyms, drop_identity
from napari_lossviz.io.dicom_text import plain_text

_REFUSED = {
    "1.2.840.10008.5.1.4.1.1.481.2": "RT dose",
    "1.2.840.10008.5.1.4.1.1.66.4": "segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "label map segmentation",
    "1.2.840.10008.5.1.4.1.1.30": "parametric map",
}
"""Classes whose pixels are no image of the patient."""
_REFERENCED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
"""What references to the source are made of; the last two are for multi-frame ones."""


def has_dicom_source(image: Image) -> bool:
    """Whether the image carries the DICOM headers that a derived series needs."""
    return bool(_headers(image))


def instance_count(image: Image, template: Image | None = None) -> int:
    """Return how many files a derived series has.

    Raises
    ------
    InputError
        If there is neither a DICOM source nor a template.
    """
    return len(_source(image, template)["datasets"])


def derived_instances(
    image: Image,
    derivation: Derivation,
    *,
    template: Image | None = None,
    without_identity: bool = False,
) -> Iterator[Dataset]:
    """Yield the instances of a derived series, in the order of the slices.

    Each references its own source instance. Patient, study and frame of reference stay, unless
    the identity is dropped; series and instances get new UIDs.

    Parameters
    ----------
    image : Image
        Real and grayscale (z, y, x), (y, x), or RGB with c last.
    derivation : Derivation
    template : Image, optional
        Read from DICOM; its headers are used instead of the image's own.
    without_identity : bool
        Whether the patient's identity is dropped, see `dicom_identity`.

    Raises
    ------
    InputError
        If there is no DICOM source, the shapes do not fit, or the values cannot be stored.
    """
    source = _source(image, template)
    datasets: tuple[Dataset, ...] = source["datasets"]
    indices = source.get("frame_indices")
    planes = _planes(image, source)
    count = len(datasets) if indices is None else len(indices)
    first = datasets[0]
    wanted = (count, int(first.Rows), int(first.Columns))
    found = (len(planes), *planes[0][0].shape[:2])
    if wanted != found:
        raise InputError(
            f"{image.name}: {found[0]} slices of {found[1]} x {found[2]} pixels, but the DICOM "
            f"source has {wanted[0]} of {wanted[1]} x {wanted[2]}: give a template that fits, or "
            "write a TIFF or NIfTI file"
        )
    encoding = None
    if "c" not in image.axes:
        sources = {_encoding_of(dataset) for dataset in datasets}
        encoding = choose_encoding(
            planes,
            next(iter(sources)) if len(sources) == 1 else None,
            image.value_unit,
            image.name,
            () if None in sources else [one.slope for one in sources if one is not None],
        )
    new_uid = Pseudonyms()
    groups = [[plane] for plane in planes]
    if indices is not None:  # one file: its frames go back to the file's own order
        groups = [[planes[k] for k in np.argsort(indices)]]
    paths = (template or image).origin.paths
    for i, (header, group) in enumerate(zip(datasets, groups, strict=True)):
        dataset = derive(header, derivation, _ratio(header, paths[i] if i < len(paths) else None))
        if indices is not None:
            _keep_frames(dataset, header, sorted(indices), derivation)
        if encoding is None:
            pixels = np.stack([values for values, _ in group])
            describe_colour(dataset, pixels.dtype.itemsize * 8)
        else:
            pixels = np.stack([encode(plane, encoding) for plane in group])
            describe_grayscale(dataset, encoding, image.value_unit)
        _set_pixels(dataset, pixels)
        if not dataset.get("InstanceNumber"):
            dataset.InstanceNumber = i + 1
        if without_identity:
            dataset = drop_identity(dataset, new_uid, plain_text(derivation.label, 64))
        yield dataset


def save_instance(dataset: Dataset, path: Path) -> None:
    """Write an instance as a Part 10 file, explicit VR little endian."""
    with warnings.catch_warnings():
        # Odd values that the source had are given back as they were.
        warnings.simplefilter("ignore")
        dataset.save_as(path, enforce_file_format=True)


def _headers(image: Image) -> Mapping[str, Any]:
    headers: Mapping[str, Any] = image.metadata.get("dicom") or {}
    return headers if headers.get("datasets") else {}


def _source(image: Image, template: Image | None) -> Mapping[str, Any]:
    source = _headers(image if template is None else template)
    if not source:
        which = "it" if template is None else f"the template {template.name}"
        raise InputError(
            f"{image.name}: a derived DICOM needs the headers of a DICOM source, and {which} was "
            "not read from DICOM: write a TIFF or NIfTI file, or give a DICOM file or folder as "
            "template"
        )
    lacking = [
        keyword
        for keyword in _REFERENCED[: 4 if source.get("frame_indices") is not None else 2]
        if not all(dataset.get(keyword) for dataset in source["datasets"])
    ]
    uid = str(source["datasets"][0].get("SOPClassUID", ""))
    if uid in _REFUSED or lacking:
        kind = _REFUSED.get(uid, f"object without {', '.join(lacking)}")
        raise InputError(
            f"{image.name}: a derived image cannot be made from a DICOM {kind}: write a TIFF or "
            "NIfTI file, or give an image series as template"
        )
    return source


def _planes(image: Image, source: Mapping[str, Any]) -> list[Plane]:
    """Return the slices in order, colours checked for what DICOM's RGB can hold."""
    array = np.asarray(image.array)
    axes = image.axes
    if array.dtype.kind not in "biuf" or axes.replace("c", "")[-2:] != "yx":
        raise InputError(
            f"{image.name}: {array.dtype} with axes {axes!r}, expected real numbers with y, x last "
            "(and c after them for RGB) to write DICOM: write a TIFF or NIfTI file instead"
        )
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    gray_source = str(source["datasets"][0].PhotometricInterpretation).startswith("MONOCHROME")
    if "c" in axes:
        if not axes.endswith("yxc") or array.shape[-1] != 3 or gray_source:
            raise InputError(
                f"{image.name}: {array.shape} with axes {axes!r}, expected RGB and a DICOM source "
                "in colour: write a TIFF instead"
            )
        array = _colour_values(array, image.name)
    rows = axes.index("y")
    pixels = array.reshape(-1, *array.shape[rows:])
    if image.valid is None or "c" in axes:
        return [(plane, None) for plane in pixels]
    masks = image.valid.reshape(-1, *array.shape[-2:])
    return list(zip(pixels, masks, strict=True))


def _colour_values(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype in (np.uint8, np.uint16):
        return array
    if not np.isfinite(array).all() or array.min() < 0 or np.rint(array.max()) > 255:
        raise InputError(f"{name}: RGB values beyond 0 to 255 cannot be written as 8-bit DICOM")
    colours: np.ndarray = np.rint(array).astype(np.uint8)
    return colours


def _encoding_of(dataset: Dataset) -> Encoding | None:
    """Return how a source instance was stored, None if its frames differ or it was no rescale."""
    keyword = "PixelValueTransformationSequence"
    holders = [
        groups[keyword].value[0]
        for groups in (
            *(dataset.get("SharedFunctionalGroupsSequence") or []),
            *(dataset.get("PerFrameFunctionalGroupsSequence") or []),
        )
        if groups.get(keyword)
    ] or [dataset]
    rescales = {(h.get("RescaleSlope"), h.get("RescaleIntercept")) for h in holders}
    bits = (int(dataset.BitsAllocated), int(dataset.get("BitsStored") or dataset.BitsAllocated))
    if len(rescales) > 1 or dataset.get("ModalityLUTSequence") or bits[0] not in (8, 16):
        return None
    slope, intercept = rescales.pop()
    signed = bool(dataset.get("PixelRepresentation"))
    return Encoding(
        1.0 if slope is None else float(slope),
        0.0 if intercept is None else float(intercept),
        *bits,
        signed,
        *(_padding(dataset, key, signed, bits[0]) for key in _PADDING_KEYWORDS),
    )


_PADDING_KEYWORDS = ("PixelPaddingValue", "PixelPaddingRangeLimit")


def _padding(dataset: Dataset, keyword: str, signed: bool, bits: int) -> int | None:
    """Return a padding value in the sign of the pixels; many files write it in the other."""
    value = dataset.get(keyword)
    if not isinstance(value, int):
        return None
    if signed and value >= 1 << (bits - 1):
        return value - (1 << bits)
    return value + (1 << bits) if not signed and value < 0 else value


def _keep_frames(
    dataset: Dataset, source: Dataset, indices: list[int], derivation: Derivation
) -> None:
    """Leave only the frames that the image has, and say what each came from."""
    frames = dataset.get("PerFrameFunctionalGroupsSequence")
    total = int(source.get("NumberOfFrames") or 1)
    if frames is None and len(indices) != total:
        raise InputError(
            f"{len(indices)} of the {total} frames of a multi-frame file without functional "
            "groups: write all of them, or a TIFF or NIfTI file"
        )
    dataset.NumberOfFrames = len(indices)
    if frames is None:
        return
    kept = Sequence([frames[index] for index in indices])
    for groups, index in zip(kept, indices, strict=True):
        item = derivation_image(source, derivation, index + 1)
        groups.DerivationImageSequence = Sequence([item])
    dataset.PerFrameFunctionalGroupsSequence = kept


def _set_pixels(dataset: Dataset, pixels: np.ndarray) -> None:
    raw = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<")).tobytes()
    padded = raw + b"\0" * (len(raw) % 2)
    dataset.add_new("PixelData", "OB" if pixels.dtype.itemsize == 1 else "OW", padded)


def _ratio(header: Dataset, path: Path | None) -> float | None:
    """Return the size of the pixels over that of their file."""
    if path is None or not path.exists():
        return None
    samples = int(header.Rows) * int(header.Columns) * int(header.SamplesPerPixel)
    size = samples * int(header.get("NumberOfFrames") or 1) * int(header.BitsAllocated) / 8
    return float(size / path.stat().st_size)
