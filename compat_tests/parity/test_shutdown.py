"""The end of a server: its clients and its consumers are told."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack
from http.client import HTTPResponse
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from compat_tests.parity.site import OURS, Site, serve
from compat_tests.servers import wait_for

PATHS = ["/echo/", "/sync-echo/"] * 4
SECRET = {"Cookie": "sessionid=planted", "Authorization": "Bearer planted"}


def open_clients(site: Site, stack: ExitStack) -> list[ClientConnection]:
    """Connect to each path, and to a room; each has an answer to its first message."""

    def connect(path: str) -> ClientConnection:
        return stack.enter_context(site.connect(path, additional_headers=SECRET))

    clients = [connect(f"{path}?id={index}&token=planted") for index, path in enumerate(PATHS)]
    room = connect("/room/lounge/")
    room.send(json.dumps({"text": "planted"}))
    assert "planted" in room.recv(10)
    for client in clients:
        client.send("planted")
        assert client.recv(10) == "planted"
    return [*clients, room]


def open_streams(site: Site, stack: ExitStack) -> list[HTTPResponse]:
    """Open two event streams; their first event has come."""
    streams = [stack.enter_context(site.http()) for _ in range(2)]
    for stream in streams:
        stream.request("GET", "/events/?token=planted", headers=SECRET)
    answers = [stream.getresponse() for stream in streams]
    assert [answer.readline() for answer in answers] == [b"data: hello\n"] * 2
    return answers


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_shutdown(name: str, number: signal.Signals, database: Path) -> None:
    """Every client gets 1001, ``disconnect()`` runs once for each with it, event streams come to
    their end, and the exit code is 0. In the log is no traceback, and at the lowest level nothing
    that clients have sent; no socket file is left.
    """
    with serve(name, database, SAMPLE_LOG_LEVEL="DEBUG") as site, ExitStack() as stack:
        clients, answers = open_clients(site, stack), open_streams(site, stack)
        site.server.signal(number)
        for client in clients:
            with pytest.raises(ConnectionClosed) as caught:
                client.recv(10)
            assert caught.value.rcvd is not None and caught.value.rcvd.code == 1001
        assert [answer.read() for answer in answers] == [b"\n"] * 2

        def is_over() -> bool:
            site.server.signal(signal.SIGHUP)  # which comes too late, up to the last moment
            return site.server.process.poll() is not None

        assert wait_for(is_over, 20)
        assert site.server.wait() == 0
        log = site.server.log()
        assert "Using selector" in log  # asyncio's, at DEBUG
        for word in ("Traceback", "cancelled", "planted", "connection open"):
            assert word not in log
        assert [site.disconnects(str(index)) for index in range(len(PATHS))] == [[1001]] * 8
        assert list(site.events_path.parent.glob("*.sock")) == []


def test_reload(database: Path) -> None:
    """SIGHUP: clients are told and may come back at once, and groups reach all that came."""
    with serve("bridge-2", database) as site:
        hub = site.events_path.parent / "groups.sock"
        before = hub.stat().st_ino
        with site.connect("/room/before/?id=old") as old:
            site.server.signal(signal.SIGHUP)
            with pytest.raises(ConnectionClosed):
                old.recv(20)
        assert site.wait_for_disconnect("old") == 1001
        with ExitStack() as stack:
            members = [stack.enter_context(site.connect("/room/after/")) for _ in range(4)]
            members[0].send(json.dumps({"text": "hello"}))
            assert [json.loads(member.recv(10))["text"] for member in members] == ["hello"] * 4
        assert hub.stat().st_ino == before
