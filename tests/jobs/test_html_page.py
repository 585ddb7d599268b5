from html.parser import HTMLParser

import pytest
from matplotlib.figure import Figure

from napari_lossviz.jobs.html_page import bullets, code, heading, page, paragraph, picture, table

EVIL = "<script>alert('x')</script>\"&"


class Seen(HTMLParser):
    """Collects the tags and the addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def seen(text: str) -> Seen:
    found = Seen()
    found.feed(text)
    return found


@pytest.mark.parametrize(
    "markup",
    [
        heading(EVIL), paragraph(EVIL, caution=True), code(EVIL), bullets([EVIL]),
        table((EVIL, EVIL), [(EVIL, EVIL)], tips=[EVIL]),
    ],
)  # fmt: skip
def test_whatever_stands_in_a_page_is_text(markup: str) -> None:
    found = seen(page(EVIL, markup))
    assert "script" not in found.tags
    assert found.addresses == []
    assert "&lt;script&gt;" in markup


def test_a_picture_is_part_of_the_page_and_its_words_cannot_leave_their_place() -> None:
    found = seen(page("a", picture(Figure(), EVIL + '" onload="x')))
    (address,) = found.addresses
    assert address.startswith("data:image/png;base64,iVBOR")
    assert "script" not in found.tags


def test_a_page_may_load_nothing_and_says_what_it_is_not_for() -> None:
    text = page("a")
    assert "default-src 'none'" in text
    assert "Not for diagnostic use" in text


def test_nothing_to_say_is_no_list() -> None:
    assert bullets([]) == ""
