"""The client of NATS: whatever a node sends, and whatever it is asked to send to one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from channels_bridge.groups.nats.client.nats_parser import NatsParser, NatsProtocolError
from compat_tests.fuzz.profile import PROFILE
from compat_tests.groups.hubs import soon, until
from compat_tests.groups.nats.client.clients import Client
from compat_tests.groups.nats.nats_servers import NatsServer
from compat_tests.groups.nats.tcp_proxy import TcpProxy

TOKENS = st.binary(min_size=1, max_size=20).map(lambda data: data.hex().encode())


class Recorder:
    """Notes what the parser hands out."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def received_message(self, *message: Any) -> None:
        self.events.append(message)

    def received_info(self, text: bytes) -> None:
        self.events.append(text)

    def received_ping(self) -> None:
        self.events.append("PING")

    def received_pong(self) -> None:
        self.events.append("PONG")

    def received_error(self, text: str) -> None:
        self.events.append(("-ERR", text))


@st.composite
def operations(draw: st.DrawFn) -> tuple[bytes, Any]:
    """What a node may send, with what is to come of it."""
    kind = draw(st.sampled_from(["MSG", "HMSG", "INFO", "PING", "PONG", "-ERR", "+OK"]))
    if kind == "INFO":
        return b'INFO {"a":1}\r\n', b'{"a":1}'
    if kind == "-ERR":
        return b"-ERR 'Some Error'\r\n", (kind, "Some Error")
    if kind not in ("MSG", "HMSG"):
        return kind.encode() + b"\r\n", None if kind == "+OK" else kind
    subject, reply = draw(TOKENS), draw(TOKENS | st.just(b""))
    number = draw(st.integers(0, 10**12))
    headers = draw(st.binary(min_size=1, max_size=50)) if kind == "HMSG" else b""
    payload = draw(st.binary(max_size=300))
    words = [kind.encode(), subject, b"%d" % number, *([reply] if reply else [])]
    if headers:
        words.append(b"%d" % len(headers))
    words.append(b"%d" % (len(headers) + len(payload)))
    data = b" ".join(words) + b"\r\n" + headers + payload + b"\r\n"
    return data, (subject, number, reply, headers, payload)


def split(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """Cut data into portions."""
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    for start, stop in zip(places, places[1:], strict=False):
        yield data[start:stop]


@PROFILE
@given(st.lists(operations(), max_size=10), st.lists(st.integers(0, 10**6), max_size=20))
def test_portions(sent: list[tuple[bytes, Any]], cuts: list[int]) -> None:
    """However the bytes are cut into portions, the same comes of them."""
    recorder = Recorder()
    parser = NatsParser(recorder)
    for portion in split(b"".join(data for data, _ in sent), cuts):
        parser.feed(portion)
    assert recorder.events == [event for _, event in sent if event is not None]
    assert parser.is_between_lines


@PROFILE
@given(
    st.lists(operations().map(lambda each: each[0]) | st.binary(max_size=30), max_size=8),
    st.lists(st.integers(0, 10**6), max_size=10),
)
@example([b"MSG a 1 -5\r\n"], [])
@example([b"MSG a 1 1_0\r\n0123456789\r\n"], [])
@example([b"MSG a 1 \xb2\r\n\r\n\r\n"], [])
@example([b"HMSG a 1 9 5\r\n0123456789\r\n"], [])
@example([b"MSG a 1 99999999999999999999999\r\n"], [])
@example([b"\r\n"], [])
@example([b"MSG \r\n"], [])
def test_any_bytes(sent: list[bytes], cuts: list[int]) -> None:
    """Bytes that are no protocol are an error of that kind, and none other."""
    parser = NatsParser(Recorder())
    try:
        for portion in split(b"".join(sent), cuts):
            parser.feed(portion)
    except NatsProtocolError:
        pass


def test_endless_line() -> None:
    """A line that doesn't end is not kept for ever."""
    parser = NatsParser(Recorder())
    with pytest.raises(NatsProtocolError, match="a line of more than"):
        for _ in range(1000):
            parser.feed(bytes(65536))


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[..., Any]]:
    """Runs coroutines on one loop; what it is told of errors fails."""
    loop = asyncio.new_event_loop()
    errors: list[Any] = []
    loop.set_exception_handler(lambda loop, context: errors.append(context))
    yield loop.run_until_complete
    loop.close()
    assert errors == []


