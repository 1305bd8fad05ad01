"""The faults that the migration guide tells of: some of them, on this server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest

from compat_tests.peer_faults import report
from compat_tests.peer_faults.__main__ import play
from compat_tests.peer_faults.faults import FAULTS
from compat_tests.peer_faults.scene import Scene, staged
from compat_tests.peer_faults.stacks import OURS, STACKS
from compat_tests.servers import REPOSITORY

PAGE = (REPOSITORY / "migration_guide" / "faults.md").read_text()
SECTIONS = dict(
    re.findall(r"^### (\S+)\n\n(.*?)(?=\n\n###|\n\n<!--)", PAGE, re.MULTILINE | re.DOTALL)
)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with staged(STACKS[OURS]) as scene:
        yield scene


@pytest.mark.parametrize(
    "fault, seen",
    [
        (
            "consumer-raises",
            {
                "clients were told": "4 × 1011",
                "`disconnect()` ran": "4 × 1011",
                "names in the group": "4 (4 are right)",
            },
        ),
        (
            "message-unserialisable",
            {
                "sender of a set": "TypeError",
                "sender of integer keys": "no error, 8 of 8 got it",
                "members' connections dropped": "none",
            },
        ),
    ],
)
def test_faults(scene: Scene, fault: str, seen: dict[str, object]) -> None:
    """A bug in one consumer, or in one message, is nobody else's."""
    assert asyncio.run(play(FAULTS[fault], scene)) == seen


def test_page_tells_of_all() -> None:
    """The page has each fault, as its function says what it does, and what each stack did."""
    assert list(SECTIONS) == list(FAULTS)
    for name, section in SECTIONS.items():
        assert section.startswith(f"{FAULTS[name].what}\n\n")
        assert re.findall(r"^\| ([\w+]+) \|", section, re.MULTILINE) == list(STACKS)


def test_fill() -> None:
    """What was seen takes the place of what had been seen before, and nothing else changes."""
    document = f"above\n{report.START}\nbefore\n\n{report.END}below\n"
    assert report.fill(document, "now") == document.replace("before", "now")


def test_fill_without_marks() -> None:
    """A document without a place for it is left as it is."""
    with pytest.raises(ValueError):
        report.fill("above\nbelow\n", "now")
