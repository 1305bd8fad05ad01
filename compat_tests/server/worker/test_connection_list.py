"""A worker's connections one by one: which are found, in which order, and how one is closed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from channels_bridge.server.asgi_types import Receive, Send
from channels_bridge.server.connection_order import MOST_LISTED, how_many
from channels_bridge.server.websocket.asgi_scope import Scope
from channels_bridge.server.worker import connection_list
from channels_bridge.server.worker.loop_lag import LoopDelay
from channels_bridge.server.worker.status_report import Report, no_figures
from compat_tests.engine import Engine

Serve = Callable[..., Awaitable[Engine]]


class House:
    """An engine with some connections, and what its worker would report."""

    def __init__(self, engine: Engine, report: Report, stack: AsyncExitStack) -> None:
        self.engine = engine
        self.report = report
        self._stack = stack

    async def enter(self, path: str, **about: Any) -> ClientConnection:
        """Connect; the application knows this of the connection."""
        known = set(self.engine.context.connections)
        client = await self._stack.enter_async_context(self.engine.connect(path))
        (connection,) = set(self.engine.context.connections) - known
        connection.about = lambda: about  # type: ignore[attr-defined]
        return client

    async def found(self, **wanted: Any) -> list[str]:
        """The paths of those that are found, in their order."""
        return [row["path"] for row in (await self.listed(**wanted))["rows"]]

    async def listed(self, **wanted: Any) -> Any:
        """The whole answer."""
        return (await self.report({"connections": wanted}))["connections"]

    async def close(self, id: str, code: int = 4001, reason: str = "enough") -> Any:
        """Close one."""
        answer = await self.report({"close": {"id": id, "code": code, "reason": reason}})
        return answer["closed"]


async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that takes whatever comes, until its client has gone."""
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


@pytest.fixture
async def house(serve: Serve) -> AsyncIterator[House]:
    """Without connections yet."""
    async with AsyncExitStack() as stack:
        delay = stack.enter_context(contextlib.closing(LoopDelay()))
        report = Report(delay, no_figures)
        engine = await serve(waiting)
        report.context = engine.context
        yield House(engine, report, stack)


async def test_what_is_said_of_each(house: House) -> None:
    """A row says what is known of a connection, and no message that it has had."""
    client = await house.enter("/a/", user="5", channel="c", groups=["x", "y"])
    await client.send("secret")
    assert (await house.listed())["matching"] == 1
    (row,) = (await house.listed())["rows"]
    assert re.fullmatch("[0-9a-f]{16}", row.pop("id"))
    assert re.fullmatch(r"127\.0\.0\.1:\d+", row.pop("client"))
    assert 0 <= row.pop("seconds") < 60
    assert row.pop("inbox_depth") in (0, 1)
    assert row == {
        "path": "/a/",
        "unsent_bytes": 0,
        "user": "5",
        "channel": "c",
        "groups": ["x", "y"],
        "in_groups": 2,
    }


@pytest.mark.parametrize(
    ("wanted", "paths"),
    [
        ({}, "abc"),
        ({"search": "/B/"}, "b"),
        ({"search": "127.0.0.1:"}, "abc"),
        ({"search": "SPECIFIC.9"}, "c"),
        ({"search": "1"}, "abc"),  # of the address; as a key it would be one
        ({"search": "u-7"}, "a"),
        ({"search": "u-"}, ""),  # a key is found as a whole
        ({"search": "ada", "users": ["u-7", "u-8"]}, "ab"),
        ({"group": "x"}, "ab"),
        ({"group": "X"}, ""),
        ({"group": "x", "search": "/a/"}, "a"),
        ({"search": None, "group": None, "users": None}, "abc"),
    ],
)
async def test_search(house: House, wanted: dict[str, Any], paths: str) -> None:
    """By a part of path, address and channel, by a user's whole key, and by group."""
    await house.enter("/a/", user="U-7".lower(), channel="specific.1", groups=["x"])
    await house.enter("/b/", user="u-8", channel=None, groups=["w", "x"])
    await house.enter("/c/", user=None, channel="specific.9", groups=[])
    listed = await house.listed(order="oldest", **wanted)
    assert sorted(row["path"] for row in listed["rows"]) == [f"/{path}/" for path in paths]
    assert listed["matching"] == len(paths)


