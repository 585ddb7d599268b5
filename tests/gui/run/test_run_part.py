"""A run on a part of an image: the slice on the screen, or a box that was drawn."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_lossviz import io, samples
from napari_lossviz.core import InputError, Selection
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.jobs.replay import replay
from napari_lossviz.ui.layers import image_from_layer, selection_of
from napari_lossviz.ui.part_choice import box_around, shown_slice
from napari_lossviz.ui.part_layers import PartLayers

WAIT = 60_000


def choose(dock: Any, text: str) -> None:
    part = dock.run_panel.controls.part
    part.setCurrentIndex(next(i for i in range(part.count()) if text in part.itemText(i)))


def run_instant(qtbot: Any, dock: Any) -> Any:
    dock.run_panel.controls.preset.choose("instant")
    with qtbot.waitSignal(dock.run_panel.result_ready, timeout=WAIT):
        dock.run_panel.controls.run_button.click()
    qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)
    return dock.results.result


def test_the_slice_on_the_screen(
    make_napari_viewer: Any, dock_of: Any, qtbot: Any, tmp_path: Path
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    dock.run_panel.at_once.setChecked(False)
    viewer.open_sample("napari-lossviz", "low_dose_ct")
    (whole,) = viewer.layers
    viewer.dims.set_point(0, 5 * whole.scale[0])
    choose(dock, "slice")
    layers = run_instant(qtbot, dock)

    (image,) = samples.low_dose_ct()
    part = layers.source
    assert part is not whole
    assert selection_of(part) == Selection(ranges={"z": (5, 6)})
    np.testing.assert_array_equal(part.data, image.array[5:6])
    for layer in (part, layers.denoised):
        np.testing.assert_allclose(layer.translate, (5 * whole.scale[0], 0, 0))
        np.testing.assert_allclose(layer.scale, whole.scale)
    assert run_instant(qtbot, dock).source is part  # not made a second time
    assert len([layer for layer in viewer.layers if layer.name == part.name]) == 1

    export = dock.export_panel
    export.folder.setText(str(tmp_path / "out"))
    with qtbot.waitSignal(export.exported, timeout=WAIT):
        export.button.click()
    recipe = read_recipe(tmp_path / "out" / "recipe.json")
    assert recipe.selection == Selection(ranges={"z": (5, 6)})
    (written,) = io.read(next((tmp_path / "out").glob("*.dcm")))
    np.testing.assert_allclose(
        written.patient_affine[:3, 3],
        image.patient_affine[:3, [0, 3]].sum(1) + 4 * image.patient_affine[:3, 0],
    )
    found = samples.sample_folders()  # the recipe does not name files of DICOM
    outcome = replay(tmp_path / "out" / "recipe.json", tmp_path / "again", also_in=found)
    assert outcome is not None


def test_a_box_that_was_drawn(make_napari_viewer: Any, dock_of: Any, qtbot: Any) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    dock.run_panel.at_once.setChecked(False)
    noise = np.random.default_rng(0).normal(50, 9, (80, 100)).astype(np.float32)
    whole = viewer.add_image(noise, name="noise", scale=(0.5, 0.7), translate=(3, 4), units="mm")
    corners = np.array([(20, 30), (20, 69), (59, 69), (59, 30)])
    viewer.add_shapes(
        [corners], shape_type="rectangle", name="mine", scale=(0.5, 0.7), translate=(3, 4),
        units="mm",
    )  # fmt: skip
    viewer.layers.selection.active = whole
    choose(dock, "box in mine")
    layers = run_instant(qtbot, dock)
    assert selection_of(layers.source) == Selection(ranges={"y": (20, 60), "x": (30, 70)})
    np.testing.assert_array_equal(layers.source.data, noise[20:60, 30:70])
    np.testing.assert_allclose(layers.denoised.translate, (3 + 20 * 0.5, 4 + 30 * 0.7))
    viewer.layers.remove("mine")
    assert dock.run_panel.controls.part.currentIndex() == 0


def test_a_part_of_a_part_is_a_part_of_the_whole(make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer()
    whole = viewer.add_image(np.arange(4 * 50 * 60, dtype=np.float32).reshape(4, 50, 60))
    parts = PartLayers(viewer)
    outer = parts.layer(whole, Selection(ranges={"z": (1, 4), "y": (10, 40)}))
    inner = parts.layer(outer, Selection(ranges={"z": (1, 2), "x": (5, 30)}))
    assert selection_of(inner) == Selection(ranges={"z": (2, 3), "y": (10, 40), "x": (5, 30)})
    np.testing.assert_array_equal(image_from_layer(inner).array, whole.data[2:3, 10:40, 5:30])
    inner.data = inner.data + 1
    assert selection_of(inner) == Selection()


def test_nothing_to_go_by(make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer()
    layer = viewer.add_image(np.zeros((3, 20, 20), np.float32), name="stack")
    shapes = viewer.add_shapes(ndim=2, name="none")
    with pytest.raises(InputError, match="none"):
        box_around(shapes, layer, viewer.dims.point)
    shapes.add_rectangles(np.array([(30, 30), (30, 40), (40, 40), (40, 30)]))
    with pytest.raises(InputError, match="outside"):
        box_around(shapes, layer, viewer.dims.point)
    with pytest.raises(InputError, match="no slice"):
        shown_slice(layer, (7, 0, 0))


def test_a_result_chosen_by_hand_is_seen(make_napari_viewer: Any, dock_of: Any, qtbot: Any) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    dock.run_panel.at_once.setChecked(False)
    results = []
    for name in ("first", "second"):
        noise = np.random.default_rng(0).normal(50, 9, (40, 40)).astype(np.float32)
        viewer.layers.selection.active = viewer.add_image(noise, name=name)
        results.append(run_instant(qtbot, dock))
    first, second = results
    assert dock.results.result is second
    box = dock.results
    box.setFocus()
    box.setCurrentIndex(0)
    box.activated.emit(0)
    assert box.result is first
    assert first.denoised.visible
    assert first.source.visible
    assert not second.denoised.visible
    assert not second.source.visible
