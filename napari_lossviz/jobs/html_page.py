"""Pages that a colleague opens alone: no script, no font, no picture from elsewhere.

Every function takes plain text and returns markup; all that is not markup yet is escaped here.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO

from matplotlib.figure import Figure

from napari_lossviz.io.figure import DISCLAIMER

_PNG = b"\x89PNG"

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222;
  background: #fff; line-height: 1.4; }}
table {{ border-collapse: collapse; margin: .6em 0; }}
th, td {{ border-bottom: 1px solid #ccc; padding: .25em .8em; text-align: left;
  vertical-align: top; }}
td {{ font-variant-numeric: tabular-nums; overflow-wrap: break-word; }}
.long, td small, td span, td li {{ overflow-wrap: anywhere; }}
td.tip {{ color: #666; font-size: .85em; }}
code {{ overflow-wrap: anywhere; }}
img {{ max-width: 100%; }}
.caution {{ background: #fff6d6; border: 1px solid #e5d48a; padding: .5em .8em; }}
</style></head><body>
<h1>{title}</h1>
{body}
<p><em>{disclaimer}</em></p>
</body></html>
"""


def page(title: str, *parts: str) -> str:
    """Return a whole page; the disclaimer stands at its end.

    Parameters
    ----------
    title : str
        Plain text.
    *parts : str
        Markup.
    """
    return _PAGE.format(title=escape(title), body="\n".join(parts), disclaimer=escape(DISCLAIMER))


def heading(text: str, level: int = 2) -> str:
    """Return a heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, *, caution: bool = False) -> str:
    """Return a paragraph, on yellow ground where it is a caution."""
    return f"<p{' class=caution' if caution else ''}>{escape(text)}</p>"


def code(text: str) -> str:
    """Return a line to be typed."""
    return f"<p><code>{escape(text)}</code></p>"


def bullets(sentences: Iterable[str]) -> str:
    """Return a list, or nothing where there is nothing to say."""
    lines = "".join(f"<li>{escape(one)}</li>" for one in sentences)
    return f"<ul>{lines}</ul>" if lines else ""


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, tips: Sequence[str] | None = None
) -> str:
    """Return a table.

    Parameters
    ----------
    heads : sequence of str
        Title of each column; empty: there is no row of titles.
    rows : iterable of sequence of str
        The first cell of each is its title.
    tips : sequence of str, optional
        A word about each row, at its end.
    """
    lines = []
    if heads:
        last = "<th></th>" if tips is not None else ""
        titles = "".join(f"<th>{escape(head)}</th>" for head in heads)
        lines.append(f"<tr>{titles}{last}</tr>")
    for number, (title, *cells) in enumerate(rows):
        tip = "" if tips is None else f"<td class=tip>{escape(tips[number])}</td>"
        told = "".join(f"<td>{_breakable(cell)}</td>" for cell in cells)
        lines.append(f"<tr><th>{_breakable(title)}</th>{told}{tip}</tr>")
    return "<table>" + "\n".join(lines) + "</table>"


def _breakable(text: str) -> str:
    """Escape a cell, in which a hash or a path may be broken anywhere, but no word is."""
    return re.sub(r"\S{25,}", r"<span class=long>\g<0></span>", escape(text))


def picture(image: bytes | Figure, words: str) -> str:
    """Return a picture that is part of the page.

    Parameters
    ----------
    image : bytes or Figure
        A PNG, or what one is made of.
    words : str
        What it shows, for those who do not see it.
    """
    if isinstance(image, Figure):
        stream = BytesIO()
        image.savefig(stream, format="png", dpi=110, facecolor="white")
        image = stream.getvalue()
    assert image.startswith(_PNG)
    encoded = b64encode(image).decode("ascii")
    return f'<img alt="{escape(words)}" src="data:image/png;base64,{encoded}">'
