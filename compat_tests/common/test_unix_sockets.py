"""Unix sockets: which of them somebody listens on."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from channels_bridge.common.unix_sockets import is_listened_to
from channels_bridge.server.bind import UnixBind
from channels_bridge.server.errors import BindError
from channels_bridge.server.listen import listen


@pytest.fixture
def busy(socket_dir: Path) -> Iterator[Path]:
    """The path of a socket whose backlog is full."""
    path = socket_dir / "busy.sock"
    with contextlib.ExitStack() as stack:
        program = stack.enter_context(socket.socket(socket.AF_UNIX))
        program.bind(str(path))
        program.listen(0)
        for _ in range(3):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            client.connect_ex(str(path))
        yield path


def test_a_busy_program_listens(busy: Path, socket_dir: Path) -> None:
    """A program that is too busy to accept listens; one that is gone doesn't."""
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(socket_dir / "stale.sock"))
    assert is_listened_to(busy)
    assert not is_listened_to(socket_dir / "stale.sock")
    assert not is_listened_to(socket_dir / "nothing.sock")


def test_a_busy_server_keeps_its_socket(busy: Path) -> None:
    """A second server doesn't take the place of one that is too busy to accept, and says so."""
    with pytest.raises(BindError, match="a busy server listens there"):
        listen([UnixBind(f"unix:{busy}", str(busy))])
    assert is_listened_to(busy)
