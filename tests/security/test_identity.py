"""What of a patient's identity survives where it is to be left out: nothing, in any file."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from fuzz_seeds import SMOOTH, dicom
from pydicom.datadict import DicomDictionary, dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from napari_lossviz import samples
from napari_lossviz.cli import main
from napari_lossviz.core import Image
from napari_lossviz.io.dicom_derive import Derivation
from napari_lossviz.io.dicom_identity import Pseudonyms, drop_identity
from napari_lossviz.io.dicom_write import derived_instances, save_instance
from napari_lossviz.io.recipes import build_recipe
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.run import run

SECRET = "Doe^Jane"
SECRET_UID = "1.2.826.0.1.3680043.8.498.987654321"
SECRET_DATE, SECRET_TIME = "19871231", "235958"

PROFILE = {
    # PS3.15 table E.1-1, the Basic Profile: removed (X), emptied (Z), replaced (D or U). Those of
    # the groups of which other elements survive here, and the patient's.
    *("AccessionNumber", "AcquisitionComments", "AcquisitionContextSequence", "AcquisitionDate"),
    *("AcquisitionDateTime", "AcquisitionDeviceProcessingDescription"),
    *("AcquisitionProtocolDescription", "AcquisitionTime", "ActualHumanPerformersSequence"),
    *("AdditionalPatientHistory", "AddressTrial", "AdmissionID", "AdmittingDate"),
    *("AdmittingDiagnosesCodeSequence", "AdmittingDiagnosesDescription", "AdmittingTime"),
    *("AffectedSOPInstanceUID", "Allergies", "AuthorObserverSequence"),
    *("BranchOfService", "CassetteID", "CommentsOnRadiationDose", "ConcatenationUID"),
    *("ConsultingPhysicianName", "ContentCreatorName", "ContentDate", "ContentTime"),
    *("ContrastBolusAgent", "ContrastBolusStartTime", "ContrastBolusStopTime"),
    *("ContributionDateTime", "ContributionDescription", "CountryOfResidence", "CurveDate"),
    *("CurveTime", "DateOfLastCalibration", "DateOfLastDetectorCalibration"),
    *("DateOfSecondaryCapture", "DecayCorrectionDateTime", "DecompositionDescription"),
    *("DetectorID", "DeviceSerialNumber", "DeviceUID"),
    *("DeviceDescription", "DimensionOrganizationUID", "EndAcquisitionDateTime", "EthnicGroup"),
    *("FailedSOPInstanceUIDList", "FillerOrderNumberImagingServiceRequest"),
    *("FrameAcquisitionDateTime", "FrameComments", "FrameOfReferenceUID"),
    *("FrameReferenceDateTime", "FunctionalSyncPulse", "GantryID", "GeneratorID"),
    *("HardcopyCreationDeviceID", "IdentifyingComments", "ImageComments"),
    *("ImagePresentationComments", "InstanceCoercionDateTime", "InstanceCreatorUID"),
    *("InstitutionAddress", "InstitutionCodeSequence", "InstitutionName"),
    *("InstitutionalDepartmentName", "InstitutionalDepartmentTypeCodeSequence"),
    *("InterventionDrugStartTime", "InterventionDrugStopTime", "IrradiationEventUID"),
    *("IssuerOfAccessionNumberSequence", "IssuerOfPatientID", "LargePaletteColorLookupTableUID"),
    *("LensMake", "LensSerialNumber", "LensSpecification", "ManufacturerDeviceClassUID"),
    *("MedicalAlerts", "MilitaryRank", "ModifiedImageDate", "ModifiedImageTime"),
    *("ModifiedImageDescription", "ModifyingDeviceID", "MostRecentTreatmentDate"),
    *("NameOfPhysiciansReadingStudy", "NetworkID", "ObservationDateTime", "Occupation"),
    *("OperatorIdentificationSequence", "OperatorsName", "OtherPatientIDs", "OtherPatientNames"),
    *("OverlayDate", "OverlayTime", "PaletteColorLookupTableUID", "PatientAddress"),
    *("PatientAge", "PatientBirthDate", "PatientBirthName", "PatientBirthTime"),
    *("PatientComments", "PatientID", "PatientInstitutionResidence", "PatientMotherBirthName"),
    *("PatientName", "PatientReligiousPreference", "PatientSex", "PatientSexNeutered"),
    *("PatientSize", "PatientState", "PatientTelephoneNumbers", "PatientTransportArrangements"),
    *("PatientWeight", "PerformedLocation", "PerformedProcedureStepDescription"),
    *("PerformingPhysicianName", "PhysiciansOfRecord", "PlateID", "PregnancyStatus"),
    *("ProtocolName", "PyramidDescription", "PyramidLabel", "PyramidUID"),
    *("RadiopharmaceuticalStartDateTime", "RadiopharmaceuticalStartTime"),
    *("RadiopharmaceuticalStopDateTime", "RadiopharmaceuticalStopTime"),
    *("ReferencedImageSequence", "ReferencedPatientSequence"),
    *("ReferencedPerformedProcedureStepSequence", "ReferencedStudySequence"),
    *("ReferringPhysicianAddress", "ReferringPhysicianName", "ReferringPhysicianTelephoneNumbers"),
    *("RegionOfResidence", "RequestingPhysician", "RequestingService"),
    *("RespiratoryMotionCompensationTechniqueDescription", "ReviewDate", "ReviewerName"),
    *("ScheduledPerformingPhysicianName", "SecondaryCaptureDeviceID", "SeriesDate"),
    *("SeriesInstanceUID", "SmokingStatus", "SlideIdentifier"),
    *("SOPInstanceUID", "SourceStartDateTime", "SourceEndDateTime", "SpecialNeeds"),
    *("StartAcquisitionDateTime", "StationName", "StorageMediaFileSetUID", "StudyComments"),
    *("StudyDate", "StudyDescription", "StudyID", "StudyInstanceUID", "StudyTime"),
    *("SynchronizationFrameOfReferenceUID", "TextComments", "TextString"),
    *("TimeOfLastCalibration", "TimeOfLastDetectorCalibration", "TimeOfSecondaryCapture"),
    *("TimezoneOffsetFromUTC", "TransactionUID", "UDISequence", "UniqueDeviceIdentifier"),
    *("VerifyingObserverName", "XRayDetectorID", "XRayDetectorLabel", "XRaySourceID"),
}

TEXTS = {
    # Words of the device and its settings, that the profile does not list.
    *("SpecificCharacterSet", "Manufacturer", "ManufacturerModelName", "SoftwareVersions"),
    *("ConvolutionKernel", "SequenceName", "PulseSequenceName", "ImagedNucleus", "RescaleType"),
    *("StackID", "Units", "CodeValue", "CodingSchemeDesignator", "CodeMeaning"),
}
OURS = {
    # What is written anew.
    *("SeriesDescription", "DerivationDescription", "DeidentificationMethod", "PatientName"),
    *("PatientID", "ContentDate", "ContentTime"),
}
WORDS = ("AE", "AS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT")
VALUES: dict[str, Any] = {
    "AE": "DOEJANE", "AS": "099Y", "DA": SECRET_DATE, "DT": SECRET_DATE + SECRET_TIME,
    "TM": SECRET_TIME, "PN": SECRET, "UR": f"http://{SECRET}", "UI": SECRET_UID, "CS": "SOME",
    "DS": "1.5", "IS": "1", "FD": 1.5, "FL": 1.5, "SL": 1, "SS": 1, "UL": 1, "US": 1,
    "SV": 1, "UV": 1, "AT": 0x00100010, "OB": SECRET.encode(), "OW": SECRET.encode(),
    "UN": SECRET.encode(), **dict.fromkeys(("LO", "LT", "SH", "ST", "UC", "UT"), SECRET),
}  # fmt: skip
OF_PIXELS = {0x0028, 0x7FE0}


def everything() -> Dataset:
    """Return a data set with every element that the dictionary knows, each telling a secret."""
    dataset = Dataset()
    inner = Dataset()
    for keyword in ("PatientName", "PatientID", "StudyDate", "ReferencedSOPInstanceUID"):
        setattr(inner, keyword, VALUES[dictionary_VR(tag_for_keyword(keyword) or 0)])
    inner.CodeValue, inner.CodingSchemeDesignator, inner.CodeMeaning = "X", "99DOE", SECRET
    for number, (vr, *_) in DicomDictionary.items():
        tag = Tag(number)
        vr = vr.split()[0]
        # Dictionary entries of the file meta information, of commands and of items are none here.
        if tag.group in {0x0000, 0x0002, 0x0004, 0xFFFE} | OF_PIXELS or tag.element == 0:
            continue
        if vr == "SQ":
            dataset.add_new(tag, vr, Sequence([Dataset(inner)]))
        elif vr in VALUES:
            dataset.add_new(tag, vr, VALUES[vr])
    dataset.add_new(0x00091010, "LO", SECRET)
    dataset.add_new(0x00090010, "LO", "DOE CREATOR")
    return dataset


@pytest.fixture(scope="module")
def source() -> Dataset:
    """A CT slice whose header has everything, with the geometry and the pixels of a sound one."""
    from io import BytesIO

    sound = pydicom.dcmread(BytesIO(dicom(SMOOTH)))
    dataset = everything()
    for keyword in (
        *("SOPClassUID", "Modality", "ImagePositionPatient", "ImageOrientationPatient"),
        *("PixelSpacing", "ImageType", "InstanceNumber", "SeriesNumber"),
    ):
        dataset[keyword] = sound[keyword]
    for element in sound.group_dataset(0x0028):
        dataset[element.tag] = element
    # What makes a CT an enhanced one, or says that the identity is in its pixels.
    for keyword in (
        *("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence", "NumberOfFrames"),
        *("BurnedInAnnotation", "PixelDataProviderURL", "ModalityLUTSequence"),
    ):
        dataset.pop(keyword, None)
    dataset.file_meta = sound.file_meta
    return dataset


@pytest.fixture(scope="module")
def written(source: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    image = Image(
        SMOOTH.astype(np.float32) - 1024,
        "yx",
        value_unit="HU",
        metadata={"dicom": {"datasets": (source,), "frame_indices": None}},
    )
    (instance,) = derived_instances(
        image, Derivation("halved", "halving", filtered=True), without_identity=True
    )
    path = tmp_path_factory.mktemp("identity") / "a.dcm"
    save_instance(instance, path)
    return pydicom.dcmread(path)


def test_the_profile_is_spelled_as_in_the_dictionary() -> None:
    unknown = {"Arbitrary", "ModifiedImageDescription", "MostRecentTreatmentDate"}
    missing = {keyword for keyword in PROFILE if tag_for_keyword(keyword) is None}
    assert missing <= unknown | {"LensMake", "LensSerialNumber", "LensSpecification"}
    assert len(PROFILE) > 150


def test_of_every_element_there_is_only_the_harmless_survives(
    source: Dataset, written: Dataset
) -> None:
    assert len(source) > 3000
    survivors = {element.keyword: element for element in written.iterall()}
    kept_as_it_was = {
        keyword
        for keyword in PROFILE & set(survivors)
        if survivors[keyword].value and keyword in source
        if survivors[keyword].value == source[keyword].value
    }
    assert kept_as_it_was == set()
    words = {keyword for keyword, found in survivors.items() if found.VR in WORDS and found.value}
    assert words <= TEXTS | OURS
    groups = {element.tag.group for element in written.iterall()}
    assert groups <= {0x0008, 0x0010, 0x0012, 0x0018, 0x0020, 0x0028, 0x0040, 0x0054, 0x7FE0}
    assert {e.keyword for e in written if e.tag.group in (0x0010, 0x0012)} == {
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientIdentityRemoved"),
        *("DeidentificationMethod", "DeidentificationMethodCodeSequence"),
    }
    assert not any(element.tag.is_private for element in written.iterall())


def test_no_secret_is_in_the_bytes_of_the_file(written: Dataset) -> None:
    content = Path(str(written.filename)).read_bytes()
    for secret in ("Doe", "DOE", "Jane", SECRET_UID, SECRET_DATE, SECRET_TIME, "099Y"):
        words = [
            element.keyword
            for element in written.iterall()
            if element.keyword not in TEXTS and secret in str(element.value)
        ]
        assert words == [], secret
    # Of the device's own words the test's source made secrets too: no more of them than those.
    kept = [e for e in written.iterall() if e.keyword in TEXTS and SECRET in str(e.value)]
    assert content.count(SECRET.encode()) == len(kept)
    assert {e.keyword for e in kept} <= TEXTS - {"CodeMeaning", "CodeValue", "StackID"}


def test_every_uid_is_new_or_the_standards(source: Dataset, written: Dataset) -> None:
    uids = {str(e.value) for e in written.iterall() if e.VR == "UI" and e.value}
    assert SECRET_UID not in uids
    assert all(uid.startswith(("1.2.840.10008.", "1.2.826.0.1.3680043.8.498.")) for uid in uids)
    reference = written.SourceImageSequence[0].ReferencedSOPInstanceUID
    assert reference not in (str(source.SOPInstanceUID), str(written.SOPInstanceUID))
    # All UIDs of the source were one, so that all that referenced it reference one now.
    assert written.StudyInstanceUID == written.FrameOfReferenceUID == reference


def test_a_stack_named_by_a_person_is_not_kept() -> None:
    dataset = Dataset()
    dataset.SOPInstanceUID, dataset.SOPClassUID = "1.2.3", "1.2.840.10008.5.1.4.1.1.2.1"
    dataset.PerFrameFunctionalGroupsSequence = Sequence([Dataset(), Dataset()])
    for groups, name in zip(dataset.PerFrameFunctionalGroupsSequence, ("2", SECRET), strict=True):
        groups.FrameContentSequence = Sequence([Dataset()])
        groups.FrameContentSequence[0].StackID = name
        groups.FrameContentSequence[0].InStackPositionNumber = 1
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    kept = drop_identity(dataset, Pseudonyms(), "label").PerFrameFunctionalGroupsSequence
    assert kept[0].FrameContentSequence[0].StackID == "2"
    assert "StackID" not in kept[1].FrameContentSequence[0]


SECRETS = (
    # Long enough not to stand in compressed pixels by chance.
    *("Doe^Jane", "Doe_Jane", "DOE_JANE", "DOE0.dcm", "DOE1.dcm", "DOE-4711", "Doe Hospital"),
    *("Abdomen", SECRET_UID, SECRET_DATE),
)


def patient(folder: Path) -> Path:
    """Write a series of a patient whom its folder, files, description and headers name."""
    place = folder / "DOE_JANE_19871231"
    place.mkdir()
    for number in (1, 2, 3):
        content = dicom(
            SMOOTH, PatientName=SECRET, PatientID="DOE-4711", StudyDate=SECRET_DATE,
            SeriesDescription=f"Abdomen {SECRET}", InstitutionName="Doe Hospital",
            InstanceNumber=number, SOPInstanceUID=f"{SECRET_UID}.{number}",
            SeriesInstanceUID=SECRET_UID, ImagePositionPatient=[0, 0, number],
        )  # fmt: skip
        (place / f"DOE{number}.dcm").write_bytes(content)
    return place


@pytest.fixture
def noisy_ct(tmp_path: Path) -> Path:
    """Return two slices of a CT, whose folder, files, description and headers name a patient."""
    place = tmp_path / "DOE_JANE_19871231"
    place.mkdir()
    for number, path in enumerate(sorted(samples.sample_path("low_dose_ct").iterdir())[2:4]):
        dataset = pydicom.dcmread(path)
        dataset.PatientName, dataset.PatientID = SECRET, "DOE-4711"
        dataset.SeriesDescription = f"Abdomen {SECRET}"
        dataset.SeriesInstanceUID, dataset.StudyDate = SECRET_UID, SECRET_DATE
        dataset.save_as(place / f"DOE{number}.dcm")
    return place


def told(out: Path) -> dict[str, set[str]]:
    """Return the secrets in each written file, its name and that of its folder included."""
    found: dict[str, set[str]] = {}
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        named = path.relative_to(out).as_posix()
        places = (*SECRETS, str(out.parent))
        found[named] = {one for one in places if one.encode() in content or one in named}
    return found


@pytest.mark.parametrize("option", [None, "--drop-identity"])
@pytest.mark.parametrize("format_", ["folder", ".tif", ".nii.gz", ".nrrd"])
def test_the_command_writes_no_name_place_date_or_uid(
    halving: Method, tmp_path: Path, capfd: pytest.CaptureFixture[str], format_: str, option: str
) -> None:
    place = patient(tmp_path)
    (tmp_path / "all").mkdir()
    out = tmp_path / "all" / ("out" if format_ == "folder" else f"out{format_}")
    assert main(["halve", str(place), "-o", str(out), *filter(None, [option])]) == 0
    survived = told(tmp_path / "all")
    assert any(name.endswith("recipe.json") for name in survived)
    if format_ == "folder" and option is None:  # the patient's study is to hold these
        headers = {name for name in survived if name.endswith(".dcm")}
        assert len(headers) == 3
        for name in headers:
            assert {"DOE-4711", SECRET, SECRET_UID} <= survived.pop(name)
    assert {name: words for name, words in survived.items() if words} == {}


def test_what_survives_in_which_file_of_an_export(
    noisy_ct: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The table of docs/files-of-strangers.md."""
    survived = {}
    for option in ("--keep-identity", "", "--drop-identity"):
        out = tmp_path / f"out{option}"
        order = ["denoise", str(noisy_ct), "-o", str(out), "--preset", "instant", "--h", "2"]
        assert main([*order, "--report", *filter(None, [option])]) == 0
        words: dict[str, set[str]] = {}
        for name, found in told(out).items():
            kind = "header" if name.endswith(".dcm") else name.split("/")[0]
            words.setdefault(kind, set()).update(found)
        survived[option] = {kind: found for kind, found in words.items() if found}
    assert set(survived["--keep-identity"]) == {
        *("header", "recipe.json", "ct_report.html", "maps"),
    }
    assert {"DOE_JANE", SECRET_UID, SECRET_DATE} <= survived["--keep-identity"]["recipe.json"]
    assert "Abdomen" in survived["--keep-identity"]["ct_report.html"]
    assert set(survived[""]) == {"header"}
    assert {"DOE-4711", "Abdomen", SECRET_DATE} <= survived[""]["header"]
    assert survived["--drop-identity"] == {}
    header = next((tmp_path / "out").rglob("*.dcm"))
    kept = pydicom.dcmread(header)
    assert kept.PatientName == SECRET
    assert kept.StudyInstanceUID == pydicom.dcmread(next(noisy_ct.iterdir())).StudyInstanceUID
    assert main(["replay", str(tmp_path / "out" / "recipe.json"), "--check"]) == 0


def test_a_recipe_tells_no_place_of_this_machine(halving: Method, tmp_path: Path) -> None:
    result = run(halving, Image(np.ones((8, 8), np.float32), "yx", name="DOE"))
    config = result.config.model_copy(update={"device": "/home/doe/secret/net.safetensors"})
    object.__setattr__(result, "config", config)
    recipe = build_recipe(result, tmp_path, without_identity=True)
    assert recipe.config["device"] == "net.safetensors"
    kept = build_recipe(result, tmp_path, inputs=[])
    assert kept.config["device"] == "/home/doe/secret/net.safetensors"
