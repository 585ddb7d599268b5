"""`lossviz batch` as a user gives it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from napari_lossviz.cli import main

WORKERS = ["--workers", "2", "--threads", "1"]


def test_batch_on_workers_of_its_own_and_again_without_any(
    noisy_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (noisy_folder / "broken.tif").write_bytes(b"II*\0")
    settings = tmp_path / "settings.json"
    settings.write_text('{"strength": 1.5}')
    command = ["batch", "denoise", str(noisy_folder), "-o", str(tmp_path / "out")]
    command += ["--preset", "instant", "--config", str(settings), *WORKERS]
    assert main([*command, "--progress", "json"]) == 1
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ended = {one["stem"]: one["state"] for one in events if one["event"] == "item"}
    assert ended == {"image0": "done", "image1": "done", "broken": "failed"}
    assert next(one["event"] for one in events if one["event"] != "looking") == "planned"
    assert events[-1]["event"] == "finished"
    recipe = json.loads((tmp_path / "out" / "image0" / "recipe.json").read_text())
    assert (recipe["config"]["strength"], recipe["threads"]) == (1.5, 1)
    (noisy_folder / "broken.tif").unlink()
    monkeypatch.delattr("napari_lossviz.jobs.batch.run.local_cluster")  # no worker is started
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "2 of 2 items were done before" in said
    assert "summary.html" in said
    other = [one for one in command if one not in ("--config", str(settings))]
    assert main([*other, "--progress", "json"]) == 2
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["event"], told["replace"]) == ("error", True)
    assert "with other settings" in told["text"]
    assert json.loads((tmp_path / "out" / "image0" / "recipe.json").read_text()) == recipe


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signal to one process")
def test_ctrl_c_stops_at_once_and_leaves_no_half_files(noisy_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["batch", "denoise", str(noisy_folder), "-o", str(out), *WORKERS]
    arguments += ["--steps", "100000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "napari_lossviz.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        limit = time.monotonic() + 60
        while not list(out.glob(".lossviz-batch/staging/*/*")):
            assert process.poll() is None, process.stdout
            assert time.monotonic() < limit
            time.sleep(0.05)
        # as a terminal does: to the batch and to its workers
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert "nothing half-written" in said
    assert "Traceback" not in said
    assert sorted(path.name for path in out.iterdir()) == ["summary.csv", "summary.html"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense", "in"], "expected a method"),
        (["stain translate", "in", "-o", "out"], "--checkpoint"),
        (["stain", "translate", "in", "-o", "out"], "--checkpoint"),
        (["denoise", "in", "-o", "out", "--workers", "0"], "--workers 0"),
        (["denoise", "in", "-o", "out", "--keep-identity", "--drop-identity"], "contradict"),
        (["recipe.json", "in", "-o", "out"], "cannot be opened"),
        (["denoise", "in", "-o", "in"], "among the inputs"),
    ],
)
def test_wrong_commands_are_told_in_one_line(
    arguments: list[str],
    said: str,
    noisy_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(noisy_folder.parent)
    assert main(["batch", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in noisy_folder.parent.iterdir()) == ["in"]


def test_help_names_the_methods(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batch", "--help"]) == 0
    said = capsys.readouterr().out
    assert [name for name in ("denoise", "despeckle", "betti", "stain translate") if name in said]
    assert "stain train" not in said
