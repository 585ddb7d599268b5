"""Small sound files of every kind that is read: what the fuzzing tests damage."""

import gzip
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from radar_files import MadeRadar

ROOT = "1.2.826.0.1.3680043.8.498.7"
SMOOTH = (1000 + 10 * np.hypot(*np.mgrid[:32, :40])).astype(np.uint16)


@dataclass(frozen=True)
class Seed:
    """Files that are read together, of which one is damaged.

    Attributes
    ----------
    files : mapping of str to bytes
        By their names; the damaged one as it is before it is packed.
    target : str
        The one that is damaged.
    opener : str
        What reads it, a key of `fuzz_child.OPENERS`.
    opened : str
        The file that is opened; default: the damaged one.
    pack : callable, optional
        Turns the damaged content into that of the file, so that damage lies below a checksum.
    """

    files: Mapping[str, bytes]
    target: str
    opener: str = "image"
    opened: str = ""
    pack: Callable[[bytes], bytes] = bytes

    def damaged(self, content: bytes) -> dict[str, bytes]:
        """Return all files, the target with another content."""
        return {**self.files, self.target: self.pack(content)}


def dicom(pixels: np.ndarray, syntax: UID = ExplicitVRLittleEndian, **values: Any) -> bytes:
    """Return a CT slice as a Part 10 file, its pixels compressed as the syntax says."""
    dataset = Dataset()
    known = {
        "SOPClassUID": CTImageStorage, "SOPInstanceUID": f"{ROOT}.3", "StudyInstanceUID": ROOT,
        "SeriesInstanceUID": f"{ROOT}.1", "Modality": "CT", "PatientName": "A^B",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "SeriesNumber": 3, "InstanceNumber": 1,
        "PixelSpacing": [0.5, 0.25], "ImagePositionPatient": [-10.0, -20.0, 2.0],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "RescaleSlope": 1,
        "RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 400,
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 8 * pixels.itemsize, "BitsStored": 8 * pixels.itemsize,
        "HighBit": 8 * pixels.itemsize - 1, "PixelRepresentation": 0, "PixelPaddingValue": 0,
        "Rows": pixels.shape[-2], "Columns": pixels.shape[-1],
    }  # fmt: skip
    for keyword, value in {**known, **values}.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW" if pixels.itemsize == 2 else "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    encoded = syntax.is_encapsulated
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if encoded else syntax
    if syntax in (JPEGBaseline8Bit, JPEGLosslessSV1):
        from imagecodecs import jpeg_encode
        from pydicom.encaps import encapsulate

        options = {} if syntax == JPEGBaseline8Bit else {"lossless": True, "predictor": 1}
        frame = jpeg_encode(pixels, bitspersample=8 * pixels.itemsize, **options)
        dataset.PixelData = encapsulate([frame])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = syntax
    elif encoded:
        dataset.compress(syntax, generate_instance_uid=False)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = pixels.astype(">u2").tobytes()
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def enhanced() -> bytes:
    """Return a multi-frame CT of two frames."""
    shared, frames = Dataset(), []
    shared.PixelMeasuresSequence = Sequence([Dataset()])
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.5, 0.25]
    for z in (0.0, 2.0):
        own = Dataset()
        own.PlanePositionSequence = Sequence([Dataset()])
        own.PlanePositionSequence[0].ImagePositionPatient = [0.0, 0.0, z]
        frames.append(own)
    return dicom(
        np.stack([SMOOTH, SMOOTH]),
        SOPClassUID=EnhancedCTImageStorage,
        NumberOfFrames=2,
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence(frames),
    )


def deflated_dicom(content: bytes) -> bytes:
    """Pack a data set without meta information as a deflated DICOM file."""
    plain = dicom(SMOOTH, DeflatedExplicitVRLittleEndian)
    length = 132 + 12 + struct.unpack("<I", plain[140:144])[0]
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(content) + packer.flush()
    return plain[:length] + packed + b"\0" * (len(packed) % 2)


def sound_png(content: bytes) -> bytes:
    """Put the checksums of a PNG's chunks right, so that damage is looked at."""
    found, place = bytearray(content[:8]), 8
    while place + 12 <= len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        body = content[place + 4 : place + 8 + length]
        found += content[place : place + 4] + body + struct.pack(">I", zlib.crc32(body))
        place += 12 + length
    return bytes(found) + content[place:]


