"""Drop the patient's identity from a derived DICOM instance.

An allow-list, within the Basic Application Level Confidentiality Profile of DICOM PS3.15 Annex E:
what is not known to be needed and harmless goes. Geometry, acquisition numbers and coded terms of
standard schemes stay; names, dates, free text, private elements and the source's UIDs do not.
"""

from collections.abc import Callable
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from napari_lossviz import __version__
from napari_lossviz.core import InputError

_GROUPS = {0x0008, 0x0018, 0x0020, 0x0028, 0x0054, 0x5200}
_HARMLESS_VRS = {"AT", "CS", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"}
_UIDS = {
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("FrameOfReferenceUID", "SynchronizationFrameOfReferenceUID", "DimensionOrganizationUID"),
    *("ReferencedSOPClassUID", "ReferencedSOPInstanceUID"),
}
_TEXTS = {
    *("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "RescaleType", "Units"),
    *("ConvolutionKernel", "SequenceName", "PulseSequenceName", "ImagedNucleus"),
    *("SeriesDescription", "DerivationDescription"),
}
_CODE = ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
_STANDARD_SCHEMES = {"DCM", "SCT", "SRT", "SNM3", "99SDM", "UCUM", "LN", "FMA", "RADLEX"}
_SEQUENCES = {
    *("AnatomicRegionSequence", "PrimaryAnatomicStructureSequence"),
    *("DerivationImageSequence", "DerivationCodeSequence", "SourceImageSequence"),
    *("PurposeOfReferenceCodeSequence", "SourceImageEvidenceSequence"),
    *("ReferencedSeriesSequence", "ReferencedSOPSequence"),
}
"""Sequences to keep from groups that also hold references to the patient's other objects."""
_DROPPED = {
    *("VOILUTSequence", "UnassignedSharedConvertedAttributesSequence"),
    *("UnassignedPerFrameConvertedAttributesSequence", "ConversionSourceAttributesSequence"),
    "ModifyingDeviceID",
}
_EMPTIED = {
    *("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID"),
    *("PositionReferenceIndicator", "ReceiveCoilManufacturerName", "TransmitCoilManufacturerName"),
    *("SeriesTime", "RadiopharmaceuticalInformationSequence"),
}
"""Elements that a standard instance has to have, if only empty."""
_KEPT_EMPTY = {"PerFrameFunctionalGroupsSequence", "FrameContentSequence"}
"""Sequences with an item for each frame, even where nothing of it is left."""
_DUMMY_DATE, _DUMMY_TIME = "19000101", "000000"
_DROP = object()
_STANDARD_ROOT = "1.2.840.10008."


class Pseudonyms:
    """New UIDs for old ones, the same for the same throughout one export."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, uid: str) -> str:
        """Return the replacement; UIDs that the standard itself defines stay."""
        if uid.startswith(_STANDARD_ROOT):
            return uid
        return self._known.setdefault(uid, str(generate_uid()))


def drop_identity(dataset: Dataset, new_uid: Callable[[str], str], label: str) -> Dataset:
    """Return an instance without the patient's identity.

    Parameters
    ----------
    dataset : Dataset
        A derived instance, with ``file_meta``; it is not altered.
    new_uid : callable
        `Pseudonyms`, one for all instances of an export.
    label : str
        The new SeriesDescription, instead of the source's words.

    Raises
    ------
    InputError
        If the header says that an annotation is burned into the pixels, which this cannot remove.
    """
    refuse_burned_in(dataset)
    kept = _filtered(dataset, new_uid)
    equipment = kept.get("ContributingEquipmentSequence")
    if equipment:  # the last item is ours, the others describe the hospital's devices
        kept.ContributingEquipmentSequence = Sequence([equipment[-1]])
    if "PixelData" in dataset:
        kept["PixelData"] = dataset["PixelData"]
    kept.SeriesDescription = label
    kept.ContentDate, kept.ContentTime = _DUMMY_DATE, _DUMMY_TIME
    kept.PatientName = "Anonymous^Patient"
    kept.PatientID = "ANONYMOUS"
    kept.PatientBirthDate = kept.PatientSex = ""
    kept.PatientIdentityRemoved = "YES"
    kept.LongitudinalTemporalInformationModified = "REMOVED"
    kept.DeidentificationMethod = f"napari-lossviz {__version__}: allow-list of elements"
    kept.DeidentificationMethodCodeSequence = Sequence([_profile()])
    kept.file_meta = dataset.file_meta
    kept.file_meta.MediaStorageSOPInstanceUID = kept.SOPInstanceUID
    return kept


def refuse_burned_in(dataset: Dataset) -> None:
    """Raise `InputError` if the header says that annotations are burned into the pixels."""
    if str(dataset.get("BurnedInAnnotation", "")).strip().upper() == "YES":
        raise InputError(
            "the source says that annotations are burned into its pixels (BurnedInAnnotation YES): "
            "the identity may be among them and cannot be dropped; blank them first"
        )


def _filtered(dataset: Dataset, new_uid: Callable[[str], str]) -> Dataset:
    kept = Dataset()
    coded = str(dataset.get("CodingSchemeDesignator", "")) in _STANDARD_SCHEMES
    for element in dataset:
        value = _kept_value(element, new_uid, coded)
        if value is not _DROP:
            kept.add(DataElement(element.tag, element.VR, value))
    return kept


def _kept_value(element: DataElement, new_uid: Callable[[str], str], coded: bool) -> Any:
    """Return the value to keep, or `_DROP`."""
    keyword = element.keyword
    if keyword == "SpecificCharacterSet":
        return element.value
    if keyword in _EMPTIED:
        return Sequence() if element.VR == "SQ" else ""
    group = element.tag.group
    if keyword in _DROPPED or (group not in _GROUPS and keyword not in _SEQUENCES):
        return _DROP
    if element.VR == "SQ":
        if group == 0x0008 and keyword not in _SEQUENCES:
            return _DROP
        items = [_filtered(item, new_uid) for item in element.value]
        whole = keyword in _KEPT_EMPTY or any(len(item) for item in items)
        return Sequence(items) if whole else _DROP
    if keyword in _UIDS:
        return new_uid(str(element.value))
    if keyword == "StackID":  # a number that a device counts, or what a person named it
        return element.value if str(element.value).strip().isdigit() else _DROP
    harmless = element.VR in _HARMLESS_VRS or keyword in _TEXTS or (coded and keyword in _CODE)
    return element.value if harmless else _DROP


def _profile() -> Dataset:
    code = codes.DCM.BasicApplicationConfidentialityProfile
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item
