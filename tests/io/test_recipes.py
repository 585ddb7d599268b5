import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_lossviz.core import Image, InputError, Origin, OutputExistsError
from napari_lossviz.io.recipes import (
    build_recipe,
    file_sha256,
    pixel_sha256,
    read_recipe,
    write_recipe,
)


def image_of(path):
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    return Image(array, "yx", name="ramp", origin=Origin((path,), "tiff", "1.2.3"))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "data" / "scan.tif"
    path.parent.mkdir()
    path.write_bytes(b"the file")
    return image_of(path)


def test_the_pixel_hash_is_that_of_header_and_bytes():
    array = np.arange(6, dtype="<i2").reshape(2, 3)
    expected = hashlib.sha256(b"<i2 (2, 3) " + array.tobytes()).hexdigest()
    assert pixel_sha256(array) == expected


@given(arrays(st.sampled_from([np.float32, np.int16, np.complex64, np.bool_]), array_shapes()))
def test_the_pixel_hash_depends_on_neither_layout_nor_byte_order(array):
    expected = pixel_sha256(array)
    assert pixel_sha256(np.asfortranarray(array)) == expected
    assert pixel_sha256(array.astype(array.dtype.newbyteorder(">"))) == expected


def test_the_pixel_hash_tells_values_shapes_and_dtypes_apart():
    array = np.zeros((2, 6), np.float32)
    others = [array.reshape(3, 4), array.view(np.int32), array + 1, -array, array[:, :5]]
    assert len({pixel_sha256(one) for one in [array, *others]}) == 6


def test_dask_and_zarr_arrays_hash_like_numpy(tmp_path):
    da, zarr = pytest.importorskip("dask.array"), pytest.importorskip("zarr")
    array = np.random.default_rng(0).normal(size=(3, 4, 5))
    stored = zarr.create_array(tmp_path / "a.zarr", data=array, chunks=(2, 2, 2))
    assert pixel_sha256(da.from_array(array, (2, 2, 2))) == pixel_sha256(array)
    assert pixel_sha256(stored) == pixel_sha256(array)


def test_the_pixel_hash_reads_no_chunk_of_a_lazy_colour_image_twice():
    """Row by row, a slide of 20,000 rows took hours to hash."""
    da = pytest.importorskip("dask.array")
    array = np.random.default_rng(0).integers(0, 255, (90, 40, 3)).astype(np.uint8)
    read = []

    def block(block_info=None):
        place = block_info[None]["array-location"]
        read.append(tuple(place[:2]))
        return array[tuple(slice(*part) for part in place)]

    chunks = ((30, 30, 30), (20, 20), (3,))
    lazy = da.map_blocks(block, chunks=chunks, dtype=np.uint8, meta=np.zeros((0, 0, 0), np.uint8))
    assert pixel_sha256(lazy) == pixel_sha256(array)
    assert len(read) == len(set(read)) == 6


def test_a_changed_file_has_another_hash(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    assert file_sha256(path) == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"two")
    os.utime(path, ns=(0, 0))
    assert file_sha256(path) == hashlib.sha256(b"two").hexdigest()


def test_a_recipe_holds_what_a_replay_needs(tmp_path, source, halve):
    result = halve(source)
    recipe = build_recipe(result, tmp_path / "out")
    (record,) = recipe.inputs
    assert record.paths == ("../data/scan.tif",)
    assert record.file_sha256 == (hashlib.sha256(b"the file").hexdigest(),)
    assert record.pixel_sha256 == pixel_sha256(source.array)
    assert (record.axes, record.shape, record.dtype) == ("yx", (3, 4), "float32")
    assert (record.series_uid, record.saved_copy) == ("1.2.3", False)
    assert recipe.config == {"seed": 7, "strength": 0.5}
    assert (recipe.method, recipe.seed, recipe.threads) == ("halving", 7, 2)
    assert recipe.edits == result.edits
    assert recipe.result_sha256 == pixel_sha256(result.main_image().array)
    assert {"python", "numpy", "torch", "napari-lossviz"} <= recipe.versions.keys()
    assert recipe.processor


def test_a_recipe_comes_back_from_its_file(tmp_path, source, halve):
    recipe = build_recipe(halve(source), tmp_path)
    path = write_recipe(recipe, tmp_path / "a.recipe.json")
    assert read_recipe(path) == recipe
    with pytest.raises(OutputExistsError):
        write_recipe(recipe, path)


def test_metrics_that_json_lacks_are_told_in_words(tmp_path, source, halve):
    recipe = build_recipe(halve(source, metrics={"psnr": np.float32("inf"), "n": 2}), tmp_path)
    assert recipe.metrics == {"n": 2.0}
    assert recipe.warnings == ("The metric psnr was inf.",)
    assert read_recipe(write_recipe(recipe, tmp_path / "a.recipe.json")) == recipe


def test_a_layer_without_a_file_is_saved_alongside(tmp_path, halve):
    layer = Image(np.ones((3, 4), np.uint8), "yx", name="my layer/1")
    recipe = build_recipe(halve(layer), tmp_path)
    (record,) = recipe.inputs
    assert record.saved_copy
    copy = tmp_path / record.paths[0]
    np.testing.assert_array_equal(np.load(copy), layer.array)
    assert record.file_sha256 == (file_sha256(copy),)
    before = copy.stat().st_mtime_ns
    assert build_recipe(halve(layer), tmp_path).inputs == recipe.inputs
    assert copy.stat().st_mtime_ns == before


def test_without_identity_no_name_or_place_is_told(tmp_path, source, halve):
    recipe = build_recipe(halve(source.replace(name="DOE")), tmp_path, without_identity=True)
    (record,) = recipe.inputs
    assert (record.paths, record.series_uid, record.name) == ((), "", "image")
    text = recipe.model_dump_json()
    assert not any(word in text for word in ("scan.tif", "1.2.3", "DOE", str(tmp_path)))


def test_a_vanished_input_is_named(tmp_path, source, halve):
    source.origin.paths[0].unlink()
    with pytest.raises(InputError, match=r"scan\.tif.*is gone"):
        build_recipe(halve(source), tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: "{ not json", "not a JSON file"),
        (lambda c: "[1, 2]", "not a recipe"),
        (lambda c: json.dumps({**c, "recipe_version": 9}), "version 9.*reads version 1"),
        (lambda c: json.dumps({**c, "surprise": 1}), "surprise"),
        (lambda c: json.dumps({k: v for k, v in c.items() if k != "method"}), "method"),
        (lambda c: json.dumps({**c, "threads": "many"}), "threads"),
        (lambda c: json.dumps({**c, "edits": [{"kind": "spell"}]}), "edits"),
    ],
)
def test_broken_recipes_are_named(tmp_path, source, halve, change, words):
    content = json.loads(build_recipe(halve(source), tmp_path).model_dump_json())
    path = tmp_path / "a.recipe.json"
    path.write_text(change(content), "utf-8")
    with pytest.raises(InputError, match=rf"a\.recipe\.json.*{words}"):
        read_recipe(path)


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.json"):
        read_recipe(Path(tmp_path / "none.json"))
