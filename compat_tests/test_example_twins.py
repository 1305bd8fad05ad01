"""The two chat examples differ in their consumers: whoever compares them sees nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"

#: What both have, each its own: an example can be taken out of its folder, and runs.
ALIKE = (
    "chat/forms.py",
    "chat/migrations/0001_initial.py",
    "chat/models.py",
    "chat/static/chat/chat.js",
    "chat/templates/chat/base.html",
    "chat/templates/chat/index.html",
    "chat/templates/chat/room.html",
    "chat/urls.py",
)


@pytest.mark.parametrize("path", ALIKE)
def test_alike(path: str) -> None:
    """What is mended in one of them is mended in the other one, too."""
    one, other = (EXAMPLES / name / path for name in ("chat", "native"))
    assert one.read_text() == other.read_text()
