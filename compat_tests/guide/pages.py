"""The guide's pages, and the blocks of code in them."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[2] / "migration_guide"


def read_page(name: str) -> str:
    """The page's text."""
    return (GUIDE / name).read_text()


def blocks(page: str, language: str) -> list[str]:
    """The blocks of that language, in order; those of an item in a list are not among them."""
    pattern = rf"^```{language}\n(.*?)^```$"
    return re.findall(pattern, read_page(page), re.MULTILINE | re.DOTALL)


def block(page: str, language: str, begin: str = "") -> str:
    """The one block of that language which begins so."""
    (found,) = [text for text in blocks(page, language) if text.startswith(begin)]
    return found
