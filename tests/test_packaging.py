"""The wheel, as a user gets it: built, installed apart from the repository, and used."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import napari_lossviz

pytestmark = [pytest.mark.wheel, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[1]
DEPENDENCIES = sysconfig.get_paths()["purelib"]

OPEN_SAMPLE = """
import json
import napari_lossviz
from napari_lossviz import samples
low, full = samples.low_dose_ct(), samples.full_dose_ct()
print(json.dumps({
    "package": napari_lossviz.__file__,
    "data": str(samples.sample_path()),
    "shapes": [image.shape for image in low + full],
    "inserts": len(samples.low_contrast_inserts()),
}))
"""

USE_MANIFEST = """
import json, sys
import napari_lossviz
from npe2 import PluginManager, PluginManifest
manifest = PluginManifest.from_distribution("napari-lossviz")
manifest.validate_imports()
plugins = PluginManager.instance()
plugins.discover()
shapes = {}
for plugin, offered in plugins.iter_sample_data():
    if plugin == "napari-lossviz":
        for sample in offered:
            layers = sample.open()
            shapes[sample.key] = [layer[0].shape for layer in layers]
print(json.dumps({
    "package": napari_lossviz.__file__,
    "path": sys.path,
    "named": [one.key for one in manifest.contributions.sample_data],
    "shapes": shapes,
    "torch": "torch" in sys.modules,
}))
"""


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command that finds no module in the folder that it is started in."""
    apart = {"PYTHONPATH": "", "PYTHONSAFEPATH": "1"} | environment
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | apart, capture_output=True, text=True, timeout=280
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
def clean(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone into a new virtual environment; return the folder of its commands.

    Its dependencies are those of the test environment, found by a path that is added behind its
    own packages. Python does not follow the path files in there, so that the editable installation
    of the project stays unseen.
    """
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False, symlinks=True)
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    python = commands / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile")
    run(*pip, "--no-deps", "--no-index", built["wheel"], cwd=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(DEPENDENCIES + "\n")
    return commands


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


def test_what_the_index_would_refuse_is_not_there(built: dict[str, Path], tmp_path: Path) -> None:
    check = (sys.executable, "-m", "twine", "check", "--strict")
    assert run(*check, *built.values(), cwd=tmp_path).count("PASSED") == 2


def test_manifest_is_valid_and_all_its_samples_open(clean: Path, tmp_path: Path) -> None:
    found = json.loads(run(clean / "python", "-c", USE_MANIFEST, cwd=tmp_path))
    assert Path(found["package"]).is_relative_to(clean.parent)
    assert str(REPOSITORY) not in found["path"]
    assert found["named"]
    assert set(found["shapes"]) == set(found["named"])
    assert all(found["shapes"].values())
    assert found["shapes"]["low_dose_ct"] == [[8, 256, 256]]
    assert not found["torch"]


def test_installed_command_denoises_a_sample(clean: Path, tmp_path: Path) -> None:
    (sample,) = clean.parent.glob("lib/python*/site-packages/*/samples/data/low_dose_ct")
    slice_ = sorted(sample.glob("*.dcm"))[0]
    run(clean / "lossviz", "denoise", slice_, "-o", "out", "--preset", "instant", cwd=tmp_path)
    assert list((tmp_path / "out").rglob("*.dcm"))
    recipe = json.loads((tmp_path / "out" / "recipe.json").read_text("utf-8"))
    assert recipe["method"] == "filter2noise"


def test_installed_command_diagnoses(clean: Path, tmp_path: Path) -> None:
    told = run(clean / "lossviz", "doctor", cwd=tmp_path)
    assert f"napari-lossviz {napari_lossviz.__version__}" in told
    without_line_breaks = "".join(told.split())
    assert str(clean.parent) in without_line_breaks  # the place of its compiled kernels
    assert str(REPOSITORY) not in without_line_breaks


def open_sample(package_parent: Path, cwd: Path) -> dict[str, object]:
    """Open the samples in a new interpreter that finds our package in `package_parent` first."""
    path = os.pathsep.join((str(package_parent), DEPENDENCIES))
    found = json.loads(run(sys.executable, "-c", OPEN_SAMPLE, cwd=cwd, PYTHONPATH=path))
    assert Path(found["package"]).is_relative_to(package_parent)
    assert Path(found["data"]).is_relative_to(package_parent)
    return dict(found)


def check(found: dict[str, object]) -> None:
    assert found["shapes"] == [[8, 256, 256], [8, 256, 256]]
    assert found["inserts"] == 8


def test_the_sdist_opens_its_samples(built: dict[str, Path], tmp_path: Path) -> None:
    shutil.unpack_archive(built["sdist"], tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    check(open_sample(unpacked, tmp_path))


def test_the_editable_install_opens_its_samples(tmp_path: Path) -> None:
    check(open_sample(REPOSITORY, tmp_path))
