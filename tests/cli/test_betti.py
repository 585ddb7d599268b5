import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile

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


SIDE = 24
RNG = np.random.default_rng(0)
PROBABILITY = RNG.random((SIDE, SIDE), np.float32)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return a folder with one mask."""
    folder = tmp_path / "truth"
    folder.mkdir()
    tifffile.imwrite(folder / "case.tif", (PROBABILITY > 0.5).astype(np.uint8))
    return folder


def refused(arguments: list[Path], out: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the message of a command that fails, after a look that nothing was written."""
    before = sorted(out.parent.rglob("*"))
    assert main(["betti", *map(str, arguments), "-o", str(out)]) == 2
    assert sorted(out.parent.rglob("*")) == before
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("error: ")
    return lines[-1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("wide.npy", PROBABILITY[:, 2:], "(24, 22), target 'case' (24, 24); both must be the same"),
        ("nothing.npy", np.full((SIDE, SIDE), np.nan, np.float32), "no valid value at all"),
        ("time.npy", RNG.random((2, 3, SIDE, SIDE), np.float32), "choose one time point"),
        ("classes.png", (9 * PROBABILITY).astype(np.uint8), "integer labels 0, 1, 2,"),
        ("rgb.png", RNG.integers(0, 256, (SIDE, SIDE, 3), np.uint8), "choose a channel"),
        ("text.tif", b"no picture", "it is of no kind that can be read"),
        ("empty.tif", b"", "the file is empty"),
    ],
)
def test_a_file_that_cannot_be_compared_is_named_and_nothing_written(
    name: str,
    content: np.ndarray | bytes,
    message: str,
    target: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif path.suffix == ".npy":
        np.save(path, content)
    else:
        PIL.Image.fromarray(content).save(path)
    said = refused([path, target / "case.tif"], tmp_path / "out", capsys)
    assert message in said
    assert str(path) in said


def test_folders_that_do_not_pair_are_told(
    target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty, other = tmp_path / "empty", tmp_path / "other"
    empty.mkdir()
    other.mkdir()
    np.save(other / "another.npy", PROBABILITY)
    out = tmp_path / "out"
    assert f"{empty}: the folder holds no file" in refused([empty, target], out, capsys)
    assert f"{empty}: the folder holds no file" in refused([target, empty], out, capsys)
    said = refused([other, target], out, capsys)
    assert "targets case; predictions another" in said
    assert "give both alike" in refused([other, target / "case.tif"], out, capsys)
    missing = tmp_path / "nowhere"
    assert f"{missing}: there is no such file or folder" in refused([missing, target], out, capsys)


def test_oddities_are_told_and_compared(
    target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide, holes = 4 * PROBABILITY - 1, PROBABILITY.copy()
    holes[3, 4] = np.nan
    for model, image in (("wide", wide), ("holes", holes)):
        (tmp_path / model).mkdir()
        np.save(tmp_path / model / "case.npy", image)
    (tmp_path / "png").mkdir()
    PIL.Image.fromarray(PROBABILITY > 0.5).save(tmp_path / "png" / "case.png")
    (tmp_path / "png" / "extra.txt").write_text("notes")
    models = [str(tmp_path / model) for model in ("wide", "holes", "png")]
    out = tmp_path / "out"
    assert main(["betti", *models, str(target), "-o", str(out), "--no-overlays"]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "case, wide: prediction: values from -" in told
    assert "are no probabilities" in told
    assert "case, holes: prediction: pixels without a valid value count as background" in told
    assert "png: no target for extra; left out" in told
    content = json.loads((out / "report.json").read_text("utf-8"))
    errors = {one["model"]: one["figures"]["matching_error"] for one in content["images"]}
    assert errors["png"] == 0
    assert errors["wide"] > 0  # the threshold is elsewhere
