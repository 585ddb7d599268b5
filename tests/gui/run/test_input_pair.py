"""Which of two images a layer becomes, and what is said where one is missing or cannot be used."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

WAIT = 60_000
MASK = np.zeros((16, 18), np.uint8)
MASK[4:9, 4:9] = 255


@pytest.fixture
def opened(make_napari_viewer: Any) -> Callable[[], tuple[Any, Any]]:
    def open_dock() -> tuple[Any, Any]:
        viewer = make_napari_viewer()
        _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Betti matching")
        return viewer, dock

    return open_dock


def chosen(dock: Any) -> list[str]:
    return [
        "" if choice.layer is None else choice.layer.name
        for choice in dock.run_panel.controls.inputs
    ]


NAMES = (
    (("one_mask", "two_mask"), ["two_mask", "one_mask"]),
    (("one", "two"), ["one", "two"]),
    (("case_gt", "case_pred"), ["case_pred", "case_gt"]),
    (("one", "two_prob"), ["two_prob", "one"]),
    (("unet_seg", "case_label"), ["unet_seg", "case_label"]),
    (("pred_mask", "truth_seg"), ["pred_mask", "truth_seg"]),
    (("a_pred", "b_pred"), ["a_pred", "b_pred"]),
    (("a_pred", "a_gt", "b_pred"), ["b_pred", "a_gt"]),
)


def test_two_images_fill_both_places(opened: Callable[[], tuple[Any, Any]]) -> None:
    viewer, dock = opened()
    for names, expected in NAMES:
        viewer.layers.clear()
        assert chosen(dock) == ["", ""]
        for name in names:
            viewer.add_image(MASK, name=name)
        assert chosen(dock) == expected
        assert dock.run_panel.controls.run_button.isEnabled()


def test_a_grey_button_says_what_is_missing(opened: Callable[[], tuple[Any, Any]]) -> None:
    viewer, dock = opened()
    controls = dock.run_panel.controls
    assert controls.missing.text().startswith("Prediction and Target are missing")
    viewer.add_image(MASK, name="case_mask")
    assert not controls.run_button.isEnabled()
    assert controls.missing.text().startswith("Prediction is missing")
    assert controls.run_button.toolTip() == controls.missing.text()
    viewer.add_image(MASK, name="case_pred")
    assert controls.run_button.isEnabled()
    assert not controls.missing.text()
    assert "missing" not in controls.run_button.toolTip()


def test_dropped_files_fill_both_places_and_a_colour_image_is_refused_in_words(
    opened: Callable[[], tuple[Any, Any]],
    qtbot: Any,
    tmp_path: Path,
    drop_on_widget: Callable[..., None],
) -> None:
    viewer, dock = opened()
    controls, status = dock.run_panel.controls, dock.run_panel.status
    masks = [tmp_path / "one_mask.png", tmp_path / "two_mask.png"]
    for path in masks:
        PIL.Image.fromarray(MASK).save(path)
    colour = tmp_path / "colour_mask.png"
    PIL.Image.fromarray(np.stack([MASK] * 3, axis=-1)).save(colour)

    drop_on_widget(controls.open_box, colour, masks[0])
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=WAIT)
    qtbot.waitUntil(lambda: "colour image" in status.text(), timeout=WAIT)
    assert "'colour_mask' is a colour image, not a mask" in status.text()
    assert "one channel" in status.text()
    drop_on_widget(controls.open_box, masks[1])
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=WAIT)
    assert sorted(chosen(dock)) == ["one_mask", "two_mask"]
    assert not status.text()
