"""Figures are named for people, with their units, in the summary of a batch and in reports."""

import csv
import io
from typing import Any

import numpy as np
import pytest

from napari_lossviz.core import Image
from napari_lossviz.jobs.batch.record import ItemRecord
from napari_lossviz.jobs.batch.summary import as_csv, as_page
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.jobs.run import run
from napari_lossviz.jobs.run_record import record_of
from napari_lossviz.jobs.run_table import rows_of
from napari_lossviz.jobs.session_report import RunFacts, report_page


def ct() -> Image:
    pixels = np.random.default_rng(0).normal(0, 10, (48, 48)).astype(np.float32)
    pixels[:, 24:] += 100
    return Image(pixels, "yx", value_unit="HU")


def test_summary_names_figures_and_keeps_its_columns() -> None:
    known: dict[str, Any] = {"state": "done", "method": "Filter2Noise"}
    first = ItemRecord(stem="a", metrics={"noise": 1.25, "h": 2.0}, value_unit="HU", **known)
    second = ItemRecord(stem="b", metrics={"noise": 3.0, "h": 1.5}, **known)
    table = csv.DictReader(io.StringIO(as_csv([first, second])))
    assert list(table.fieldnames or ())[-3:] == ["noise", "h", "noise unit"]
    rows = list(table)
    assert [(row["noise"], row["noise unit"]) for row in rows] == [("1.25", "HU"), ("3.0", "")]
    page = as_page([first, second])
    assert "noise 1.25 HU<br>strength h 2<" in page
    assert "noise 3<br>" in page


@pytest.mark.parametrize(
    ("method", "preset", "images"),
    [("filter2noise", "instant", 1), ("filter2noise", "best", 1), ("betti", "default", 2)],
)
def test_every_figure_of_a_run_has_a_name(method: str, preset: str, images: int) -> None:
    config = find_method(method).preset(preset)
    result = run(method, ct(), config, others=[ct()] * (images - 1))
    assert set(result.metrics) <= set(config.metrics)


def test_report_of_a_session_names_figures_with_units() -> None:
    config = find_method("filter2noise").preset("instant")
    record = record_of(run("filter2noise", ct(), config), "a")
    page = report_page("Session", [], [RunFacts(record)], None)
    value = record.metrics["residual"]
    assert f"{value:.6g} HU" in page
    assert "removed in flat areas" in page
    assert "residual_ratio" not in page
    assert f"noise {record.metrics['noise']:.4g} HU" in rows_of([record])[0][4]
