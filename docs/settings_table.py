"""A hook of mkdocs: puts the table of a method's settings where a page asks for it."""

import re
from typing import Any

from napari_lossviz.cli.options import describe, option_name
from napari_lossviz.jobs.registry import find_method

_PLACE = re.compile(r"\{\{ settings (\w+) \}\}")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace each ``{{ settings <method> }}``."""
    return _PLACE.sub(lambda found: settings_table(found[1]), markdown)


def settings_table(method: str) -> str:
    """Return the settings of a method as a Markdown table: option, default, meaning."""
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for name, info in find_method(method).load_config().model_fields.items():
        text = describe(info).replace("|", "\\|").replace("[", "\\[")
        lines.append(f"| `--{option_name(name)}` | `{info.default}` | {text} |")
    return "\n".join(lines)
