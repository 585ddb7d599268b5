"""Stain translation's dock in a real viewer: sample, training, translation, figures, export."""

import csv
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_lossviz import samples
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.stain.density import dab_figures, hdab_densities
from napari_lossviz.stain.tissue import estimate_white, tissue_mask
from napari_lossviz.ui.layers import role_of

WAIT = 120_000
MICRONS = {"scale": (0.5, 0.5), "units": ("um", "um")}


@pytest.fixture
def opened(make_napari_viewer: Any) -> Callable[[], tuple[Any, Any]]:
    def open_dock() -> tuple[Any, Any]:
        viewer = make_napari_viewer()
        _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Stain translation")
        return viewer, dock

    return open_dock


def choose_checkpoint(qtbot: Any, dock: Any, index: int = 0) -> None:
    dock.checkpoint.box.setCurrentIndex(index)
    qtbot.waitUntil(lambda: bool(dock.checkpoint.path), timeout=WAIT)


def click(button: Any) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def tile_pair(side: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Return a part of the sample and its partner."""
    here = np.s_[:side, :side]
    source, target = (np.asarray(image.array)[here] for image in samples.stain_pair())
    return source, target


def make_tiny(dock: Any, path: Path, epochs: int) -> None:
    controls = dock.train.controls
    controls.form.set_config(
        controls.form.config().replace(
            generator_channels=4, residual_blocks=1, layers="0, 4, 12", discriminator_channels=4,
            discriminator_layers=2, crop=32, patches=16, patch_features=8, tile=64, overlap=16,
            epochs=epochs, decay_epochs=0, pyramid_levels="0.5, 1", validation=0.25,
        )
    )  # fmt: skip
    controls.device.set_device("cpu")
    controls.output.line.setText(str(path))


def test_from_the_sample_to_figures_and_an_export(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any, tmp_path: Path
) -> None:
    viewer, dock = opened()
    viewer.open_sample("napari-lossviz", "stain_pair")
    ihc, he = viewer.layers
    controls = dock.run_panel.controls
    assert controls.input.layer is he  # uppermost: what the first press translates
    assert "epochs" not in controls.form.fields
    choose_checkpoint(qtbot, dock)
    assert "Demonstration only" in dock.checkpoint.card.text()
    assert dock.checkpoint.warning.text() == ""
    controls.preset.choose("fast")  # another preset leaves the checkpoint as it is
    with qtbot.waitSignal(dock.run_panel.result_ready, timeout=WAIT):
        click(controls.run_button)
    qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)
    layers = dock.results.result
    translated = layers.denoised.data
    assert layers.denoised.rgb
    assert translated.shape == he.data.shape
    np.testing.assert_allclose(layers.denoised.scale, he.scale)
    assert "Demonstration only" in dock.run_panel.status.text()

    judge = dock.judge
    judge.real.choose(ihc)
    judge.marker.setCurrentText("Ki67")
    judge.as_layers.setChecked(True)
    click(judge.button)
    qtbot.waitUntil(lambda: judge.judgement is not None, timeout=WAIT)
    white = estimate_white(ihc.data)
    expected = dab_figures(hdab_densities(translated, white).dab, tissue_mask(translated, white))
    shown = judge.judgement.figures["virtual"]
    assert shown["DAB density"] == pytest.approx(expected.mean_density)
    assert shown["Pixel H-score"] == pytest.approx(expected.pixel_h_score)
    assert judge.table.bands[0].item(0, 0).text() == f"{expected.mean_density:.4g}"
    assert judge.judgement.agreement.correlation > 0.5
    assert judge.plot.isVisibleTo(judge)
    names = [layer.name for layer in viewer.layers]
    assert {"H&E (computed) DAB density, real", "H&E (computed) nuclei, virtual"} <= set(names)
    judge.save_table(tmp_path / "figures.csv")
    with (tmp_path / "figures.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    by_name = {row["figure"]: row for row in rows if not row["tile"]}
    assert float(by_name["Pixel H-score"]["virtual"]) == pytest.approx(
        expected.pixel_h_score, rel=1e-5
    )
    assert sum(bool(row["tile"]) for row in rows) == len(judge.judgement.agreement.real)

    export = dock.export_panel
    assert export.boxes["ome_tiff"].isChecked()
    export.boxes["png"].setChecked(True)
    export.folder.setText(str(tmp_path / "out"))
    with qtbot.waitSignal(export.exported, timeout=WAIT):
        click(export.button)
    (slide,) = (tmp_path / "out").glob("*.ome.tif")
    with tifffile.TiffFile(slide) as file:
        assert 'PhysicalSizeX="0.5"' in file.ome_metadata
        np.testing.assert_array_equal(file.asarray(), translated)
    (picture,) = (tmp_path / "out").glob("*translated.png")
    np.testing.assert_array_equal(np.asarray(PIL.Image.open(picture)), translated)
    recipe = read_recipe(tmp_path / "out" / "recipe.json")
    assert recipe.config["checkpoint"] == str(samples.stain_checkpoint())
    assert any("Demonstration only" in sentence for sentence in recipe.warnings)


def test_results_of_other_statistics_are_told_apart_by_name(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any
) -> None:
    viewer, dock = opened()
    viewer.add_image(tile_pair(64)[0], name="HE", **MICRONS)
    choose_checkpoint(qtbot, dock)
    controls = dock.run_panel.controls
    for statistics in ("kernelised", "tile"):
        controls.form.set_config(controls.form.config().replace(statistics=statistics))
        with qtbot.waitSignal(dock.run_panel.result_ready, timeout=WAIT):
            click(controls.run_button)
        qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)
    names = [layer.name for layer in viewer.layers[1:]]
    assert names == ["HE translated (default)", "HE translated (default, statistics tile)"]
    assert names[-1] in dock.results.toolTip()  # the box may be too narrow for it
    viewer.layers.selection.active = viewer.layers[1]
    assert names[0] in dock.results.toolTip()


def test_a_training_is_cancelled_goes_on_and_shows_what_it_trusts(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any, tmp_path: Path
) -> None:
    viewer, dock = opened()
    source, target = (
        viewer.add_image(pixels, name=name, **MICRONS)
        for pixels, name in zip(tile_pair(), ("HE", "IHC"), strict=True)
    )
    train, controls = dock.train, dock.train.controls
    assert not controls.run_button.isEnabled()
    controls.source.source_layer.choose(source)
    controls.source.target_layer.choose(target)
    path = tmp_path / "model.safetensors"
    make_tiny(dock, path, epochs=48)  # not through before the preview is there
    click(controls.run_button)
    curves = train.progress.curves
    qtbot.waitUntil(lambda: "supervised" in curves.terms, timeout=WAIT)
    qtbot.waitUntil(lambda: train.preview.isVisibleTo(train), timeout=WAIT)
    assert train.preview.choice.currentText() == "trust weight"
    train.preview.as_layers.setChecked(True)
    assert [one.name for one in viewer.layers[2:]] == [
        f"training {name}" for name in ("source", "translated", "target", "trust weight")
    ]
    train.preview.as_layers.setChecked(False)
    assert len(viewer.layers) == 2
    click(controls.cancel_button)
    qtbot.waitUntil(lambda: not train.running, timeout=WAIT)
    assert "go on" in train.status.text()
    assert not path.exists()
    assert controls.run_button.text() == "Continue"
    done = len(curves.values("total")[0])
    assert done > 0

    click(controls.run_button)
    qtbot.waitUntil(lambda: path.exists() and not train.running, timeout=WAIT)
    history = curves.values("total")[0]
    assert len(history) == 48 * 7 > done  # 9 tiles of which 2 are kept for validation
    assert dock.checkpoint.path == "" or Path(dock.checkpoint.path) == path
    qtbot.waitUntil(lambda: dock.checkpoint.path == str(path), timeout=WAIT)
    assert controls.output.text.endswith("model_2.safetensors")
    names = [layer.name for layer in viewer.layers]
    assert "HE translated (training)" in names
    trust = viewer.layers["HE trust weight (training)"]
    assert role_of(trust) == "map"
    assert trust.data.shape == (96, 96)

    pairs = train.pairs
    assert pairs.table.rowCount() == 7
    pairs.table.selectRow(0)
    before = viewer.scene.camera.zoom
    click(pairs.look)
    assert viewer.scene.camera.zoom > before
    assert viewer.layers["HE trust cosine layer 12 (training)"].visible
    assert not viewer.layers["HE translated (training)"].visible  # it lies over the pair
    least = pairs.table.item(0, 0)
    least.setCheckState(Qt.CheckState.Unchecked)
    assert "1 pair is left out" in train.status.text()
    assert controls.config(pairs.left_out()).left_out_names == (least.text(),)

    viewer.layers.selection.active = source
    with qtbot.waitSignal(dock.run_panel.result_ready, timeout=WAIT):
        click(dock.run_panel.controls.run_button)
    assert dock.results.result.result.checkpoint_name == "model"


def test_pairs_of_folders_are_trained_on_ranked_and_looked_at(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any, tmp_path: Path
) -> None:
    viewer, dock = opened()
    source, target = tile_pair()
    for folder, pixels in (("HE", source), ("IHC", target)):
        (tmp_path / folder).mkdir()
        for name, x in (("a", 0), ("b", 16), ("c", 32), ("d", 48)):
            PIL.Image.fromarray(pixels[:48, x : x + 48]).save(tmp_path / folder / f"{name}.png")
    train, controls = dock.train, dock.train.controls
    controls.source.kind.setCurrentIndex(1)
    controls.source.source_folder.set_path(tmp_path / "HE")
    controls.source.target_folder.line.setText((tmp_path / "IHC").as_uri())  # as a drop does
    assert controls.source.target_folder.path == tmp_path / "IHC"
    path = tmp_path / "model.safetensors"
    make_tiny(dock, path, epochs=2)
    click(controls.run_button)
    qtbot.waitUntil(lambda: path.exists() and not train.running, timeout=WAIT)
    qtbot.waitUntil(lambda: dock.checkpoint.path == str(path), timeout=WAIT)
    assert train.pairs.table.rowCount() == 3
    click(train.pairs.rank)
    qtbot.waitUntil(lambda: train.pairs.table.rowCount() == 4 and not train.running, timeout=WAIT)
    train.pairs.table.selectRow(2)
    name = train.pairs.table.item(2, 0).text()
    click(train.pairs.look)
    qtbot.waitUntil(lambda: len(viewer.layers) == 4, timeout=WAIT)
    assert [layer.name.removeprefix(f"{name} ") for layer in viewer.layers] == [
        "source", "translated", "target", "trust weight",
    ]  # fmt: skip
    (tmp_path / "IHC" / "d.png").unlink()
    click(controls.run_button)
    qtbot.waitUntil(lambda: "without a partner" in train.status.text(), timeout=WAIT)


def test_a_turned_section_is_brought_into_register(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any
) -> None:
    viewer, dock = opened()
    viewer.open_sample("napari-lossviz", "stain_pair")
    viewer.open_sample("napari-lossviz", "stain_neighbour")
    ihc, he, turned = viewer.layers
    click(dock.train.register_button)
    box = dock.train.registration
    box.moving.choose(turned)
    box.fixed.choose(he)
    with qtbot.waitSignal(box.registered, timeout=WAIT):
        click(box.button)
    registered = viewer.layers["IHC turned registered"]
    assert "-12" in box.status.text()
    assert registered.data.shape == he.data.shape
    middle = np.s_[128:384, 128:384]
    grey = [np.asarray(one.data, float).mean(axis=2)[middle].ravel() for one in (registered, ihc)]
    assert np.corrcoef(*grey)[0, 1] > 0.6
    assert role_of(registered) == ""
    assert not turned.visible
    assert not viewer.layers["IHC turned check view"].visible
    source = dock.train.controls.source
    assert source.source_layer.layer is he
    assert source.target_layer.layer is registered


class Opener:
    """What a hostile file would do on being unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


def test_what_cannot_be_used_is_said(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any, tmp_path: Path
) -> None:
    viewer, dock = opened()
    box, panel = dock.checkpoint, dock.run_panel
    hostile, trap = tmp_path / "latest_net_G.pth", tmp_path / "executed"
    hostile.write_bytes(pickle.dumps({"model.1.weight": Opener(trap)}))
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    for path, words in ((hostile, "code"), (other, "card"), (tmp_path / "no.pth", "no such")):
        box.choose(path)
        qtbot.waitUntil(lambda words=words: words in box.error.text(), timeout=WAIT)
        assert box.path == ""
    assert not trap.exists()

    source, target = tile_pair()
    colour = viewer.add_image(source, name="HE", **MICRONS)
    panel.controls.input.choose(colour)
    click(panel.controls.run_button)
    qtbot.waitUntil(lambda: "no checkpoint" in panel.status.text(), timeout=WAIT)
    choose_checkpoint(qtbot, dock)
    assert panel.status.text() == ""
    colour.scale = (0.25, 0.25)
    dock._tell_fit()
    assert "resampled from 0.25" in box.warning.text()
    colour.scale = (20.0, 20.0)
    click(panel.controls.run_button)
    qtbot.waitUntil(lambda: "too far apart" in panel.status.text(), timeout=WAIT)

    grey = viewer.add_image(source[..., 0], name="grey", **MICRONS)
    deep = viewer.add_image(source.astype(np.uint16) * 200, name="deep", rgb=True, **MICRONS)
    for layer, words in ((grey, "a grey one"), (deep, "uint16")):
        panel.controls.input.choose(colour)
        viewer.layers.selection.active = layer  # it is not taken, and why is told
        assert panel.controls.input.layer is colour
        assert words in box.warning.text()
        panel.controls.input.choose(layer)
        assert words in box.warning.text()
        click(panel.controls.run_button)
        qtbot.waitUntil(lambda words=words: words in panel.status.text(), timeout=WAIT)
    assert dock.results.result is None

    alpha = np.dstack([source, np.full(source.shape[:2], 255, np.uint8)])
    transparent = viewer.add_image(alpha, name="alpha", **MICRONS)
    panel.controls.input.choose(transparent)
    assert "alpha channel is dropped" in box.warning.text()
    with qtbot.waitSignal(panel.result_ready, timeout=WAIT):
        click(panel.controls.run_button)
    assert "alpha channel is dropped" in panel.status.text()
    export = dock.export_panel
    export.folder.setText(str(tmp_path / "out"))
    with qtbot.waitSignal(export.exported, timeout=WAIT):
        click(export.button)

    small = viewer.add_image(target[:64], name="small", **MICRONS)
    panel.controls.input.choose(small)  # IHC where the checkpoint expects H&E
    qtbot.waitUntil(lambda: "small: it looks like IHC" in box.warning.text(), timeout=WAIT)
    panel.controls.input.choose(transparent)
    assert "IHC" not in box.warning.text()
    train = dock.train
    train.controls.source.source_layer.choose(colour)
    assert not train.controls.run_button.isEnabled()
    assert "Pairs are missing" in train.controls.run_button.toolTip()
    train.controls.source.target_layer.choose(small)
    click(train.controls.run_button)
    assert "register the one to the other" in train.status.text()
    dock.judge.real.choose(small)
    click(dock.judge.button)
    qtbot.waitUntil(lambda: "Register first" in dock.judge.status.text(), timeout=WAIT)
