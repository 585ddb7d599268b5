"""The preset `best` in the dock: its guide shown, its strength changed, its cost told."""

from typing import Any

import numpy as np
import pytest
from dock_runs import WAIT, run_dock

from napari_lossviz.core import Image
from napari_lossviz.ui.layers import image_layer

pytestmark = pytest.mark.gui


def test_best_shows_its_guide_and_says_what_it_costs(make_napari_viewer: Any, qtbot: Any) -> None:
    viewer = make_napari_viewer()
    y, x = np.mgrid[:64, :64]
    clean = np.where(np.hypot(y - 30, x - 34) < 15, 60.0, 20.0)
    noisy = (clean + np.random.default_rng(0).normal(0, 25, clean.shape)).astype(np.float32)
    source = Image(noisy, "yx", spacing=(0.8, 0.8), units=("mm", "mm"), value_unit="HU")
    data, settings, _ = image_layer(source)
    viewer.add_image(data, **settings)
    _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Filter2Noise")
    panel = dock.run_panel
    assert panel.controls.preset.name == "best"  # as the measured figures say
    assert "coarser" in panel.controls.preset._label.text()
    qtbot.waitUntil(lambda: not panel.working, timeout=WAIT)

    layers = run_dock(qtbot, dock)
    qtbot.waitUntil(lambda: all(one in viewer.layers for one in layers.all_layers()), timeout=WAIT)
    guide = layers.maps["guide", 0]
    assert guide.colormap.name == layers.denoised.colormap.name
    np.testing.assert_allclose(guide.scale, layers.source.scale)
    # far nearer to the truth than the noise of 25 HU; the filtered image too
    for layer in (guide, layers.denoised):
        assert np.sqrt(np.mean((layer.data - clean) ** 2)) < 8
    assert any("coarse" in said for said in layers.result.warnings)

    # a strength acts on the maps alone: the guide stays as it was
    before, seen = guide.data.copy(), layers.denoised.data.copy()
    dock.strength.set_strength(0.5)
    dock.strength.strength_changed.emit(0.5)
    qtbot.waitUntil(lambda: not np.array_equal(layers.denoised.data, seen), timeout=WAIT)
    np.testing.assert_array_equal(guide.data, before)