def _dicom_seeds() -> dict[str, Seed]:
    data_set = dicom(SMOOTH)
    start = 132 + 12 + struct.unpack("<I", data_set[140:144])[0]
    files = {
        "native": dicom(SMOOTH),
        "implicit": dicom(SMOOTH, ImplicitVRLittleEndian),
        "big endian": dicom(SMOOTH, ExplicitVRBigEndian),
        "enhanced": enhanced(),
        "rle": dicom(SMOOTH, RLELossless),
        "jpeg": dicom(SMOOTH.astype(np.uint8), JPEGBaseline8Bit),
        "jpeg lossless": dicom(SMOOTH, JPEGLosslessSV1),
        "jpeg-ls": dicom(SMOOTH, JPEGLSLossless),
        "jpeg 2000": dicom(SMOOTH, JPEG2000Lossless),
    }
    seeds = {f"dicom {name}": Seed({"a.dcm": data}, "a.dcm") for name, data in files.items()}
    seeds["dicom deflated"] = Seed({"a.dcm": data_set[start:]}, "a.dcm", pack=deflated_dicom)
    # A sound slice beside the damaged one: they are put together to one volume.
    other = dicom(
        SMOOTH, InstanceNumber=2, SOPInstanceUID=f"{ROOT}.4", ImagePositionPatient=[-10, -20, 4]
    )
    seeds["dicom series"] = Seed({"a.dcm": data_set, "b.dcm": other}, "a.dcm", opened=".")
    return seeds


