import errno
import os
from pathlib import Path

import pytest

from napari_lossviz.core import OutputError, OutputExistsError
from napari_lossviz.io.atomic import (
    atomic_folder,
    atomic_path,
    full_stem,
    full_suffix,
    refuse_inputs,
)


def names(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith(".lossviz"))


def write(target, text="new", then=lambda: None, **options):
    with atomic_path(target, **options) as temporary:
        temporary.write_text(text)
        then()


def fill(target, *files, then=lambda: None, **options):
    with atomic_folder(target, **options) as temporary:
        for name in files:
            (temporary / name).parent.mkdir(exist_ok=True)
            (temporary / name).write_text("new")
        then()


def throw(error):
    raise error


@pytest.mark.parametrize(
    ("name", "stem", "suffix"),
    [
        ("a.b.nii.gz", "a.b", ".nii.gz"),
        ("a.OME.TIF", "a", ".ome.tif"),
        ("1.2.840.dcm", "1.2.840", ".dcm"),
        ("folder", "folder", ""),
    ],
)
def test_double_suffixes(name, stem, suffix):
    assert (full_stem(Path(name)), full_suffix(Path(name))) == (stem, suffix)


def test_the_file_appears_at_the_end_under_its_name(tmp_path):
    target = tmp_path / "new" / "a.nii.gz"
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.name.endswith(".nii.gz")
        temporary.write_text("x")
        assert not target.exists()
    assert target.read_text() == "x"
    assert names(target.parent) == ["a.nii.gz"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_after_an_exception(tmp_path, error):
    target = tmp_path / "new" / "deep" / "a.txt"
    with pytest.raises(error):
        write(target, then=lambda: throw(error))
    assert names(tmp_path) == []


def test_an_existing_file_is_kept_unless_told(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(OutputExistsError, match=r"a\.txt exists already"):
        write(target, then=lambda: pytest.fail("the block must not run"))
    write(target, overwrite=True)
    assert target.read_text() == "new"


def test_a_failed_overwrite_keeps_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError):
        write(target, then=lambda: throw(RuntimeError), overwrite=True)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("hard_links", [True, False])
def test_a_file_made_by_another_meanwhile_is_kept(tmp_path, monkeypatch, hard_links):
    if not hard_links:
        monkeypatch.setattr(os, "link", lambda *paths: throw(OSError(errno.EPERM, "no links")))
    target = tmp_path / "a.txt"
    with pytest.raises(OutputExistsError):
        write(target, "ours", then=lambda: target.write_text("theirs"))
    assert target.read_text() == "theirs"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "no permission")]
)
def test_system_errors_name_the_path(tmp_path, number, words):
    target = tmp_path / "a.txt"
    with pytest.raises(OutputError, match=rf"a\.txt could not be written: .*{words}"):
        write(target, then=lambda: throw(OSError(number, "system text")))
    assert names(tmp_path) == []


def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path / "a").write_text("file")
    with pytest.raises(OutputError):
        write(tmp_path / "a" / "b.txt")


def test_writing_nothing_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="nothing was written"), atomic_path(tmp_path / "a.txt"):
        pass
    with pytest.raises(OutputError, match="nothing was written"), atomic_folder(tmp_path / "f"):
        pass
    assert names(tmp_path) == []


def test_inputs_are_refused_even_through_links(tmp_path):
    source = tmp_path / "in.dcm"
    source.write_text("x")
    link = tmp_path / "link.dcm"
    link.symlink_to(source)
    hard = tmp_path / "hard.dcm"
    hard.hardlink_to(source)
    for path in (source, link, hard, tmp_path):
        with pytest.raises(OutputExistsError, match=r"input of this result"):
            refuse_inputs(path, [source])
    refuse_inputs(tmp_path / "other.dcm", [source])


def test_a_folder_appears_whole(tmp_path):
    target = tmp_path / "series"
    fill(target, "1.dcm", "deep/2.dcm", then=lambda: target.exists() and throw(AssertionError))
    assert (target / "1.dcm").read_text() == (target / "deep/2.dcm").read_text() == "new"
    assert names(tmp_path) == ["series"]


