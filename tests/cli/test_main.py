"""The command as a user gives it, run in this process with a tiny method."""

import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from napari_lossviz import io, samples
from napari_lossviz.cli import main
from napari_lossviz.core import Image
from napari_lossviz.jobs.registry import Method


@pytest.fixture
def tiff(tmp_path: Path) -> Path:
    path = tmp_path / "cells.tif"
    io.write(Image(np.arange(24 * 32, dtype=np.float32).reshape(24, 32), "yx"), path)
    return path


def read(path: Path) -> np.ndarray:
    return np.asarray(io.read(path)[0].array)


def test_folder_with_everything(halving: Method, tiff: Path, tmp_path: Path) -> None:
    assert main(["halve", str(tiff), "-o", str(tmp_path / "out"), "--times", "2"]) == 0
    np.testing.assert_array_equal(read(tmp_path / "out" / "cells_denoised.tif"), read(tiff) / 4)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"maps", "before_after.png", "recipe.json"} <= names


def test_one_file_with_its_recipe(halving: Method, tiff: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "half.nrrd"
    assert main(["halve", str(tiff), "--output", str(out), "--preset", "strong"]) == 0
    np.testing.assert_allclose(read(out), read(tiff) / 16)
    assert sorted(p.name for p in out.parent.iterdir()) == ["half.nrrd", "half.recipe.json"]


def test_preset_file_and_options_together(halving: Method, tiff: Path, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"lambda_": 3.0}')
    arguments = ["--preset", "strong", "--config", str(file), "--device", "cpu"]
    assert main(["halve", str(tiff), "-o", str(tmp_path / "out"), *arguments]) == 0
    config = json.loads((tmp_path / "out" / "recipe.json").read_text())["config"]
    assert config == {"times": 4, "lambda_": 3.0, "window": None, "device": "cpu"}


def test_several_volumes_go_to_subfolders(halving: Method, tmp_path: Path) -> None:
    given = [str(samples.sample_path("low_dose_ct")), str(samples.sample_path("full_dose_ct"))]
    out = tmp_path / "out"
    assert main(["halve", *given, "-o", str(out), "--slices", "1", "3"]) == 0
    folders = sorted(out.iterdir())
    assert len(folders) == 2
    for folder in folders:
        assert len(list((folder / "denoised").iterdir())) == 2
    assert main(["halve", *given, "-o", str(tmp_path / "one"), "--series", "2"]) == 0
    assert (tmp_path / "one" / "denoised").is_dir()


def test_several_volumes_do_not_fit_into_one_file(
    halving: Method, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["halve", str(samples.sample_path()), "-o", str(tmp_path / "x.nii.gz")]) == 2
    assert "--series" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_volume_that_fails_does_not_lose_the_others(
    halving: Method,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = sys.modules["lossviz_test_halving"]
    halve = module.halve

    def picky(image: Image, config: Any, **options: Any) -> Any:
        from napari_lossviz.core import InputError

        if "Full" in image.name:
            raise InputError("too clean")
        return halve(image, config, **options)

    monkeypatch.setattr(module, "halve", picky)
    given = [str(samples.sample_path(name)) for name in ("low_dose_ct", "full_dose_ct")]
    assert main(["halve", *given, "-o", str(tmp_path / "out")]) == 2
    assert len(list((tmp_path / "out").iterdir())) == 1
    error = capsys.readouterr().err
    assert "too clean" in error
    assert "1 of 2 volumes failed" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["halve", "nowhere", "-o", "out"], "nowhere"),
        (["halve", "cells.tif", "-o", "out", "--times", "10"], "--times"),
        (["halve", "cells.tif", "-o", "out", "--preset", "weak"], "default, strong"),
        (["halve", "cells.tif", "-o", "out", "--series", "2"], "--series 2"),
        (["halve", "cells.tif", "-o", "out", "--slices", "0", "1"], "'z'"),
        (["halve", "cells.tif", "-o", "cells.png"], ".png"),
        (["halve", "cells.tif", "-o", "cells.tif"], "cells.tif"),
        (["halve", "cells.tif", "-o", "cells.tif", "--overwrite"], "input"),
        (["halve", "-o", "out"], "no input"),
        (["halve", "cells.tif", "-o", "x" * 300], "too long"),
        (["window", "nowhere"], "nowhere"),
        (["replay", "cells.tif", "-o", "out"], "cells.tif"),
        (["replay", "nothing.json", "-o", "out"], "nothing.json"),
        (["replay", "nothing.json"], "--check"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_one_line_and_write_nothing(
    halving: Method,
    tiff: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tiff.parent)
    monkeypatch.setenv("DISPLAY", ":0")
    before = tiff.read_bytes()
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("error: ")
    assert len(captured.err.strip().splitlines()) == 1
    assert "Traceback" not in captured.err
    assert [path.name for path in tiff.parent.iterdir()] == ["cells.tif"]
    assert tiff.read_bytes() == before


def test_debug_shows_where_an_error_arose(halving: Method) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        main(["halve", "nowhere", "-o", "out", "--debug"])


def test_unknown_option_is_a_usage_error(halving: Method) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["halve", "x", "-o", "out", "--tims", "1"])
    assert caught.value.code == 2


def test_interrupt_stops_the_run_and_leaves_nothing(
    halving: Method,
    tiff: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = sys.modules["lossviz_test_halving"]
    halve = module.halve

    def interrupted(*given: Any, **options: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return halve(*given, **options)

    monkeypatch.setattr(module, "halve", interrupted)
    assert main(["halve", str(tiff), "-o", str(tmp_path / "out")]) == 130
    assert "stopped" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["cells.tif"]


def test_existing_output_is_kept_unless_told(halving: Method, tiff: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    order = ["halve", str(tiff), "-o", str(out)]
    assert main(order) == 0
    first = (out / "cells_denoised.tif").read_bytes()
    assert main([*order, "--times", "3"]) == 2
    assert (out / "cells_denoised.tif").read_bytes() == first
    assert main([*order, "--times", "3", "--overwrite"]) == 0
    assert (out / "cells_denoised.tif").read_bytes() != first


def test_replay_tells_and_its_status_says_it(
    halving: Method, tiff: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["halve", str(tiff), "-o", str(tmp_path / "out")]) == 0
    recipe = tmp_path / "out" / "recipe.json"
    assert main(["replay", str(recipe), "-o", str(tmp_path / "again")]) == 0
    assert "identical" in capsys.readouterr().out
    assert (tmp_path / "again" / "recipe.json").is_file()
    recipe.write_text(json.dumps(json.loads(recipe.read_text()) | {"result_sha256": "0" * 64}))
    assert main(["replay", str(recipe), "--check"]) == 1


def test_a_check_says_what_a_changed_input_makes_of_the_result(
    halving: Method, tiff: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["halve", str(tiff), "-o", str(tmp_path / "out")]) == 0
    recipe = str(tmp_path / "out" / "recipe.json")
    (image,) = io.read(tiff)
    io.write(Image(image.array + 1, image.axes), tiff, overwrite=True)
    assert main(["replay", recipe, "-o", str(tmp_path / "again")]) == 2
    assert not (tmp_path / "again").exists()
    capsys.readouterr()
    assert main(["replay", recipe, "--check"]) == 1
    shown = capsys.readouterr()
    assert f"in {image.array.size} of {image.array.size} pixels" in shown.out
    assert "has changed since the recipe was written" in " ".join(shown.err.split())


def test_doctor_finds_nothing_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    for word in ("Python", "napari", "PyTorch", "CPU", "sar:"):
        assert word in shown


@pytest.fixture
def never_run(halving: Method, monkeypatch: pytest.MonkeyPatch) -> Method:
    """A method that must not be reached."""

    def run(*given: Any, **options: Any) -> Any:
        raise AssertionError("computed before the output was looked at")

    monkeypatch.setattr(sys.modules["lossviz_test_halving"], "halve", run)
    return halving


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("series.dcm", "a series of 8 slices does not fit into one file"),
        ("series.npz", "cannot write .npz"),
        ("there.tif", "there.recipe.json exists already"),
        ("{input}", "holds an input"),
    ],
)
def test_output_that_cannot_be_is_refused_before_the_run(
    never_run: Method,
    tmp_path: Path,
    output: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.recipe.json").write_text("{}")
    source = tmp_path / "series"
    shutil.copytree(samples.sample_path("low_dose_ct"), source)
    overwrite = ["--overwrite"] if "input" in output else []
    order = ["halve", str(source), "-o", output.format(input=source), *overwrite]
    assert main(order) == 2
    assert message in capsys.readouterr().err


def test_dicom_without_a_dicom_source_is_refused_before_the_run(
    never_run: Method, tiff: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["halve", str(tiff), "-o", str(tiff.with_suffix(".dcm"))]) == 2
    assert "headers of a DICOM source" in capsys.readouterr().err


def test_burned_in_identity_is_refused_before_the_run(
    never_run: Method, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = pydicom.dcmread(samples.sample_path("low_dose_ct/slice_01.dcm"))
    dataset.BurnedInAnnotation = "YES"
    dataset.save_as(tmp_path / "in.dcm")
    for output in ("out", "out.tif"):
        order = ["halve", str(tmp_path / "in.dcm"), "-o", str(tmp_path / output)]
        assert main([*order, "--drop-identity"]) == 2
        assert "burned into" in capsys.readouterr().err


def test_window_without_a_display_is_an_error_and_no_crash(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(variable, raising=False)
    assert main(["window"]) == 2
    assert "no display here" in capsys.readouterr().err


def test_memory_that_does_not_suffice_is_one_line(
    halving: Method,
    tiff: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def too_much(*given: Any, **options: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(sys.modules["lossviz_test_halving"], "halve", too_much)
    assert main(["halve", str(tiff), "-o", str(tiff.parent / "out")]) == 2
    assert "memory of this machine does not suffice" in capsys.readouterr().err
