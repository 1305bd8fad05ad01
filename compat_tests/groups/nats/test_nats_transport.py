"""What the transport over NATS promises besides the contract of all transports."""

from __future__ import annotations

import asyncio
import os
from contextlib import closing

import pytest

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.groups.nats import asking, nats_transport
from channels_bridge.groups.nats.asking import read_announcement
from channels_bridge.groups.nats.client import nats_connection
from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.reconnection import Reconnection
from channels_bridge.groups.nats.listeners import connection_name
from channels_bridge.groups.nats.subjects import Subjects
from compat_tests.groups.hubs import soon, until
from compat_tests.groups.nats.nats_peers import nats_transports
from compat_tests.groups.nats.nats_servers import NatsCluster, NatsServer, choose_port
from compat_tests.groups.nats.tcp_proxy import TcpProxy
from compat_tests.groups.transport_peer import Peer

ROOMS = [f"g:room-{number}" for number in range(10_000)]


@pytest.fixture
async def connect(nats_server, prefix):
    """Makes peers at one node, with a prefix of their own."""
    peers = []
    make_transport = nats_transports([nats_server.url], prefix=prefix)

    def connect(**options):
        peers.append(Peer(make_transport(**options)))
        return peers[-1]

    yield connect
    await asyncio.gather(*(peer.transport.aclose() for peer in peers))


@pytest.fixture
async def connect_raw(nats_server, prefix):
    """Makes connections that look like this project's processes, and acknowledge nothing."""
    connections = []

    async def connect_raw(topic, on_message=lambda connection: None):
        identity = os.urandom(8)
        connection = NatsConnection(
            [nats_server.url],
            name=connection_name(identity),
            reply_prefix=f"{prefix}.i.{identity.hex()}",
            on_message=lambda *message: on_message(connection),
        )
        connections.append(connection)
        connection.start()
        connection.subscribe(Subjects(prefix, identity).topic(topic), topic)
        connection.subscribe(Subjects(prefix, identity).own_control, "control")
        await connection.flush(10)
        return connection

    yield connect_raw
    await asyncio.gather(*(connection.aclose() for connection in connections))


@pytest.fixture
def impatient(monkeypatch):
    """Let those who don't answer be looked after at once."""
    monkeypatch.setattr(asking, "LOOK", 0.05)


@pytest.fixture
def closing_soon(monkeypatch):
    """Let nobody wait long for a node that isn't there."""
    for module in (nats_transport, nats_connection):
        monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.1)


# Subscribing.


async def test_left_and_joined_again_at_once(connect, monkeypatch):
    """That the first subscription was in force says nothing of the second."""
    transport = connect().transport
    pongs = []

    async def flush(timeout):
        pongs.append(asyncio.get_running_loop().create_future())
        await pongs[-1]

    with monkeypatch.context() as patch:
        patch.setattr(transport._connection, "flush", flush)
        first = asyncio.ensure_future(transport.subscribe("g:room"))
        await until(lambda: len(pongs) == 1)
        transport.unsubscribe("g:room")
        second = asyncio.ensure_future(transport.subscribe("g:room"))
        await until(lambda: len(pongs) == 2)
        pongs[0].set_result(None)
        await soon(first)
        third = asyncio.ensure_future(transport.subscribe("g:room"))
        await until(lambda: len(pongs) == 3 or third.done())
        is_early = third.done()
        for pong in pongs[1:]:
            pong.set_result(None)
        await soon(asyncio.gather(second, third))
        await soon(transport.subscribe("g:room"))
    assert not is_early


async def test_publish_elsewhere_right_after_joining(nats_cluster, prefix):
    """A subscription that is in force gets what is published at another node in that moment."""
    make_transport = nats_transports(nats_cluster.urls, prefix=prefix)
    receiver, *senders = (Peer(make_transport()) for _ in range(3))
    for topic in ROOMS[:1000]:
        await receiver.transport.subscribe(topic)
        for number, sender in enumerate(senders):
            sender.transport.publish_nowait(topic, b"%d" % number)
    expected = {(topic, b"%d" % number) for topic in ROOMS[:1000] for number in range(2)}
    await until(lambda: len(receiver.received) >= 2000)
    assert len(receiver.received) == 2000
    assert set(receiver.received) == expected
    assert receiver.transport.statistics().missed == 0
    await asyncio.gather(*(peer.transport.aclose() for peer in (receiver, *senders)))


