import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from napari_lossviz.core import Image, InputError
from napari_lossviz.stain import pairs_from_folders, pairs_from_side_by_side
from napari_lossviz.stain.pairs import (
    Side,
    StainPair,
    as_pairs,
    data_hash,
    pairs_from_images,
    read_rgb,
    tile_of,
    tile_side,
    tile_spans,
    validation_split,
)


def write(path: Path, array: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(array).save(path)
    return path


@pytest.fixture
def folders(tmp_path: Path, ihc: Any) -> tuple[Path, Path]:
    for i in range(3):
        write(tmp_path / "A" / f"tile{i}.png", ihc[i * 20 : i * 20 + 20, :30])
        write(tmp_path / "B" / f"tile{i}.tif", ihc[i * 20 : i * 20 + 20, 30:60])
    return tmp_path / "A", tmp_path / "B"


def test_folders_are_paired_by_name(folders: tuple[Path, Path], ihc: Any) -> None:
    pairs = pairs_from_folders(*folders, microns_per_pixel=0.5)
    assert [pair.name for pair in pairs] == ["tile0", "tile1", "tile2"]
    source, target = pairs[1].load()
    np.testing.assert_array_equal(source, ihc[20:40, :30])
    np.testing.assert_array_equal(target, ihc[20:40, 30:60])
    assert pairs[0].microns_per_pixel == 0.5


def test_files_without_a_partner_are_named(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (folders[1] / "tile1.tif").unlink()
    with pytest.raises(InputError, match=r"3 images.* 2.*tile1 \(only in"):
        pairs_from_folders(*folders)
    with pytest.raises(InputError, match="no such folder"):
        pairs_from_folders(folders[0], tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no images"):
        pairs_from_folders(tmp_path / "empty", folders[0])
    write(folders[0] / "tile0.jpg", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InputError, match=r"both tile0\.jpg and tile0\.png"):
        pairs_from_folders(*folders)


def test_side_by_side_images_are_halved(tmp_path: Path, ihc: Any) -> None:
    write(tmp_path / "a.png", ihc[:20, :60])
    (pair,) = pairs_from_side_by_side(tmp_path)
    source, target = pair.load()
    np.testing.assert_array_equal(np.concatenate([source, target], axis=1), ihc[:20, :60])
    write(tmp_path / "a.png", ihc[:20, :61])
    with pytest.raises(InputError, match="61 columns cannot be halved"):
        pairs_from_side_by_side(tmp_path)[0].load()


def test_pairs_of_different_size_are_refused(ihc: Any) -> None:
    (pair,) = as_pairs([(ihc[:20, :20], ihc[:20, :24])])
    with pytest.raises(InputError, match=r"20 x 20.*20 x 24.*register"):
        pair.load()


def test_bad_files_are_refused_by_name(tmp_path: Path, ihc: Any) -> None:
    for array, match in (
        (ihc[..., 0], "a grey image"),
        (ihc[..., 0].astype(np.uint16), "mode I;16"),
    ):
        path = write(tmp_path / "bad.png", array)
        with pytest.raises(InputError, match=match) as error:
            read_rgb(path)
        assert str(path) in str(error.value)
    path = write(tmp_path / "good.png", ihc)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="cannot be read"):
        read_rgb(path)
    path.write_text("no image")
    with pytest.raises(InputError, match="cannot be read"):
        read_rgb(path)
    np.save(tmp_path / "float.npy", ihc.astype(np.float32))
    with pytest.raises(InputError, match="float32"):
        read_rgb(tmp_path / "float.npy")


@pytest.mark.parametrize("kind", ["raw", "packed", "png"])
def test_more_than_8_bits_a_colour_are_refused(tmp_path: Path, ihc: Any, kind: str) -> None:
    """Pillow takes the upper 8 bits, all black of 12-bit data, and says nothing."""
    deep = ihc[:32, :32].astype(np.uint16) * 16
    path = tmp_path / ("deep.png" if kind == "png" else "deep.tif")
    if kind == "png":
        # 16-bit colour, which Pillow does not write: chunks of length, name, data, checksum.
        header = struct.pack(">IIBBBBB", 32, 32, 16, 2, 0, 0, 0)
        lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
        sums = (struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks)
        parts = (
            struct.pack(">I", len(data)) + name + data + end
            for (name, data), end in zip(chunks, sums, strict=True)
        )
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    else:
        tifffile.imwrite(
            path, deep, photometric="rgb", compression="zlib" if kind == "packed" else None
        )
    with pytest.raises(InputError, match="more than 8 bits") as error:
        read_rgb(path)
    assert str(path) in str(error.value)


def test_an_image_too_large_for_a_pair_is_refused_by_name(
    tmp_path: Path, ihc: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "section.png", ihc)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match=r"section\.png: too large.*tiles"):
        read_rgb(path)


@given(st.integers(8, 400), st.integers(8, 64))
def test_tiles_cover_all_and_never_overlap(length: int, side: int) -> None:
    if length < side:
        return
    spans = tile_spans(length, side)
    assert [place for span in spans for place in range(*span)] == list(range(length))
    assert all(side <= stop - start < 2 * side for start, stop in spans)


def test_a_tile_is_found_by_its_name(ihc: Any) -> None:
    source = Image(ihc[:136, :150], "yxc", name="HE")
    for pair in pairs_from_images(source, source, tile_side(source.shape, 32)):
        rows, columns = tile_of(pair.name, source.shape, 32)
        np.testing.assert_array_equal(pair.load()[0], ihc[slice(*rows), slice(*columns)])
    assert tile_of(pair.name, source.shape, 40) is None
    assert tile_of("HE", source.shape, 32) is None


def test_alpha_is_dropped(tmp_path: Path, ihc: Any) -> None:
    rgba = np.dstack([ihc, np.full(ihc.shape[:2], 9, np.uint8)])
    np.testing.assert_array_equal(read_rgb(write(tmp_path / "a.png", rgba)), ihc)


def test_images_give_names_and_pixel_sizes(ihc: Any) -> None:
    image = Image(ihc, "yxc", (0.5, 0.5, 1), ("um", "um", ""), name="slide 7")
    (pair,) = as_pairs([(image, ihc)])
    assert (pair.name, pair.microns_per_pixel) == ("slide 7", pytest.approx(0.5))
    with pytest.raises(InputError, match="several pairs are named 'slide 7'"):
        as_pairs([(image, ihc), (image, ihc)])
    with pytest.raises(InputError, match="no pairs"):
        as_pairs([])
    with pytest.raises(InputError, match="expected a StainPair"):
        as_pairs([ihc])


def test_the_hash_follows_names_pixels_and_order(folders: tuple[Path, Path], ihc: Any) -> None:
    pairs = pairs_from_folders(*folders)
    before = data_hash(pairs)
    assert data_hash(pairs) == before
    assert data_hash(pairs[::-1]) != before
    write(folders[0] / "tile0.png", ihc[1:21, :30])
    assert data_hash(pairs) != before


@given(st.integers(1, 60), st.floats(0, 0.5), st.integers(0, 5))
def test_the_validation_part_depends_on_names_alone(n: int, share: float, seed: int) -> None:
    pairs = [StainPair(f"p{i}", Side(None), Side(None)) for i in range(n)]
    training, validation = validation_split(pairs, share, seed)
    assert len(training) >= 1
    assert sorted(p.name for p in training + validation) == sorted(p.name for p in pairs)
    assert len(validation) == (max(1, round(share * n)) if share and n > 1 else round(share * n))
    reverse = validation_split(pairs[::-1], share, seed)
    assert {p.name for p in reverse[1]} == {p.name for p in validation}
