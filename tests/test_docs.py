"""What the documents say exists."""

import re
import tomllib
from pathlib import Path

import pytest

import napari_lossviz
from napari_lossviz.jobs.registry import METHODS

REPOSITORY = Path(__file__).parents[1]
HUB = REPOSITORY / ".napari-hub"
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md"), *HUB.glob("*.md")])
COMMANDS = {method.command.split()[0] for method in METHODS.values()} | {
    "batch",
    "replay",
    "session",
    "demo",
    "window",
    "doctor",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
    local = [link for link in links if not link.startswith(("https://", "mailto:"))]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    named = re.findall(r"(?:^|`|## )lossviz ([a-z]+)", text, flags=re.MULTILINE)
    assert set(named) <= COMMANDS
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, flags=re.MULTILINE)) <= targets


def test_presets_in_the_docs_are_those_there_are() -> None:
    table = (REPOSITORY / "docs" / "filter2noise.md").read_text("utf-8")
    named = re.findall(r"^\| `([a-z]+)`", table, flags=re.MULTILINE)
    assert set(named) == set(METHODS["filter2noise"].presets)


def test_readme_and_the_hubs_description_name_all_methods_and_their_papers() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    description = (HUB / "DESCRIPTION.md").read_text("utf-8")
    papers = set(re.findall(r"arxiv\.org/abs/([\d.]+\d)", readme))
    assert papers
    assert set(re.findall(r"arxiv\.org/abs/([\d.]+\d)", description)) == papers
    citations = (REPOSITORY / "CITATION.cff").read_text("utf-8")
    assert set(re.findall(r"arXiv:([\d.]+\d)", citations)) == papers
    for method in METHODS.values():
        title = method.title.removesuffix(": training")
        assert title in readme
        assert title in description


def test_version_and_summary_are_the_same_everywhere() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    citations = (REPOSITORY / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {napari_lossviz.__version__}\n" in citations
    assert f"summary: {project['description']}\n" in (HUB / "config.yml").read_text("utf-8")


def test_every_page_is_in_the_navigation() -> None:
    navigation = (REPOSITORY / "mkdocs.yml").read_text("utf-8")
    pages = {page.name for page in (REPOSITORY / "docs").glob("*.md")}
    assert set(re.findall(r": ([\w-]+\.md)$", navigation, flags=re.MULTILINE)) == pages


def test_snippets_of_the_page_on_betti_matching_run(capsys: pytest.CaptureFixture[str]) -> None:
    page = (REPOSITORY / "docs" / "betti.md").read_text("utf-8")
    first, *others = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    exec(first, {})
    told = capsys.readouterr().out.splitlines()
    assert "missed 1 [26 26]" in told
    assert "false 0 [34 34]" in told
    assert told[-1] == "2"
    for snippet in others:
        exec(snippet, {})
