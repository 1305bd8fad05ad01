"""Whoever looks a message up finds it: the guide has the words that the code has."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import channels_bridge
from compat_tests.guide.pages import read_page

#: In messages of the guide, and here in place of what differs from time to time.
GAP = "…"
OF_OTHERS = (
    "Unknown command: 'websockets_server'",  # Django's
    '"GET /ws/… HTTP/1.1" 404',
    "Incoming message has no 'type' attribute",  # Channels'
    "'NoneType' object has no attribute 'group_send'",  # Python's
    "coroutine '…' was never awaited",
)
MESSAGES = re.findall(r"^\| `(.+?)` \| ", read_page("messages.md"), re.MULTILINE)


@cache
def texts() -> str:
    """Every text in the package's code, with gaps for what is put into it."""
    package = Path(channels_bridge.__file__).parent
    trees = [ast.parse(path.read_text()) for path in package.rglob("*.py")]
    found = [text_of(node) for tree in trees for node in ast.walk(tree)]
    return "\n".join(filter(None, found))


def text_of(node: ast.AST) -> str:
    """What a literal says; empty for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(value) or GAP for value in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%(?:\(\w+\))?[sdgr]", GAP, node.value)
    return ""


def test_there_are_some() -> None:
    """The pattern finds the rows of the page's tables."""
    assert len(MESSAGES) > 30


@pytest.mark.parametrize("message", MESSAGES)
def test_messages_are_the_codes(message: str) -> None:
    """Each message of the page is one that the code can say."""
    assert message in OF_OTHERS or message.strip(GAP + " ") in texts()