@settings(PROFILE, max_examples=PROFILE.max_examples // 2)
@given(st.lists(operations().map(lambda each: each[0]) | st.binary(max_size=30), max_size=8))
@example([b"-ERR 'Permissions Violation for Publish to \"\xff\"'\r\n", b"PONG\r\nPONG\r\n"])
@example([b'INFO {"connect_urls": [1, "a:b", "[", "x:99999", "", "@"], "max_payload": -1}\r\n'])
@example([b'INFO {"ldm": true, "connect_urls": ["127.0.0.1:1"]}\r\n'])
@example([b"INFO " + b"[" * 100_000 + b"\r\n"])
@example([b"HMSG a 1 a.b.1 2 2\r\n\xff\xfe\r\n"])
def test_hostile_node(run: Callable[..., Any], sent: list[bytes]) -> None:
    """A node that says anything, before or after the greeting, does no harm."""
    for greets in (False, True):
        run(_meet_hostile(sent, greets))


async def _meet_hostile(sent: list[bytes], greets: bool) -> None:
    """Connect to such a node, until it has said all."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if greets:
            writer.write(b"INFO {}\r\n")
            await reader.readuntil(b"PING\r\n")
            writer.write(b"PONG\r\n")
        for data in sent:
            writer.write(data)
            await asyncio.sleep(0)
        writer.close()
        over.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        client = Client([f"127.0.0.1:{server.sockets[0].getsockname()[1]}"])
        client.connection.subscribe("a", 1)
        client.connection.start()
        await soon(over.wait())
        await soon(client.connection.aclose())


@pytest.mark.parametrize("seed", range(3))
async def test_bad_network(nats_server: NatsServer, seed: int) -> None:
    """What tears, delays and garbles makes links end; when it is over, all is as it should be."""
    choose, prefix = random.Random(seed), f"bad-network-{seed}"
    faults = 12

    async def spoil(data: bytes) -> bytes:
        nonlocal faults
        if faults <= 0:
            return data
        faults -= 1
        await asyncio.sleep(choose.choice([0, 0.001, 0.01]))
        place = choose.randrange(len(data))
        kind = choose.randrange(4)
        if kind == 0:
            raise ConnectionError("torn")
        if kind == 1:
            return data[:place] + bytes([choose.randrange(256)]) + data[place + 1 :]
        return data[:place] + data[place + choose.randrange(3) :] if kind == 2 else data

    with TcpProxy(nats_server.port, spoil, spoil) as proxy:
        client = Client([f"127.0.0.1:{proxy.port}"], ping_interval=0.1, connect_timeout=0.3)
        subjects = [f"{prefix}.{number}" for number in range(20)]
        for subject in subjects:
            client.connection.subscribe(subject, subject)
        client.connection.start()
        while faults > 0:
            client.connection.publish(f"{prefix}.else", b"something", bytes(100))
            await asyncio.sleep(0.01)
        await until(lambda: client.connection.connected)
        # The last fault may still be about to end this link.
        await until(lambda: client.connection.round_trip is not None)
        honest = Client([nats_server.url])
        await honest.connect()
        for subject in subjects:
            await until_received(honest, client, subject)
        await client.connection.aclose()
        await honest.connection.aclose()


async def until_received(sender: Client, receiver: Client, subject: str) -> None:
    """Publish until it comes: links may still be changing."""
    for _ in range(1000):
        sender.connection.publish(subject, b"now")
        await soon(sender.connection.flush(10))
        await asyncio.sleep(0.005)
        if any(key == subject and payload == b"now" for key, payload, _ in receiver.received):
            return
    raise AssertionError(f"nothing comes on {subject}")


@pytest.fixture(scope="module")
def pair(run: Callable[..., Any], nats_server: NatsServer) -> Iterator[tuple[Client, Client]]:
    """One who publishes, and one who gets all of it."""

    async def connect() -> tuple[Client, Client]:
        here, there = Client([nats_server.url]), Client([nats_server.url])
        await here.connect()
        await there.connect()
        await there.subscribe("fuzz.>", "fuzz-done")
        return here, there

    here, there = run(connect())
    yield here, there
    run(here.connection.aclose())
    run(there.connection.aclose())
    assert here.connection.reconnects == 0


@PROFILE
@given(
    st.text(max_size=30) | st.from_regex(r"[a-z.]{1,10}", fullmatch=True),
    st.lists(st.binary(max_size=100), max_size=3),
    st.none() | st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=2),
)
@example("a", [b""], {"a": "b\r\n\r\nPUB x 0"})
@example("a\r\nPUB fuzz.x 0\r\n\r\n", [b""], None)
@example("a", [b"\r\nPUB fuzz.x 0\r\n\r\n"], None)
def test_published(
    run: Callable[..., Any],
    pair: tuple[Client, Client],
    subject: str,
    parts: list[bytes],
    headers: dict[str, str] | None,
) -> None:
    """What is published comes as it is, or is refused here: a node never has to complain."""
    wanted, came = run(_exchange(*pair, subject, parts, headers))
    # A subject with empty tokens, or wildcards, is nobody's.
    assert came == wanted or (came == [] and is_nobodys(subject))


async def _exchange(
    here: Client, there: Client, subject: str, parts: list[bytes], headers: dict[str, str] | None
) -> tuple[list[bytes], list[bytes]]:
    """Publish, and return what has to come and what does."""
    there.received.clear()
    try:
        here.connection.publish(f"fuzz.{subject}", *parts, headers=headers)
        wanted = [b"".join(parts)]
    except ValueError:
        wanted = []
    here.connection.publish("fuzz-done", b"")
    await until(lambda: "fuzz-done" in [key for key, _, _ in there.received])
    return wanted, [payload for key, payload, _ in there.received if key != "fuzz-done"]


def is_nobodys(subject: str) -> bool:
    """Whether NATS lets nobody get what is published to it."""
    tokens = subject.split(".")
    return "" in tokens or "*" in tokens or ">" in tokens
