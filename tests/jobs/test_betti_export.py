"""What an export of a matching holds, and that its recipe computes the same again."""

import csv
from pathlib import Path

import numpy as np
import tifffile

from napari_lossviz import betti, samples
from napari_lossviz.betti.config import BettiConfig
from napari_lossviz.jobs.export import export
from napari_lossviz.jobs.export_images import ExportParts
from napari_lossviz.jobs.replay import replay


def test_an_export_holds_features_figures_and_a_recipe_that_replays(tmp_path: Path) -> None:
    pair = samples.planted_pair("vessel_volume")
    result = betti.match(pair.prediction, pair.target, BettiConfig(minimal_persistence=0.1))
    folder = tmp_path / "out"
    written = export(result, folder, parts=ExportParts(formats=("tiff",)))
    assert {path.name for path in written} == {
        "vessel_volume_prediction_gradient.tif",
        "features_prediction.tif",
        "features_target.tif",
        "features.csv",
        "overlay.png",
        "barcode_and_diagram.png",
        "barcode_and_diagram.svg",
        "recipe.json",
    }
    rows = list(csv.DictReader((folder / "features.csv").open()))
    assert len(rows) == len(result.features())
    labels = tifffile.imread(folder / "features_target.tif")
    assert labels.shape == result.target.shape
    for row in rows:
        inside = bool((labels == int(row["feature"])).any())
        assert inside == (row["status"] != "false")
    gradient = tifffile.imread(folder / "vessel_volume_prediction_gradient.tif")
    np.testing.assert_array_equal(gradient, result.gradient().astype(np.float32))
    assert "<svg" in (folder / "barcode_and_diagram.svg").read_text()
    assert replay(folder / "recipe.json").identical


def test_what_is_not_asked_for_is_not_written(tmp_path: Path) -> None:
    pair = samples.planted_pair("roads")
    result = betti.match(pair.prediction, pair.target)
    parts = ExportParts(formats=("tiff",), maps=False, figure=False)
    written = export(result, tmp_path / "out", parts=parts)
    names = [path.name for path in written]
    assert names == ["roads_prediction_gradient.tif", "recipe.json"]


def test_images_without_features_have_figures_all_the_same(tmp_path: Path) -> None:
    result = betti.match(np.zeros((8, 8)), np.zeros((8, 8)))
    written = export(result, tmp_path / "out", parts=ExportParts(formats=("tiff",)))
    assert (tmp_path / "out" / "barcode_and_diagram.png") in written
