"""Sentences without what may name a patient."""

from pathlib import PurePosixPath, PureWindowsPath

from napari_lossviz.core import without_names

NUMBERED = [PurePosixPath(f"/data/Doe/{n}") for n in range(1, 201)]


def test_files_that_are_called_by_numbers_leave_figures_alone() -> None:
    text = "noise 100.5 HU before, 0.150 after; 150 of 200 slices, 100%"
    assert without_names(text, NUMBERED, []) == text


def test_files_that_are_called_by_numbers_are_left_out_where_they_are_named() -> None:
    said = without_names("/data/Doe/150: cut off, see /data/Doe/7 and '120'", NUMBERED, [])
    assert said == "file 150 of 200: cut off, see file 7 of 200 and 'file 120 of 200'"
    assert without_names("150: cut off", NUMBERED, []) == "file 150 of 200: cut off"
    number = [PurePosixPath("/data/4711087")]  # may be a patient's
    assert without_names("the file 4711087 is short", number, []) == "the file file 1 of 1 is short"


def test_words_that_were_put_in_are_not_replaced() -> None:
    paths = [PurePosixPath("/data/Doe/Doe.dcm"), PurePosixPath("/data/Doe/fold")]
    assert without_names("/data/Doe: Doe.dcm", paths, ["file"]) == "its folder: file 1 of 2"


def test_windows_paths_are_left_out_of_the_systems_errors() -> None:
    path = PureWindowsPath("C:\\scans\\Doe Jane\\CT.dcm")
    error = OSError(2, "No such file", str(path.with_name("DICOMDIR")))
    said = without_names(f"{error}; {path.parent}", [path], [])
    assert "Doe" not in said
    assert without_names(str(OSError(2, "Gone", str(path))), [path], []) == (
        "[Errno 2] Gone: 'file 1 of 1'"
    )
