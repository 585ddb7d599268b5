"""A process that reads damaged files and tells how it went: native decoders may end it."""

import contextlib
import faulthandler
import os
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

PREFIX = "lossviz-fuzz-"
"""Of the folder of damaged files: an error that names one of them has it in its message."""
FREE_MEMORY = 256 << 20
"""What the readers are told is free, in bytes."""
_MOST_MEMORY = 1 << 30
"""What one file may take: several copies of what fits into the free memory."""
_ADDRESS_SPACE = 6 << 30
"""Beyond what is loaded: more is refused by the system, before the machine suffers."""
_HANGS_AFTER = 20.0
_LOADED_AFTER = 120.0
"""Seconds: torch takes its time on a busy machine."""


@dataclass(frozen=True)
class Outcome:
    """How one file went.

    Attributes
    ----------
    error : str
        Kind and message of the error, empty where the file was read.
    fault : str
        What must not be: another error than ours, a crash, a hang, too much memory.
    seconds : float
    """

    error: str = ""
    fault: str = ""
    seconds: float = 0.0


class FuzzChild:
    """Runs the openers in a process of its own, and a new one where that ended."""

    def __init__(self) -> None:
        self._process: Any = None
        self._pipe: Connection | None = None

    def open(self, files: Mapping[str, bytes], opened: str, opener: str) -> Outcome:
        """Write files to a fresh folder and open one of them."""
        try:
            return self._open(files, opened, opener)
        except BaseException:  # as when a test's time is over: the next would get this one's answer
            self.close()
            raise

    def _open(self, files: Mapping[str, bytes], opened: str, opener: str) -> Outcome:
        if self._pipe is None:
            self._start()
        pipe = self._pipe
        assert pipe is not None
        pipe.send((dict(files), opened, opener))
        assert pipe.poll(_LOADED_AFTER), f"{opener}: the libraries do not load"
        pipe.recv()
        fault = f"hangs: no answer after {_HANGS_AFTER:g} s"
        if pipe.poll(_HANGS_AFTER):
            try:
                outcome: Outcome = pipe.recv()
            except EOFError:
                self._process.join()
                fault = f"the process ended with status {self._process.exitcode}"
            else:
                return outcome
        self.close()
        return Outcome(fault=fault)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def _start(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()


def _serve(pipe: Connection) -> None:
    import psutil

    faulthandler.enable()
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  # as long as the process
    warnings.simplefilter("ignore")
    psutil.virtual_memory = lambda: SimpleNamespace(available=FREE_MEMORY, total=FREE_MEMORY)
    psutil.swap_memory = lambda: SimpleNamespace(free=0)
    while True:
        try:
            files, opened, opener = pipe.recv()
        except EOFError:
            return
        prepare, use = OPENERS[opener]
        prepare()
        pipe.send("loaded")
        pipe.send(_outcome(files, opened, use))


def _outcome(files: Mapping[str, bytes], opened: str, use: Callable[[Path], None]) -> Outcome:
    from napari_lossviz.core import LossvizError

    _limit_address_space()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    before = _memory(reset=True)
    start, error, fault = time.monotonic(), "", ""
    try:
        use(folder / opened)
    except LossvizError as found:
        error = f"{type(found).__name__}: {found}"
    except BaseException:
        fault = traceback.format_exc()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    taken = _memory() - before
    if taken > _MOST_MEMORY:
        fault = fault or f"took {taken / 1e9:.2f} GB of memory ({error or 'read'})"
    return Outcome(error, fault, time.monotonic() - start)


def _limit_address_space() -> None:
    with contextlib.suppress(OSError, ImportError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + _ADDRESS_SPACE
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _memory(reset: bool = False) -> int:
    """Return the most memory held since the last reset, in bytes; 0 where no system tells."""
    with contextlib.suppress(OSError):
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(one.split()[1]) << 10 for one in lines if one.startswith("VmHWM"))
    return 0


def _image(path: Path) -> None:
    from napari_lossviz import io
    from napari_lossviz.core import Image

    for image in io.read(path, lazy=True):
        assert isinstance(image, Image)
        assert all(np.isfinite(step) and step > 0 for step in image.spacing), image.spacing
        corner = image.array[tuple(slice(0, 8) for _ in image.shape)]
        assert np.asarray(corner).dtype == image.array.dtype
        if image.valid is not None:
            assert image.valid.shape == image.spatial_shape


def _recipe(path: Path) -> None:
    from napari_lossviz.io.recipes import read_recipe

    assert read_recipe(path).recipe_version == 1


def _regions(path: Path) -> None:
    from napari_lossviz.io.region_files import read_regions

    for region in read_regions(path):
        assert region.vertices.ndim == 2
        assert np.isfinite(region.vertices).all()


def _qupath(path: Path) -> None:
    from napari_lossviz.io.qupath_regions import read_qupath_regions

    for region in read_qupath_regions(path):
        assert region.outline.shape[1] == 2


def _settings(path: Path) -> None:
    from napari_lossviz.cli.options import read_config
    from napari_lossviz.jobs.registry import find_method

    method = find_method("filter2noise")
    base = method.preset(method.presets[0])
    assert type(read_config(method, path, base)) is type(base)


def _edits(path: Path) -> None:
    from napari_lossviz.ui.edit.edit_files import load_edits

    load_edits(path, ("sigma_x", "sigma_y", "sigma_r"), 2)


def _stain_checkpoint(path: Path) -> None:
    from napari_lossviz.stain.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path)
    checkpoint.generator()
    if checkpoint.architecture.layers:
        checkpoint.sampler()


