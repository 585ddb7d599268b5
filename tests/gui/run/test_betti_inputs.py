"""What Betti matching's dock takes: parts, both constructions, and what it refuses in words."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask.array
import numpy as np
import psutil
import pytest
import tifffile
from dock_runs import run_dock

from napari_lossviz.betti import BettiConfig
from napari_lossviz.betti import match as match_arrays
from napari_lossviz.cli import main

WAIT = 120_000
RNG = np.random.default_rng(3)
VOLUME = RNG.random((5, 20, 22)).astype(np.float32)
OTHER = RNG.random((5, 20, 22)).astype(np.float32)


@pytest.fixture
def opened(make_napari_viewer: Any) -> Callable[[], tuple[Any, Any]]:
    def open_dock() -> tuple[Any, Any]:
        viewer = make_napari_viewer()
        _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Betti matching")
        form = dock.run_panel.controls.form
        form.set_config(form.config().replace(minimal_persistence=0.0))
        return viewer, dock

    return open_dock


def choose_part(dock: Any, text: str) -> None:
    part = dock.run_panel.controls.part
    part.setCurrentIndex(next(n for n in range(part.count()) if text in part.itemText(n)))


def refusal(qtbot: Any, dock: Any) -> str:
    """Run, and return what the panel says instead of a result."""
    before = dock.results.result
    dock.run_panel.controls.run_button.click()
    qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)
    assert dock.results.result is before
    return str(dock.run_panel.status.text())


def test_slice_box_and_both_constructions(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any, tmp_path: Path
) -> None:
    viewer, dock = opened()
    viewer.add_image(VOLUME, name="prediction")
    viewer.add_image(OTHER, name="target")
    form = dock.run_panel.controls.form
    viewer.dims.set_point(0, 3)
    choose_part(dock, "slice")
    for construction in ("V", "T"):
        form.set_config(form.config().replace(construction=construction))
        layers = run_dock(qtbot, dock)
        config = BettiConfig(construction=construction)
        assert layers.result.loss == match_arrays(VOLUME[3:4], OTHER[3:4], config).loss
        plane = match_arrays(VOLUME[3], OTHER[3], config)
        counts = layers.result.matching_error.by_dimension
        assert counts == (*plane.matching_error.by_dimension, 0)
        # a feature of the slice is looked at where the slice lies in the volume
        viewer.dims.set_point(0, 0)
        dock.features.features.choose(0)
        assert viewer.dims.current_step[0] == 3

    box = np.array([[3, 2, 4], [3, 2, 15], [3, 13, 15], [3, 13, 4]])
    viewer.add_shapes([box], shape_type="rectangle", name="here", ndim=3)
    choose_part(dock, "box in here")
    layers = run_dock(qtbot, dock)
    part = np.asarray(layers.source.data)
    assert part.shape[-2:] < VOLUME.shape[-2:]
    corner = np.asarray(layers.source.translate, int)
    where = tuple(slice(n, n + size) for n, size in zip(corner, part.shape, strict=True))
    np.testing.assert_array_equal(part, VOLUME[where])
    np.testing.assert_array_equal(layers.others[0].data, OTHER[where])

    # what was exported is computed again by the command, from the recipe alone
    dock.export_panel.folder.setText(str(tmp_path / "out"))
    with qtbot.waitSignal(dock.export_panel.exported, timeout=WAIT):
        dock.export_panel.button.click()
    recipe = str(tmp_path / "out" / "recipe.json")
    assert main(["replay", recipe, "--check", "-o", str(tmp_path / "again")]) == 0
    first, second = (tmp_path / folder for folder in ("out", "again"))
    assert (first / "features.csv").read_bytes() == (second / "features.csv").read_bytes()
    labels = [tifffile.imread(folder / "features_target.tif") for folder in (first, second)]
    np.testing.assert_array_equal(*labels)


def test_what_cannot_be_matched_is_refused_in_words(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, dock = opened()
    inputs = dock.run_panel.controls.inputs
    colours = viewer.add_image(RNG.random((20, 22, 3)), name="colours", rgb=True)
    assert all(choice.layer is not colours for choice in inputs)

    holed = VOLUME[0].copy()
    holed[4, 5] = np.nan
    viewer.add_image(holed, name="holed")
    viewer.add_image(OTHER[0], name="target")
    said = refusal(qtbot, dock)
    assert "'holed' holds 1 values that are not finite, the first at (4, 5)" in said
    viewer.add_image(np.stack([VOLUME] * 2), name="series prediction")
    viewer.add_image(np.stack([OTHER] * 2), name="series target")
    assert "choose one time point" in refusal(qtbot, dock)

    # pixels that are still on the disk are counted before they are read
    for array, name in ((VOLUME, "large prediction"), (OTHER, "large target")):
        viewer.add_image(dask.array.from_array(array), name=name)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1_000))
    said = refusal(qtbot, dock)
    assert "all of its 5 x 20 x 22 pixels needs about" in said
    assert "Draw a rectangle" in said


def test_a_row_that_is_gone_and_a_point_of_the_users_choose_nothing(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any
) -> None:
    viewer, dock = opened()
    features = dock.features.features
    features.choose(0)
    assert features.chosen == -1  # there is no result
    viewer.add_image(VOLUME, name="prediction")
    viewer.add_image(OTHER, name="target")
    run_dock(qtbot, dock)
    last = len(features.table) - 1
    features.choose(last)
    features.set_least(0.5)
    assert len(features.table) <= last
    assert features.chosen == -1
    features.choose(last)
    assert features.chosen == -1

    layer = dock.features.overlays.layers["prediction"]
    drawn = len(layer.data)
    click = SimpleNamespace(
        position=(0.0, 0.0, 0.0), view_direction=(1.0, 0.0, 0.0), dims_displayed=(0, 1, 2)
    )
    layer.add([0, 0, 0])
    layer.get_value = lambda *_, **__: drawn  # the point that was added lies in front
    dock.features.overlays.layers["target"].visible = False
    assert dock.features.picking._row_along(click) == -1
