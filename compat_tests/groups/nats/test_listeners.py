"""Who listens is asked of all nodes; what they answer may be late, missing or odd."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from channels_bridge.groups.nats import known_nodes, listeners
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.nats_headers import Reply
from channels_bridge.groups.nats.client.server_info import ServerInfo
from channels_bridge.groups.nats.listeners import (
    Listeners,
    connection_name,
    read_connection_name,
)
from compat_tests.groups.hubs import soon

ME, A, B = b"identity", b"other--a", b"other--b"


class FakeConnection:
    """Nodes that answer when they are told to."""

    round_trip = None
    connected = True

    def __init__(self, cluster="", urls=()):
        self.info = ServerInfo(
            server_name="n1", server_id="N1", cluster=cluster, connect_urls=tuple(urls)
        )
        self.asked = []
        self.always = []  # what is answered without being told to
        self.open = set()
        self._news = asyncio.Event()

    def request_many(self, subject, payload, on_reply):
        self.asked.append((subject, json.loads(payload), on_reply))
        self.open.add(on_reply)
        self._news.set()
        for reply in self.always:
            asyncio.get_running_loop().call_soon(on_reply, reply)
        return lambda: self.open.discard(on_reply)

    async def question(self, number):
        """How to answer a question, once it has been asked."""
        while len(self.asked) < number:
            self._news.clear()
            await soon(self._news.wait())
        return self.asked[number - 1][2]


def answer(node, *identities, names=()):
    """What a node says."""
    names = [*map(connection_name, identities), *names]
    document = {
        "server": {"id": node, "name": node.lower()},
        "data": {"connections": [{"name": name} for name in names]},
    }
    return Reply(json.dumps(document).encode())


def finding(connection, timeout=10.0, servers=1):
    """Ask who listens."""
    listening = Listeners(connection, ME, servers)
    return listening, asyncio.create_task(listening.find("p.g.room", timeout))


def test_connection_names():
    """The name of a connection says whose it is."""
    found = read_connection_name(connection_name(A))
    assert found is not None
    identity, place = found
    assert identity == A
    assert place.endswith(f":{os.getpid()}")
    for name in ("", "nats-cli", "channels_bridge xyz", f"channels_bridge {A.hex()[1:]} host:1"):
        assert read_connection_name(name) is None


async def test_one_node():
    """The only node knows all: its answer is enough. This process isn't among them."""
    connection = FakeConnection()
    _, task = finding(connection)
    on_reply = await connection.question(1)
    on_reply(answer("N1", A, B, ME, names=["nats-cli", ""]))
    assert (await soon(task)).keys() == {A, B}
    subject, question, _ = connection.asked[0]
    assert subject == "$SYS.REQ.ACCOUNT.PING.CONNZ"
    assert question["filter_subject"] == "p.g.room"
    assert not connection.open


async def test_nobody():
    """A node without such a connection says so in one way or the other."""
    connection = FakeConnection()
    for number, data in enumerate(({}, {"connections": None}, {"connections": []}), 1):
        _, task = finding(connection)
        document = {"server": {"id": "N1", "name": "n1"}, "data": data}
        (await connection.question(number))(Reply(json.dumps(document).encode()))
        assert await soon(task) == {}


async def test_cluster(monkeypatch):
    """The first time it is quiet after the last answer; later all nodes that are known answer."""
    monkeypatch.setattr(listeners, "QUIET", 0.05)
    connection = FakeConnection(cluster="cb")
    listening, task = finding(connection)
    on_reply = await connection.question(1)
    on_reply(answer("N1", A))
    on_reply(answer("N2", B))
    assert (await soon(task)).keys() == {A, B}
    monkeypatch.setattr(listeners, "QUIET", 1000)
    again = asyncio.create_task(listening.find("p.g.room", 10))
    on_reply = await connection.question(2)
    on_reply(answer("N2"))
    await asyncio.sleep(0)
    assert not again.done()
    on_reply(answer("N1", A))
    assert (await soon(again)).keys() == {A}


async def test_fewer_than_addresses(monkeypatch):
    """An answer that was lost is asked for again; but a node may have several addresses."""
    monkeypatch.setattr(listeners, "QUIET", 0.02)
    connection = FakeConnection(cluster="cb", urls=["n1:4222", "n2:4222", "10.0.0.2:4222"])
    _, task = finding(connection)
    (await connection.question(1))(answer("N1", A))
    (await connection.question(2))(answer("N1", A))
    on_reply = await connection.question(3)
    on_reply(answer("N1", A))
    on_reply(answer("N2", B))
    assert (await soon(task)).keys() == {A, B}


async def test_fewer_than_both_name(monkeypatch):
    """What CONFIG names, and the node knows the address of, is there: it is asked for longer."""
    monkeypatch.setattr(listeners, "QUIET", 0.01)
    monkeypatch.setattr(listeners, "SURE_ATTEMPTS", 6)
    connection = FakeConnection(cluster="cb", urls=["n1:4222", "n2:4222"])
    connection.always = [answer("N1", A)]
    _, task = finding(connection, servers=2)
    assert (await soon(task)).keys() == {A}
    assert len(connection.asked) == 6


