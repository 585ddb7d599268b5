from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_lossviz.cli import main
from napari_lossviz.merlin import MerlinConfig, despeckle


def test_the_command_gives_what_the_function_gives(
    make_speckle: Callable[..., np.ndarray], weights_file: str, tmp_path: Path
) -> None:
    slc = make_speckle((70, 90))
    np.save(tmp_path / "slc.npy", slc)
    out = tmp_path / "out.npy"
    command = ["despeckle", str(tmp_path / "slc.npy"), "-o", str(out), "--weights", weights_file]
    assert main(command) == 0
    expected = despeckle(slc, MerlinConfig(weights=weights_file)).amplitude
    np.testing.assert_allclose(np.load(out), expected, rtol=1e-5)
    assert (tmp_path / "out.recipe.json").is_file()


def test_an_amplitude_image_is_refused_and_nothing_is_written(
    weights_file: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "grd.npy", np.ones((64, 64), np.float32))
    out = tmp_path / "out.npy"
    assert (
        main(["despeckle", str(tmp_path / "grd.npy"), "-o", str(out), "--weights", weights_file])
        == 2
    )
    assert "complex image" in capfd.readouterr().err.replace("\n", " ")
    assert not out.exists()
