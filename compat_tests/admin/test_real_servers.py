"""The admin's pages of a real server: in its own workers, and in another process beside it."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from compat_tests.admin.conftest import CONNECTIONS, GROUPS
from compat_tests.admin.desk import SITE, Desk, open_desk
from compat_tests.servers import BRIDGE_READY, running


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory(prefix="cb-") as directory, open_desk(Path(directory)) as desk:
        yield desk


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def closed(client: ClientConnection) -> tuple[int, str]:
    """The code and reason that a client was closed with."""
    with pytest.raises(ConnectionClosed) as caught:
        client.recv(timeout=20)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


def ids(text: str) -> list[str]:
    return re.findall(r'<th scope="row">([0-9a-f]{16})</th>', text)


def test_list_and_close(desk: Desk, stack: ExitStack) -> None:
    """Connections of both workers are listed; the one that is closed is the one that was meant."""
    mine, *_ = [stack.enter_context(desk.connect("room.list")) for _ in range(3)]
    other = stack.enter_context(desk.connect("room.other", with_user=False))
    text = desk.get(f"{CONNECTIONS}?group=room.list")
    assert len(ids(text)) == 3 and "room.other" not in text
    assert ">ada</a>" in text
    assert len(ids(desk.get(CONNECTIONS))) == 4
    (id,) = ids(desk.get(f"{CONNECTIONS}?q=room.other"))
    shown = desk.post(f"{CONNECTIONS}{id}/close/", code="4001", reason="enough")
    assert "was closed with code 4001." in shown
    assert closed(other) == (4001, "enough")
    assert len(ids(desk.get(f"{CONNECTIONS}?q=ada"))) == 3
    mine.ping().wait(20)
    assert "That connection is not there." in desk.get(f"{CONNECTIONS}{id}/close/")


def test_presence(desk: Desk, stack: ExitStack) -> None:
    """A group's page has its members, and who they are."""
    for _ in range(2):
        stack.enter_context(desk.connect("room.presence"))
    assert "room.presence" in desk.get(f"{GROUPS}?q=PRESENCE")
    text = desk.get(f"{GROUPS}room.presence/change/")
    assert "2 connections of this server are in the group." in text
    assert "1 is present" in text
    assert "{&quot;name&quot;: &quot;ada&quot;}" in text
    stack.enter_context(desk.connect("elsewhere"))
    assert "no presence" in desk.get(f"{GROUPS}elsewhere/change/")


@contextmanager
def pages_beside(desk: Desk, **env: str) -> Iterator[Desk]:
    """A process that serves pages only, as gunicorn would; its database is the same."""
    command = [sys.executable, "pages.py"]
    with running(command, SITE, BRIDGE_READY, env={**desk.env, **env}) as server:
        beside = Desk(server, desk.env)
        beside.log_in()
        yield beside


def test_beside_the_server(desk: Desk, stack: ExitStack) -> None:
    """Pages in another process show and do the same."""
    client = stack.enter_context(desk.connect("room.beside"))
    with pages_beside(desk) as beside:
        text = beside.get(f"{CONNECTIONS}?group=room.beside")
        assert desk.server.address in text
        (id,) = ids(text)
        assert "1 is present" in beside.get(f"{GROUPS}room.beside/change/")
        beside.post(f"{CONNECTIONS}{id}/close/", code="1012")
    assert closed(client) == (1012, "")


def test_no_server(desk: Desk) -> None:
    """Pages that can't find one say so, and what to do."""
    with (
        tempfile.TemporaryDirectory(prefix="cb-") as elsewhere,
        pages_beside(desk, RUNTIME_DIR=elsewhere) as beside,
    ):
        for page in (CONNECTIONS, GROUPS, f"{GROUPS}room.x/change/"):
            assert "There is no server that this page could ask." in beside.get(page)


def test_found_by_the_setting(desk: Desk) -> None:
    """Where ``control`` in WEBSOCKETS_SERVER names the server's socket, it is found there."""
    (control,) = Path(desk.env["RUNTIME_DIR"]).glob("channels_bridge-*/server-*.sock")
    with (
        tempfile.TemporaryDirectory(prefix="cb-") as elsewhere,
        pages_beside(desk, RUNTIME_DIR=elsewhere, CONTROL=str(control)) as beside,
    ):
        assert desk.server.address in beside.get(CONNECTIONS)
