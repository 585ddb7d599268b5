"""The recipe: everything needed to compute a result again, as JSON beside every export."""

from pathlib import PurePath
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_lossviz.core.edits import Edit

RECIPE_VERSION: Final = 1


class InputRecord(BaseModel):
    """One input of a run.

    Attributes
    ----------
    paths : tuple of str
        Files relative to the recipe's folder, with forward slashes (absolute only where no
        relative path exists, as between Windows drives). Empty where a file's name may tell a
        patient: then the hashes alone say which files they were.
    file_sha256, file_bytes : tuple of str, tuple of int
        SHA-256 and size of each file.
    pixel_sha256 : str
        Of the array that entered the method (C order, its dtype), after all reading and rescaling.
    axes, shape, dtype, name
        Of that array.
    value_unit, spacing, units
        Of the image; a saved copy has no other place for them, and "HU" decides the window.
    valid_path, valid_sha256 : str
        File of the mask of valid pixels beside a saved copy, and its SHA-256; empty without one.
    series_uid : str
        Selects the volume among several in the same files; empty where there is one.
    volume_index : int
        Position in the list that `io.read` returns for these paths.
    saved_copy : bool
        Whether the path is a copy saved with the export since the layer had no file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    paths: tuple[str, ...]
    file_sha256: tuple[str, ...]
    file_bytes: tuple[int, ...] = ()
    pixel_sha256: str
    axes: str
    shape: tuple[int, ...]
    dtype: str
    name: str
    series_uid: str = ""
    volume_index: int = 0
    saved_copy: bool = False
    value_unit: str = ""
    spacing: tuple[float, ...] = ()
    units: tuple[str, ...] = ()
    valid_path: str = ""
    valid_sha256: str = ""

    def as_paths(self) -> list[PurePath]:
        """Return the paths as path objects."""
        return [PurePath(p) for p in self.paths]


class Selection(BaseModel):
    """The part of the input that was used: half-open index ranges by axis; empty for all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ranges: dict[str, tuple[int, int]] = Field(default_factory=dict)

    def within(self, outer: "Selection") -> "Selection":
        """Return this part of a part as a part of the whole."""
        starts = {axis: start for axis, (start, _) in outer.ranges.items()}
        ranges = {
            axis: (start + starts.get(axis, 0), stop + starts.get(axis, 0))
            for axis, (start, stop) in self.ranges.items()
        }
        return Selection(ranges={**outer.ranges, **ranges})


class OutputRecord(BaseModel):
    """What of the result was written, so that a replay writes the same.

    Attributes
    ----------
    formats : tuple of str, optional
        Formats of the main image by the names that an export knows; None: that of its input.
    quantity, calibration, subtract_noise, merge_bursts
        Of radar images: amplitude, intensity, decibel or complex; the calibrated quantity, empty
        for digital numbers; whether thermal noise is subtracted and bursts are merged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    formats: tuple[str, ...] | None = None
    quantity: Literal["amplitude", "intensity", "decibel", "complex"] = "amplitude"
    calibration: Literal["", "sigma0", "beta0", "gamma0"] = ""
    subtract_noise: bool = False
    merge_bursts: bool = False


class Recipe(BaseModel):
    """What was computed, from what, with what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe_version: Literal[1] = RECIPE_VERSION
    method: str
    config: dict[str, Any]
    inputs: tuple[InputRecord, ...]
    selection: Selection = Selection()
    output: OutputRecord = OutputRecord()
    edits: tuple[Edit, ...] = ()
    files: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of the files of weights that the configuration names, by setting."""
    seed: int | None = None
    device: str = "cpu"
    threads: int = 1
    processor: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    created: str = ""
    metrics: dict[str, float] = Field(default_factory=dict)
    result_sha256: str = ""
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    disclaimer: str = "Research use only. Not for diagnostic use."
