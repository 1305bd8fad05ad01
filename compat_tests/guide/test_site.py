"""The guide as a site: it builds without a warning, and needs nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from compat_tests.guide.pages import GUIDE
from compat_tests.guide.programs import require_package
from compat_tests.servers import REPOSITORY

#: Of Markdown that was not understood: fences, tables, emphasis, links, lists within a paragraph.
LEFT = re.compile(r"```|\|\s*-{3}|\*\*|\]\(|^\s*- \S", re.MULTILINE)
#: Tags that load what they name.
LOADED = re.compile(
    r"<(?:script|img|iframe|link rel=\"stylesheet\")[^>]*(?:src|href)=\"(https?:[^\"]*)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its directory."""
    require_package("material")
    directory = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(directory)]
    done = subprocess.run(build, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return directory


class Prose(HTMLParser):
    """The text of a page, without its code."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._inside = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._inside += tag in ("pre", "code", "script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag in ("pre", "code", "script", "style")

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.text += data


def pages(site: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(site.glob("*.html")):
        yield path.name, path.read_text()


def test_each_page_is_there(site: Path) -> None:
    """As many as there are files, besides the page for those that are not."""
    names = {name for name, _ in pages(site)} - {"404.html"}
    assert names == {
        "index.html" if path.name == "README.md" else f"{path.stem}.html"
        for path in GUIDE.glob("*.md")
    }


def test_markdown_is_understood(site: Path) -> None:
    """What GitHub shows as a list, a table or a block of code is one here as well."""
    for name, html in pages(site):
        prose = Prose()
        prose.feed(html)
        assert LEFT.findall(prose.text) == [], name


@pytest.mark.parametrize("path", sorted(GUIDE.glob("*.md")), ids=lambda path: path.name)
def test_code_in_lists(path: Path) -> None:
    """It is indented by four spaces, without which it ends the list on the site."""
    assert re.findall(r"^ {1,3}```.*$", path.read_text(), re.MULTILINE) == []


def test_nothing_comes_from_elsewhere(site: Path) -> None:
    """Fonts, scripts and pictures are the site's own, so that it can be read without a network."""
    for name, html in pages(site):
        assert LOADED.findall(html) == [], name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?https?:", sheet.read_text()), sheet


def test_search_knows_the_pages(site: Path) -> None:
    """Its index has what people look for."""
    index = (site / "search" / "search_index.json").read_text()
    for words in ("UvicornWorker", "PodDisruptionBudget", "another user's server serves"):
        assert words in index