@pytest.mark.parametrize("moment", ["before", "while", "after"])
async def test_many_subscriptions(connect, moment):
    """Ten thousand subscriptions come into force, in whatever moment of the connection."""
    sender, receiver = connect(), connect()
    if moment == "after":
        await receiver.transport.subscribe("g:first")
    joining = []
    for number, topic in enumerate(ROOMS):
        joining.append(asyncio.ensure_future(receiver.transport.subscribe(topic)))
        if moment == "while" and number % 100 == 0:
            await asyncio.sleep(0)
    await soon(asyncio.gather(*joining))
    for topic in ROOMS:
        await sender.transport.publish(topic, topic.encode())
    await receiver.has_received(*(topic.encode() for topic in ROOMS))


async def test_prefixes(nats_server, prefix):
    """Projects at one node don't meet, whatever their groups are called."""
    peers = [
        Peer(nats_transports([nats_server.url], prefix=f"{prefix}{number}")()) for number in "12"
    ]
    for peer in peers:
        await peer.transport.subscribe("g:room")
    await peers[0].transport.ask("g:room", b"hello")
    await peers[1].transport.ask("g:room", b"hello")
    assert [peer.payloads for peer in peers] == [[], []]
    await asyncio.gather(*(peer.transport.aclose() for peer in peers))


# Asking and telling.


async def test_who_has_not_answered(connect, connect_raw):
    """The error names the process that has not handled what was asked."""
    sender, receiver = connect(timeout=0.3), connect()
    await receiver.transport.subscribe("g:room")
    await connect_raw("g:room")
    await connect_raw("p:other")
    with pytest.raises(TransportUnavailable, match=rf":{os.getpid()} has not handled it"):
        await sender.transport.ask("g:room", b"hello")
    with pytest.raises(TransportUnavailable, match=rf":{os.getpid()} has not handled it"):
        await sender.transport.tell("p:other", b"hello")
    assert receiver.payloads == [b"hello"]


async def test_who_unsubscribes_meanwhile(connect, connect_raw, impatient):
    """Nobody waits for a process that has left the topic before it handled what was asked."""
    sender, receiver = connect(), connect()
    await receiver.transport.subscribe("g:room")
    await connect_raw("g:room", lambda connection: connection.unsubscribe("g:room"))
    await soon(sender.transport.ask("g:room", b"hello"))
    assert receiver.payloads == [b"hello"]


async def test_who_ends_meanwhile(connect, connect_raw, impatient):
    """Nobody waits for a process that has ended, but for one that may be on its way."""
    sender = connect()
    ending = []

    def end(connection):
        if not ending:
            ending.append(asyncio.ensure_future(connection.aclose()))

    await connect_raw("p:other", end)
    assert await soon(sender.transport.tell("p:other", b"hello"))
    ending.clear()
    await connect_raw("g:room", end)
    await soon(sender.transport.ask("g:room", b"hello"))
    assert ending


async def test_answers_that_were_lost_on_the_way(connect, monkeypatch):
    """Asking returns once the answers are here, too, though a node has lost them once."""
    asker, other = connect(), connect()
    await asker.transport.subscribe("p:asker")
    await other.transport.subscribe("q:number")
    answer = other.transport.publish_nowait
    other.on_delivery = lambda topic, payload: answer("p:asker", b"7")
    await asker.transport.ask("q:number", b"?")
    connection, lost = other.transport._connection, []
    publish = connection.publish

    def lose_the_first(subject, *parts, **options):
        if ".p.asker" in subject and not lost:
            lost.append(parts)
            return True
        return publish(subject, *parts, **options)

    monkeypatch.setattr(connection, "publish", lose_the_first)
    for count in range(2, 5):
        await soon(asker.transport.ask("q:number", b"?"))
        assert asker.payloads == [b"7"] * count
    assert lost
    assert asker.transport.statistics().recovered == 1


async def test_nested_questions(connect):
    """A process may publish from within what it handles, to a topic that the asker hears, too."""
    asker, other = connect(), connect()
    await asker.transport.subscribe("g:room")
    await other.transport.subscribe("p:other")

    def answer(topic, payload):
        for number in range(3):
            other.transport.publish_nowait("g:room", b"%d" % number)
            other.transport.publish_nowait("g:nobody", b"")

    other.on_delivery = answer
    assert await soon(asker.transport.tell("p:other", b"hello"))
    await soon(asker.transport.ask("p:other", b"hello"))
    assert asker.payloads == [b"0", b"1", b"2"] * 2


