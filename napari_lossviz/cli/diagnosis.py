"""What `lossviz doctor` looks at; torch and Qt are asked in processes of their own."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement

DISTRIBUTION = "napari-lossviz"
OPTIONAL_PARTS = {
    "sar": ("rasterio", "sarkit", "lxml"),
    "slides": ("openslide",),
    "scale": ("dask", "distributed"),
}
BINDINGS = ("PyQt5", "PyQt6", "PySide6")

_TORCH_PROBE = """
import json, torch
from napari_lossviz.engine.devices import list_devices
devices = [[device.title, device.free_memory] for device in list_devices()]
print(json.dumps({"version": torch.__version__, "cuda": torch.version.cuda, "devices": devices}))
"""
_QT_PROBE = """
import json, qtpy
print(json.dumps({"name": qtpy.API_NAME, "version": qtpy.QT_VERSION}))
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found out.

    Attributes
    ----------
    topic : str
    text : str
    level : str
        "fine"; "note": worth knowing; "missing": without it the project does not work.
    """

    topic: str
    text: str
    level: Literal["fine", "note", "missing"] = "fine"


def diagnose() -> list[Finding]:
    """Look at everything, the most general first."""
    return [
        Finding("System", f"Python {platform.python_version()} on {platform.platform()}"),
        *check_packages(),
        *check_torch(probe(_TORCH_PROBE), nvidia_gpus()),
        *check_qt(installed(BINDINGS), os.environ.get("QT_API", ""), probe(_QT_PROBE)),
        *check_display(),
        *check_optional_parts(),
        *check_clashes(installed(("PyQt5", "opencv-python", "deepdespeckling"))),
        *check_numba_cache(),
    ]


@cache
def version(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def installed(distributions: Iterable[str]) -> dict[str, str]:
    """Return those of some distributions that are installed, with their versions."""
    found = ((name, version(name)) for name in distributions)
    return {name: number for name, number in found if number is not None}


def probe(code: str) -> dict[str, Any] | str:
    """Run Python code that prints JSON in a process of its own; return it, or what went wrong."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    except ValueError:
        return (done.stderr.strip().splitlines() or ["no answer"])[-1]
    return answer


def check_packages() -> list[Finding]:
    """Name the versions of the packages that the project stands on, and those missing."""
    try:
        requirements = [Requirement(text) for text in metadata.requires(DISTRIBUTION) or ()]
    except metadata.PackageNotFoundError:
        return [Finding("Packages", f"{DISTRIBUTION} itself is not installed", "missing")]
    names, findings = [f"{DISTRIBUTION} {version(DISTRIBUTION)}"], []
    for needed in requirements:
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        number = version(needed.name)
        if number is None or not needed.specifier.contains(number, prereleases=True):
            has = "missing" if number is None else f"{number} is installed"
            command = f'python -m pip install "{needed.name}{needed.specifier}"'
            findings.append(Finding("Packages", f"{needed} is needed, {has}: {command}", "missing"))
        else:
            names.append(f"{needed.name} {number}")
    return [Finding("Packages", ", ".join(names)), *findings]


def nvidia_gpus() -> list[str]:
    """Return the names of the NVIDIA GPUs that the driver knows, without torch."""
    command = shutil.which("nvidia-smi")
    if command is not None:
        query = [command, "--query-gpu=name", "--format=csv,noheader"]
        try:
            done = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True)
            return [line.strip() for line in done.stdout.splitlines() if line.strip()]
        except (OSError, subprocess.SubprocessError):
            pass  # a driver that does not answer; the kernel may still name the card
    models = []
    for information in Path("/proc/driver/nvidia/gpus").glob("*/information"):
        lines = information.read_text(errors="replace").splitlines()
        models += [line.partition(":")[2].strip() for line in lines if line.startswith("Model")]
    return models


