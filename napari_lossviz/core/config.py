"""The base of every method's configuration.

One frozen pydantic model for each method feeds its form, its command line, its recipe and its
docs. A field is declared with `setting`, so that none lacks its description, range and unit.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field


def setting(
    default: Any,
    description: str,
    *,
    unit: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    advanced: bool = True,
    file_kinds: str = "",
) -> Any:
    """Declare a field of a configuration.

    Parameters
    ----------
    default : object
        The recommended value.
    description : str
        One sentence, shown as tooltip, command-line help and in the docs.
    unit : str
        Unit of the value, empty where it has none.
    ge, gt, le : float, optional
        Bounds of the value.
    advanced : bool
        Whether a form folds the field away; the few that people change say ``False``.
    file_kinds : str
        Of a text that is the path of a file: which ones, as "Weights (*.pth)", for a chooser.
    """
    return Field(
        default,
        description=description,
        ge=ge,
        gt=gt,
        le=le,
        json_schema_extra={"unit": unit, "advanced": advanced, "file_kinds": file_kinds},
    )


class Metric(NamedTuple):
    """What a figure of a run is called where people read it.

    Attributes
    ----------
    title : str
        In small letters, as within a sentence.
    of_image : bool
        Whether it is in the unit of the image's values; else it is a bare number.
    """

    title: str
    of_image: bool = False


class MethodConfig(BaseModel):
    """Base of the method configurations: frozen, picklable, closed against unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    method: ClassVar[str]
    """Name of the method in the registry of `napari_lossviz.jobs`."""

    reads: ClassVar[tuple[str, ...]] = ()
    """Settings that may name a file of weights, by whose content the result is another one."""

    metrics: ClassVar[Mapping[str, Metric]] = {}
    """The figures of a result by their names in its `metrics`, with their words for people."""

    def files_read(self) -> dict[str, Path]:
        """Return the files of weights that are named and there, by setting."""
        named = {name: Path(str(getattr(self, name)).strip()) for name in self.reads}
        # a text that no file can have as its name is no error here
        return {name: path for name, path in named.items() if os.path.isfile(path)}  # noqa: PTH113

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, validated anew."""
        return type(self).model_validate({**self.model_dump(), **changes})
