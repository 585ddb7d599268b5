"""Weights, checkpoints, states and arrays of others run no code, wherever they are read."""

import ast
import hashlib
import io as streams
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fuzz_child import merlin_state, stain_state

from napari_lossviz import io
from napari_lossviz.core import Image, InputError
from napari_lossviz.jobs.export import export
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.replay import replay
from napari_lossviz.jobs.run import run
from napari_lossviz.merlin import pretrained
from napari_lossviz.merlin.weights import load_weights
from napari_lossviz.stain.checkpoint import load_checkpoint
from napari_lossviz.stain.pairs import read_rgb

PACKAGE = Path(__file__).parents[2] / "napari_lossviz"


class Hostile:
    """What a file of a stranger may hold: being unpickled, it makes a file."""

    def __init__(self, trap: Path) -> None:
        self.trap = trap

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trap,)


def _zip_archive(content: Any) -> bytes:
    stream = streams.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def _old_archive(content: Any) -> bytes:
    stream = streams.BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=False)
    return stream.getvalue()


def _objects(content: Any) -> bytes:
    stream = streams.BytesIO()
    np.save(stream, np.array([content], dtype=object), allow_pickle=True)
    return stream.getvalue()


PACKED: dict[str, Callable[[Any], bytes]] = {
    "pickle": pickle.dumps,
    "torch.save": _zip_archive,
    "torch.save of old": _old_archive,
    "numpy.save": _objects,
}


def _from_the_package(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the file as if the package of the pretrained weights had it."""
    monkeypatch.setattr(pretrained, "_in_package", lambda name: path)
    monkeypatch.setattr(pretrained, "cache_folder", lambda: path.parent / "cache")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(pretrained.SHA256, "spotlight", sha256)
    pretrained.load_pretrained("spotlight")


READERS: dict[str, tuple[str, Callable[[Path, pytest.MonkeyPatch], Any]]] = {
    "MERLIN weights, pth": ("w.pth", lambda path, _: load_weights(str(path), "spotlight")),
    "MERLIN weights, pt": ("w.pt", lambda path, _: load_weights(str(path), "spotlight")),
    "MERLIN weights": ("w.safetensors", lambda path, _: load_weights(str(path))),
    "pretrained MERLIN weights": ("spotlight.pth", _from_the_package),
    "MERLIN training state": ("w.state.safetensors", lambda path, _: merlin_state(path)),
    "the authors' stain checkpoint": ("latest_net_G.pth", lambda path, _: load_checkpoint(path)),
    "stain checkpoint": ("c.safetensors", lambda path, _: load_checkpoint(path)),
    "stain training state": ("c.state.safetensors", lambda path, _: stain_state(path)),
    "an image": ("a.npy", lambda path, _: io.read(path)),
    "an image of a stain pair": ("p.npy", lambda path, _: read_rgb(path)),
}


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("reader", READERS)
def test_a_hostile_file_is_refused_and_does_nothing(
    reader: str, packed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, read = READERS[reader]
    trap = tmp_path / "trap"
    path = tmp_path / name
    path.write_bytes(PACKED[packed]({"enc0.weight": Hostile(trap), "model.1.weight": 1}))
    with pytest.raises(InputError, match=name):
        read(path, monkeypatch)
    assert not trap.exists()


@pytest.mark.parametrize("packed", PACKED)
def test_the_trap_would_have_closed(packed: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(PACKED[packed](Hostile(tmp_path / "trap")))
    if packed == "numpy.save":
        np.load(path, allow_pickle=True)
    elif packed == "pickle":
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert (tmp_path / "trap").exists()


def test_copies_beside_a_recipe_run_nothing(halving: Method, tmp_path: Path) -> None:
    valid = np.ones((16, 16), bool)
    valid[0] = False
    export(run(halving, Image(np.ones((16, 16), np.float32), "yx", valid=valid)), tmp_path / "out")
    recipe = tmp_path / "out" / "recipe.json"
    content = json.loads(recipe.read_text())
    (copy, mask) = (content["inputs"][0]["paths"][0], content["inputs"][0]["valid_path"])
    for name in (copy, mask):
        hostile = _objects(Hostile(tmp_path / "trap"))
        kept = (recipe.parent / name).read_bytes()
        (recipe.parent / name).write_bytes(hostile)
        sha256 = hashlib.sha256(hostile).hexdigest()  # whoever alters the one alters the other
        record = content["inputs"][0] | (
            {"file_sha256": [sha256]} if name == copy else {"valid_sha256": sha256}
        )
        recipe.write_text(json.dumps(content | {"inputs": [record]}))
        with pytest.raises(InputError, match=name):
            replay(recipe)
        (recipe.parent / name).write_bytes(kept)
    assert not (tmp_path / "trap").exists()


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


FORBIDDEN = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load"),
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.loads", "shelve.open"),
    *("joblib.load", "dill.load", "dill.loads", "cloudpickle.load", "cloudpickle.loads"),
    *("tarfile.open", "shutil.unpack_archive"),
}
SAFE_BY = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}


def test_nothing_in_the_package_could() -> None:
    found = []
    seen = set()
    for where, call in _calls():
        name = ast.unparse(call.func)
        said = {one.arg: ast.unparse(one.value) for one in call.keywords}
        if name in FORBIDDEN or said.get("shell") == "True":
            found.append(f"{where}: {name}")
        if name in SAFE_BY:
            seen.add(name)
            option, value = SAFE_BY[name]
            if said.get(option) != str(value):
                found.append(f"{where}: {name} without {option}={value}")
    assert found == []
    assert seen == set(SAFE_BY)