def _tiff_seeds(folder: Path) -> dict[str, Seed]:
    import tifffile

    def written(name: str, array: np.ndarray, **options: Any) -> Seed:
        tifffile.imwrite(folder / name, array, **options)
        return Seed({name: (folder / name).read_bytes()}, name)

    rgb = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)
    ome = {"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "mm"}
    with tifffile.TiffWriter(folder / "f.tif") as tif:
        for codec in ("webp", "jpegxl", "lerc", "jpegxr", "png", "jpeg2000"):
            tif.write(rgb, tile=(16, 16), compression=codec, photometric="rgb", metadata=None)
    return {
        "tiff": written("a.tif", SMOOTH, compression="zlib", predictor=True),
        "tiff of tiles": written("b.tif", rgb, tile=(16, 16), compression="jpeg"),
        "tiff of many codecs": _alone(folder / "f.tif"),
        "tiff with lzw": written("c.tif", SMOOTH, compression="lzw"),
        "ome-tiff": written("d.ome.tif", np.stack([SMOOTH] * 2), ome=True, metadata=ome),
        "imagej": written("e.tif", np.stack([SMOOTH] * 2), imagej=True, metadata={"axes": "ZYX"}),
    }


def _volume_seeds(folder: Path) -> dict[str, Seed]:
    import nibabel
    import nrrd
    import PIL.Image

    np.save(folder / "a.npy", SMOOTH)
    for name in ("a.png", "a.jpg"):
        PIL.Image.fromarray(SMOOTH.astype(np.uint8)).save(folder / name)
    volume = np.stack([SMOOTH.astype(np.float32)] * 2, axis=-1)
    nibabel.save(nibabel.Nifti1Image(volume, np.diag([0.5, 0.5, 2.0, 1.0])), folder / "a.nii")
    header = {"space": "LPS", "space directions": np.diag([0.5, 0.5, 2.0])}
    for encoding in ("raw", "gzip", "ascii"):
        nrrd.write(str(folder / f"{encoding}.nrrd"), volume, {**header, "encoding": encoding})
    nrrd.write(str(folder / "a.nhdr"), volume, {**header, "encoding": "gzip"})
    detached = {p.name: p.read_bytes() for p in sorted(folder.glob("a.*")) if p.suffix != ".npy"}
    detached = {n: c for n, c in detached.items() if n == "a.nhdr" or n.startswith("a.raw")}
    return {
        "npy": _alone(folder / "a.npy"),
        "png": _alone(folder / "a.png"),
        "jpeg": _alone(folder / "a.jpg"),
        "png below its checksums": _alone(folder / "a.png", pack=sound_png),
        "nifti": _alone(folder / "a.nii"),
        "nifti in gzip": Seed(
            {"a.nii.gz": (folder / "a.nii").read_bytes()}, "a.nii.gz", pack=gzip.compress
        ),
        **{f"nrrd {one}": _alone(folder / f"{one}.nrrd") for one in ("raw", "gzip", "ascii")},
        "nrrd detached": Seed(detached, "a.nhdr"),
    }


def _alone(path: Path, opener: str = "image", **options: Any) -> Seed:
    return Seed({path.name: path.read_bytes()}, path.name, opener, **options)


def _radar_seeds(folder: Path) -> dict[str, Seed]:
    from napari_lossviz.samples.tops import simulate_tops

    values = MadeRadar.values((12, 16))
    MadeRadar.geotiff(folder / "g.tif", values, dtype="complex_int16")
    MadeRadar.geotiff(folder / "h.img", values, driver="ENVI")
    tops = simulate_tops(2, 24, 32, overlap=8, margin=2)
    slc = (np.round(tops.slc.real) + 1j * np.round(tops.slc.imag)).astype(np.complex64)
    product = MadeRadar.safe(folder, {("IW1", "VV"): slc}, tops.annotation)
    files = {
        p.relative_to(product).as_posix(): p.read_bytes() for p in product.rglob("*") if p.is_file()
    }
    annotation = next(name for name in files if name.startswith("annotation/s1a"))
    noise = next(name for name in files if "/noise-" in name)
    measurement = next(name for name in files if name.startswith("measurement/"))
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(f"{product.name}/{name}", content)
    envi = {name: (folder / name).read_bytes() for name in ("h.img", "h.hdr")}
    seeds = {
        "complex geotiff": _alone(folder / "g.tif"),
        "cosar": _alone(MadeRadar.cosar(folder / "c.cos", values)),
        "sicd": _alone(MadeRadar.sicd(folder / "s.ntf", values)),
        "envi": Seed(envi, "h.hdr", opened="h.img"),
        "safe in a zip": Seed({"p.zip": packed.getvalue()}, "p.zip"),
    }
    for what, name in (
        ("annotation", annotation), ("noise table", noise), ("measurement", measurement),
    ):  # fmt: skip
        seeds[f"safe {what}"] = Seed(files, name, opened="manifest.safe")
    return seeds


def _slide_seed(folder: Path) -> Seed:
    import tifffile

    pixels = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    tifffile.imwrite(
        folder / "a.svs", pixels, tile=(32, 32), photometric="rgb", compression="jpeg",
        description="Aperio Image Library v11\n64x64 |AppMag = 20|MPP = 0.5", metadata=None,
    )  # fmt: skip
    return _alone(folder / "a.svs")


def _text_seeds() -> dict[str, Seed]:
    recipe = {
        "recipe_version": 1, "method": "filter2noise", "config": {"steps": 10, "seed": 3},
        "inputs": [{
            "paths": ["in/a.tif"], "file_sha256": ["0" * 64], "pixel_sha256": "1" * 64,
            "axes": "zyx", "shape": [2, 12, 16], "dtype": "float32", "name": "a",
            "volume_index": 0, "spacing": [2.0, 0.5, 0.5], "units": ["mm", "mm", "mm"],
        }],
        "selection": {"ranges": {"z": [0, 2]}},
        "output": {"formats": ["tiff"], "quantity": "amplitude"},
        "edits": [{"kind": "stroke", "points": [[1.0, 2.0]], "radius": 3.0, "value": 2.0}],
        "seed": 3, "threads": 2, "versions": {"numpy": "2.0"}, "metrics": {"noise": 12.5},
        "result_sha256": "2" * 64, "seconds": 0.25,
    }  # fmt: skip
    square = [[0.0, 0.0], [5.0, 0.0], [5.0, 5.0], [0.0, 5.0], [0.0, 0.0]]
    features = [
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [square]},
         "properties": {"name": "a", "z": 1, "classification": {"name": "Tumour"}}},
        {"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": [[square]]}},
    ]  # fmt: skip
    geojson = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    table = b"name,y0,y1,x0,x1,z\nliver,1,5,2,6,0\nspleen,3,8,1,4,\n"
    shapes = b"index,shape-type,vertex-index,axis-0,axis-1\n" + b"".join(
        f"0,rectangle,{i},{y},{x}\n".encode() for i, (y, x) in enumerate(square[:4])
    )
    settings = {"steps": 10, "crop": 48, "seed": 3, "device": "cpu", "stages": 1}
    stroke = {
        "kind": "stroke", "points": [[1.0, 2.0], [3.0, 4.0]], "radius": 3.0, "hardness": 0.5,
        "map": "sigma_x", "operation": "multiply", "value": 2.0, "stage": 0,
    }  # fmt: skip
    return {
        "recipe": Seed({"a.json": json.dumps(recipe).encode()}, "a.json", "recipe"),
        "geojson": Seed({"a.geojson": geojson}, "a.geojson", "regions"),
        "region table": Seed({"a.csv": table}, "a.csv", "regions"),
        "shapes table": Seed({"a.csv": shapes}, "a.csv", "regions"),
        "qupath": Seed({"a.geojson": geojson}, "a.geojson", "qupath"),
        "settings": Seed({"a.json": json.dumps(settings).encode()}, "a.json", "settings"),
        "edits": Seed({"a.json": json.dumps([stroke]).encode()}, "a.json", "edits"),
    }