@pytest.fixture
async def cut_off(monkeypatch):
    """A cluster of two nodes of which one has just gone, and is asked no more."""
    monkeypatch.setattr(listeners, "QUIET", 0.02)
    monkeypatch.setattr(listeners, "MOVING", 0.01)
    connection = FakeConnection(cluster="cb")
    listening, task = finding(connection)
    on_reply = await connection.question(1)
    on_reply(answer("N1", A))
    on_reply(answer("N2", B))
    await soon(task)
    listening.forget_nodes()
    return connection, listening


async def test_cluster_changes(cut_off, monkeypatch, caplog):
    """A change of the cluster asks anew, also those who are waiting for a node that has gone.

    Its processes have time to move: who was asked before that is asked again.
    """
    monkeypatch.setattr(known_nodes, "MOVE", 0.2)
    connection, listening = cut_off
    again = asyncio.create_task(listening.find("p.g.room", 10))
    (await connection.question(2))(answer("N1", A))
    listening.forget_nodes()
    (await connection.question(3))(answer("N1", A))
    await connection.question(4)
    assert not again.done()
    connection.always = [answer("N1", A, B)]
    connection.asked[3][2](answer("N1", A))
    assert (await soon(again)).keys() == {A, B}


async def test_silent_node_is_said(cut_off, monkeypatch, caplog):
    """Once all had time to move, the others' answers are taken; that one is silent is said once."""
    monkeypatch.setattr(known_nodes, "MOVE", 0.0)
    connection, listening = cut_off
    connection.always = [answer("N1", A)]
    for _ in range(2):
        assert (await soon(listening.find("p.g.room", 10))).keys() == {A}
    assert listening.silent_nodes.keys() == {"n2"}
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("who listens to p.g.room is known in a part of the NATS cluster only: ")
    assert "there is no answer from n2 for 0 s" in line
    listening.forget_nodes()
    connection.always = [answer("N1", A), answer("N2", B)]
    assert (await soon(listening.find("p.g.room", 10))).keys() == {A, B}
    assert listening.silent_nodes == {}


async def test_no_time_to_move(cut_off):
    """Who can't wait until all have moved is told which node is missing."""
    connection, listening = cut_off
    connection.always = [answer("N1", A)]
    with pytest.raises(NatsUnavailable, match="n2 does not say who listens"):
        await soon(listening.find("p.g.room", 0.1))
    assert not connection.open


@pytest.mark.parametrize(("servers", "is_said"), [(1, False), (2, False), (3, True)])
async def test_fewer_than_servers(monkeypatch, caplog, servers, is_said):
    """A process that knows of no other node, such as a command, knows how many it was told."""
    monkeypatch.setattr(listeners, "QUIET", 0.02)
    connection = FakeConnection(cluster="cb")
    connection.always = [answer("N1", A), answer("N2", B)]
    _, task = finding(connection, servers=servers)
    await soon(task)
    assert ("`servers` in CONFIG are 3, and 2 answer" in caplog.text) == is_said


async def test_silent_node(monkeypatch):
    """A node that says nothing is asked again, and named in the end."""
    monkeypatch.setattr(listeners, "QUIET", 0.02)
    monkeypatch.setattr(listeners, "AGAIN", 0.05)
    connection = FakeConnection(cluster="cb")
    listening, task = finding(connection)
    on_reply = await connection.question(1)
    on_reply(answer("N1", A))
    on_reply(answer("N2"))
    await soon(task)
    connection.always = [answer("N1", A)]
    again = asyncio.create_task(listening.find("p.g.room", 1))
    await connection.question(3)
    with pytest.raises(NatsUnavailable, match="n2 does not say who listens: let this user"):
        await soon(again)
    assert not connection.open


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(b"", 503, "No Responders"), "No Responders"),
        (Reply(b"", 408), "408"),
        (Reply(b"{"), "can't be read"),
        (Reply(b"[]"), "can't be read"),
        (Reply(b'{"server": {}, "data": {}}'), "can't be read"),
        (Reply(b'{"server": {"id": "N1", "name": "n1"}, "data": {"connections": [1]}}'), "be read"),
        (Reply(b'{"error": {"code": 403, "description": "not so"}}'), "not so"),
        (Reply(b'{"error": "not so"}'), "can't be read"),
    ],
)
async def test_odd_answers(monkeypatch, reply, words):
    """What a node says instead of an answer is in the error."""
    monkeypatch.setattr(listeners, "AGAIN", 0.02)
    connection = FakeConnection()
    connection.always = [reply]
    _, task = finding(connection, timeout=0.1)
    with pytest.raises(NatsUnavailable, match=words):
        await soon(task)


async def test_cluster_changes_at_the_last_moment(monkeypatch):
    """The node that was silent is named, though it is no longer known which nodes there are."""
    monkeypatch.setattr(listeners, "QUIET", 0.02)
    connection = FakeConnection(cluster="cb")
    listening, task = finding(connection)
    on_reply = await connection.question(1)
    on_reply(answer("N1", A))
    on_reply(answer("N2"))
    await soon(task)
    again = asyncio.create_task(listening.find("p.g.room", 0))
    (await connection.question(2))(answer("N1", A))
    listening.forget_nodes()
    with pytest.raises(NatsUnavailable, match="n2 does not say who listens"):
        await soon(again)
