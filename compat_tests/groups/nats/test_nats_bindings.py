"""Named channels in groups over NATS: queues that get copies of what is sent to a topic."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.nats.nats_transport import NatsTransport
from compat_tests.groups.hubs import soon, until
from compat_tests.groups.nats.nats_peers import nats_transports
from compat_tests.groups.nats.nats_servers import NatsServer
from compat_tests.groups.transport_peer import Peer

Join = Callable[..., NatsTransport]
Serve = Callable[..., NatsServer]

TERMS: dict[str, Any] = {"capacity": 1000, "expiry": 60, "lifetime": 60}

NOTHING_OF_JETSTREAM = """
accounts {
  SYS { users: [{user: sys, password: sys}] }
  A { jetstream: enabled
      users: [{user: a, password: a, permissions: {publish: {deny: ["$JS.>"]}, subscribe: ">"}}] }
}
system_account: SYS
no_auth_user: a
"""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts nodes, which outlive the processes."""
    with ExitStack() as servers:
        yield lambda config="", **options: servers.enter_context(NatsServer(config, **options))


@pytest.fixture
def peers() -> dict[NatsTransport, Peer]:
    """What came to each process."""
    return {}


@pytest.fixture
async def join(
    serve: Serve, nats_server: NatsServer, prefix: str, peers: dict[NatsTransport, Peer]
) -> AsyncIterator[Join]:
    """Lets processes join a project, on the shared node unless another one is given."""
    transports: list[NatsTransport] = []

    def join(url: str = nats_server.url, **options: Any) -> NatsTransport:
        transports.append(nats_transports([url], prefix=prefix, capacity=1000, **options)())
        peers[transports[-1]] = Peer(transports[-1])
        return transports[-1]

    yield join
    await asyncio.gather(*(transport.aclose() for transport in transports))


async def test_copies_keep_their_order(join: Join) -> None:
    """What one process publishes at once is copied in that order."""
    binder, sender = join(), join()
    await binder.bind("g:room", "work", **TERMS)
    sent = [b"%d" % number for number in range(100)]
    for payload in sent:
        await sender.publish("g:room", payload)
    assert [await soon(binder.pull("work")) for _ in sent] == sent


async def test_newcomers_know(join: Join) -> None:
    """A process that starts after all others have ended copies at once, though nobody waits."""
    binder = join()
    await binder.bind("g:room", "work", **TERMS)
    await binder.bind("g:room", "more", **TERMS)
    await binder.unbind("g:room", "more")
    await binder.aclose()
    sender = join()
    sender.publish_nowait("g:room", b"hello")  # before it is connected
    await sender.aclose()
    assert await soon(join().pull("work")) == b"hello"
    assert sender._queues._bindings.of("g:room").keys() == {"work"}


async def test_full_queue_holds_up_nobody(join: Join) -> None:
    """A copy for which there is no room is dropped, and the others come."""
    peer = join()
    await peer.bind("g:room", "full", **{**TERMS, "capacity": 1})
    await peer.bind("g:room", "work", **TERMS)
    for payload in (b"1", b"2"):
        await peer.publish_confirmed("g:room", payload)
    assert [await soon(peer.pull("work")) for _ in range(2)] == [b"1", b"2"]
    assert await soon(peer.pull("full")) == b"1"


async def test_node_is_restarted(join: Join, serve: Serve) -> None:
    """Those who know what is bound tell it a node that has forgotten it."""
    server = serve(jetstream=True)
    binder = join(server.url)
    await binder.bind("g:room", "work", **TERMS)
    await asyncio.to_thread(server.restart)
    await until(lambda: binder.statistics().reconnects == 1)
    await soon(binder.push("other", b"", capacity=1, expiry=60))
    await until(lambda: binder._queues._reading is not None and binder._queues._reading.done())
    await binder.publish_confirmed("g:room", b"from one that knew")
    sender = join(server.url)
    await sender.publish_confirmed("g:room", b"from one that came")
    got = [await soon(sender.pull("work")) for _ in range(2)]
    assert got == [b"from one that knew", b"from one that came"]


async def test_copies_wait_for_a_node(join: Join, serve: Serve) -> None:
    """A copy waits for as long as it might wait to be pulled; who wants to be sure is told."""
    server = serve(jetstream=True)
    binder, hasty = join(server.url), join(server.url, timeout=0.2)
    await binder.bind("g:room", "work", **TERMS)
    await hasty.publish_confirmed("g:room", b"1")
    await asyncio.to_thread(server.kill)
    with pytest.raises(TransportUnavailable):
        await hasty.publish_confirmed("g:room", b"2")
    await asyncio.to_thread(server.start)
    assert await soon(binder.pull("work")) == b"2"  # 1 has ended with its node


async def test_unreadable_binding(join: Join, caplog: pytest.LogCaptureFixture) -> None:
    """What another release tells is logged, and hurts nothing."""
    one, two = join(), join()
    await two.subscribe("g:room")  # now it hears what is told
    await one.ask("bindings:", b'{"of": "another release"}')
    assert "an announcement can't be read" in caplog.text
    await one._asker.announce("bindings:", b'{"of": "another release"}')
    assert "a binding of a channel to a group can't be read" in caplog.text
    await two.bind("g:room", "work", **TERMS)
    await one.publish_confirmed("g:room", b"hello")
    assert await soon(two.pull("work")) == b"hello"


@pytest.mark.parametrize(
    ("config", "options", "advice"),
    [
        ("", {}, "write `jetstream {}` into nats-server.conf"),
        (NOTHING_OF_JETSTREAM, {"jetstream": True}, "permissions { publish: ... }"),
    ],
    ids=["off", "denied"],
)
async def test_groups_need_no_jetstream(
    join: Join,
    peers: dict[NatsTransport, Peer],
    serve: Serve,
    caplog: pytest.LogCaptureFixture,
    config: str,
    options: dict[str, Any],
    advice: str,
) -> None:
    """Without JetStream all else works, and nothing is logged; binding says what to do."""
    server = serve(config, **options)
    one, two, three = (join(server.url) for _ in range(3))
    await three.subscribe("g:room")
    await one.publish_confirmed("g:room", b"1")
    await two.ask("g:room", b"2")
    await peers[three].has_received(b"1", b"2")
    await one.clear_queues()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    with pytest.raises(TransportUnavailable) as error:
        await one.bind("g:room", "work", **TERMS)
    assert advice in str(error.value)
