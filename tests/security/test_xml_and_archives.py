"""XML of strangers names no other file and stays small; archives stay within themselves."""

import shutil
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from fuzz_seeds import SMOOTH

from napari_lossviz import io
from napari_lossviz.core import InputError
from napari_lossviz.io import safe, xml_text
from napari_lossviz.io.xml_text import parse_xml
from napari_lossviz.samples.tops import simulate_tops

Refused = Callable[..., str]

LAUGHS = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))


def declared(kind: str, folder: Path) -> tuple[str, str]:
    """Return a document type, and the text that would call up what it declares."""
    secret = folder / "secret.txt"
    secret.write_text("SECRET")
    declarations = {
        "billion laughs": f'<!ENTITY l0 "ha">{LAUGHS}',
        "a file": f'<!ENTITY l9 SYSTEM "{secret.as_uri()}">',
        "a place in the net": '<!ENTITY l9 SYSTEM "http://127.0.0.1:9/secret">',
        "parameters": f'<!ENTITY % p SYSTEM "{secret.as_uri()}"> %p; <!ENTITY l9 "x">',
    }
    return f"<!DOCTYPE a [{declarations[kind]}]>", "&l9;"


KINDS = ("billion laughs", "a file", "a place in the net", "parameters")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, radar: Any) -> Path:
    pytest.importorskip("rasterio")
    tops = simulate_tops(2, 24, 32, overlap=8, margin=2)
    values = (np.round(tops.slc.real) + 1j * np.round(tops.slc.imag)).astype(np.complex64)
    return radar.safe(tmp_path_factory.mktemp("safe"), {("IW1", "VV"): values}, tops.annotation)


@pytest.fixture
def copied(product: Path, tmp_path: Path) -> Path:
    shutil.copytree(product, tmp_path / product.name)
    return tmp_path / product.name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", ["annotation", "calibration", "noise"])
def test_sentinel1(copied: Path, tmp_path: Path, refused: Refused, which: str, kind: str) -> None:
    pattern = "annotation/s1a*.xml" if which == "annotation" else f"annotation/*/{which}-*.xml"
    (xml,) = copied.glob(pattern)
    begin, text = declared(kind, tmp_path)
    xml.write_text(begin + xml.read_text().replace("</", f"{text}</", 1))
    said = refused(copied, opened=lambda path: io.read(path))
    assert "document type" in said
    assert "SECRET" not in said


@pytest.mark.parametrize("kind", KINDS)
def test_ome(tmp_path: Path, refused: Refused, kind: str) -> None:
    path = tmp_path / "a.ome.tif"
    begin, text = declared(kind, tmp_path)
    written = tmp_path / "sound.ome.tif"
    tifffile.imwrite(written, SMOOTH, ome=True, metadata={"axes": "YX", "Name": "NAME"})
    with tifffile.TiffFile(written) as tif:
        xml = tif.ome_metadata
    assert xml is not None
    start = xml.index("<OME")
    hostile = xml[:start] + begin + xml[start:].replace("NAME", text)
    tifffile.imwrite(path, SMOOTH, description=hostile.encode(), metadata=None)
    with tifffile.TiffFile(path) as tif:
        assert tif.is_ome
    assert "document type" in refused(path)


@pytest.mark.parametrize("kind", KINDS)
def test_sicd(tmp_path: Path, radar: Any, refused: Refused, kind: str) -> None:
    path = radar.sicd(tmp_path / "a.ntf", radar.values((12, 16)))
    begin, text = declared(kind, tmp_path)
    content = path.read_bytes()
    first, last = content.index(b"<SICD"), content.index(b"</SICD>") + len(b"</SICD>")
    xml = content[first:last].decode().replace("<CoreName>c", f"<CoreName>{text}")
    # In place of what is long and not needed, so that all lengths in the header stay as they are.
    xml = begin + xml.replace(xml[xml.index("<Grid>") : xml.index("</Grid>") + 7], "")
    if len(xml) > last - first:
        xml = begin + f"<SICD>{text}</SICD>"
    path.write_bytes(content[:first] + xml.ljust(last - first).encode() + content[last:])
    said = refused(path)
    assert "SECRET" not in said
    assert "SICD" in said or "document type" in said


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<a><b></a>", "not a readable XML file"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "not a readable XML file"),
        (b"\xff\xfe\x00", "not a readable XML file"),
        (b"", "not a readable XML file"),
        (b"<!DOCTYPE a><a/>", "document type"),
    ],
)
def test_xml_that_is_none(content: bytes, says: str) -> None:
    with pytest.raises(InputError, match=f"^here: .*{says}"):
        parse_xml(content, "here")


def test_plain_xml_is_read_as_ever() -> None:
    root = parse_xml(
        "<?xml version='1.0'?><a x='1'><b>é &amp; c</b><!-- d --></a>".encode(), "here"
    )
    assert (root.tag, root.get("x"), root.findtext("b")) == ("a", "1", "é & c")


def packed(product: Path, path: Path, change: Callable[[str, bytes], tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(product.rglob("*")):
            if file.is_file():
                name = f"{product.name}/{file.relative_to(product).as_posix()}"
                archive.writestr(*change(name, file.read_bytes()))
    return path


def test_a_sound_archive_is_read(product: Path, tmp_path: Path) -> None:
    path = packed(product, tmp_path / "a.zip", lambda name, content: (name, content))
    assert len(io.read(path)) == 1


@pytest.mark.parametrize(
    "name", ["../evil.xml", "/etc/evil.xml", "a/../../evil.xml", "C:/evil.xml", "..\\evil.xml"]
)
def test_an_archive_that_names_files_outside(
    product: Path, tmp_path: Path, refused: Refused, name: str
) -> None:
    path = packed(product, tmp_path / "a.zip", lambda name, content: (name, content))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
    assert "outside of itself" in refused(path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.zip"]


@pytest.mark.parametrize("which", ["annotation/s1a", "calibration-", "noise-"])
def test_an_archive_whose_xml_unpacks_to_too_much(
    product: Path, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    monkeypatch.setattr(xml_text, "LARGEST_XML", 1 << 20)

    def swell(name: str, content: bytes) -> tuple[str, bytes]:
        return name, content + b" " * (40 << 20) if which in name else content

    path = packed(product, tmp_path / "a.zip", swell)
    assert path.stat().st_size < 1 << 20
    assert "MB of XML" in refused(path)


def test_an_archive_that_lies_about_the_size_of_a_member(
    product: Path, tmp_path: Path, refused: Refused
) -> None:
    path = packed(
        product,
        tmp_path / "a.zip",
        lambda name, content: (name, content + b" " * (40 << 20) * ("annotation/s1a" in name)),
    )
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        size = next(one.file_size for one in archive.infolist() if "annotation/s1a" in one.filename)
    true, told = size.to_bytes(4, "little"), (5000).to_bytes(4, "little")
    assert true in content
    path.write_bytes(content.replace(true, told))
    assert "damaged" in refused(path)


def test_a_product_whose_manifest_stands_for_a_huge_annotation(
    copied: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml_text, "LARGEST_XML", 100)
    assert "MB of XML" in refused(copied)


def test_measurements_of_an_encrypted_archive(product: Path, tmp_path: Path) -> None:
    path = packed(product, tmp_path / "a.zip", lambda name, content: (name, content))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(BytesIO(bytes(content))) as archive:
        first = archive.start_dir
    place = first
    while (place := content.find(b"PK\x01\x02", place)) >= 0:
        content[place + 8] |= 1  # says that it is encrypted
        place += 4
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        safe.list_measurements(path)
