"""Files that the fuzzing found: each hung, ended the process, or raised what no reader may."""

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile
from fuzz_child import FuzzChild, merlin_state
from fuzz_seeds import SMOOTH, dicom
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, JPEGLosslessSV1
from safetensors import safe_open
from safetensors.torch import save_file

from napari_lossviz.core import InputError
from napari_lossviz.io import read, tiled_tiff
from napari_lossviz.io.region_files import read_regions
from napari_lossviz.merlin.weights import load_weights
from napari_lossviz.stain.checkpoint import (
    Architecture,
    StainCheckpoint,
    load_checkpoint,
    save_checkpoint,
)
from napari_lossviz.stain.generator import ResnetGenerator
from napari_lossviz.stain.pairs import read_rgb
from napari_lossviz.stain.patch_sampler import PatchSampler


@pytest.fixture(scope="module")
def child() -> Iterator[FuzzChild]:
    child = FuzzChild()
    yield child
    child.close()


def refused(child: FuzzChild, name: str, content: bytes) -> str:
    outcome = child.open({name: content}, name, "image")
    assert not outcome.fault, outcome.fault
    return outcome.error


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLosslessSV1])
def test_a_damaged_huffman_table_ends_no_process(child: FuzzChild, syntax: str) -> None:
    stream = BytesIO()
    PIL.Image.fromarray(SMOOTH.astype(np.uint8)).save(stream, "JPEG")
    sound = stream.getvalue()
    damaged = sound[:307] + b"\xb83B" + sound[307:]
    dataset = dcmread(BytesIO(dicom(SMOOTH.astype(np.uint8), JPEGBaseline8Bit)))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([damaged])
    stream = BytesIO()
    dataset.save_as(stream)
    outcome = child.open({"a.dcm": stream.getvalue()}, "a.dcm", "image")
    assert outcome.fault == ""  # GDCM ended the process; others may find some picture in it


def test_directories_of_a_tiff_in_a_circle(child: FuzzChild) -> None:
    entries = [(256, 4, 8), (257, 4, 8), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 400)]
    entries += [(277, 3, 1), (278, 4, 8), (279, 4, 64)]
    directory = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries
    )
    first = 8
    second = first + len(directory) + 4
    content = b"II*\0" + struct.pack("<I", first) + directory + struct.pack("<I", second)
    content += directory + struct.pack("<I", second)  # names itself
    outcome = child.open({"a.tif": content.ljust(464, b"\1")}, "a.tif", "image")
    assert outcome.fault == ""


@pytest.mark.parametrize("bands", [b"99999", b"00010"])
def test_a_nitf_of_very_many_bands(
    child: FuzzChild, radar: type, tmp_path: Path, bands: bytes
) -> None:
    content = radar.sicd(tmp_path / "a.ntf", radar.values((12, 16))).read_bytes()
    place = int(content[354:360]) + 435
    assert content[place - 2 : place + 1] == b"NC2"
    damaged = content[:place] + b"0" + bands + content[place + 6 :]
    assert "more than 9 bands" in refused(child, "a.ntf", damaged)


def test_a_pickle_that_takes_from_an_empty_stack(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"\x80\x02}u.")
    with pytest.raises(InputError, match=r"w\.pth: not a file of plain tensors"):
        load_weights(str(tmp_path / "w.pth"), "spotlight")


def test_a_table_with_more_cells_than_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("index,shape-type,vertex-index,axis-0,axis-1\n0,ellipse,0,1,1,9,9,9\n")
    assert len(read_regions(path)) == 1
    path.write_text("index,shape-type,vertex-index,axis-0,axis-1\n0,ellipse,0\n")
    with pytest.raises(InputError, match=r"a\.csv"):
        read_regions(path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"features": ' * 100_000])
def test_json_of_many_levels(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.geojson").write_text(text)
    with pytest.raises(InputError, match=r"a\.geojson: not JSON"):
        read_regions(tmp_path / "a.geojson")


@pytest.mark.filterwarnings("ignore:Image size")
def test_an_image_of_a_pair_that_claims_much_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.tif"
    PIL.Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(path)
    content = bytearray(path.read_bytes())
    for tag in (256, 257):
        place = content.index(struct.pack("<H", tag), 8)
        struct.pack_into("<I", content, place + 8, 12_000)
    path.write_bytes(content)

    class Little:
        available = 1 << 28

    monkeypatch.setattr("psutil.virtual_memory", Little)
    with pytest.raises(InputError, match=r"p\.tif: 12000 x 12000 pixels are more than fit"):
        read_rgb(path)


def test_a_damaged_tile_of_a_large_tiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled_tiff, "LAZY_PIXELS", 1000)
    path = tmp_path / "a.tif"
    pixels = np.zeros((64, 64, 3), np.uint8)
    tifffile.imwrite(path, pixels, tile=(64, 64), compression="jpeg", photometric="rgb")
    content = path.read_bytes()
    (image,) = read(path)
    assert not np.asarray(image.array).any()
    path.write_bytes(content.replace(b"\xff\xda", b"\0\0"))
    (image,) = read(path)
    with pytest.raises(InputError, match=r"a\.tif: damaged around row 0, column 0"):
        np.asarray(image.array)


@pytest.mark.parametrize("name", ["channels", "blocks", "features", "layers"])
def test_a_card_that_states_huge_networks(tmp_path: Path, name: str) -> None:
    networks = {"generator": ResnetGenerator(2, 1), "sampler": PatchSampler({4: 4}, 3)}
    tensors = {
        f"{part}.{n}": v.numpy()
        for part, one in networks.items()
        for n, v in one.state_dict().items()
    }
    sizes: dict[str, Any] = {"channels": 2, "blocks": 1, "layers": (4,), "features": 3}
    path = tmp_path / "a.safetensors"
    save_checkpoint(StainCheckpoint(Architecture(**sizes), tensors, "a"), path)
    assert load_checkpoint(path).sampler().layers == (4,)
    sizes[name] = (4, 1_000_000_000) if name == "layers" else 1_000_000_000
    save_checkpoint(StainCheckpoint(Architecture(**sizes), tensors, "a"), path)
    with pytest.raises(InputError, match=r"a\.safetensors: not of the architecture"):
        load_checkpoint(path)


def test_a_state_of_a_training_without_a_moment_or_of_another_shape(
    tmp_path: Path, child: FuzzChild
) -> None:
    merlin_state(tmp_path / "sound.safetensors", save=True)
    with safe_open(tmp_path / "sound.safetensors", "pt") as opened:
        metadata, names = opened.metadata(), opened.keys()
        tensors = {name: opened.get_tensor(name) for name in names}
    for name in sorted(tensors):
        without = {other: tensors[other] for other in tensors if other != name}
        shorter = {**tensors, name: tensors[name].flatten()[:1].clone()}
        for damaged in (without, shorter):
            save_file(damaged, tmp_path / "a.safetensors", metadata)
            content = (tmp_path / "a.safetensors").read_bytes()
            outcome = child.open({"a.safetensors": content}, "a.safetensors", "merlin state")
            assert not outcome.fault, outcome.fault
            # without its first moments a parameter goes on as a new one would
            gone = name.startswith("exp_avg.") and damaged is without
            assert gone or "a.safetensors: not a readable training state" in outcome.error, name