async def test_long_paths(house: House) -> None:
    """Clients choose them: they are found as a whole, and shown in part."""
    await house.enter(f"/{'x' * 60_000}/end/")
    (path,) = await house.found(search="/end/")
    assert path == f"/{'x' * (connection_list.MOST_OF_PATH - 1)}…"


async def test_applications_that_tell_nothing(house: House) -> None:
    """Connections are found, though only by what the engine knows."""
    await house.enter("/a/")
    assert await house.found(search="/a/") == ["/a/"]
    assert await house.found(group="x") == []


async def test_order_and_number(house: House) -> None:
    """The newest first, or the oldest; no more than are wanted, but all are counted."""
    for number in range(4):
        await house.enter(f"/{number}/")
        for connection in house.engine.context.connections:
            connection.opened -= 10  # type: ignore[attr-defined]
    assert await house.found() == ["/3/", "/2/", "/1/", "/0/"]
    assert await house.found(order="oldest", limit=2) == ["/0/", "/1/"]
    listed = await house.listed(limit=1)
    assert (listed["matching"], len(listed["rows"])) == (4, 1)
    assert await house.found(limit=0) == []


@pytest.mark.parametrize(
    ("limit", "number"), [(None, MOST_LISTED), (10**9, MOST_LISTED), (-1, 0), ("5", MOST_LISTED)]
)
def test_limits(limit: object, number: int) -> None:
    """Whatever is asked for, a worker makes no longer lists."""
    assert how_many(limit) == number


async def test_more_than_are_looked_at_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the loop goes round in between, none is left out."""
    monkeypatch.setattr(connection_list, "SLICE", 2)
    for number in range(5):
        await house.enter(f"/{number}/")
    assert sorted(await house.found()) == [f"/{number}/" for number in range(5)]


async def test_many_groups(house: House) -> None:
    """Of many groups the first are named, and it is said how many there are."""
    await house.enter("/a/", groups=[f"g{number:04}" for number in range(1000)])
    (row,) = (await house.listed(group="g0999"))["rows"]
    assert row["groups"] == [f"g{number:04}" for number in range(20)]
    assert row["in_groups"] == 1000


async def test_close(house: House) -> None:
    """The one with the id is closed, its client is told why, and others stay."""
    first, second = [await house.enter(path, user=path) for path in ("/a/", "/b/")]
    (row,) = (await house.listed(search="/a/"))["rows"]
    (closed,) = await house.close(row["id"])
    assert {key: closed[key] for key in ("id", "path", "user")} == {
        "id": row["id"],
        "path": "/a/",
        "user": "/a/",
    }
    await first.wait_closed()
    assert (first.close_code, first.close_reason) == (4001, "enough")
    assert await house.found() == ["/b/"]
    assert await house.close(row["id"]) == []  # it has gone already
    assert await house.close("0123456789abcdef") == []
    await second.send("still here")
    assert (await house.listed(id=row["id"]))["matching"] == 0


async def test_ids_are_nobody_elses(house: House) -> None:
    """A connection keeps its id; one that takes its place in memory doesn't get it."""
    client = await house.enter("/a/")
    (row,) = (await house.listed())["rows"]
    assert (await house.listed(id=row["id"]))["rows"][0]["path"] == "/a/"
    (connection,) = house.engine.context.connections
    connection.opened += 0.001  # type: ignore[attr-defined]
    assert (await house.listed(id=row["id"]))["rows"] == []
    await client.close()


async def test_slowest_have_ids(house: House) -> None:
    """The clients that the status shows anyway can be closed as well."""
    await house.enter("/a/")
    (slow,) = (await house.report({"top": 1}))["slowest"]
    assert [row["path"] for row in await house.close(slow["id"])] == ["/a/"]


async def test_scrapes_ask_for_none(house: House) -> None:
    """What metrics ask for has no single connection in it."""
    await house.enter("/a/")
    assert {*await house.report({})} == {"counters", "gauges"}
