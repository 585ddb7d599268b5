"""Run a method by name."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from napari_lossviz.core import Edit, Image, InputError, MethodConfig, Reporter, Result
from napari_lossviz.engine.threads import use_threads
from napari_lossviz.jobs.registry import Method, find_method


def run(
    method: Method | str,
    image: Image,
    config: MethodConfig | None = None,
    *,
    others: Sequence[Image] = (),
    edits: Sequence[Edit] = (),
    threads: int | None = None,
    reporter: Reporter | None = None,
    out: Path | None = None,
    parts: Path | None = None,
) -> Result:
    """Run a method on one image.

    Parameters
    ----------
    method : Method or str
        The method or its name.
    image : Image
        In any dtype that the method takes.
    config : MethodConfig, optional
        Default: the method's own default.
    others : sequence of Image
        Further images that the method takes, such as the target of a prediction.
    edits : sequence of Edit
        Edits of the maps that the result shall contain.
    threads : int, optional
        CPU threads; a replay gives those of the recipe. Default: as many as the machine offers.
    reporter : callable, optional
        Receives every `Step`; raises `Cancelled` to stop the run.
    out : Path, optional
        Where the method keeps a result too large for memory.
    parts : Path, optional
        Where several processes left what they have done of it already: see `Method.shared`.

    Raises
    ------
    InputError
        If there is no such method, the configuration is another method's, or the method cannot
        use the image, or takes another number of images.
    """
    if isinstance(method, str):
        method = find_method(method)
    if len(others) + 1 != method.images:
        raise InputError(
            f"{method.title} takes {method.images} image(s), and {len(others) + 1} were given"
        )
    if config is None:
        config = method.preset(method.presets[0])
    options: dict[str, Any] = {"reporter": reporter, "out": out}
    if edits:
        # Only methods with editable maps know this word, and only they ever get edits.
        options["edits"] = tuple(edits)
    if parts is not None:
        options["parts"] = parts
    with nullcontext() if threads is None else use_threads(threads):
        return method.load_function()(image, *others, config, **options)