def _merlin_weights(path: Path) -> None:
    from napari_lossviz.merlin.weights import load_weights

    load_weights(str(path), "auto" if path.suffix == ".safetensors" else "spotlight")


def stain_state(path: Path, save: bool = False) -> None:
    """Write the state of a tiny training, or read it."""
    import torch

    from napari_lossviz.stain.training_state import TrainingState

    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state = TrainingState({"steps": 3})
    if save:
        state.append({"total": 1.0})
        state.save(path, {"g": network}, {"g": optimizer})
    else:
        state.load(path, {"g": network}, {"g": optimizer})
        assert state.step >= 0


def merlin_state(path: Path, save: bool = False) -> None:
    """Write the state of a tiny training, or read it."""
    import torch

    from napari_lossviz.merlin.training_state import TrainingState

    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state = TrainingState(torch.Generator(), {"steps": 3})
    parameters = dict(network.named_parameters())
    if save:
        state.append({"total": 1.0})
        state.judge(np.ones(2), parameters, 1)
        state.take(parameters, optimizer)
        state.step = 1
        state.save(path)
    else:
        state.load(path)
        state.restore(parameters, optimizer)
        state.append({"total": 1.0})
        state.judge(np.ones(2), parameters, state.step + 1)


def _pair_image(path: Path) -> None:
    from napari_lossviz.stain.pairs import read_rgb

    assert read_rgb(path).shape[2] == 3


def _load(*modules: str) -> Callable[[], None]:
    from importlib import import_module

    def load() -> None:
        for name in modules:
            import_module(name)

    return load


OPENERS: dict[str, tuple[Callable[[], None], Callable[[Path], None]]] = {
    "image": (_load("napari_lossviz.io", "dask.array", "rasterio", "pydicom"), _image),
    "recipe": (_load("napari_lossviz.io.recipes"), _recipe),
    "regions": (_load("napari_lossviz.io.region_files"), _regions),
    "qupath": (_load("napari_lossviz.io.qupath_regions"), _qupath),
    "settings": (_load("napari_lossviz.cli.options"), _settings),
    "edits": (_load("napari_lossviz.ui.edit.edit_files"), _edits),
    "stain checkpoint": (_load("torch", "napari_lossviz.stain.networks"), _stain_checkpoint),
    "merlin weights": (_load("torch", "napari_lossviz.merlin.pretrained"), _merlin_weights),
    "stain state": (_load("torch"), stain_state),
    "merlin state": (_load("torch"), merlin_state),
    "pair image": (_load("PIL.Image", "napari_lossviz.stain.pairs"), _pair_image),
}
"""What is loaded beforehand, and what then reads a path."""
