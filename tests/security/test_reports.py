"""Words of a stranger's file are words in a report: no page that is written runs them."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pydicom

from napari_lossviz import samples
from napari_lossviz.cli import main

HOSTILE = "<script>steal()</script><img src=x onerror=steal()>"


class Found(HTMLParser):
    """Collects what could run, or be fetched from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.dangers: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "link", "base", "form"):
            self.dangers.append(tag)
        for name, value in attributes:
            fetched = name in ("src", "href", "action") and not re.match(
                r"data:image/|#|[\w./ -]+$", value or ""
            )
            if name.startswith("on") or fetched:
                self.dangers.append(f"{tag} {name}={value}")


def test_a_series_description_is_no_markup(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for path in sorted(samples.sample_path("low_dose_ct").iterdir())[2:4]:
        dataset = pydicom.dcmread(path)
        dataset.SeriesDescription = HOSTILE
        dataset.Manufacturer = HOSTILE[:60]
        dataset.save_as(tmp_path / "in" / path.name)
    out = tmp_path / "out"
    order = ["denoise", str(tmp_path / "in"), "-o", str(out), "--preset", "instant", "--h", "2"]
    assert main([*order, "--report", "--keep-identity"]) == 0
    pages = sorted(out.rglob("*.html"))
    assert pages
    for page in pages:
        text = page.read_text("utf-8")
        assert "steal()" in text  # the name is told
        found = Found()
        found.feed(text)
        assert found.dangers == []


def test_what_could_run_would_be_found() -> None:
    found = Found()
    found.feed(HOSTILE + '<a href="javascript:steal()">x</a><img src="https://a.b/c.png">')
    assert len(found.dangers) == 4