def test_an_empty_folder_may_be_filled_a_full_one_not(tmp_path):
    target = tmp_path / "series"
    target.mkdir()
    fill(target, "1.dcm")
    with pytest.raises(OutputExistsError, match="not empty"):
        fill(target, "2.dcm")


def test_overwriting_removes_our_old_files_and_keeps_the_users(tmp_path):
    target = tmp_path / "series"
    fill(target, "1.dcm", "2.dcm", "3.dcm")
    (target / "notes.txt").write_text("mine")
    fill(target, "1.dcm", "2.dcm", overwrite=True)
    assert names(target) == ["1.dcm", "2.dcm", "notes.txt"]
    assert (target / "notes.txt").read_text() == "mine"
    assert names(tmp_path) == ["series"]


def test_a_users_file_of_the_same_name_is_never_replaced(tmp_path):
    target = tmp_path / "series"
    target.mkdir()
    (target / "1.dcm").write_text("mine")
    with pytest.raises(OutputExistsError, match="did not write it"):
        fill(target, "0.dcm", "1.dcm", overwrite=True)
    assert names(target) == ["1.dcm"]
    assert (target / "1.dcm").read_text() == "mine"


def test_a_folder_is_as_before_when_moving_fails(tmp_path, monkeypatch):
    target = tmp_path / "series"
    fill(target, "1.dcm", "2.dcm")
    (target / "1.dcm").write_text("old")
    replace = Path.replace
    failures = [OSError(errno.ENOSPC, "full")]

    def fail_once(self, goal):
        if goal == target / "2.dcm" and failures:
            raise failures.pop()
        return replace(self, goal)

    monkeypatch.setattr(Path, "replace", fail_once)
    with pytest.raises(OutputError, match="disk is full"):
        fill(target, "1.dcm", "2.dcm", overwrite=True)
    assert names(target) == ["1.dcm", "2.dcm"]
    assert (target / "1.dcm").read_text() == "old"
    assert names(tmp_path) == ["series"]


def test_merging_adds_and_removes_nothing(tmp_path):
    target = tmp_path / "case"
    fill(target, "a.tif")
    (target / "notes.txt").write_text("mine")
    fill(target, "b.tif", merge=True)
    assert names(target) == ["a.tif", "b.tif", "notes.txt"]
    with pytest.raises(OutputExistsError):
        fill(target, "a.tif", merge=True)
    fill(target, "a.tif", overwrite=True, merge=True)
    assert names(target) == ["a.tif", "b.tif", "notes.txt"]


def test_an_interrupted_folder_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path / "series", "1.dcm", then=lambda: throw(KeyboardInterrupt))
    assert names(tmp_path) == []


def test_a_list_that_points_outside_is_not_followed(tmp_path):
    target = tmp_path / "series"
    target.mkdir()
    (tmp_path / "precious.txt").write_text("mine")
    (target / ".lossviz-files.json").write_text('["../precious.txt"]')
    fill(target, "1.dcm", overwrite=True)
    assert (tmp_path / "precious.txt").read_text() == "mine"


@pytest.mark.parametrize("inner", ["out.tif", "measurement/out.tif", "measurement_merlin/a/b.tif"])
def test_nothing_is_written_into_a_sentinel_1_product(tmp_path: Path, inner: str) -> None:
    product = tmp_path / "S1A_IW_SLC.SAFE"
    (product / "measurement").mkdir(parents=True)
    for attempt in (lambda: write(product / inner), lambda: fill(product / inner, "a.txt")):
        with pytest.raises(OutputError, match="never altered"):
            attempt()
    assert [path.name for path in product.rglob("*")] == ["measurement"]
    write(tmp_path / "S1A_IW_SLC_merlin.txt")
    assert (tmp_path / "S1A_IW_SLC_merlin.txt").read_text() == "new"
