"""The header of a derived DICOM instance, from that of its source."""

import copy
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    generate_uid,
)

from napari_lossviz import __version__
from napari_lossviz.io.dicom_encoding import Encoding
from napari_lossviz.io.dicom_text import plain_text

PRODUCT = "napari-lossviz"

_STALE = (
    *("SmallestImagePixelValue", "LargestImagePixelValue"),
    *("SmallestPixelValueInSeries", "LargestPixelValueInSeries"),
    *("SmallestImagePixelValueInPlane", "LargestImagePixelValueInPlane"),
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "PixelDataProviderURL"),
    *("FloatPixelPaddingValue", "FloatPixelPaddingRangeLimit", "HistogramSequence"),
    *("IconImageSequence", "InstanceCreatorUID", "DataSetTrailingPadding"),
    *("DigitalSignaturesSequence", "MACParametersSequence", "EncryptedAttributesSequence"),
    *("ModalityLUTSequence", "RealWorldValueMappingSequence"),
)
"""Elements about the old pixels, or about the old instance's integrity."""
_CURVES_AND_OVERLAYS = (0x50, 0x60)
"""Upper byte of their groups."""
_COLOURS = ("Red", "Green", "Blue", "Alpha")
_PALETTE = (
    "PaletteColorLookupTableUID",
    *(f"{colour}PaletteColorLookupTableDescriptor" for colour in _COLOURS),
    *(f"{colour}PaletteColorLookupTableData" for colour in _COLOURS),
    *(f"Segmented{colour}PaletteColorLookupTableData" for colour in _COLOURS),
)
_PADDING = ("PixelPaddingValue", "PixelPaddingRangeLimit")
_RESCALE = ("RescaleSlope", "RescaleIntercept", "RescaleType")
_STAYS_PRIMARY = {
    "1.2.840.10008.5.1.4.1.1.20",  # Nuclear Medicine
    "1.2.840.10008.5.1.4.1.1.128",  # Positron Emission Tomography
}
"""Classes whose ImageType has to say PRIMARY in its second value, beside the enhanced ones."""
_LOSSY_METHODS = {
    JPEGBaseline8Bit: "ISO_10918_1",
    JPEGExtended12Bit: "ISO_10918_1",
    JPEGLSNearLossless: "ISO_14495_1",
}
_SERIES_NUMBER_OFFSET = 1000
_LARGEST_IS = 2**31 - 1


@dataclass(frozen=True)
class Derivation:
    """What is common to all instances of a derived series.

    Attributes
    ----------
    description : str
        Method and parameters.
    label : str
        Few words for the SeriesDescription.
    filtered : bool
        Whether the pixels were filtered: the derivation is then coded as smoothing.
    series_uid : str
    time : datetime
        Of creation, with its time zone.
    """

    description: str
    label: str
    filtered: bool
    series_uid: str = field(default_factory=generate_uid)
    time: datetime = field(default_factory=lambda: datetime.now().astimezone())


def clean_copy(source: Dataset) -> Dataset:
    """Return a copy without private, stale, overlay and unreadable elements, all decoded."""
    dataset = Dataset()
    with warnings.catch_warnings():
        # Odd values of the source are passed on as they are; the reader has told of them.
        warnings.simplefilter("ignore")
        for tag in list(source.keys()):
            if tag.is_private or tag.element == 0 or tag.group >> 8 in _CURVES_AND_OVERLAYS:
                continue
            try:
                dataset[tag] = copy.deepcopy(source[tag])
            except Exception:  # an element that pydicom cannot decode cannot be passed on
                continue
        dataset.remove_private_tags()
        _remove(dataset, _STALE)
    return dataset


