"""The wheel, as a user gets it: built, installed apart from the repository, looked into."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = [pytest.mark.wheel, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[1]


def run(*command: str, cwd: Path, path: Path | None = None) -> str:
    environment = os.environ | {"PYTHONPATH": str(path or ""), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build the sdist and, from it, the wheel: so the sdist is known to be whole too."""
    out = tmp_path_factory.mktemp("dist")
    # Without isolation: hatchling is in the test environment, nothing need be downloaded.
    command = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), ".")
    run(*command, cwd=REPOSITORY)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


@pytest.fixture(scope="session")
def site(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a folder of its own; its dependencies come from the environment."""
    folder = tmp_path_factory.mktemp("site")
    options = ("--quiet", "--no-deps", "--no-index", "--target", str(folder))
    run(sys.executable, "-m", "pip", "install", *options, str(built["wheel"]), cwd=folder)
    return folder


def test_wheel_holds_what_is_read_at_run_time(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as archive:
        names = set(archive.namelist())
    for name in ("napari.yaml", "py.typed", "samples/data/README.md"):
        assert f"napari_lossviz/{name}" in names
    assert any(n.startswith("napari_lossviz/samples/data/low_dose_ct/") for n in names)
    outside = {n for n in names if not n.startswith("napari_lossviz")}
    assert outside == set()
    assert built["wheel"].stat().st_size < 5_000_000


def test_sdist_holds_what_its_makefile_calls(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    called = set(re.findall(r"scripts/\w+\.sh", (REPOSITORY / "Makefile").read_text()))
    assert called
    assert {"Makefile", "mkdocs.yml", "scripts/common.sh", *called} <= names


def test_metadata_needs_no_qt_binding_and_names_the_entry_points(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as archive:
        (info,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(info).decode())
        entry_points = archive.read(info.replace("METADATA", "entry_points.txt")).decode()
    needed = [r for r in metadata.get_all("Requires-Dist") or () if "extra ==" not in r]
    assert needed
    parsed = [Requirement(text) for text in needed]
    # By their whole names: pyqtgraph brings no binding.
    assert not {one.name.lower() for one in parsed} & {"pyqt5", "pyqt6", "pyside2", "pyside6"}
    assert not any(one.extras for one in parsed if one.name == "napari")
    assert "Framework :: napari" in (metadata.get_all("Classifier") or ())
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert "lossviz = napari_lossviz.cli:main" in entry_points
    assert "napari-lossviz = napari_lossviz:napari.yaml" in entry_points


def test_manifest_is_valid_and_what_it_names_can_be_imported(site: Path) -> None:
    command = (sys.executable, "-m", "npe2", "validate", "napari-lossviz", "--imports")
    assert "valid!" in run(*command, cwd=site, path=site)


def test_installed_command_runs(site: Path) -> None:
    script = site / "bin" / "lossviz"
    assert script.exists()
    assert "denoise" in run(sys.executable, str(script), "--help", cwd=site, path=site)
