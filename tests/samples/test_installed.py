"""The samples must be found however the package came onto the machine."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.wheel]

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


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from the sdist: what `python -m build` uploads."""
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder))
    run(*build, str(REPOSITORY), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone into a folder of its own."""
    target = tmp_path_factory.mktemp("installed")
    (wheel,) = distributions.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet")
    run(*pip, "--target", str(target), str(wheel), cwd=target)
    return target


def open_sample(package_parent: Path, cwd: Path) -> dict[str, object]:
    """Open the samples in a new interpreter that finds our package in `package_parent` first."""
    import json

    path = os.pathsep.join((str(package_parent), sysconfig.get_paths()["purelib"]))
    found = json.loads(run(sys.executable, "-c", OPEN_SAMPLE, cwd=cwd, PYTHONPATH=path))
    assert Path(found["package"]).is_relative_to(package_parent)
    assert Path(found["data"]).is_relative_to(package_parent)
    return dict(found)


def check(found: dict[str, object]) -> None:
    assert found["shapes"] == [[8, 256, 256], [8, 256, 256]]
    assert found["inserts"] == 8


def test_the_wheel_opens_its_samples(installed: Path, tmp_path: Path) -> None:
    check(open_sample(installed, tmp_path))


def test_the_sdist_opens_its_samples(distributions: Path, tmp_path: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    shutil.unpack_archive(sdist, tmp_path)
    (unpacked,) = tmp_path.iterdir()
    check(open_sample(unpacked, tmp_path))


def test_the_editable_install_opens_its_samples(tmp_path: Path) -> None:
    check(open_sample(REPOSITORY, tmp_path))


def test_the_installed_manifest_is_valid(installed: Path, tmp_path: Path) -> None:
    manifest = installed / "napari_lossviz" / "napari.yaml"
    path = os.pathsep.join((str(installed), sysconfig.get_paths()["purelib"]))
    npe2 = (sys.executable, "-m", "npe2", "validate", "--imports")
    assert "valid" in run(*npe2, str(manifest), cwd=tmp_path, PYTHONPATH=path)