def derive(source: Dataset, derivation: Derivation, uncompressed_ratio: float | None) -> Dataset:
    """Return the derived instance's header, but for the pixels and their description.

    `describe_grayscale` or `describe_colour` completes it.

    Parameters
    ----------
    source : Dataset
        With its ``file_meta``.
    derivation : Derivation
    uncompressed_ratio : float, optional
        Size of the pixels over that of the source's file, for lossy sources that do not say theirs.
    """
    dataset = clean_copy(source)
    enhanced = "PerFrameFunctionalGroupsSequence" in dataset
    dataset.file_meta = _file_meta(dataset)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.SeriesInstanceUID = derivation.series_uid
    second = "PRIMARY" if enhanced or dataset.SOPClassUID in _STAYS_PRIMARY else "SECONDARY"
    dataset.ImageType = _image_type(dataset.get("ImageType"), second)
    _set_times(dataset, derivation.time)
    number = int(dataset.get("SeriesNumber") or 0) + _SERIES_NUMBER_OFFSET
    dataset.SeriesNumber = number if number <= _LARGEST_IS else _SERIES_NUMBER_OFFSET
    described = str(dataset.get("SeriesDescription") or "").strip()
    dataset.SeriesDescription = _appended(described, derivation.label)
    dataset.DerivationDescription = plain_text(derivation.description, 1024)
    equipment = list(dataset.get("ContributingEquipmentSequence") or [])
    dataset.ContributingEquipmentSequence = Sequence([*equipment, _equipment(derivation)])
    _remove(dataset, ("DerivationCodeSequence", "SourceImageSequence"))
    if enhanced:
        _mark_frame_types(dataset)
        dataset.SourceImageEvidenceSequence = Sequence([_evidence(source)])
    else:
        if derivation.filtered:
            dataset.DerivationCodeSequence = Sequence([_code(codes.DCM.Smoothing)])
        dataset.SourceImageSequence = Sequence([source_reference(source)])
    _keep_lossy_flag(dataset, source, uncompressed_ratio)
    return dataset


def source_reference(source: Dataset, frame_number: int | None = None) -> Dataset:
    """Return an item of SourceImageSequence; frames count from 1."""
    item = Dataset()
    item.ReferencedSOPClassUID = source.SOPClassUID
    item.ReferencedSOPInstanceUID = source.SOPInstanceUID
    if frame_number is not None:
        item.ReferencedFrameNumber = frame_number
    purpose = _code(codes.DCM.SourceImageForImageProcessingOperation)
    item.PurposeOfReferenceCodeSequence = Sequence([purpose])
    item.SpatialLocationsPreserved = "YES"
    return item


def _evidence(source: Dataset) -> Dataset:
    """Return where in the study's hierarchy the source of an enhanced instance is."""
    instance = Dataset()
    instance.ReferencedSOPClassUID = source.SOPClassUID
    instance.ReferencedSOPInstanceUID = source.SOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID = source.SeriesInstanceUID
    series.ReferencedSOPSequence = Sequence([instance])
    study = Dataset()
    study.StudyInstanceUID = source.StudyInstanceUID
    study.ReferencedSeriesSequence = Sequence([series])
    return study


def derivation_image(source: Dataset, derivation: Derivation, frame_number: int) -> Dataset:
    """Return the functional group that says what a frame of an enhanced instance came from."""
    item = Dataset()
    item.DerivationDescription = plain_text(derivation.description, 1024)
    meaning = codes.DCM.Smoothing if derivation.filtered else codes.DCM.ImageProcessing
    item.DerivationCodeSequence = Sequence([_code(meaning)])
    item.SourceImageSequence = Sequence([source_reference(source, frame_number)])
    return item


def describe_grayscale(dataset: Dataset, encoding: Encoding, unit: str) -> None:
    """Set the elements that say how the stored pixels are to be read."""
    before = (dataset.get("BitsStored"), dataset.get("PixelRepresentation"))
    if not str(dataset.PhotometricInterpretation).startswith("MONOCHROME"):
        dataset.PhotometricInterpretation = "MONOCHROME2"
        _remove(dataset, (*_PALETTE, "PlanarConfiguration"))
    dataset.SamplesPerPixel = 1
    dataset.BitsAllocated = encoding.bits_allocated
    dataset.BitsStored = encoding.bits_stored
    dataset.HighBit = encoding.bits_stored - 1
    dataset.PixelRepresentation = int(encoding.signed)
    if before != (encoding.bits_stored, int(encoding.signed)) and "VOILUTSequence" in dataset:
        del dataset["VOILUTSequence"]  # its table is addressed by the old stored values' sign
    representation = "SS" if encoding.signed else "US"
    _remove(dataset, _PADDING)
    for keyword, value in zip(_PADDING, (encoding.padding, encoding.padding_limit), strict=True):
        if value is not None:
            dataset.add(DataElement(keyword, representation, value))
    holder = _rescale_holder(dataset)
    had_rescale = "RescaleSlope" in holder or "RescaleIntercept" in holder
    if had_rescale or encoding.slope != 1 or encoding.intercept != 0:
        told = holder.get("RescaleType")
        holder.RescaleIntercept = encoding.intercept
        holder.RescaleSlope = encoding.slope
        if told or holder is not dataset:
            holder.RescaleType = told or unit or "US"