async def test_announcements(connect):
    """What is announced is handled by those who listen then, and by nobody who begins to later."""
    asker, early, late = connect(), connect(), connect()
    await early.transport.subscribe("g:news")
    announce = asker.transport._asker.announce
    for number in range(20):
        await soon(announce("g:news", b"%d" % number))
        await late.transport.subscribe("g:news")
        # It brings what was sent a moment before, too.
        await asker.transport.ask("g:news", b"asked")
        late.transport.unsubscribe("g:news")
        heard = [payload for payload in early.payloads if payload != b"asked"]
        identity = early.transport._identity
        assert read_announcement(heard[-1], identity) == b"%d" % number
        for payload in late.payloads:
            assert payload == b"asked" or not read_announcement(payload, late.transport._identity)
    await soon(announce("g:nobody", b"hello"))


# What a node may say.


LIMITED = """
max_payload: 64KB
authorization {
  users: [
    { user: all, password: secret }
    { user: few, password: secret, permissions: {
        publish: ["PREFIX.g.mine", "PREFIX.x", "PREFIX.c.*", "PREFIX.a.*"]
        subscribe: ["PREFIX.g.mine", "PREFIX.x", "PREFIX.c.*", "PREFIX.a.*", "PREFIX.i.>"] } }
  ]
}
"""


@pytest.fixture(scope="module")
def limited_server():
    """A node with small messages, and a user that may do little."""
    with NatsServer(LIMITED.replace("PREFIX", "limited")) as server:
        yield server


@pytest.fixture
async def connect_as(limited_server):
    """Makes peers at the limited node."""
    peers = []
    make_transport = nats_transports(
        [limited_server.url], prefix="limited", password="secret", timeout=1
    )

    def connect_as(user, **options):
        peers.append(Peer(make_transport(user=user, **options)))
        return peers[-1]

    yield connect_as
    await asyncio.gather(*(peer.transport.aclose() for peer in peers))


async def test_small_messages(connect_as):
    """What a node would not take is cut, in each way of publishing."""
    sender, receiver = connect_as("all"), connect_as("all")
    await receiver.transport.subscribe("g:large")
    payloads = [os.urandom(size) for size in (60_000, 70_000, 1_000_000)]
    for payload in payloads:
        await sender.transport.publish("g:large", payload)
        await sender.transport.publish_confirmed("g:large", payload)
        assert await sender.transport.tell("g:large", payload)
        await sender.transport.ask("g:large", payload)
    assert receiver.payloads == [payload for payload in payloads for _ in range(4)]


async def test_what_is_not_allowed(connect_as, caplog):
    """The error says what the node's configuration has to allow; what it allows is done."""
    friend, peer = connect_as("all"), connect_as("few")
    await peer.transport.subscribe("g:mine")
    await friend.transport.ask("g:mine", b"hello")
    assert peer.payloads == [b"hello"]
    with pytest.raises(TransportUnavailable, match=r"subscribe to limited\.g\.other.*: allow it"):
        await peer.transport.subscribe("g:other")
    with pytest.raises(TransportUnavailable, match=r"publish to limited\.g\.other.*: allow it"):
        await peer.transport.publish_confirmed("g:other", b"hello")
    with pytest.raises(TransportUnavailable, match=r"\$SYS\.REQ\.ACCOUNT\.PING\.CONNZ"):
        await peer.transport.ask("g:mine", b"hello")
    assert "does not let this process subscribe to limited.g.other" in caplog.text


async def test_wrong_password(connect_as, closing_soon):
    """The error says that the node refuses this process, and where to look."""
    peer = connect_as("all", password="guessed")
    with pytest.raises(TransportUnavailable, match="refuses the credentials.*: compare user"):
        await peer.transport.subscribe("g:room")


# Beginning and end.


