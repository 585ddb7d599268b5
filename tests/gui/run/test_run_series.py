"""A series in the dock: slices appear while the rest still runs, and neighbours lend."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dock_runs import WAIT, run_dock

from napari_lossviz.core import Image
from napari_lossviz.filter2noise import Filter2NoiseConfig, denoise
from napari_lossviz.ui.layers import image_layer
from napari_lossviz.ui.live_view import LiveView

pytestmark = pytest.mark.gui


@pytest.fixture
def series() -> tuple[Any, dict[str, Any]]:
    """Five slices of a disc in noise of 25 HU, as a layer."""
    y, x = np.mgrid[:64, :64]
    clean = np.where(np.hypot(y - 30, x - 34) < 15, 60.0, 20.0)
    noise = np.random.default_rng(0).normal(0, 25, (5, 64, 64))
    spacing, units = (3.0, 0.8, 0.8), ("mm",) * 3
    image = Image((clean + noise).astype(np.float32), "zyx", spacing, units, value_unit="HU")
    data, settings, _ = image_layer(image)
    return data, settings


def opened(viewer: Any, series: tuple[Any, dict[str, Any]], qtbot: Any) -> Any:
    """Return the dock in a viewer that shows the series, ready to run best."""
    data, settings = series
    viewer.add_image(data, **settings)
    _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Filter2Noise")
    panel = dock.run_panel
    qtbot.waitUntil(lambda: not panel.working, timeout=WAIT)
    panel.at_once.setChecked(False)
    panel.controls.preset.choose("best")
    return dock


def watch(monkeypatch: pytest.MonkeyPatch, then: Callable[[LiveView], None]) -> None:
    """Call a function whenever a part has been shown."""
    show = LiveView.show_part

    def watched(live: LiveView, index: Any, pixels: Any) -> None:
        show(live, index, pixels)
        then(live)

    monkeypatch.setattr(LiveView, "show_part", watched)


def test_slices_appear_while_the_rest_runs_and_neighbours_lend(
    make_napari_viewer: Any, series: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = make_napari_viewer()
    dock = opened(viewer, series, qtbot)
    before = set(viewer.layers)
    viewer.dims.set_point(0, 3.0)  # the second slice
    seen: list[tuple[list[bool], Any]] = []

    def look(live: LiveView) -> None:
        layer = live.layer("preview")
        assert layer in viewer.layers
        np.testing.assert_allclose(layer.scale, (3.0, 0.8, 0.8))
        done = [bool(np.isfinite(plane).all()) for plane in layer.data]
        seen.append((done, layer.data.copy()))

    watch(monkeypatch, look)
    form = dock.run_panel.controls.form
    form.set_config(form.config().replace(neighbours=1))
    layers = run_dock(qtbot, dock)
    assert [done for done, _ in seen] == [[n <= k for n in range(5)] for k in range(5)]
    np.testing.assert_array_equal(seen[-1][1], layers.denoised.data)
    assert viewer.dims.point[0] == 3.0  # nothing led the user away
    qtbot.waitUntil(lambda: all(one in viewer.layers for one in layers.all_layers()), timeout=WAIT)
    assert ("sigma_z", 0) in layers.maps
    assert layers.denoised.name.endswith("denoised (best, neighbours 1)")
    shown = {layer.name for layer in set(viewer.layers) - before}
    assert not any("preview" in name for name in shown)

    offered = dock.editor.brush_panel.expert_box.map
    assert offered.findData("sigma_z") >= 0
    before_edit = layers.denoised.data.copy()
    dock.strength.set_strength(0.5)  # edits refilter with the neighbours too
    dock.strength.strength_changed.emit(0.5)
    qtbot.waitUntil(
        lambda: not np.array_equal(layers.denoised.data[3], before_edit[3]), timeout=WAIT
    )


def test_a_cancelled_series_leaves_the_viewer_as_it_was(
    make_napari_viewer: Any, series: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = make_napari_viewer()
    dock = opened(viewer, series, qtbot)
    before = list(viewer.layers)
    came: list[int] = []

    def stop(live: LiveView) -> None:
        came.append(len(viewer.layers))
        if len(came) == 2:
            dock.run_panel.cancel()

    watch(monkeypatch, stop)
    dock.run_panel.controls.run_button.click()
    qtbot.waitUntil(lambda: len(came) >= 2, timeout=WAIT)
    qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)
    assert came[0] == len(before) + 1
    assert list(viewer.layers) == before
    monkeypatch.undo()  # what it holds must not outlive the viewer


def test_a_preview_that_the_user_removes_stays_away(
    make_napari_viewer: Any, series: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = make_napari_viewer()
    dock = opened(viewer, series, qtbot)
    removed: list[Any] = []

    def remove(live: LiveView) -> None:
        layer = live.layer("preview")
        if not removed:
            removed.append(layer)
            viewer.layers.remove(layer)
        assert live.layer("preview") is None

    watch(monkeypatch, remove)
    layers = run_dock(qtbot, dock)
    assert removed
    assert layers.denoised not in removed
    assert np.isfinite(layers.denoised.data).all()


def live_on(viewer: Any, image: Image, place: tuple[int, ...]) -> LiveView:
    data, settings, _ = image_layer(image)
    return LiveView(viewer, image, viewer.add_image(data, **settings), place)


@pytest.mark.parametrize("order", [(3, 4, 2, 1, 0), (0, 1, 2, 3, 4), (0, 1, 3, 2, 4)])
def test_parts_are_drawn_on_the_plane_that_is_shown(
    make_napari_viewer: Any, order: tuple[int, ...]
) -> None:
    """Also where another layer has more axes, and those shown are not all this one's."""
    viewer = make_napari_viewer()
    viewer.add_image(np.zeros((2,) * 5), name="more axes")
    live = live_on(viewer, Image(np.zeros((4, 20, 30), np.float32), "zyx"), (0,))
    viewer.dims.order = order
    viewer.dims.set_point(2, 1.0)
    live.show_part(np.s_[0, :, :], np.zeros((20, 30), np.float32))
    layer = live.layer("preview")
    drawn: list[int] = []
    layer.events.set_data.connect(lambda _: drawn.append(1))
    for n in range(4):
        value = 50.0 + n
        drawn.clear()
        live.show_part(np.s_[n, :, :], np.full((20, 30), value, np.float32))
        was_drawn = bool(drawn)
        layer.refresh()
        assert not (layer._slice.image.raw == value).any() or was_drawn
        if order == (0, 1, 2, 3, 4):
            assert was_drawn == (n == 1)  # and no work for what is not seen


