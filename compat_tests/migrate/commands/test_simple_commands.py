"""Simple commands, and the scripts that some of them give to a shell."""

from __future__ import annotations

import pytest

from channels_bridge.migrate.commands.placed_text import PlacedText
from channels_bridge.migrate.commands.simple_commands import in_script, script_within

SCRIPT = "daphne x.asgi:application"


@pytest.mark.parametrize(
    "command",
    [
        "sh -c '{}'",
        "exec /bin/bash -lc '{}'",
        "bash --login -c '{}'",
        "bash -c -e '{}'",
        "bash -ce '{}'",
        "bash -o pipefail -c '{}'",
        "bash -euo pipefail -c '{}' name argument",
        "zsh +o nomatch -c '{}'",
    ],
)
def test_scripts(command: str) -> None:
    """The first argument behind a shell's options is its script, where one of these is -c."""
    (found,) = in_script(PlacedText.of(command.format(SCRIPT)))
    script = script_within(found.words)
    assert script is not None and script.text.value == SCRIPT


@pytest.mark.parametrize(
    "command", ["sh", "sh -c", "bash start.sh -c '{}'", "bash -o pipefail start.sh", "echo -c '{}'"]
)
def test_no_scripts(command: str) -> None:
    """Else it reads a file, or its input; and others have an option of that name, too."""
    (found,) = in_script(PlacedText.of(command.format(SCRIPT)))
    assert script_within(found.words) is None
