"""`lossviz denoise --report`: the physicist's figures beside the result."""

import csv
import re
import sys
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from scipy.ndimage import gaussian_filter

from napari_lossviz import io, samples
from napari_lossviz.cli.main import main
from napari_lossviz.cli.report_options import DenoiseOptions
from napari_lossviz.core import Image
from napari_lossviz.jobs.registry import Method

SAMPLE = str(samples.sample_path("low_dose_ct"))
HEADER = "name,y0,y1,x0,x1,z\n"


@pytest.fixture(autouse=True)
def reporting(halving: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tiny method, which halves everything, have the report's options."""
    module = sys.modules["napari_lossviz.cli.main"]
    monkeypatch.setattr(module, "_IMAGE_OPTIONS", {"halve": DenoiseOptions})


def halve(*arguments: Any) -> int:
    return main(["halve", *(str(one) for one in arguments)])


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as opened:
        return list(csv.DictReader(opened))


def test_a_folder_gets_page_and_tables(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert halve(SAMPLE, "-o", out, "--slices", 2, 4, "--report", "--lesion", 10, -15) == 0
    before, after = table(out / "ct_report.csv")
    assert (before["image"], after["image"]) == ("before", "after")
    assert float(after["noise_hu"]) == pytest.approx(float(before["noise_hu"]) / 2, rel=1e-3)
    assert float(after["nps_mean_per_mm"]) == pytest.approx(float(before["nps_mean_per_mm"]))
    assert before["bias_hu fat"] == ""  # against itself
    assert float(after["bias_hu fat"]) == pytest.approx(51, abs=3)  # -103 HU, halved
    assert (before["lesion_diameter_mm"], before["lesion_contrast_hu"]) == ("10", "-15")
    curves = table(out / "ct_report_spectra.csv")
    assert {(line["image"], line["curve"]) for line in curves} == {
        ("before", "nps"), ("after", "nps"),
    }  # fmt: skip
    page = (out / "ct_report.html").read_text(encoding="utf-8")
    assert "found flat in the image before" in page
    assert "No edge is given" in page
    assert "Not for diagnostic use" in page
    assert not re.search(r'(src|href)="(?!data:)', page)  # nothing outside the page
    found = re.search(r"base64,([^\"]+)\"", page)
    assert found is not None
    assert Picture.open(BytesIO(b64decode(found[1]))).width > 800
    # a further run may replace it, as everything else that is ours
    assert halve(SAMPLE, "-o", out, "--slices", 2, 4, "--overwrite") == 0
    assert not (out / "ct_report.html").exists()


def test_regions_and_an_edge_from_a_file(tmp_path: Path) -> None:
    y, x = np.indices((160, 160))
    water = np.where(np.hypot(y - 80, x - 80) < 76, 0.0, -1000.0)
    rod = gaussian_filter(800.0 * (np.hypot(y - 60, x - 50) < 12), 1)
    noise = np.random.default_rng(0).normal(0, 10, (4, 160, 160))
    image = (water + rod + noise).astype(np.float32)
    scan = Image(image, "zyx", (2.0, 0.8, 0.8), ("mm",) * 3)
    io.write(scan, tmp_path / "scan.nii.gz")
    regions = tmp_path / "regions.csv"
    regions.write_text(HEADER + "water,100,140,60,100,3\nrod,54,66,44,56,\nedge,48,72,38,62,3\n")
    out = tmp_path / "new" / "half.nii.gz"
    given = ("--slices", 2, 4, "--report", "--regions", regions)
    assert halve(tmp_path / "scan.nii.gz", "-o", out, *given) == 0
    names = {path.name for path in out.parent.iterdir()}
    assert names == {
        "half.nii.gz", "half.recipe.json", "half.ct_report.html", "half.ct_report.csv",
        "half.ct_report_spectra.csv",
    }  # fmt: skip
    before, after = table(out.parent / "half.ct_report.csv")
    mean = image[3, 100:140, 60:100].mean()
    assert float(before["mean_hu water"]) == pytest.approx(mean, rel=1e-4)
    mean = image[2:4, 54:66, 44:56].mean()  # the rod, in both slices that are used
    assert float(after["mean_hu rod"]) == pytest.approx(mean / 2, rel=1e-4)
    assert "cnr water" not in before
    assert float(before["cnr rod"]) > 40
    assert float(before["edge_contrast_hu"]) == pytest.approx(800, rel=0.02)
    assert float(after["edge_contrast_hu"]) == pytest.approx(400, rel=0.02)
    sharpness = np.sqrt(np.log(2) / 2) / np.pi / 0.8
    assert float(after["ttf50_per_mm"]) == pytest.approx(sharpness, rel=0.05)
    page = (out.parent / "half.ct_report.html").read_text(encoding="utf-8")
    assert "in the regions given" in page
    assert "No edge is given" not in page
    assert "taken for HU" in page


def test_a_report_that_is_there_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "half.ct_report.csv").write_text("mine")
    out = tmp_path / "half.tif"
    assert halve(SAMPLE, "-o", out, "--slices", 2, 3, "--report") == 2
    assert "half.ct_report.csv exists" in capsys.readouterr().err.replace("\n", " ")
    assert [path.name for path in tmp_path.iterdir()] == ["half.ct_report.csv"]


def test_the_identity_is_left_out_of_the_report(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert halve(SAMPLE, "-o", out, "--slices", 2, 3, "--report", "--drop-identity") == 0
    assert "Low dose" not in (out / "ct_report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--regions", "none.csv"], "give --report too"),
        (["--report", "--regions", "none.csv"], "none.csv: cannot be read"),
        (["--report", "--lesion", "0", "20"], "diameter must be above 0"),
        (["--report", "--lesion", "5", "0"], "contrast must differ from 0"),
        (["--report", "--regions", "HEADER;liver,0,20,0,20,7"], "slice 7, which is not used"),
        (["--report", "--regions", "HEADER;liver,900,920,0,20,"], "holds no pixel"),
        (["--report", "--regions", "HEADER;edge,90,110,60,80,"], "no region for the noise"),
        (["--report", "--regions", "HEADER;edge,90,110,60,70,"], "must be a circle"),
    ],
)
def test_what_cannot_be_reported_is_refused_before_the_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for n, one in enumerate(arguments):
        if one.startswith("HEADER;"):
            Path("regions.csv").write_text(HEADER + one.removeprefix("HEADER;"))
            arguments = [*arguments[:n], "regions.csv"]
    assert halve(SAMPLE, "-o", "out", "--slices", 2, 3, *arguments) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not Path("out").exists()


def test_what_is_no_ct_with_known_pixels_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = Image(np.zeros((64, 64), np.float32), "yx")
    millimetres = plain.replace(spacing=(1.0, 1.0), units=("mm", "mm"))
    for image, words in ((plain, "pixel spacing in mm"), (millimetres, "needs a CT in HU")):
        io.write(image, tmp_path / "in.nii.gz", overwrite=True)
        given = tmp_path / "in.nii.gz"
        if image is plain:
            given = tmp_path / "in.npy"
            np.save(given, image.array)
        assert halve(given, "-o", tmp_path / "out", "--report") == 2
        assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()
