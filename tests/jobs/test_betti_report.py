import csv
import json
from pathlib import Path

import numpy as np
import pytest
from betti_reports import report_of
from PIL import Image as Picture

from napari_lossviz import io, samples
from napari_lossviz.betti import BettiConfig
from napari_lossviz.core import Cancelled, Image, InputError, OutputExistsError, Step
from napari_lossviz.jobs.betti_output import betti_report, copy_report
from napari_lossviz.jobs.betti_report import CONVENTIONS, FIGURES
from napari_lossviz.jobs.betti_verdict import TITLES, verdict
from napari_lossviz.jobs.pairing import model_names, pair_by_name
from napari_lossviz.jobs.run import run

CONFIG = BettiConfig(relative=True, minimal_persistence=0.3)
NAMES = ("roads", "vessels", "cells")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model "a" is the sample's prediction, model "b" the target itself."""
    root = tmp_path_factory.mktemp("pairs")
    for name in NAMES:
        pair = samples.planted_pair(name)
        for place, image in (
            (f"a/{name}_pred.tif", pair.prediction),
            (f"b/pred-{name}.tif", pair.target),
            (f"truth/{name}_gt.tif", pair.target),
        ):
            (root / place).parent.mkdir(exist_ok=True)
            io.write(image, root / place)
    return root