async def test_no_node(closing_soon):
    """Without a node calls that wait raise, and say what to do."""
    address = f"nats://127.0.0.1:{choose_port()}"
    peer = Peer(nats_transports([address], prefix="nobody", timeout=0.2)())
    for call in (
        peer.transport.subscribe("g:room"),
        peer.transport.publish_confirmed("g:room", b"hello"),
        peer.transport.tell("p:other", b"hello"),
        peer.transport.ask("g:room", b"hello"),
    ):
        with pytest.raises(TransportUnavailable, match=f"no answer from NATS at {address} .*start"):
            await call
    assert peer.transport.statistics().unacknowledged == peer.transport.statistics().lag == 0
    call = asyncio.ensure_future(peer.transport.subscribe("g:room"))
    await asyncio.sleep(0)
    statistics = peer.transport.statistics()
    assert (statistics.connected, statistics.node, statistics.engine) == (False, None, "nats")
    assert statistics.unacknowledged == 1
    assert statistics.lag > 0
    await asyncio.wait([call])
    assert isinstance(call.exception(), TransportUnavailable)
    await peer.transport.aclose()


async def test_closing_without_a_node(closing_soon, caplog):
    """Closing waits some seconds for a node if something was published, and says what is lost."""
    make_transport = nats_transports([f"nats://127.0.0.1:{choose_port()}"], prefix="nobody")
    silent, talking = Peer(make_transport()), Peer(make_transport())
    await silent.transport.aclose()
    assert "may be lost" not in caplog.text
    await talking.transport.publish("g:room", b"hello")
    await talking.transport.aclose()
    assert "what was sent last may be lost" in caplog.text


async def test_closing_takes_no_longer(monkeypatch):
    """What the transport has waited for in closing, the connection doesn't wait for again."""
    monkeypatch.setattr(nats_transport, "CLOSE_TIMEOUT", 0.1)
    monkeypatch.setattr(nats_connection, "CLOSE_TIMEOUT", 1000)
    peer = Peer(nats_transports([f"nats://127.0.0.1:{choose_port()}"], prefix="nobody")())
    await peer.transport.publish("g:room", b"hello")
    await soon(peer.transport.aclose())


async def test_publishing_before_there_is_a_node():
    """What is published while there is no node arrives when there is one."""
    with NatsServer(start=False) as server:
        make_transport = nats_transports([server.url], prefix="early")
        sender, receiver = Peer(make_transport()), Peer(make_transport())
        subscribing = asyncio.ensure_future(receiver.transport.subscribe("g:room"))
        payloads = [b"%d" % number for number in range(100)]
        for payload in payloads:
            await sender.transport.publish("g:room", payload)
        await asyncio.to_thread(server.start)
        await soon(subscribing)
        await sender.transport.publish("g:room", b"last")
        await until(lambda: b"last" in receiver.payloads)
        # Those before the subscription may be missing; what came is in order.
        assert receiver.payloads == [*payloads, b"last"][-len(receiver.received) :]
        await asyncio.gather(sender.transport.aclose(), receiver.transport.aclose())


async def test_node_is_restarted(prefix, caplog):
    """Killing the only node, and starting it again, loses and repeats nothing."""
    caplog.set_level("INFO")
    with NatsServer() as server:
        make_transport = nats_transports([server.url], prefix=prefix)
        sender, receiver = Peer(make_transport()), Peer(make_transport())
        await receiver.transport.subscribe("g:room")
        payloads = [b"%d" % number for number in range(300)]
        for number, payload in enumerate(payloads):
            await sender.transport.publish("g:room", payload)
            if number == 100:
                server.kill()
            if number == 200:
                await asyncio.to_thread(server.start)
            await asyncio.sleep(0)
        await soon(sender.transport.ask("g:room", b"last"))
        await receiver.has_received(*payloads, b"last")
        statistics = receiver.transport.statistics()
        assert (statistics.reconnects, statistics.missed, statistics.node) == (1, 0, "n1")
        await asyncio.gather(sender.transport.aclose(), receiver.transport.aclose())
    assert "connected to NATS: n1, nats-server 2." in caplog.text
    assert "the connection to NATS is lost" in caplog.text


async def test_sender_that_ends_before_others_are_back(prefix, caplog):
    """A command that has waited for a node is often back before the server's workers are."""
    caplog.set_level("INFO")
    with NatsServer() as server, closing(TcpProxy(server.port)) as proxy:
        receiver = Peer(nats_transports([f"nats://127.0.0.1:{proxy.port}"], prefix=prefix)())
        await receiver.transport.subscribe("g:room")
        proxy.cut()
        server.kill()
        sender = Peer(nats_transports([server.url], prefix=prefix)())
        sending = asyncio.ensure_future(sender.transport.publish_confirmed("g:room", b"hello"))
        await until(lambda: f"nobody listens at {server.url}" in caplog.text)
        await asyncio.to_thread(server.start)
        await soon(sending)
        ending = asyncio.ensure_future(sender.transport.aclose())
        await asyncio.sleep(0)
        proxy.heal()
        await soon(ending)
        await receiver.has_received(b"hello")
        await receiver.transport.aclose()