def describe_colour(dataset: Dataset, bits: int) -> None:
    """Set the elements of interleaved RGB."""
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = 0
    _remove(dataset, (*_PALETTE, *_PADDING, *_RESCALE))


def _remove(dataset: Dataset, keywords: Iterable[str]) -> None:
    for keyword in keywords:
        if keyword in dataset:
            del dataset[keyword]


def _rescale_holder(dataset: Dataset) -> Dataset:
    """Return the dataset that the rescale belongs to: an enhanced one has it in a shared group."""
    keyword = "PixelValueTransformationSequence"
    shared = dataset.get("SharedFunctionalGroupsSequence")
    if not shared:
        return dataset
    if keyword not in shared[0]:
        first = dataset.PerFrameFunctionalGroupsSequence[0].get(keyword)
        setattr(shared[0], keyword, Sequence([copy.deepcopy(first[0]) if first else Dataset()]))
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        if keyword in frame:
            del frame[keyword]
    holder: Dataset = getattr(shared[0], keyword)[0]
    return holder


def _image_type(values: Any, second: str) -> list[str]:
    rest = [] if values is None or isinstance(values, str) else [str(v) for v in list(values)[2:]]
    return ["DERIVED", second, *rest]


def _mark_frame_types(dataset: Dataset) -> None:
    for groups in (
        *(dataset.get("SharedFunctionalGroupsSequence") or []),
        *dataset.PerFrameFunctionalGroupsSequence,
    ):
        for element in groups:
            if element.VR == "SQ" and element.value and "FrameType" in element.value[0]:
                item = element.value[0]
                item.FrameType = _image_type(item.FrameType, "PRIMARY")
        _remove(groups, ("RealWorldValueMappingSequence", "DerivationImageSequence"))


def _set_times(dataset: Dataset, time: datetime) -> None:
    offset = str(dataset.get("TimezoneOffsetFromUTC") or "").strip()
    if len(offset) == 5 and offset[1:].isdigit():
        minutes = int(offset[1:3]) * 60 + int(offset[3:])
        sign = -1 if offset[0] == "-" else 1
        time = time.astimezone(timezone(sign * timedelta(minutes=minutes)))
    date, clock = time.strftime("%Y%m%d"), time.strftime("%H%M%S")
    for prefix in ("InstanceCreation", "Content", "Series"):
        setattr(dataset, f"{prefix}Date", date)
        setattr(dataset, f"{prefix}Time", clock)


def _appended(described: str, label: str) -> str:
    """Return a series description with a label added, the source's part cut to make room."""
    end = plain_text(label, 32)
    room = 64 - len(end) - 3
    if not described:
        return end
    # The source's own text may use its own character set: it is cut, not rewritten.
    return f"{described[:room].rstrip()} - {end}"


def _equipment(derivation: Derivation) -> Dataset:
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = Sequence([_code(codes.DCM.ModifyingEquipment)])
    item.Manufacturer = f"{PRODUCT} developers"
    item.ManufacturerModelName = PRODUCT
    item.SoftwareVersions = __version__
    item.ContributionDateTime = derivation.time.strftime("%Y%m%d%H%M%S%z")
    item.ContributionDescription = plain_text(derivation.description, 1024)
    return item


def _keep_lossy_flag(dataset: Dataset, source: Dataset, ratio: float | None) -> None:
    syntax = getattr(source, "file_meta", Dataset()).get("TransferSyntaxUID")
    if syntax not in _LOSSY_METHODS:
        return
    dataset.LossyImageCompression = "01"
    if not dataset.get("LossyImageCompressionMethod"):
        dataset.LossyImageCompressionMethod = _LOSSY_METHODS[UID(syntax)]
    if not dataset.get("LossyImageCompressionRatio") and ratio is not None and ratio > 0:
        dataset.LossyImageCompressionRatio = f"{ratio:.4g}"


def _file_meta(dataset: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationVersionName = f"LOSSVIZ {__version__}"[:16]
    return meta


def _code(code: Any) -> Dataset:
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item
