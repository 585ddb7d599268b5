"""The images of a batch, and what each of their results is called."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_lossviz.core import Identity, InputError, LossvizError, Reporter
from napari_lossviz.io.atomic import full_stem
from napari_lossviz.io.dicom_files import has_magic_word
from napari_lossviz.io.registry import FORMATS
from napari_lossviz.io.survey import Holding, survey
from napari_lossviz.jobs.pairing import pair_by_name
from napari_lossviz.jobs.registry import Method

_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_SAFE_SUFFIX = ".safe"
CODED = ("series_", "pair_", "image_")
"""How the names start that are codes."""
_METHODS_OF_PICTURES = ("stain",)
"""Methods whose images are often PNG and JPEG files; in folders of others those are previews."""


@dataclass(frozen=True)
class BatchItem:
    """One run of a batch.

    Attributes
    ----------
    stem : str
        Name of its result: unique in the batch, whatever a file system makes of capitals.
    sources : tuple of Holding
        Its images, in the order of the method's arguments; their paths are absolute.
    """

    stem: str
    sources: tuple[Holding, ...]

    @property
    def error(self) -> LossvizError | None:
        """Why it cannot be read, where that is known already."""
        return next((one.error for one in self.sources if one.error is not None), None)

    @property
    def paths(self) -> tuple[Path, ...]:
        """All its files."""
        return tuple(path for one in self.sources for path in one.paths)

    @property
    def ordered(self) -> bool:
        """Whether it matters which of its files is which: a prediction and its target."""
        return len(self.sources) > 1

    def hidden(self, identity: Identity) -> bool:
        """Whether nothing may be told of where it is from."""
        return _is_hidden(self.sources, identity)


def find_items(
    method: Method,
    inputs: Sequence[Path],
    out: Path,
    *,
    identity: Identity = Identity.HEADERS,
    reporter: Reporter | None = None,
) -> tuple[list[BatchItem], list[str]]:
    """Return what a batch runs over, and notes on what it does not.

    Parameters
    ----------
    method : Method
        Of two images: the last input is the target, those before are predictions.
    inputs : sequence of Path
        Files and folders; every volume of a folder is an item of its own.
    out : Path
        Folder of the results; what lies in it is no input.
    identity : Identity
        Unless it is told everywhere, results of DICOM are named by a code and not by their file or
        folder: the name is in tables and logs, too. Where it is told nowhere, all results are.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        If there is nothing, or the results would lie among the inputs.
    """
    if not inputs:
        raise InputError("no input given; name files or folders")
    for path in inputs:
        if path.is_dir() and path.resolve() == out.resolve():
            raise InputError(
                f"{out}: the results would lie among the inputs, and be taken for inputs the next "
                "time; choose another output folder"
            )
    if method.images == 2:
        return _pairs(inputs, identity)
    pictures = method.name in _METHODS_OF_PICTURES
    found = survey(inputs, leave_out=out, pictures=pictures, reporter=reporter)
    notes = []
    if found.passed_over:
        count = len(found.passed_over)
        names = ", ".join(path.name for path in found.passed_over[:3])
        more = ", …" if count > 3 else ""
        notes.append(f"passed over {count} file(s) of no known image kind: {names}{more}")
    if not found.holdings:
        given = ", ".join(str(path) for path in inputs)
        raise InputError(
            f"{given}: holds no image that can be read"
            + "".join(f"; {notes[0]}" for _ in notes[:1])
        )
    holdings = [_absolute(one) for one in found.holdings]
    hidden = [_is_hidden((one,), identity) for one in holdings]
    bases = [_base_name(*both) for both in zip(holdings, hidden, strict=True)]
    # of codes no folder tells them apart
    folders = [
        Path() if coded else one.paths[0].parent
        for one, coded in zip(holdings, hidden, strict=True)
    ]
    stems = unique_names(bases, folders)
    return [BatchItem(stem, (one,)) for stem, one in zip(stems, holdings, strict=True)], notes


def unique_names(bases: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """Return names of which no two are alike: with more of their folders, else with numbers.

    Parameters
    ----------
    bases : sequence of str
    folders : sequence of Path
        Absolute, one for each.
    """
    names = list(bases)
    groups: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        groups.setdefault(name.casefold(), []).append(i)
    for alike in groups.values():
        if len(alike) == 1 or len({folders[i] for i in alike}) == 1:
            continue
        depth = _telling_depth([folders[i] for i in alike])
        for i in alike:
            names[i] = "_".join((*folders[i].parts[-depth:], names[i]))
    taken: set[str] = set()
    often: dict[str, int] = {}
    for name in names:
        often[name.casefold()] = often.get(name.casefold(), 0) + 1
    for i, name in enumerate(names):
        number = 1
        wanted = f"{name}_1" if often[name.casefold()] > 1 else name
        while wanted.casefold() in taken:
            number += 1
            wanted = f"{name}_{number}"
        taken.add(wanted.casefold())
        names[i] = wanted
    return names


def _telling_depth(folders: Sequence[Path]) -> int:
    """Return how many last parts tell the most of these folders apart."""
    deepest = max(len(folder.parts) for folder in folders) - 1
    apart = [len({folder.parts[-depth:] for folder in folders}) for depth in range(1, deepest + 1)]
    return apart.index(max(apart)) + 1


def _pairs(inputs: Sequence[Path], identity: Identity) -> tuple[list[BatchItem], list[str]]:
    if len(inputs) < 2:
        raise InputError("give at least one prediction, and the target after it")
    *predictions, target = inputs
    pairs, notes = pair_by_name(predictions, target)
    files = [(path, pair.target) for pair in pairs for path in pair.predictions.values()]
    sources = [tuple(_holding_of_file(path) for path in both) for both in files]
    coded = [_is_hidden(both, identity) for both in sources]
    firsts = [both[0] for both in sources]
    bases = [
        _code(CODED[1], one.paths[0]) if hidden else full_stem(one.paths[0])
        for one, hidden in zip(firsts, coded, strict=True)
    ]
    folders = [
        Path() if hidden else one.paths[0].parent for one, hidden in zip(firsts, coded, strict=True)
    ]
    stems = unique_names(bases, folders)
    return [BatchItem(stem, both) for stem, both in zip(stems, sources, strict=True)], notes


def _holding_of_file(path: Path) -> Holding:
    return Holding((path.absolute(),), format="dicom" if has_magic_word(path) else "")


def _code(what: str, known: object) -> str:
    """Return a name that tells nothing, and is the same the next time."""
    return f"{what}{hashlib.sha256(str(known).encode()).hexdigest()[:8]}"


def _is_hidden(sources: Sequence[Holding], identity: Identity) -> bool:
    """Whether nothing may be told of where images are from."""
    if identity is Identity.HEADERS:
        return any(one.format == "dicom" for one in sources)
    return identity.dropped


def _absolute(holding: Holding) -> Holding:
    return replace(holding, paths=tuple(path.absolute() for path in holding.paths))


def _base_name(holding: Holding, coded: bool) -> str:
    """Return the name of a file without its ending, or of the folder of a series; or a code."""
    first = holding.paths[0]
    if coded:
        what = CODED[0] if holding.format == "dicom" else CODED[2]
        return _code(what, f"{holding.series_uid or first} {holding.index}")
    if holding.format == "safe" and first.parent.suffix.lower() == _SAFE_SUFFIX:
        name = first.parent.stem
    elif len(holding.paths) > 1:
        folders = {path.parent for path in holding.paths}
        while len(folders) > 1:
            folders = {folder.parent for folder in folders}
        name = folders.pop().name or "series"
    else:
        name = _stem_of_file(first, holding.format)
    return f"{name}_{holding.index + 1}" if holding.count > 1 else name


def _stem_of_file(path: Path, format_name: str) -> str:
    """Return the name without its ending; a DICOM file may be named by a UID, full of dots.

    It is not hidden, and no other item's result has it: "scan.tif" of "scan.tif.npy".
    """
    endings = [ending for known in FORMATS for ending in known.suffixes] + list(_DICOM_SUFFIXES)
    if format_name == "dicom" and not path.name.lower().endswith(tuple(endings)):
        stem = path.name
    else:
        stem = full_stem(path) or path.name
    if stem.lower().endswith(tuple(endings)):
        stem = "_".join(stem.rsplit(".", 1))
    return f"_{stem[1:]}" if stem.startswith(".") else stem
