import json
from pathlib import Path

import pytest

from napari_lossviz import samples
from napari_lossviz.betti import BettiConfig, match
from napari_lossviz.cli import main


def test_the_command_agrees_with_the_function(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = samples.sample_path("segmentations/cells")
    out = tmp_path / "report"
    given = [str(folder / "prediction.tif"), str(folder / "target.tif"), "-o", str(out)]
    assert main(["betti", *given, "--relative", "--minimal-persistence", "0.3"]) == 0
    content = json.loads((out / "report.json").read_text("utf-8"))
    pair = samples.planted_pair("cells")
    config = BettiConfig(relative=True, minimal_persistence=0.3)
    expected = match(pair.prediction, pair.target, config).metrics
    assert content["images"][0]["figures"].items() >= dict(expected).items()
    assert "matching_error" in capsys.readouterr().out
    assert main(["betti", *given]) == 2  # there is a report already
    assert main(["betti", *given, "--overwrite", "--config", str(_settings(tmp_path))]) == 0
    content = json.loads((out / "report.json").read_text("utf-8"))
    assert content["settings"]["construction"] == "T"


def _settings(folder: Path) -> Path:
    path = folder / "settings.json"
    path.write_text(json.dumps({"construction": "T"}), encoding="utf-8")
    return path


def test_a_prediction_alone_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["betti", "one.tif", "-o", "out"]) == 2
    assert "the target after it" in capsys.readouterr().err
