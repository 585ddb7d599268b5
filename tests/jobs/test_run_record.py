import json
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_records import made_record

from napari_lossviz import io, samples
from napari_lossviz.core import Image, InputError, NamedImage
from napari_lossviz.io.maps import loss_key
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.jobs.curves import drawable, moving_mean, terms_of
from napari_lossviz.jobs.curves_figure import draw_curves, write_curves
from napari_lossviz.jobs.export import export, export_file
from napari_lossviz.jobs.export_images import ExportParts
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.run import run
from napari_lossviz.jobs.run_comparison import difference_image
from napari_lossviz.jobs.run_record import read_record, record_of, saved_image


@pytest.fixture
def exported(halving: Method, tmp_path: Path) -> Path:
    """Return the folder of an export with losses."""
    source = tmp_path / "cells.tif"
    io.write(Image(np.arange(12.0, dtype=np.float32).reshape(3, 4), "yx", name="cells"), source)
    result = run(halving, io.read(source)[0])
    export(replace(result, history={"total": [0.5, 0.25]}, seconds=2.0), tmp_path / "out")
    return tmp_path / "out"


def test_an_export_keeps_its_losses_and_a_record_reads_them(exported: Path) -> None:
    record = read_record(exported / "recipe.json")
    assert record.name == "cells (out)"
    assert record.history == {"total": [0.5, 0.25]}
    assert record.settings["times"] == 1
    assert (record.title, record.seconds) == ("Halving", 2.0)
    (exported / "losses.csv").unlink()
    assert read_record(exported / "recipe.json").history == {}


def test_where_the_losses_act_is_kept_beside_the_recipe(
    exported: Path, halving: Method, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert read_record(exported / "recipe.json").loss_maps == {}
    (source,) = io.read(tmp_path / "cells.tif")
    source = source.replace(spacing=(0.5, 0.25), units=("mm", "mm"))
    result = run(halving, source)
    known = list(result.images())
    where = np.arange(12, dtype=np.float32).reshape(3, 4)
    images = [*known, NamedImage("loss negative log-likelihood", where, "loss")]
    monkeypatch.setattr(type(result), "images", lambda _: iter(images))
    export(result, tmp_path / "again")
    record = read_record(tmp_path / "again" / "recipe.json")
    assert list(record.loss_maps) == [loss_key("negative log-likelihood")]
    (path,) = record.loss_maps.values()
    (back,) = io.read(path)
    np.testing.assert_array_equal(back.array, where)
    assert (back.spacing, back.units) == ((0.5, 0.25), ("mm", "mm"))
    with np.load(tmp_path / "again" / "maps" / "maps.npz") as maps:
        assert not [name for name in maps if "loss" in name]


def test_one_file_has_its_losses_beside_it_and_those_of_an_earlier_run_go(
    halving: Method, tmp_path: Path
) -> None:
    io.write(Image(np.ones((3, 4), np.float32), "yx"), tmp_path / "cells.tif")
    result = run(halving, io.read(tmp_path / "cells.tif")[0])
    out = tmp_path / "half.tif"
    written = export_file(replace(result, history={"total": [0.5]}), out)
    assert tmp_path / "half.losses.csv" in written
    assert read_record(tmp_path / "half.recipe.json").history == {"total": [0.5]}
    assert export_file(result, out, overwrite=True) == [out, tmp_path / "half.recipe.json"]
    assert read_record(tmp_path / "half.recipe.json").history == {}


def test_the_saved_image_is_found_by_its_pixels(exported: Path) -> None:
    decoy = Image(np.zeros((3, 4), np.float32), "yx")
    io.write(decoy, exported / "another.tif")
    found = saved_image(exported / "recipe.json")
    np.testing.assert_array_equal(found.array, np.arange(12).reshape(3, 4) / 2)
    for path in exported.glob("*.tif"):
        path.unlink()
    with pytest.raises(InputError, match="not beside it any more"):
        saved_image(exported / "recipe.json")


def test_an_image_of_the_same_shape_is_not_taken_for_the_saved_one(
    halving: Method, tmp_path: Path
) -> None:
    for number, name in ((1, "a"), (3, "b")):
        source = Image(np.full((3, 4), number, np.float32), "yx", name=name)
        export_file(run(halving, source), tmp_path / "out" / f"{name}.tif")
    recipe = tmp_path / "out" / "b.recipe.json"
    assert np.all(np.asarray(saved_image(recipe).array) == 1.5)
    (tmp_path / "out" / "b.tif").unlink()
    with pytest.raises(InputError, match="not beside it any more"):
        saved_image(recipe)
    altered = Image(np.zeros((3, 4), np.float32), "yx")
    io.write(altered, tmp_path / "out" / "b.tif")
    with pytest.raises(InputError, match="not beside it any more"):
        saved_image(recipe)


def test_the_saved_image_of_a_batch_lies_beside_the_folder(exported: Path) -> None:
    (image,) = exported.glob("*.tif")
    image.rename(exported.with_suffix(".tif"))
    found = saved_image(exported / "recipe.json")
    np.testing.assert_array_equal(found.array, np.arange(12).reshape(3, 4) / 2)


def test_an_unnamed_dicom_input_beside_the_recipe_is_not_taken_for_the_result(
    halving: Method, tmp_path: Path
) -> None:
    """A replay looks for the input there, so people put it there."""
    (tmp_path / "out").mkdir()
    (source,) = io.read(samples.sample_path("low_dose_ct/slice_01.dcm"))
    result = run(halving, source)
    export(result, tmp_path / "out")
    assert read_recipe(tmp_path / "out" / "recipe.json").inputs[0].paths == ()
    shutil.copy(source.origin.paths[0], tmp_path / "out" / "CT.dcm")
    found = saved_image(tmp_path / "out" / "recipe.json")
    np.testing.assert_allclose(found.array, result.main_image().array, atol=1)
    next((tmp_path / "out").glob("image_*.dcm")).unlink()
    with pytest.raises(InputError, match="not beside it any more"):
        saved_image(tmp_path / "out" / "recipe.json")


def test_a_recipe_without_an_input_has_no_image_by_its_shape(exported: Path) -> None:
    path = exported / "recipe.json"
    recipe = json.loads(path.read_text())
    path.write_text(json.dumps({**recipe, "inputs": [], "result_sha256": "0"}))
    assert read_record(path).name == "halving (out)"
    with pytest.raises(InputError, match="not beside it any more"):
        saved_image(path)


def test_a_png_is_found_and_has_the_pixel_size_of_its_input(
    halving: Method, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (12, 16, 3)).astype(np.uint8)
    source = Image(pixels, "yxc", (0.5, 0.5, 1.0), ("um", "um", ""), name="slide")
    result = run(halving, source)
    export(result, tmp_path / "out", parts=ExportParts(formats=("png",)))
    found = saved_image(tmp_path / "out" / "recipe.json")  # before_after.png lies beside it
    assert found.array.dtype == np.uint8
    difference = difference_image(result.main_image(), found)
    assert not np.asarray(difference.array).any()
    assert (difference.spacing, difference.units) == ((0.5, 0.5), ("um", "um"))


def test_a_record_of_a_result_holds_no_pixels(halving: Method) -> None:
    result = run(halving, Image(np.ones((3, 4), np.float32), "yx", name="cells"))
    record = record_of(result, "cells denoised")
    assert record.inputs == ("cells",)
    assert not any(isinstance(value, np.ndarray) for value in vars(record).values())


def test_the_total_comes_first_among_the_terms() -> None:
    assert terms_of([made_record("a"), made_record("b")]) == ("total", "regularisation")


def test_a_curve_is_thinned_out_but_ends_where_it_ends() -> None:
    steps, values = drawable(np.arange(10_001.0), log=True, most=100)
    assert len(steps) <= 102
    assert (steps[0], steps[-1], values[-1]) == (1, 10_001, 10_000)
    assert np.isnan(values[0])
    assert drawable([], log=True)[0].size == 0


def test_a_figure_has_a_colour_for_each_run_and_a_line_for_each_term() -> None:
    (axes,) = draw_curves([made_record("a"), made_record("b")]).axes
    lines = axes.get_lines()
    assert len({line.get_color() for line in lines}) == 2
    assert len({str(line.get_linestyle()) for line in lines}) == 2
    assert axes.get_yscale() == "log"
    (axes,) = draw_curves([made_record("a")], ["total"], log=False).axes
    np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), [2, 1])


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_a_figure_is_written_by_the_ending_of_its_name(tmp_path: Path, suffix: str) -> None:
    path = write_curves([made_record("a")], tmp_path / f"losses{suffix}")
    if suffix == ".svg":
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    else:
        assert path.read_bytes().startswith(b"\x89PNG")


