"""The report of `betti_report` as files: JSON, CSV, and a picture of each pair."""

import csv
import json
import re
import shutil
from collections.abc import Iterable, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from napari_lossviz.core import MethodConfig, Reporter
from napari_lossviz.io.atomic import FOLDER_LIST, atomic_folder
from napari_lossviz.jobs.betti_overlay import write_overlay
from napari_lossviz.jobs.betti_report import FIGURES, Report, compare_all
from napari_lossviz.jobs.betti_verdict import verdicts
from napari_lossviz.jobs.export import check_output
from napari_lossviz.jobs.pairing import pair_by_name


def betti_report(
    predictions: Sequence[Path],
    target: Path,
    folder: Path,
    config: MethodConfig,
    *,
    overwrite: bool = False,
    overlays: bool = True,
    reporter: Reporter | None = None,
) -> Report:
    """Compare predictions with their targets and write a report, whole or not at all.

    - ``report.json``: everything, with the conventions of the figures and the settings;
    - ``images.csv``: a row for each image and model; ``summary.csv``: means, of how many images
      the figure is known, and differences;
    - ``features/<model>/<image>.csv``: a row for each feature;
    - ``overlays/<model>/<image>.png``.

    Parameters
    ----------
    predictions : sequence of Path
        A file or folder for each model.
    target : Path
        File or folder; folders are paired by name.
    folder : Path
        Made if missing.
    config : MethodConfig
        A `BettiConfig`.
    overwrite : bool
        Whether an earlier report there may be replaced.
    overlays : bool
        Whether pictures are drawn.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        If files do not pair or cannot be compared.
    OutputExistsError, OutputError
        If something is there already, or the system refuses.
    """
    check_output(folder, overwrite=overwrite)
    pairs, notes = pair_by_name(predictions, target)
    models = _file_names(pairs[0].predictions)
    images = _file_names([pair.name for pair in pairs])
    with atomic_folder(folder, overwrite) as temporary:

        def keep(name: str, model: str, result: Any) -> None:
            place = temporary / "features" / models[model]
            place.mkdir(parents=True, exist_ok=True)
            text = result.features().to_csv(result.source.axes)
            (place / f"{images[name]}.csv").write_text(text, encoding="utf-8")
            if overlays:
                place = temporary / "overlays" / models[model]
                place.mkdir(parents=True, exist_ok=True)
                write_overlay(result, place / f"{images[name]}.png")

        report = compare_all(pairs, config, notes=notes, reporter=reporter, keep=keep)
        content = {
            "settings": config.model_dump(mode="json"),
            "verdicts": verdicts(report),
            **report.as_dict(),
        }
        text = json.dumps(content, indent=1, allow_nan=False) + "\n"
        (temporary / "report.json").write_text(text, encoding="utf-8")
        _write_images(report, temporary / "images.csv")
        _write_summary(report, temporary / "summary.csv")
    return report


def copy_report(report: Path, folder: Path, *, overwrite: bool = False) -> None:
    """Copy a report that `betti_report` wrote to another folder, whole or not at all.

    Parameters
    ----------
    report, folder : Path
    overwrite : bool
        Whether an earlier report in `folder` may be replaced.

    Raises
    ------
    OutputExistsError, OutputError
        If something is there already, or the system refuses.
    """
    check_output(folder, overwrite=overwrite)
    with atomic_folder(folder, overwrite) as temporary:
        ours = shutil.ignore_patterns(FOLDER_LIST)
        shutil.copytree(report, temporary, dirs_exist_ok=True, ignore=ours)


def _write_images(report: Report, path: Path) -> None:
    columns = list(dict.fromkeys(name for one in report.comparisons for name in one.figures))
    rows: list[list[Any]] = [["image", "model", *columns]]
    for one in report.comparisons:
        rows.append([one.name, one.model, *(_number(one.figures.get(name)) for name in columns)])
    _write(path, rows)


def _write_summary(report: Report, path: Path) -> None:
    means, differences = report.means(), report.differences()
    first = report.models[0]
    rows: list[list[Any]] = [
        ["figure", "model", "mean", "known", f"minus_{first}", "low_95", "high_95", "images"]
    ]
    for figure in FIGURES:
        for model in report.models:
            known = report.known(model, figure)
            row = [figure, model, _number(means[model][figure]), known]
            if model in differences:
                found = differences[model][figure]
                row += [_number(found.mean), _number(found.low), _number(found.high), found.images]
            rows.append(row + [""] * (len(rows[0]) - len(row)))
    _write(path, rows)


def _write(path: Path, rows: list[list[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _number(value: float | None) -> Any:
    if value is None or not np.isfinite(value):
        return ""
    return int(value) if float(value).is_integer() else float(value)


def _file_names(names: Iterable[str]) -> dict[str, str]:
    """Return a file name for each name: no two alike, not even where case does not count."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^\w.-]+", "_", name).strip("._") or "image"
        numbered = (f"{plain}_{n}" for n in count(2))
        own = next(one for one in chain([plain], numbered) if one.casefold() not in taken)
        taken.add(own.casefold())
        found[name] = own
    return found
