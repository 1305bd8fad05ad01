"""Messages between consumers, through the channel layer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from websockets.sync.client import ClientConnection

from compat_tests.parity.site import OURS, OVER_NATS, PEERS, Site, observed

MEMBERS = 8  # more than workers, so that groups cross processes

ROOM = pytest.mark.parametrize("path", ["/room/", "/sync-room/"])
NEWS = pytest.mark.parametrize("path", ["/news/", "/sync-news/"])


@pytest.fixture(params=[*PEERS, *OURS, OVER_NATS])
def site(request: pytest.FixtureRequest, running: Callable[[str], Site]) -> Iterator[Site]:
    """Every server, and ours over NATS."""
    yield from observed(running(request.param))


def texts(websockets: list[ClientConnection]) -> list[str]:
    """The text of each connection's next message."""
    return [json.loads(websocket.recv(10))["text"] for websocket in websockets]


def join(site: Site, stack: ExitStack, path: str) -> list[ClientConnection]:
    return [stack.enter_context(site.connect(path)) for _ in range(MEMBERS)]


@ROOM
def test_room(site: Site, path: str) -> None:
    """Each member gets each message of its room exactly once, in order."""
    room = f"{path}{site.name}/"
    with ExitStack() as stack:
        members = join(site, stack, room)
        for number in range(20):
            members[0].send(json.dumps({"text": number}))
        for number in range(20):
            assert texts(members) == [number] * MEMBERS
        members[-1].send(json.dumps({"text": "last"}))
        assert texts(members) == ["last"] * MEMBERS


@ROOM
def test_other_rooms_hear_nothing(site: Site, path: str) -> None:
    """A message stays in its room."""
    with (
        site.connect(f"{path}kitchen-{site.name}/") as cook,
        site.connect(f"{path}cellar-{site.name}/") as butler,
    ):
        cook.send(json.dumps({"text": "soup"}))
        butler.send(json.dumps({"text": "wine"}))
        assert texts([cook, butler]) == ["soup", "wine"]


@NEWS
def test_declared_groups(site: Site, path: str) -> None:
    """Consumers with ``groups = [...]`` are members from the start."""
    with ExitStack() as stack:
        members = join(site, stack, path)
        members[0].send(json.dumps({"text": "extra"}))
        assert texts(members) == ["extra"] * MEMBERS


@pytest.mark.parametrize("view", ["publish", "apublish"])
def test_publish_from_a_view(site: Site, view: str) -> None:
    """A view reaches every member, from synchronous and asynchronous code."""
    room = f"view-{site.name}"
    with ExitStack() as stack:
        members = join(site, stack, f"/room/{room}/")
        for number in range(3):
            assert site.request("GET", f"/{view}/{room}/?text=n{number}").status == 200
            assert texts(members) == [f"n{number}"] * MEMBERS


def test_direct_message(site: Site) -> None:
    """A message to a channel name reaches that one consumer, wherever it runs."""
    with ExitStack() as stack:
        members = join(site, stack, "/direct/")
        names = [json.loads(member.recv(10))["channel"] for member in members]
        assert len(set(names)) == MEMBERS
        for number, name in enumerate(names):
            members[0].send(json.dumps({"to": name, "text": number}))
        assert texts(members) == list(range(MEMBERS))
