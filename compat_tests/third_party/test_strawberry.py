"""strawberry's GraphQL under our server, on Channels' consumers."""

from __future__ import annotations

import http.client
import json
from contextlib import ExitStack

import pytest

from compat_tests.third_party.project import Project, ask, open_all, told

pytest.importorskip("strawberry.channels")


@pytest.fixture(scope="module")
def server(directory):
    with Project(directory, "hall").serve() as server:
        yield server


def open_graphql(stack, server, count):
    """Connections that have been through the protocol's opening."""
    subprotocols = ["graphql-transport-ws"]
    clients = open_all(stack, server, "/graphql", count, subprotocols=subprotocols)
    for client in clients:
        assert client.subprotocol == "graphql-transport-ws"
        ask(client, type="connection_init")
        assert told(client)["type"] == "connection_ack"
    return clients


def run(client, query):
    ask(client, type="subscribe", id="1", payload={"query": query})


def data(client):
    """The data of the next answer, which must be one."""
    message = told(client)
    assert message["type"] == "next", message
    return message["payload"]["data"]


def test_http(server):
    """A query over HTTP is answered."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    body = json.dumps({"query": '{ hello(name: "Ada") }'})
    client.request("POST", "/graphql", body, {"Content-Type": "application/json"})
    response = client.getresponse()
    assert response.status == 200
    assert json.loads(response.read()) == {"data": {"hello": "Hello Ada"}}
    client.close()


def test_subscription(server):
    """A subscription ends when it has said all."""
    with ExitStack() as stack:
        (client,) = open_graphql(stack, server, 1)
        run(client, "subscription { count(to: 3) }")
        assert [data(client) for _ in range(3)] == [{"count": 0}, {"count": 1}, {"count": 2}]
        assert told(client) == {"type": "complete", "id": "1"}


def test_messages_from_other_workers(server):
    """Subscriptions to a group hear mutations from any worker, through our layer."""
    with ExitStack() as stack:
        speaker, *listeners = open_graphql(stack, server, 5)
        for listener in listeners:
            run(listener, 'subscription { heard(room: "hall") }')
            assert data(listener) == {"heard": "listening"}
        for text in ("one", "two"):
            run(speaker, f'mutation {{ say(room: "hall", text: "{text}") }}')
            assert data(speaker) == {"say": True}
            assert told(speaker)["type"] == "complete"
            for listener in listeners:
                assert data(listener) == {"heard": text}
