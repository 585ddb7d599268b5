"""Which room loads what, seen in a fresh interpreter: the authority beside import-linter."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import napari_lossviz

PACKAGE = Path(napari_lossviz.__file__).parent
TESTS = Path(__file__).parent
HEAVY = ("torch", "qtpy", "PyQt5", "PyQt6", "napari")
LONGEST_MODULE = 400

LIGHT = (
    "napari_lossviz",
    "napari_lossviz.core",
    "napari_lossviz.metrics",
    "napari_lossviz.io",
    "napari_lossviz.samples",
    "napari_lossviz.jobs",
    "napari_lossviz.jobs.batch.run",
    "napari_lossviz.jobs.run",
    "napari_lossviz.jobs.export",
    "napari_lossviz.jobs.loss_maps",
    "napari_lossviz.jobs.replay",
    "napari_lossviz.jobs.run_table",
    "napari_lossviz.jobs.session_export",
    "napari_lossviz.jobs.train_stain",
    "napari_lossviz.cli",
    "napari_lossviz.engine.blocks",
    "napari_lossviz.engine.threads",
    "napari_lossviz.betti",
    "napari_lossviz.betti.config",
    "napari_lossviz.betti.result",
    "napari_lossviz.betti.run",
    "napari_lossviz.betti.sides",
    "napari_lossviz.losses",
    "napari_lossviz.filter2noise",
    "napari_lossviz.filter2noise.config",
    "napari_lossviz.merlin",
    "napari_lossviz.merlin.config",
    "napari_lossviz.merlin.independence",
    "napari_lossviz.merlin.preview_box",
    "napari_lossviz.merlin.reference",
    "napari_lossviz.merlin.result",
    "napari_lossviz.merlin.run",
    "napari_lossviz.stain",
    "napari_lossviz.stain.agreement",
    "napari_lossviz.stain.align",
    "napari_lossviz.stain.checkpoint",
    "napari_lossviz.stain.config",
    "napari_lossviz.stain.density",
    "napari_lossviz.stain.elastic",
    "napari_lossviz.stain.layer_training",
    "napari_lossviz.stain.macenko",
    "napari_lossviz.stain.nuclei",
    "napari_lossviz.stain.pairs",
    "napari_lossviz.stain.registration",
    "napari_lossviz.stain.result",
    "napari_lossviz.stain.run",
    "napari_lossviz.stain.scene",
    "napari_lossviz.stain.source_look",
    "napari_lossviz.stain.tissue",
    "napari_lossviz.stain.training_result",
    "napari_lossviz.ui.reader",
)
"""Loaded whenever a file is dropped, a dock opens or a command starts."""


def loaded(code: str) -> set[str]:
    """Run code in a fresh interpreter and return which heavy packages it loaded."""
    tail = f"import json, sys; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tail}"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules_of(*rooms: str) -> list[str]:
    """Return the full names of all modules in some rooms, but one that needs Triton and a GPU."""
    return [
        ".".join(("napari_lossviz", *path.relative_to(PACKAGE).with_suffix("").parts))
        for room in rooms
        for path in sorted((PACKAGE / room).rglob("*.py"))
        if path.name not in ("__init__.py", "triton_kernel.py")
    ]


def test_the_list_of_what_is_heavy_holds() -> None:
    assert loaded("import torch") == {"torch"}


@pytest.mark.parametrize("module", LIGHT)
def test_light_modules_load_nothing_heavy(module: str) -> None:
    assert loaded(f"import {module}") == set()


def test_public_names_load_nothing_heavy_before_they_are_called() -> None:
    names = "Filter2NoiseConfig, denoise"
    code = f"from napari_lossviz.filter2noise import {names}; Filter2NoiseConfig.instant()"
    assert loaded(code) <= {"torch"}
    assert loaded("from napari_lossviz.filter2noise import Filter2NoiseConfig") == set()


def test_reading_and_writing_load_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "from napari_lossviz import io, samples\n"
        f"io.write(samples.low_dose_ct()[0], {str(tmp_path / 'copy.tif')!r})"
    )
    assert loaded(code) == set()


@pytest.mark.parametrize("room", ["core", "metrics", "io", "samples"])
def test_no_module_of_a_light_room_loads_anything_heavy(room: str) -> None:
    code = "\n".join(f"import {name}" for name in modules_of(room))
    assert loaded(code) == set()


@pytest.mark.parametrize(
    "rooms", [("betti", "engine", "filter2noise", "jobs", "losses", "merlin", "stain")]
)
def test_no_method_and_no_job_loads_a_window(rooms: tuple[str, ...]) -> None:
    code = "\n".join(f"import {name}" for name in modules_of(*rooms))
    assert loaded(code) <= {"torch"}


def test_no_module_of_the_window_loads_torch() -> None:
    code = "\n".join(f"import {name}" for name in modules_of("ui"))
    assert "torch" not in loaded(code)


def test_no_module_is_longer_than_one_can_overlook() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {str(path): n for path, n in lengths.items() if n > LONGEST_MODULE} == {}


def test_no_relative_import_and_no_import_of_qt_but_through_qtpy() -> None:
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
                if node.level:
                    wrong.append(f"{path}:{node.lineno} relative import")
            if any(name.split(".")[0] in ("PyQt5", "PyQt6", "PySide6") for name in names):
                wrong.append(f"{path}:{node.lineno} Qt without qtpy")
    assert wrong == []


def test_tests_of_the_window_stay_together() -> None:
    """`make test` runs tests/gui once for each Qt binding, and everything else without Qt."""
    marked = [
        path
        for path in TESTS.rglob("test_*.py")
        if "mark.gui" in path.read_text("utf-8") and path != Path(__file__)
    ]
    assert [path for path in marked if "gui" not in path.relative_to(TESTS).parts] == []