def check_torch(torch: dict[str, Any] | str, gpus: list[str]) -> list[Finding]:
    """Name the devices that torch can use, and an NVIDIA GPU that it cannot."""
    if isinstance(torch, str):
        return [Finding("Devices", f"PyTorch does not load: {torch}", "missing")]
    build = f"CUDA {torch['cuda']}" if torch["cuda"] else "no CUDA"
    findings = [Finding("Devices", f"PyTorch {torch['version']} ({build})")]
    for title, free in torch["devices"]:
        findings.append(Finding("Devices", f"{title}, {free / 2**30:.1f} GiB of memory free"))
    if gpus and not torch["cuda"]:
        advice = (
            f"{' and '.join(gpus)} found, but this PyTorch is built without CUDA and runs on the "
            "CPU. Choose your system and CUDA version in the selector on https://pytorch.org, and "
            "run the command that it shows with --force-reinstall added: "
            "python -m pip install --force-reinstall torch --index-url (the one it shows)"
        )
        findings.append(Finding("Devices", advice, "note"))
    elif gpus and not any("cuda" in title for title, _ in torch["devices"]):
        advice = f"{' and '.join(gpus)} found, but PyTorch cannot use it; its driver may be too old"
        findings.append(Finding("Devices", advice, "note"))
    return findings


def check_qt(bindings: dict[str, str], choice: str, used: dict[str, Any] | str) -> list[Finding]:
    """Name the Qt binding that the window uses and how to choose another."""
    if not bindings:
        advice = f'the window needs one: python -m pip install "{DISTRIBUTION}[pyqt5]" (or pyqt6)'
        return [Finding("Qt", f"no Qt binding is installed; {advice}", "note")]
    there = ", ".join(f"{name} {number}" for name, number in bindings.items())
    if isinstance(used, str):
        return [Finding("Qt", f"{there} installed, but Qt does not load: {used}", "note")]
    findings = [Finding("Qt", f"{used['name']} {used['version']} is used (installed: {there})")]
    if len(bindings) > 1 and not choice:
        advice = "more than one binding is installed and QT_API is not set; choose with QT_API="
        findings.append(
            Finding("Qt", advice + " or QT_API=".join(map(str.lower, bindings)), "note")
        )
    return findings


def display_there() -> bool:
    """Whether a window could be shown."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def check_display() -> list[Finding]:
    """Say whether a window could be shown."""
    if display_there():
        return [Finding("Display", "there")]
    return [Finding("Display", "none (DISPLAY is not set): commands work, windows do not", "note")]


def check_optional_parts() -> list[Finding]:
    """Say which of the optional parts are there, and how to get the others."""
    findings = []
    for part, modules in OPTIONAL_PARTS.items():
        missing = [name for name in modules if util.find_spec(name) is None]
        if missing:
            how = f'python -m pip install "{DISTRIBUTION}[{part}]"'
            findings.append(Finding("Parts", f"{part}: lacks {', '.join(missing)} ({how})", "note"))
        else:
            findings.append(Finding("Parts", f"{part}: there"))
    return findings


def check_clashes(there: dict[str, str]) -> list[Finding]:
    """Name packages known to clash, of those that are installed."""
    findings = []
    if "opencv-python" in there and "PyQt5" in there:
        advice = (
            "opencv-python brings Qt plugins of its own that keep PyQt5 from starting once cv2 is "
            "imported: python -m pip uninstall opencv-python, then install opencv-python-headless"
        )
        findings.append(Finding("Clashes", advice, "note"))
    if "deepdespeckling" in there:
        advice = "deepdespeckling is installed: only its weight files are read, never import it"
        findings.append(Finding("Clashes", advice, "note"))
    return findings or [Finding("Clashes", "none known among the installed packages")]


def check_numba_cache() -> list[Finding]:
    """Say whether compiled kernels can be kept from one start to the next."""
    import platformdirs

    package = Path(__file__).resolve().parent.parent
    candidates = [package, Path(platformdirs.user_cache_dir())]
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        candidates = [Path(chosen)]
    for folder in candidates:
        nearest = next(p for p in (folder, *folder.parents) if p.exists())
        if os.access(nearest, os.W_OK):
            return [Finding("Kernels", f"compiled once and kept below {folder}")]
    advice = (
        "no folder to keep compiled kernels in is writable; every start compiles them anew (some "
        "seconds). Set NUMBA_CACHE_DIR to a folder that you may write to"
    )
    return [Finding("Kernels", advice, "note")]
