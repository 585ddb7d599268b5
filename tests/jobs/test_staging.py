from pathlib import Path

import pytest

from napari_lossviz.core import OutputError, OutputExistsError
from napari_lossviz.jobs.staging import staged_folder


def tree(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_entries_appear_together_and_nothing_else_remains(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    with staged_folder(target, overwrite=False) as folder:
        (folder / "one").write_text("1")
        (folder / "sub").mkdir()
        (folder / "sub" / "two").write_text("2")
        assert not target.exists()
    assert tree(tmp_path) == {"a/b/one": "1", "a/b/sub/two": "2"}


def test_failure_in_the_block_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        staged_folder(tmp_path / "a" / "b", overwrite=False) as folder,
    ):
        (folder / "one").write_text("1")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_existing_entry_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "z").write_text("old")
    with (
        pytest.raises(OutputExistsError, match=r"z is there already.*--overwrite"),
        staged_folder(tmp_path / "out", overwrite=False) as folder,
    ):
        (folder / "a").write_text("new")
        (folder / "z").write_text("new")
    assert tree(tmp_path) == {"out/z": "old"}


def test_overwrite_replaces_whole_entries_and_spares_others(tmp_path: Path) -> None:
    series = tmp_path / "out" / "series"
    series.mkdir(parents=True)
    (series / "stale").write_text("old")
    (tmp_path / "out" / "notes").write_text("mine")
    with staged_folder(tmp_path / "out", overwrite=True) as folder:
        (folder / "series").mkdir()
        (folder / "series" / "fresh").write_text("new")
    assert tree(tmp_path) == {"out/notes": "mine", "out/series/fresh": "new"}


def test_failing_move_restores_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a").write_text("old a")
    (out / "b").write_text("old b")
    rename = Path.rename

    def full_disk(self: Path, destination: Path) -> Path:
        if self.parent.name == "new" and self.name == "b":
            raise OSError(28, "No space left on device")
        return rename(self, destination)

    monkeypatch.setattr(Path, "rename", full_disk)
    with (
        pytest.raises(OutputError, match="No space left"),
        staged_folder(out, overwrite=True) as folder,
    ):
        (folder / "a").write_text("new a")
        (folder / "b").write_text("new b")
    assert tree(tmp_path) == {"out/a": "old a", "out/b": "old b"}


def test_target_that_is_a_file_or_below_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for target in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError), staged_folder(target, overwrite=True):
            pass
    assert tree(tmp_path) == {"file": "x"}