async def test_asking_while_nodes_fail(prefix):
    """While each node dies in turn, all get each question once and in order; all answers come."""
    with NatsCluster() as cluster:
        make_transport = nats_transports(cluster.urls, prefix=prefix)
        asker, *others = (Peer(make_transport()) for _ in range(4))
        await asker.transport.subscribe("p:asker")
        for other in others:
            await other.transport.subscribe("q:number")
            answer = other.transport.publish_nowait
            other.on_delivery = lambda topic, payload, answer=answer: answer("p:asker", payload)
        failing = asyncio.create_task(asyncio.to_thread(fail_each, cluster))
        questions = []
        while not failing.done() or len(questions) < 50:
            questions.append(b"%d" % len(questions))
            await soon(asker.transport.ask("q:number", questions[-1]))
        await failing
        for other in others:
            await other.has_received(*questions)
        await until(lambda: len(asker.received) == 3 * len(questions))
        assert sorted(asker.payloads) == sorted(questions * 3)
        peers = (asker, *others)
        assert sum(peer.transport.statistics().reconnects for peer in peers) >= 3
        await asyncio.gather(*(peer.transport.aclose() for peer in peers))


async def test_asking_while_links_are_cut(prefix, caplog):
    """It is said that those behind a link that is cut are not asked; they get it all the same."""
    with NatsCluster(size=2, links=True) as cluster:
        make_transport = nats_transports(cluster.urls, prefix=prefix)
        asker, other = Peer(make_transport()), Peer(make_transport())
        await asker.transport.subscribe("g:room")  # it is connected
        await other.transport.subscribe("g:room")
        await soon(asker.transport.ask("g:room", b"1"))
        await other.has_received(b"1")
        cluster.cut()
        await until(lambda: linked_to_none(cluster))
        await soon(asker.transport.ask("g:room", b"2"))
        assert other.payloads == [b"1"]
        [silent] = asker.transport.statistics().silent_nodes
        assert f"no answer from {silent} for " in caplog.text
        newcomer = Peer(make_transport())
        await soon(newcomer.transport.ask("g:room", b"from a command"))
        assert "`servers` in CONFIG are 2, and 1 answer" in caplog.text
        await newcomer.transport.aclose()
        await asyncio.to_thread(cluster.heal)
        await until(lambda: b"2" in other.payloads)
        await soon(asker.transport.ask("g:room", b"3"))
        assert other.payloads[-1] == b"3"
        assert asker.transport.statistics().silent_nodes == {}
        await asyncio.gather(*(peer.transport.aclose() for peer in (asker, other)))


def linked_to_none(cluster):
    """Whether each node knows that it is alone."""
    return not any(cluster.linked_to(server) for server in cluster.servers)


async def test_asking_those_whose_node_was_killed(prefix, monkeypatch):
    """Who is on the way to another node is found there before a question is complete."""
    find_node = Reconnection._find_node

    async def find_slowly(reconnection):
        await asyncio.sleep(1.5)
        return await find_node(reconnection)

    with NatsCluster() as cluster:
        make_transport = nats_transports(cluster.urls, prefix=prefix)
        asker, *others = (Peer(make_transport()) for _ in range(3))
        for peer in (asker, *others):
            await peer.transport.subscribe("g:room")
        await soon(asker.transport.ask("g:room", b"1"))
        monkeypatch.setattr(Reconnection, "_find_node", find_slowly)
        for server, payload in zip(cluster.servers[1:], (b"2", b"3"), strict=True):
            await asyncio.to_thread(server.kill)
            await soon(asker.transport.ask("g:room", payload))
            assert all(payload in other.payloads for other in others)
        await asyncio.gather(*(peer.transport.aclose() for peer in (asker, *others)))


def fail_each(cluster):
    """Kill each node, and start it again."""
    for server in cluster.servers:
        server.kill()
        server.start()
        cluster.await_ready()


def test_nothing_before_the_start(nats_server):
    """A transport that was made is nothing yet: a process may fork with it."""
    before = os.listdir("/proc/self/fd")
    nats_transports([nats_server.url], prefix="unused")()
    assert os.listdir("/proc/self/fd") == before
