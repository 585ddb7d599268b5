import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import tifffile
from napari.utils.notifications import NotificationSeverity, notification_manager

from napari_lossviz import samples
from napari_lossviz.core import Image, InputError
from napari_lossviz.ui.reader import get_reader, layers_of

SERIES = samples.sample_path("low_dose_ct")


def warnings_shown() -> list[str]:
    return [
        notice.message
        for notice in notification_manager.records
        if notice.severity == NotificationSeverity.WARNING
    ]


@pytest.fixture(autouse=True)
def fresh_notices() -> None:
    notification_manager.records.clear()


def read(path: Any) -> list[Any]:
    reader = get_reader(path)
    assert reader is not None
    return reader(path)


def test_a_folder_is_read_as_one_volume() -> None:
    ((data, settings, kind),) = read(str(SERIES))
    assert (data.shape, kind) == ((8, 256, 256), "image")
    assert settings["name"] == "Low dose"


def test_several_files_are_read_together() -> None:
    paths = [str(SERIES / f"slice_{k:02d}.dcm") for k in (3, 4, 5)]
    ((data, *_),) = read(paths)
    assert data.shape == (3, 256, 256)


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "1.2.840.0"
    shutil.copy(SERIES / "slice_01.dcm", path)
    ((data, *_),) = read(str(path))
    assert data.shape == (256, 256)
    tifffile.imwrite(tmp_path / "plain", np.zeros((4, 5), dtype=np.uint8))
    ((data, *_),) = read(str(tmp_path / "plain"))
    assert data.shape == (4, 5)


@pytest.mark.parametrize("content", [b"", b"plain text", bytes(range(256)) * 8])
def test_what_is_not_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "README"
    path.write_bytes(content)
    assert get_reader(str(path)) is None
    assert get_reader(str(tmp_path)) is None
    assert get_reader([str(path), str(tmp_path)]) is None


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    assert get_reader(str(tmp_path / "nothing")) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert get_reader(str(tmp_path / "pipe")) is None
    assert get_reader(str(tmp_path)) is None


def test_a_huge_folder_is_not_searched_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(folder: Path) -> Iterator[Path]:
        while True:
            yield tmp_path / "missing"

    monkeypatch.setattr("napari_lossviz.ui.reader.find_files", endless)
    assert get_reader(str(tmp_path)) is None


def test_a_broken_file_of_our_name_raises_without_a_window(tmp_path: Path) -> None:
    path = tmp_path / "nonsense.dcm"
    path.write_bytes(b"no DICOM")
    with pytest.raises(InputError, match="nonsense"):
        read(str(path))


def test_pydicoms_broken_file_raises_without_a_window() -> None:
    path = pydicom.data.get_testdata_file("rtplan.dcm", download=False)
    with pytest.raises(InputError, match="rtplan"):
        read(path)


def test_warnings_come_in_one_notice_each_once() -> None:
    first = Image(np.zeros((2, 2)), "yx", name="first", warnings=("shared", "its own"))
    second = first.replace(name="second", warnings=("shared",))
    layers_of([first, second])
    assert warnings_shown() == ["shared\nfirst: its own"]


def test_no_warning_no_notice() -> None:
    layers_of([Image(np.zeros((2, 2)), "yx")])
    assert warnings_shown() == []


def test_importing_and_reading_needs_no_torch_and_no_qt() -> None:
    script = f"""
import sys
import napari_lossviz.ui.reader as reader
assert "napari" not in sys.modules, "napari"
layers = reader.read_layers({str(SERIES)!r})
assert len(layers) == 1
loaded = [name for name in ("torch", "PyQt5", "PyQt6", "PySide6") if name in sys.modules]
assert not loaded, loaded
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
