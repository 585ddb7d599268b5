"""Writes simulated CT slices as a DICOM series (CT Image Storage, JPEG-LS lossless)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLSLossless, generate_uid

from napari_lossviz.samples.phantom import PhantomGeometry

INTERCEPT = -1024
BITS_STORED = 12
DATE, TIME = "20260101", "120000"


@dataclass(frozen=True)
class SeriesDescription:
    """What sets one series of the simulated study apart.

    Attributes
    ----------
    number : int
        Series number; it also makes the UIDs.
    description : str
        Series description, at most 64 characters.
    comments : str
        How the series was simulated.
    """

    number: int
    description: str
    comments: str


def series_dataset(
    index: int,
    hounsfield: NDArray[np.float64],
    geometry: PhantomGeometry,
    series: SeriesDescription,
) -> Dataset:
    """Return one slice as a data set, ready to be saved; equal input gives equal UIDs.

    Parameters
    ----------
    index : int
        Slice, from the feet up.
    hounsfield : ndarray, (size, size)
        CT numbers in HU; rounded to whole numbers and clipped to -1024 .. 3071.
    geometry : PhantomGeometry
    series : SeriesDescription
    """
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    _identify(ds, index, series)
    _describe_acquisition(ds, index, geometry)
    stored = np.clip(np.rint(hounsfield) - INTERCEPT, 0, 2**BITS_STORED - 1).astype("<u2")
    _put_pixels(ds, stored)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.compress(JPEGLSLossless, generate_instance_uid=False)
    return ds


def slice_path(folder: Path, index: int) -> Path:
    """Return the path of one slice's file in the folder of its series."""
    return folder / f"slice_{index + 1:02d}.dcm"


def save_slice(path: Path, ds: Dataset) -> None:
    """Write a data set as a DICOM file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)


def _uid(*parts: object) -> str:
    """Return a UID that depends on `parts` alone."""
    return str(generate_uid(entropy_srcs=["napari-lossviz sample", *map(str, parts)]))


def _identify(ds: Dataset, index: int, series: SeriesDescription) -> None:
    """Fill the modules of patient, study, series, equipment, frame of reference and SOP."""
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = _uid("instance", series.number, index)
    ds.SyntheticData = "YES"
    ds.InstanceCreationDate, ds.InstanceCreationTime = DATE, TIME
    ds.PatientName = "PHANTOM^LOSSVIZ"
    ds.PatientID = "LOSSVIZ-PHANTOM-1"
    ds.PatientBirthDate = ""
    ds.PatientSex = "O"
    ds.StudyInstanceUID = _uid("study")
    ds.StudyDate, ds.StudyTime = DATE, TIME
    ds.StudyID = "1"
    ds.StudyDescription = "Simulated abdomen"
    ds.AccessionNumber = ""
    ds.ReferringPhysicianName = ""
    ds.Modality = "CT"
    ds.SeriesInstanceUID = _uid("series", series.number)
    ds.SeriesNumber = series.number
    ds.SeriesDate, ds.SeriesTime = DATE, TIME
    ds.SeriesDescription = series.description
    ds.BodyPartExamined = "ABDOMEN"
    ds.PatientPosition = "HFS"
    ds.FrameOfReferenceUID = _uid("frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.Manufacturer = "napari-lossviz (simulation)"
    ds.ManufacturerModelName = "napari_lossviz.samples"
    ds.SoftwareVersions = "1"
    ds.ImageComments = series.comments


def _describe_acquisition(ds: Dataset, index: int, geometry: PhantomGeometry) -> None:
    """Fill the modules of image, image plane and CT image."""
    corner = -(geometry.size // 2) * geometry.spacing
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.InstanceNumber = index + 1
    ds.AcquisitionNumber = 1
    ds.ContentDate, ds.ContentTime = DATE, TIME
    ds.AcquisitionDate, ds.AcquisitionTime = DATE, TIME
    ds.PatientOrientation = ["L", "P"]
    ds.PixelSpacing = [geometry.spacing, geometry.spacing]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [corner, corner, geometry.height(index)]
    ds.SliceLocation = geometry.height(index)
    ds.SliceThickness = geometry.slice_spacing
    ds.SpacingBetweenSlices = geometry.slice_spacing
    ds.KVP = None  # one energy was simulated, not a tube's spectrum
    ds.RescaleIntercept = INTERCEPT
    ds.RescaleSlope = 1
    ds.RescaleType = "HU"
    ds.WindowCenter, ds.WindowWidth = 40, 400
    ds.BurnedInAnnotation = "NO"
    ds.LossyImageCompression = "00"


def _put_pixels(ds: Dataset, stored: NDArray[np.uint16]) -> None:
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = stored.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, BITS_STORED, BITS_STORED - 1
    ds.PixelRepresentation = 0
    ds.PixelData = stored.tobytes()
    ds["PixelData"].VR = "OW"
