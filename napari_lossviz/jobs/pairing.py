"""Which prediction belongs to which target: paired by the names of the files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_lossviz.core import InputError
from napari_lossviz.io.atomic import full_stem

_ROLES = re.compile(
    r"(?:^|[_.\s-]+)(?:pred|prediction|predicted|prob|probability|seg|segmentation|target|truth|gt|"
    r"groundtruth|mask|label|labels|image|img)(?=$|[_.\s-])",
    re.IGNORECASE,
)
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class NamedPair:
    """A target and the prediction of each model for it.

    Attributes
    ----------
    name : str
        What both names have in common.
    target : Path
    predictions : dict of str to Path
        By model.
    """

    name: str
    target: Path
    predictions: dict[str, Path]


def pair_by_name(predictions: Sequence[Path], target: Path) -> tuple[list[NamedPair], list[str]]:
    """Pair files, or the files of folders, by their names.

    Words such as "pred", "mask" or "gt" in a name do not count. Two files are a pair whatever
    their names are.

    Parameters
    ----------
    predictions : sequence of Path
        A file or folder for each model.
    target : Path
        File, or folder of files.

    Returns
    -------
    (list of NamedPair, list of str)
        Pairs by name, and what was left out, a sentence each.

    Raises
    ------
    InputError
        If something is not there, a folder is empty, nothing pairs, files and folders are mixed, or
        two files of a folder have the same name.
    """
    for path in (*predictions, target):
        if not path.exists():
            raise InputError(f"{path}: there is no such file or folder")
    models = dict(zip(model_names(predictions), predictions, strict=True))
    if target.is_file():
        folders = [str(path) for path in predictions if path.is_dir()]
        if folders:
            raise InputError(f"{target} is a file, but {folders[0]} is a folder: give both alike")
        return [NamedPair(_key(target), target, models)], []
    files = [str(path) for path in predictions if path.is_file()]
    if files:
        raise InputError(f"{target} is a folder, but {files[0]} is a file: give both alike")
    targets = _files_by_key(target)
    found = {model: _files_by_key(path) for model, path in models.items()}
    pairs, notes = [], []
    for name, path in targets.items():
        lacking = [model for model, files_of in found.items() if name not in files_of]
        if lacking:
            notes.append(f"{path.name}: no prediction in {', '.join(lacking)}; left out")
        else:
            there = {model: files_of[name] for model, files_of in found.items()}
            pairs.append(NamedPair(name, path, there))
    for model, files_of in found.items():
        extra = sorted(set(files_of) - set(targets))
        if extra:
            notes.append(f"{model}: no target for {_some(extra)}; left out")
    if not pairs:
        there_is = _some(sorted({name for files_of in found.values() for name in files_of}))
        raise InputError(
            f"no target in {target} has a prediction of the same name in every folder: targets "
            f"{_some(sorted(targets))}; predictions {there_is}"
        )
    return pairs, notes


def model_names(paths: Sequence[Path]) -> list[str]:
    """Return a name for each model: its folder's or file's, with more of its path if needed."""
    paths = [path.absolute() for path in paths]
    for parts in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["_".join((*path.parts[-parts:-1], _name_of(path))) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{_name_of(path)}_{n}" for n, path in enumerate(paths, 1)]


def _name_of(path: Path) -> str:
    """Return a folder's name, which may hold a dot, or a file's without its suffix."""
    return path.name if path.is_dir() else full_stem(path)


def _files_by_key(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith("."):
            continue
        key = _key(path)
        if key in found:
            raise InputError(
                f"{folder}: {found[key].name} and {path.name} have the same name {key!r}; pairs "
                "are found by name: leave one of them"
            )
        found[key] = path
    if not found:
        raise InputError(f"{folder}: the folder holds no file; expected one for each image")
    return found


def _key(path: Path) -> str:
    stem = full_stem(path)
    return _ROLES.sub("", stem).strip("_-. ") or stem


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown + (f", … ({len(names)} in all)" if len(names) > _SHOWN else "")
