"""The runs of a session: numbered, light, one list for each viewer."""

import gc
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from weakref import ref

import numpy as np
from run_records import made_record

from napari_lossviz.core import Image
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.run import run
from napari_lossviz.ui.session_runs import SessionRuns, runs_of


class Layers:
    """What a session takes of the layers of a result."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.denoised = SimpleNamespace(name="cells denoised")


def test_runs_are_numbered_and_let_their_images_go(halving: Method) -> None:
    layers = Layers(run(halving, Image(np.ones((3, 4), np.float32), "yx", name="cells")))
    runs, seen = SessionRuns(), []
    runs.added.connect(seen.append)
    first, second = runs.remember(layers), runs.remember(layers)
    assert [one.record.name for one in seen] == ["1. cells denoised", "2. cells denoised"]
    assert seen == [first, second] == runs.runs
    viewer = SimpleNamespace(layers=[layers.denoised])
    assert first.layers_in(viewer) is layers
    viewer.layers.clear()
    assert first.layers_in(viewer) is None
    gone = ref(layers)
    del layers
    gc.collect()
    assert gone() is None
    assert first.layers_in(viewer) is None


def test_a_recipe_is_listed_once_and_a_number_never_comes_again(tmp_path: Path) -> None:
    runs = SessionRuns()
    one = made_record("a", recipe=tmp_path / "recipe.json")
    runs.add(one)
    runs.add(made_record("b"))
    runs.add(one)
    assert [run.record.name for run in runs.runs] == ["2. b", "3. a"]
    runs.remove(runs.runs[1])
    assert [run.record.name for run in runs.runs] == ["2. b"]


def test_each_viewer_has_runs_of_its_own_for_as_long_as_it_lives() -> None:
    class Viewer:
        pass

    one, other = Viewer(), Viewer()
    runs_of(one).add(made_record("a"))
    assert runs_of(other).runs == []
    assert len(runs_of(one).runs) == 1
    gone = ref(one)
    del one
    gc.collect()
    assert gone() is None
