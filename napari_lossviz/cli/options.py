"""Command-line options made from a method's configuration.

Every field of the configuration becomes an option with its description, unit and range; the
preset or the configuration file that is named gives the values of those not given.
"""

import argparse
import dataclasses
import json
from collections.abc import Collection, Sequence
from dataclasses import field, make_dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from annotated_types import Ge, Gt, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from napari_lossviz.core import InputError, MethodConfig
from napari_lossviz.jobs.registry import Method


def starting_point(method: Method, arguments: Sequence[str]) -> MethodConfig:
    """Return the configuration that the options of a command start from.

    Parameters
    ----------
    method : Method
    arguments : sequence of str
        All arguments of the command; only ``--preset`` and ``--config`` are looked at.

    Raises
    ------
    InputError
        If there is no such preset, or the file is no configuration of this method.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--preset", default=method.presets[0])
    parser.add_argument("--config", type=Path)
    try:
        named, _ = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError as error:
        raise InputError(str(error)) from error
    config = method.preset(named.preset)
    if named.config is not None:
        config = read_config(method, named.config, config)
    return config


def read_config(method: Method, path: Path, base: MethodConfig) -> MethodConfig:
    """Read a configuration from JSON: an object of fields, or a recipe of the same method.

    Fields that the file lacks keep the values of `base`.

    Raises
    ------
    InputError
        If the file cannot be read, is no such object, or a value is out of range.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error})") from error
    if isinstance(content, dict) and "recipe_version" in content:
        if content.get("method") != method.name:
            raise InputError(
                f"{path}: a recipe of {content.get('method')!r}, not of {method.name!r}"
            )
        content = content.get("config")
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: expected a JSON object of settings, such as "
            f"{json.dumps(dict(list(base.model_dump(mode='json').items())[:2]))}"
        )
    try:
        return base.replace(**content)
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from error


def options_of(config: MethodConfig, leave_out: Collection[str] = ()) -> type:
    """Return a dataclass with a field for each one of the configuration, its values the defaults.

    tyro makes the options from it; `to_config` turns an instance into a configuration.

    Parameters
    ----------
    config : MethodConfig
    leave_out : collection of str
        Fields without an option.
    """
    fields = []
    for name, info in type(config).model_fields.items():
        if name in leave_out:
            continue
        text = describe(info)
        if getattr(config, name) is True:  # its flag is --no-…
            text = f"Leave out what is done by default: {text}"
        described = tyro.conf.arg(name=option_name(name), help=text)
        fields.append(
            (name, Annotated[info.annotation, described], field(default=getattr(config, name)))
        )
    return make_dataclass("Settings", fields, frozen=True)


def to_config(options: Any, base: MethodConfig) -> MethodConfig:
    """Return the configuration that an instance of ``options_of(base, …)`` describes.

    Raises
    ------
    InputError
        If a value is out of range, or values contradict each other.
    """
    try:
        return base.replace(
            **{one.name: getattr(options, one.name) for one in dataclasses.fields(options)}
        )
    except ValidationError as error:
        raise InputError(explain(error)) from error


def option_name(field_name: str) -> str:
    """Return the option of a field: ``lambda_`` (a Python keyword otherwise) gives ``lambda``."""
    return field_name.strip("_").replace("_", "-")


def explain(error: ValidationError) -> str:
    """Return pydantic's complaints in one line, each naming its option."""
    complaints = []
    for item in error.errors(include_url=False):
        where = "".join(f"--{option_name(str(part))}: " for part in item["loc"][:1])
        complaints.append(f"{where}{item['msg'].removeprefix('Value error, ')}")
    return "; ".join(complaints)


def describe(info: FieldInfo) -> str:
    """Return a field's description with its unit and range."""
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    text = info.description or ""
    bounds = []
    for constraint in info.metadata:
        if isinstance(constraint, Ge):
            bounds.append(f"at least {constraint.ge}")
        elif isinstance(constraint, Gt):
            bounds.append(f"above {constraint.gt}")
        elif isinstance(constraint, Le):
            bounds.append(f"at most {constraint.le}")
    remarks = [f"in {extra['unit']}"] if extra.get("unit") else []
    remarks += bounds
    return f"{text} [{', '.join(remarks)}]" if remarks else text
