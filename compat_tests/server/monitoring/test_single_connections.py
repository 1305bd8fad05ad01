"""Single connections of a real server: listed by ``websockets_status``, and closed by their ids."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from websockets.exceptions import ConnectionClosed

from channels_bridge.management.commands.websockets_close import why_not_closed
from channels_bridge.management.commands.websockets_status import render_connections
from compat_tests.parity.site import USER
from compat_tests.servers import wait_for


def listed(site, **wanted):
    return site.status(top=0, connections=wanted)["connections"]


def closed(client):
    """The code and reason that a client was closed with."""
    with pytest.raises(ConnectionClosed) as caught:
        client.recv(timeout=20)
    return caught.value.rcvd.code, caught.value.rcvd.reason


def test_users_and_groups(site):
    """Of each connection it is known whose it is, which groups it is in, and on which worker."""
    _, headers = site.post("/login/", urlencode(USER))
    cookie = headers["Set-Cookie"].partition(";")[0]
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(site.connect("/room/attic/", Cookie=cookie))
        stack.enter_context(site.connect("/room/cellar/"))
        stack.enter_context(site.connect("/echo/"))
        rows = {row["path"]: row for row in listed(site)["rows"]}
        assert {path: (row["user"], row["groups"]) for path, row in rows.items()} == {
            "/room/attic/": ("1", ["attic"]),
            "/room/cellar/": (None, ["cellar"]),
            "/echo/": (None, []),
        }
        attic = listed(site, group="attic")
        assert attic["matching"] == 2
        assert {row["path"] for row in attic["rows"]} == {"/room/attic/"}
        assert listed(site, search="cellar")["matching"] == 1
        assert {row["worker"] for row in listed(site)["rows"]} == {0, 1}
        status = site.status(group_search="CELL")
        assert status["groups"] == [{"group": "cellar", "members": 1}]


def test_commands(site):
    """One command lists connections with their ids, another one closes what has an id."""
    with site.connect("/room/hall/?id=hall") as client, site.connect("/echo/") as other:
        text = site.manage("websockets_status", "--group", "hall")
        heading, line = (row.split() for row in text.splitlines()[-3:-1])
        assert (heading[0], heading[-1], line[-1]) == ("id", "groups", "hall")
        assert text.endswith("\n1 connection\n")
        options = ["--connection", line[0], "--code", "4001", "--reason", "enough"]
        assert site.manage("websockets_close", *options) == "1 connection closed\n"
        assert closed(client) == (4001, "enough")
        error = site.manage("websockets_close", *options, code=1)
        assert error.startswith("CommandError: no connection has this id: it has ended")
        other.send("still here")
        assert other.recv() == "still here"
        found = json.loads(site.manage("websockets_status", "--connections", "--json"))
        assert [row["path"] for row in found["connections"]["rows"]] == ["/echo/"]


def test_the_consumer_hears_of_it(site):
    """Its ``disconnect()`` gets the code, as after any other close."""
    with site.connect("/echo/?id=ended") as client:
        (row,) = listed(site, search="/echo/")["rows"]
        answer = site.status(close={"id": row["id"], "code": 1012, "reason": ""})
        assert [closed["path"] for closed in answer["closed"]] == ["/echo/"]
        assert closed(client) == (1012, "")
    assert wait_for(lambda: site.disconnects("ended") == [1012], 20)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"code": 1006}, "cannot close with code 1006"),
        ({"reason": "x" * 124}, "longer than 123 bytes"),
        ({"user": "1"}, "goes with no other choice"),
        ({"server": "/nowhere.sock"}, "no server runs at /nowhere.sock"),
    ],
)
def test_mistakes(options, words):
    """What can't be meant or sent is an error that says why, and nobody is asked."""
    with pytest.raises(CommandError, match=words):
        call_command("websockets_close", connection="0123456789abcdef", **options)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"workers": []}, "another release"),
        ({"closed": [], "silent": [1, 3]}, "not known whether .* worker 1, 3"),
        ({"closed": [], "silent": []}, "it has ended"),
    ],
)
def test_what_is_said_where_none_was_closed(answer, words):
    """It has gone, or it is not known; nobody is told that it was closed."""
    assert re.search(words, why_not_closed(answer))


def test_bounds_are_told():
    """Where not all are shown, or not all workers have answered, the list says so."""
    client = {"unsent_bytes": 0, "inbox_depth": 0, "seconds": 1, "worker": 0, "client": "-"}
    row = {**client, "path": "/a/", "id": "1", "groups": ["x"], "in_groups": 3}
    lines = list(render_connections({"matching": 5000, "rows": [row]}, [2]))
    assert lines[1].endswith("x, and 2 more")
    assert lines[2:] == [
        "5000 connections",
        "the first 1 are shown; --top 1000 shows more",
        "worker 2 does not answer: its connections are not among these",
    ]
    full = list(render_connections({"matching": 5000, "rows": [row] * 1000}, []))
    assert full[-1] == "the first 1000 are shown; use --search"
