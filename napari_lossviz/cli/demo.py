"""`lossviz demo`: Filter2Noise on the bundled low-dose CT, measured against its full-dose twin."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from numpy.typing import NDArray
from rich.table import Table
from scipy import ndimage

from napari_lossviz import samples
from napari_lossviz.cli import consoles
from napari_lossviz.cli.diagnosis import display_there
from napari_lossviz.cli.progress import TerminalReporter
from napari_lossviz.cli.window import start_window
from napari_lossviz.core import Result
from napari_lossviz.jobs.export import check_output, export
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.jobs.run import run
from napari_lossviz.metrics import ImageQuality, image_quality

SOFT_TISSUE = (-160.0, 240.0)
"""Window in HU, through which PSNR and SSIM look: what a reader of the image sees."""

_AIR_TO_BODY = -300.0


@dataclass(frozen=True)
class Trial:
    """One preset's result and how near it comes to the full dose."""

    preset: str
    result: Result
    quality: ImageQuality


def demo(
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="OUT")] = Path("demo_output"),
    window: bool = True,
    overwrite: bool = False,
) -> int:
    """Denoise the bundled low-dose CT series and say how much nearer it came to the full dose.

    The default preset's result goes to the output folder, the instant preset's to its subfolder
    "instant"; then napari shows them, where there is a display.

    Parameters
    ----------
    output
        Folder for the results.
    window
        Whether napari opens at the end, where there is a display.
    overwrite
        Replace the files of an earlier demo.
    """
    method = find_method("filter2noise")
    places = {"instant": output / "instant", method.presets[0]: output}
    for place in places.values():
        check_output(place, overwrite=overwrite)
    consoles.say("Reading the simulated low-dose CT series and its full-dose twin")
    (low,), (full,) = samples.low_dose_ct(), samples.full_dose_ct()
    noisy, clean = np.asarray(low.array), np.asarray(full.array)
    body = body_of(clean)
    before = image_quality(noisy, clean, SOFT_TISSUE, body)
    trials = []
    for preset in places:
        with TerminalReporter(consoles.err, f"{method.title}, {preset}") as reporter:
            result = run(method, low, method.preset(preset), reporter=reporter)
        for warning in result.warnings:
            consoles.warn(f"{preset}: {warning}")
        denoised = np.asarray(result.main_image().array)
        trials.append(Trial(preset, result, image_quality(denoised, clean, SOFT_TISSUE, body)))
    consoles.out.print(table_of(before, trials))
    consoles.say(
        f"{noisy.shape[0]} slices of {noisy.shape[1]} x {noisy.shape[2]} pixels; compared inside "
        f"the body, through the window {SOFT_TISSUE[0]:.0f} to {SOFT_TISSUE[1]:.0f} HU (data range "
        f"{SOFT_TISSUE[1] - SOFT_TISSUE[0]:.0f} HU). Not for diagnostic use."
    )
    # The outer folder first: it must be empty when its first files come.
    for trial in reversed(trials):
        export(trial.result, places[trial.preset], overwrite=overwrite)
    consoles.say(f"Wrote {output}/: derived DICOM, sigma maps, before_after.png, recipe.json")
    if window and display_there():
        consoles.say("Opening napari in a window of its own")
        start_window([samples.sample_path("low_dose_ct"), output / "denoised"])
    elif window:
        consoles.say(f"No display here; to see the result: lossviz window {output / 'denoised'}")
    return 0


def body_of(full_dose: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return the largest body in each slice of a CT in HU, its cavities filled.

    Parameters
    ----------
    full_dose : (Z, H, W) ndarray
    """
    body = np.zeros(full_dose.shape, bool)
    for plane, mask in zip(full_dose, body, strict=True):
        labels, count = ndimage.label(plane > _AIR_TO_BODY)
        if count:
            largest = 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
            mask[:] = ndimage.binary_fill_holes(labels == largest)
    return body


def table_of(before: ImageQuality, trials: list[Trial]) -> Table:
    """Return the comparison as a table: a row for the input and one for each preset."""
    table = Table("", "PSNR", "gain", "SSIM", "time", title="Against the full dose")
    table.add_row("low dose", f"{before.psnr:.2f} dB", "", f"{before.ssim:.4f}", "")
    for trial in trials:
        table.add_row(
            f"Filter2Noise, {trial.preset}",
            f"{trial.quality.psnr:.2f} dB",
            f"{trial.quality.psnr - before.psnr:+.2f} dB",
            f"{trial.quality.ssim:.4f}",
            f"{trial.result.seconds:.1f} s",
        )
    return table
