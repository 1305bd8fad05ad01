"""What each option of other servers becomes where a command is written anew."""

from __future__ import annotations

import pytest

from channels_bridge.management.commands.websockets_server import Command
from channels_bridge.project.foreign.foreign_options import SERVERS
from channels_bridge.project.foreign.option import Becomes, Option

ROWS = [(server, option) for server, table in SERVERS.items() for option in table if option.names]


@pytest.mark.parametrize(("server", "option"), ROWS)
def test_each_name_becomes_something(server: str, option: Option) -> None:
    """A row says it for all of its names, or for each; what is ours has an option of ours."""
    if not isinstance(option.becomes, Becomes):
        assert len(option.becomes) == len(option.names)
    parser = Command().create_parser("manage.py", "websockets_server")
    for name in option.names:
        if option.becomes_of(name) in (Becomes.OURS, Becomes.SWITCH):
            ours = option.ours.split()[0].rstrip(",")
            action = parser._option_string_actions[ours]
            assert (action.nargs != 0) == (option.value and option.becomes_of(name) is Becomes.OURS)
