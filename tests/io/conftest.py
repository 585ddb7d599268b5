"""Files made by hand for the readers: what is in them is known, since it was put there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian

from napari_lossviz.core import Image, MethodConfig, NamedImage, Result, WholeMap, setting

STUDY = "1.2.826.0.1.3680043.8.498.1"
ROWS, COLUMNS = 6, 8


def header(series: str = "1", instance: int = 1, sop: str | None = None, **values: Any) -> Dataset:
    """Return a CT slice's dataset without pixels; None as a value leaves the element out."""
    dataset = Dataset()
    defaults = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": f"{STUDY}.{series}.5{sop or instance}",
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": f"{STUDY}.{series}",
        "FrameOfReferenceUID": f"{STUDY}.0",
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SeriesNumber": 3,
        "InstanceNumber": instance,
        "PatientName": "Secret^Name",
        "PatientID": "SECRET-ID",
        "PixelSpacing": [0.5, 0.25],
        "SliceThickness": 2.0,
        "ImagePositionPatient": [-10.0, -20.0, 2.0 * instance],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
    }
    for keyword, value in {**defaults, **values}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def save(
    path: Path,
    dataset: Dataset,
    pixels: np.ndarray | None,
    *,
    syntax: str = ExplicitVRLittleEndian,
    shape: bool = True,
) -> Path:
    """Write a dataset with native pixels; `shape=False` leaves Rows and Columns as they are."""
    if pixels is not None:
        if shape:
            dataset.Rows, dataset.Columns = pixels.shape[-2:]
        dataset.PixelData = pixels.tobytes()
        dataset["PixelData"].VR = "OW"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", CTImageStorage)
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", f"{STUDY}.9")
    meta.TransferSyntaxUID = syntax
    path.parent.mkdir(parents=True, exist_ok=True)
    file = FileDataset(
        str(path), dataset, file_meta=meta, preamble=b"\0" * 128,
        is_implicit_VR=UID(syntax).is_implicit_VR, is_little_endian=UID(syntax).is_little_endian,
    )  # fmt: skip
    file.save_as(path, enforce_file_format=True)
    return path


def slice_pixels(number: int) -> np.ndarray:
    """Return pixels that tell which slice they are: 1000 + 10 * number, and a ramp along x."""
    ramp = np.arange(COLUMNS, dtype=np.uint16)
    return np.broadcast_to(1000 + 10 * number + ramp, (ROWS, COLUMNS)).astype(np.uint16)


def numbers_of(array: np.ndarray) -> list[int]:
    """Return the numbers of `slice_pixels` in a volume in HU."""
    return [round((float(value) + 1024 - 1000) / 10) for value in array[..., 0, 0].ravel()]


def enhanced(path: Path, frames: list[dict[str, Any]], pixels: np.ndarray) -> Path:
    """Write an enhanced multi-frame CT; each frame says its position and may say more."""
    dataset = header(
        SOPClassUID=EnhancedCTImageStorage,
        NumberOfFrames=len(frames),
        PixelSpacing=None,
        SliceThickness=None,
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        RescaleSlope=None,
        RescaleIntercept=None,
    )
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([Dataset()])
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.5, 0.25]
    shared.PixelMeasuresSequence[0].SliceThickness = 2.0
    shared.PlaneOrientationSequence = Sequence([Dataset()])
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence()
    for frame in frames:
        own = Dataset()
        own.PlanePositionSequence = Sequence([Dataset()])
        own.PlanePositionSequence[0].ImagePositionPatient = frame["position"]
        own.PixelValueTransformationSequence = Sequence([Dataset()])
        transformation = own.PixelValueTransformationSequence[0]
        transformation.RescaleSlope = frame.get("slope", 1)
        transformation.RescaleIntercept = frame.get("intercept", -1024)
        transformation.RescaleType = "HU"
        own.FrameContentSequence = Sequence([Dataset()])
        if "phase" in frame:
            own.FrameContentSequence[0].TemporalPositionIndex = frame["phase"]
        dataset.PerFrameFunctionalGroupsSequence.append(own)
    return save(path, dataset, pixels)


class Made:
    """The functions of this file as one fixture (test files cannot import a conftest)."""

    header = staticmethod(header)
    save = staticmethod(save)
    slice_pixels = staticmethod(slice_pixels)
    numbers_of = staticmethod(numbers_of)
    enhanced = staticmethod(enhanced)

    @staticmethod
    def slice(path: Path, number: int = 1, **values: Any) -> Path:
        """Write slice `number`, at z = 2 * number mm unless the values say otherwise."""
        return save(path, header(instance=number, **values), slice_pixels(number))

    @classmethod
    def series(
        cls,
        folder: Path,
        count: int,
        change: Callable[[int], dict[str, Any]] = lambda number: {},
    ) -> list[Path]:
        """Write slices 1 to `count`; `change` gives what differs from the default by slice."""
        return [
            cls.slice(folder / f"{number:03d}.dcm", number, **change(number))
            for number in range(1, count + 1)
        ]


@pytest.fixture(scope="session")
def made() -> type[Made]:
    return Made


@pytest.fixture(scope="session")
def bundled() -> Callable[[str], Path]:
    """Return the path of one of pydicom's own test files."""

    def find(name: str) -> Path:
        folder = Path(str(get_testdata_file("CT_small.dcm", download=False))).parent
        return folder / name

    return find


class HalvingConfig(MethodConfig):
    """Settings of a method made up for the writers."""

    method = "halving"

    seed: int = setting(7, "Seed of the random numbers.")
    strength: float = setting(0.5, "Factor of the values.", ge=0.0, le=1.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class HalvedResult(Result):
    """A source with its values halved, and maps at an eighth of its resolution."""

    method = "halving"

    maps: tuple[NamedImage, ...] = ()

    def images(self) -> Iterator[NamedImage]:
        values = np.asarray(self.source.array)
        halved = (values * values.dtype.type(0.5)).astype(values.dtype)
        if self.source.valid is not None and values.ndim == self.source.valid.ndim:
            halved = np.where(self.source.valid, halved, values)
        yield NamedImage("denoised", halved, "result", self.source.value_unit)
        yield NamedImage("residual", values - halved, "residual", self.source.value_unit)
        yield from self.maps

    def describe(self) -> str:
        return "Halving (nobody, 2026): σ × 0.5"


@pytest.fixture
def halve() -> Callable[..., HalvedResult]:
    """Return a function from an image (and maps) to a result."""

    def make(source: Image, **changes: Any) -> HalvedResult:
        known: dict[str, Any] = {
            "config": HalvingConfig(),
            "metrics": {"noise": 12.5},
            "threads": 2,
            "seconds": 0.25,
            "edits": (WholeMap(operation="multiply", value=2.0),),
        }
        return HalvedResult(source=source, **{**known, **changes})

    return make