def _network_seeds(folder: Path) -> dict[str, Seed]:
    import torch
    from fuzz_child import merlin_state, stain_state

    from napari_lossviz.merlin.normalisation import NORMALISATIONS
    from napari_lossviz.merlin.shapes import parameter_shapes
    from napari_lossviz.merlin.weights import MerlinWeights, save_weights
    from napari_lossviz.stain.checkpoint import Architecture, StainCheckpoint, save_checkpoint
    from napari_lossviz.stain.generator import ResnetGenerator
    from napari_lossviz.stain.patch_sampler import PatchSampler

    networks = {"generator": ResnetGenerator(2, 1), "sampler": PatchSampler({4: 4}, 3)}
    tensors = {
        f"{name}.{n}": v.numpy()
        for name, network in networks.items()
        for n, v in network.state_dict().items()
    }
    card = {"history": {"total": [1.0, 0.5]}, "settings": {"steps": 2}}
    save_checkpoint(
        StainCheckpoint(Architecture(2, 1, (4,), 3), tensors, "s", "H&E", "IHC", 0.5, card),
        folder / "s.safetensors",
    )
    authors = Path(__file__).parent.parent / "data" / "stain_generator_ngf8.pth"
    zeros = {name: np.zeros(shape, np.float32) for name, shape in parameter_shapes().items()}
    weights = MerlinWeights(zeros, NORMALISATIONS["spotlight"], "m", "spotlight")
    save_weights(weights, folder / "m.safetensors")
    torch.save({"enc0.weight": torch.zeros(2, 1, 3, 3)}, folder / "m.pth")
    stain_state(folder / "t.state.safetensors", save=True)
    merlin_state(folder / "u.state.safetensors", save=True)
    return {
        "stain checkpoint": _alone(folder / "s.safetensors", "stain checkpoint"),
        "stain checkpoint of the authors": _alone(authors, "stain checkpoint"),
        "merlin weights": _alone(folder / "m.safetensors", "merlin weights"),
        "merlin weights in pth": _alone(folder / "m.pth", "merlin weights"),
        "stain training state": _alone(folder / "t.state.safetensors", "stain state"),
        "merlin training state": _alone(folder / "u.state.safetensors", "merlin state"),
    }


def _pair_seeds(folder: Path) -> dict[str, Seed]:
    import PIL.Image

    pixels = np.random.default_rng(2).integers(0, 255, (16, 16, 3), np.uint8)
    for name in ("p.png", "p.jpg", "p.tif"):
        PIL.Image.fromarray(pixels).save(folder / name)
    return {
        f"pair {name}": _alone(folder / name, "pair image", pack=pack)
        for name, pack in (("p.png", sound_png), ("p.jpg", bytes), ("p.tif", bytes))
    }


def make_seeds(folder: Path) -> dict[str, Seed]:
    """Make every seed for which the packages are installed.

    Parameters
    ----------
    folder : Path
        Empty; files are made there.
    """
    seeds = {**_dicom_seeds(), **_text_seeds()}
    for make in (_tiff_seeds, _volume_seeds, _radar_seeds, _network_seeds, _pair_seeds):
        seeds |= make(folder)
    seeds["slide"] = _slide_seed(folder)
    return seeds