def test_a_better_model_is_told_from_a_worse_one(folders: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    report = betti_report([folders / "a", folders / "b"], folders / "truth", out, CONFIG)
    planted = {name: len(samples.planted_pair(name).errors) for name in NAMES}
    errors = dict(zip(sorted(NAMES), report.column("a", "matching_error"), strict=True))
    assert errors == planted
    assert report.column("b", "matching_error") == [0, 0, 0]
    difference = report.differences()["b"]["matching_error"]
    assert difference.mean == -np.mean(list(planted.values()))
    assert difference.high < 0
    assert report.most_different()[0] == ("cells", planted["cells"])

    content = json.loads((out / "report.json").read_text("utf-8"))
    assert content["means"]["a"]["matching_error"] == pytest.approx(-difference.mean)
    assert "displaced blob counts 2" in content["conventions"]["matching_error"]
    assert set(FIGURES) < set(CONVENTIONS)
    assert content["settings"]["relative"] is True
    rows = list(csv.DictReader((out / "images.csv").open(encoding="utf-8")))
    assert {(row["image"], row["model"]) for row in rows} == {(n, m) for n in NAMES for m in "ab"}
    features = list(csv.DictReader((out / "features" / "a" / "cells.csv").open(encoding="utf-8")))
    found = sorted(f"{row['status']} {row['kind']}" for row in features)
    assert found.count("missed component") == 2
    assert found.count("false component") == 2
    assert found.count("missed loop") == 1
    for model in "ab":
        for name in NAMES:
            assert Picture.open(out / "overlays" / model / f"{name}.png").size == (640, 640)


def test_the_report_agrees_with_the_run(folders: Path, tmp_path: Path) -> None:
    report = betti_report(
        [folders / "a" / "roads_pred.tif"],
        folders / "truth" / "roads_gt.tif",
        tmp_path / "one",
        CONFIG,
        overlays=False,
    )
    pair = samples.planted_pair("roads")
    result = run("betti", pair.prediction, CONFIG, others=(pair.target,))
    (found,) = report.comparisons
    assert found.figures.items() >= dict(result.metrics).items()
    assert not (tmp_path / "one" / "overlays").exists()


def test_nothing_is_left_of_a_report_that_fails_or_is_stopped(
    folders: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    io.write(Image(np.full((160, 160), np.nan, np.float32), "yx"), bad / "roads.tif")
    with pytest.raises(InputError, match=r"roads\.tif against .*no valid value"):
        betti_report([bad], folders / "truth", tmp_path / "out", CONFIG)

    def stop(step: Step) -> None:
        if step.done:
            raise Cancelled

    with pytest.raises(Cancelled):
        betti_report([folders / "a"], folders / "truth", tmp_path / "out", CONFIG, reporter=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad"]


def test_an_earlier_report_is_replaced_only_if_allowed(folders: Path, tmp_path: Path) -> None:
    given = [folders / "b"], folders / "truth", tmp_path / "out", CONFIG
    betti_report(*given, overlays=False)
    with pytest.raises(OutputExistsError):
        betti_report(*given)
    betti_report(*given, overlays=False, overwrite=True)


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    return folder


def test_names_pair_whatever_role_they_tell(tmp_path: Path) -> None:
    target = touch(tmp_path / "gt", "case_01_mask.nii.gz", "case_02_mask.nii.gz", "case_03.tif")
    one = touch(tmp_path / "one", "case_01_pred.tif", "case_02-prob.tif", "case_04.tif")
    pairs, notes = pair_by_name([one], target)
    assert [pair.name for pair in pairs] == ["case_01", "case_02"]
    assert pairs[0].predictions == {"one": one / "case_01_pred.tif"}
    assert notes == ["case_03.tif: no prediction in one; left out",
                     "one: no target for case_04; left out"]  # fmt: skip


def test_what_does_not_pair_is_told(tmp_path: Path) -> None:
    target = touch(tmp_path / "gt", "a.tif")
    with pytest.raises(InputError, match=r"no target in .* targets a; predictions b"):
        pair_by_name([touch(tmp_path / "one", "b.tif")], target)
    with pytest.raises(InputError, match="there is no such file"):
        pair_by_name([tmp_path / "nowhere"], target)
    with pytest.raises(InputError, match="give both alike"):
        pair_by_name([target / "a.tif"], target)
    with pytest.raises(InputError, match="have the same name 'b'"):
        pair_by_name([touch(tmp_path / "two", "b_pred.tif", "b_seg.tif")], target)


def test_models_of_the_same_folder_name_are_told_apart() -> None:
    assert model_names([Path("/x/a/out"), Path("/x/b/out")]) == ["a_out", "b_out"]


def test_a_folders_name_may_hold_a_dot(tmp_path: Path) -> None:
    one, two = touch(tmp_path / "unet_v1.5", "a.tif"), touch(tmp_path / "unet_v1.10", "a.tif")
    assert model_names([one, two]) == ["unet_v1.5", "unet_v1.10"]
    assert model_names([one / "a.tif"]) == ["a"]


def test_names_that_are_alike_as_file_names_overwrite_nothing(tmp_path: Path) -> None:
    blob = np.zeros((12, 12), np.float32)
    blob[3:6, 3:6] = 1
    models = ["my model", "my_model"]
    for folder in ("truth", *models):
        (tmp_path / folder).mkdir()
        for name in ("case 1", "case_1", "CASE_1"):
            io.write(Image(blob * (folder != models[1]), "yx"), tmp_path / folder / f"{name}.tif")
    out = tmp_path / "out"
    betti_report([tmp_path / model for model in models], tmp_path / "truth", out, BettiConfig())
    for kind, suffix in (("features", ".csv"), ("overlays", ".png")):
        found = {path.relative_to(out / kind).as_posix() for path in (out / kind).rglob("*.*")}
        names = [f"{m}/{n}{suffix}" for m in ("my_model", "my_model_2")
                 for n in ("CASE_1", "case_1_2", "case_1_3")]  # fmt: skip
        assert found == set(names)


def test_a_matching_takes_two_images() -> None:
    with pytest.raises(InputError, match="takes 2 image"):
        run("betti", Image(np.zeros((4, 4)), "yx"))


def test_the_verdict_names_the_better_model_whichever_way_the_figure_runs() -> None:
    report = report_of(a=[5, 6, 7, 5, 6, 7], b=[1, 2, 3, 1, 3, 3])
    assert tuple(TITLES) == FIGURES
    said = verdict(report, "b")
    assert said.startswith("b is better than a by 3.83 in matching error (95 % CI 3.")
    assert said.endswith("to 4, 6 images).")
    assert verdict(report, "b", "dice").startswith("a is better than b by 3.83 in Dice")


def test_the_verdict_claims_nothing_that_it_cannot() -> None:
    said = verdict(report_of(a=[1, 2, 3, 4, 5, 6], b=[2, 1, 4, 3, 6, 5]), "b")
    assert said.startswith("No difference between b and a can be told in matching error: b minus")
    few = verdict(report_of(a=[5, 6, 7], b=[1, 2, 3]), "b")
    assert few.startswith("3 images cannot tell b from a (6 or more are needed)")
    assert "-4 on average" in few
    some = verdict(report_of(a=[5, 6, 7, 5, 6, 7, 9], b=[1, 2, 3, 1, 3, 3, np.nan]), "b")
    assert some.endswith(", 6 of 7 images).")
    unknown = verdict(report_of(a=[np.nan], b=[1]), "b")
    assert unknown == "The matching error of both a and b is known for no image."


def test_images_in_which_one_model_found_nothing_differ_most() -> None:
    nothing = np.nan
    report = report_of(a=[5, 6, 7, nothing, 1], b=[9, nothing, 7, nothing, 2])
    assert report.most_different("hd95") == [("1", np.inf), ("0", 4), ("4", 1)]
    assert report.known("b", "hd95") == 3


def test_the_summary_says_of_how_many_images_a_figure_is_known(tmp_path: Path) -> None:
    """A model that finds nothing has no HD95 there, and must not look better for it unseen."""
    blob = np.zeros((12, 12), np.float32)
    blob[3:6, 3:6] = 1
    for folder, found in (("truth", (1, 1, 1)), ("a", (1, 1, 1)), ("b", (1, 0, 1))):
        (tmp_path / folder).mkdir()
        for n, there in enumerate(found):
            io.write(Image(blob * there, "yx"), tmp_path / folder / f"case_{n}.tif")
    out = tmp_path / "out"
    folders = [tmp_path / "a", tmp_path / "b"]
    betti_report(folders, tmp_path / "truth", out, BettiConfig(), overlays=False)
    rows = list(csv.DictReader((out / "summary.csv").open(encoding="utf-8")))
    known = {row["model"]: row["known"] for row in rows if row["figure"] == "hd95"}
    assert known == {"a": "3", "b": "2"}
    (row,) = (row for row in rows if row["figure"] == "hd95" and row["model"] == "b")
    assert (row["minus_a"], row["images"]) == ("0", "2")


def test_a_copy_of_a_report_is_the_report(folders: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    betti_report([folders / "b"], folders / "truth", first, CONFIG)
    copy_report(first, second)
    with pytest.raises(OutputExistsError):
        copy_report(first, second)
    copy_report(first, second, overwrite=True)
    for path in (p for p in first.rglob("*") if p.is_file()):
        assert (second / path.relative_to(first)).read_bytes() == path.read_bytes()