def test_without_losses_or_with_another_ending_no_figure_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of these runs has losses"):
        write_curves([made_record("a", history={})], tmp_path / "losses.png")
    with pytest.raises(InputError, match=r"\.svg"):
        write_curves([made_record("a")], tmp_path / "losses.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_moving_mean_takes_the_finite_values_around() -> None:
    values = np.array([1.0, 2.0, np.nan, 6.0, 10.0])
    np.testing.assert_allclose(moving_mean(values, 3), [1.5, 1.5, 4, 8, 8])
    np.testing.assert_array_equal(moving_mean(values, 1), values)
    assert np.isnan(moving_mean(np.full(3, np.nan), 3)).all()
    assert moving_mean(np.zeros(0), 0).size == 0


def test_a_huge_loss_leaves_the_means_after_it_alone() -> None:
    values = np.full(100, 1e-3)
    values[0] = 1e16
    found = moving_mean(values, 4)
    np.testing.assert_allclose(found[3:], 1e-3, rtol=1e-12)
    np.testing.assert_array_equal(moving_mean(values, 4, np.array([50, 0])), found[[50, 0]])
    assert moving_mean(np.array([]), 4).shape == (0,)
    steps, shown = drawable(values, log=True, smooth=True, most=10)
    np.testing.assert_array_equal(shown, moving_mean(values, 5)[steps - 1])


def test_a_smooth_curve_of_noise_is_flatter_and_of_the_same_length() -> None:
    noise = np.random.default_rng(0).normal(5, 1, 400)
    steps, smooth = drawable(noise, log=False, smooth=True)
    assert len(steps) == 400
    assert smooth[10:-10].std() < 0.4 * noise.std()