def test_a_preview_lies_in_its_slice_whatever_the_order_of_axes(make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer()
    image = Image(np.zeros((30, 20, 5, 4), np.float32), "xyzt", (0.5, 0.5, 3.0, 1.0))
    live = live_on(viewer, image, (2, 3))  # along t and z
    plane = np.arange(600, dtype=np.float32).reshape(20, 30)  # rows and columns
    live.show({"denoised": plane})
    layer = live.layer("preview")
    np.testing.assert_array_equal(layer.data, plane.T[:, :, None, None])
    np.testing.assert_allclose(layer.translate, (0, 0, 3 * 3.0, 2 * 1.0))
    np.testing.assert_allclose(np.array(viewer.dims.point)[2:], (9.0, 2.0))


def test_instant_of_a_layer_whose_slices_come_last(make_napari_viewer: Any, qtbot: Any) -> None:
    viewer = make_napari_viewer()
    array = np.random.default_rng(0).normal(50, 9, (24, 32, 4)).astype(np.float32)
    data, settings, _ = image_layer(Image(array, "yxz"))
    viewer.add_image(data, **settings)
    _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Filter2Noise")
    qtbot.waitUntil(lambda: dock.results.result is not None, timeout=WAIT)
    layers = dock.results.result
    qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)
    alone = denoise(np.moveaxis(array, 2, 0), Filter2NoiseConfig.instant())
    np.testing.assert_array_equal(layers.denoised.data, np.moveaxis(alone.denoised, 0, 2))
    sigma_r = layers.maps["sigma_r", 0]
    np.testing.assert_array_equal(sigma_r.data, np.moveaxis(alone.maps["sigma_r"][0], 0, 2))


def test_who_scrolls_while_the_first_slice_is_computed_stays_there(
    make_napari_viewer: Any, series: Any, qtbot: Any
) -> None:
    viewer = make_napari_viewer()
    dock = opened(viewer, series, qtbot)
    panel = dock.run_panel
    panel.controls.preset.choose("instant")
    panel.controls.run_button.click()
    viewer.dims.set_point(0, 9.0)  # before any event that a result comes by
    with qtbot.waitSignal(panel.instant.run.first_slice, timeout=WAIT):
        pass
    qtbot.waitUntil(lambda: not panel.working, timeout=WAIT)
    assert viewer.dims.point[0] == 9.0


def test_a_series_of_colours_that_are_fractions_stays_one_of_colours(
    make_napari_viewer: Any, recwarn: pytest.WarningsRecorder
) -> None:
    viewer = make_napari_viewer()
    colours = np.random.default_rng(0).random((3, 20, 30, 3)).astype(np.float32)
    live = live_on(viewer, Image(colours, "zyxc"), (0,))
    live.show_part(np.s_[1, :, :, :], np.full((20, 30, 3), 0.5, np.float32))
    layer = live.layer("preview")
    assert layer.rgb
    assert viewer.dims.ndim == 3
    assert (layer.data[1] == 0.5).all()
    np.testing.assert_array_equal(layer.data[2], colours[2])  # not done yet
    assert not any("All-NaN" in str(one.message) for one in recwarn)
