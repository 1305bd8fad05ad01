"""The stream over real sockets: beside gRPC's own ends, and where sockets fail."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import logging
import socket
import struct
import time

import grpc
import grpc.aio
import psutil
import pytest

from channels_bridge.groups.credentials import NONE, Credentials
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.grpc import call_protocol, frame_codec, stream
from channels_bridge.groups.grpc.http2.client_call import ClientCall
from channels_bridge.groups.grpc.http2.http2_frames import GOAWAY, PING, PREFACE
from channels_bridge.groups.grpc.http2.server_call import ServerCall
from channels_bridge.groups.grpc.hub import hub_connection, listener
from channels_bridge.groups.grpc.process.grpc_transport import GrpcTransport
from channels_bridge.groups.grpc.stream import METHOD, SERVICE, HubStream, StreamBroken
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from compat_tests.common.cancelling import attempts, cancel_as_it_is_made
from compat_tests.groups.authority import Authority
from compat_tests.groups.grpc.http2.spoken import GREETING, frame, frames
from compat_tests.groups.hubs import DEADLINE, serving, soon, until
from compat_tests.groups.transport_peer import Peer

PATH = f"/{SERVICE}/{METHOD}"
TOKEN = "0123456789abcdef" * 4
MIB = 1024 * 1024
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
PLAIN_TCP = Credentials(allow_unprotected_tcp=True)


def hello(**options) -> bytes:
    """How a process begins."""
    return frame_codec.encode(wire.Hello(version=1, process=b"another", **options))


@pytest.fixture
def tcp_address() -> str:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"localhost:{free.getsockname()[1]}"


@contextlib.asynccontextmanager
async def joined(address, credentials=NONE):
    """A process on a hub."""
    peer = Peer(GrpcTransport(address, credentials, timeout=20))
    try:
        yield peer
    finally:
        await soon(peer.transport.aclose())


# Google's client at this hub.


@contextlib.asynccontextmanager
async def google_client(address):
    """Calls the hub by another implementation."""
    async with grpc.aio.insecure_channel(address, options=UNLIMITED) as channel:
        yield channel.stream_stream(PATH)


async def test_slow_reader(address):
    """What it doesn't read waits, within the bounds of its flow control, and arrives in order."""
    async with serving(address), google_client(address) as connect, joined(address) as sender:
        call = connect()
        await call.write(hello(topics=["g:room"]))
        await soon(call.read())
        sizes = [1, 3 * MIB, 100, 65_535, 20 * MIB, 0, 128 * 1024] * 2
        sending = asyncio.create_task(_send_all(sender, sizes))
        came: list[int] = []
        while len(came) < len(sizes):
            for name, kind in frame_codec.parse(await soon(call.read())):
                if name == "delivery":
                    came.append(len(kind.payload))
                    await call.write(frame_codec.encode(wire.Handled(count=1)))
        assert came == sizes
        await soon(sending)


async def _send_all(sender, sizes):
    for size in sizes:
        await sender.transport.publish("g:room", bytes(size))


async def test_large_batches_of_another_client(address):
    """What it writes arrives, however large."""
    async with serving(address), google_client(address) as connect, joined(address) as receiver:
        await receiver.transport.subscribe("g:room")
        call = connect()
        await call.write(hello())
        sizes = [20 * MIB, 1, 128 * 1024]
        for seq, size in enumerate(sizes, 1):
            publish = wire.Publish(seq=seq, topic="g:room", payload=bytes(size))
            await soon(call.write(frame_codec.encode(publish)))
        await until(lambda: len(receiver.payloads) == 3)
        assert [len(payload) for payload in receiver.payloads] == sizes
        await call.done_writing()
        while await soon(call.read()) is not grpc.aio.EOF:
            pass
        assert await call.code() is grpc.StatusCode.OK


async def test_other_methods_and_deadlines(address):
    """A method that there isn't is refused; a call whose time is over ends, and the hub goes on."""
    async with serving(address), joined(address) as friend:
        async with grpc.aio.insecure_channel(address) as channel:
            other = channel.stream_stream(f"/{SERVICE}/Other")()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await soon(other.read())
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
            call = channel.stream_stream(PATH)(timeout=0.5)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await soon(call.read())
            assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await soon(friend.transport.ask("g:room", b"hello"))


# This client at Google's server.


class OtherServer(grpc.GenericRpcHandler):
    """Answers each batch with itself; ends as it is told to.

    Attributes:
        metadata: of the last call.
    """

    def __init__(self) -> None:
        self.metadata: dict[str, str] = {}

    def service(self, details):
        self.metadata = dict(details.invocation_metadata)
        return grpc.stream_stream_rpc_method_handler(self._answer)

    async def _answer(self, requests, context):
        async for request in requests:
            if request == b"refuse":
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, "100 % déjà vu")
            if request == b"end":
                return
            yield request


@contextlib.asynccontextmanager
async def google_server(address, credentials=None):
    """Serves by another implementation."""
    server, handler = grpc.aio.server(options=UNLIMITED), OtherServer()
    server.add_generic_rpc_handlers([handler])
    if credentials is None:
        server.add_insecure_port(address)
    else:
        server.add_secure_port(address, credentials)
    await server.start()
    yield handler
    await server.stop(None)


@contextlib.asynccontextmanager
async def stream_to(address, credentials=NONE):
    """This project's own stream to whatever serves there."""
    stream = await soon(HubStream.open(Address.parse(address), credentials))
    try:
        yield stream
    finally:
        await soon(stream.aclose())


async def test_another_server(address):
    """Batches of any size go there and come back."""
    sizes = [1, 20 * MIB, 128 * 1024, 0, 5]
    came: list[int] = []
    async with google_server(address), stream_to(address) as stream:
        listening = asyncio.create_task(stream.listen(lambda batch: came.append(len(batch))))
        for size in sizes:
            await soon(stream.send(bytes(size)))
        await soon(stream.send(b"end"))
        await soon(listening)
        assert came == sizes


async def test_refused_by_another_server(address):
    """Its words are those that it has said."""
    async with google_server(address), stream_to(address) as stream:
        await stream.send(b"refuse")
        with pytest.raises(StreamBroken, match="100 % déjà vu"):
            await soon(stream.listen(lambda batch: None))
        with pytest.raises(StreamBroken, match="100 % déjà vu"):
            await stream.send(b"more")


async def test_another_server_with_tls(tcp_address, tmp_path):
    """It is shown a certificate, and the token."""
    ours = Authority(tmp_path, "ours")
    (cert, key), (own_cert, own_key) = ours.sign("hub"), ours.sign("process")
    hub = Credentials(cert_file=cert, key_file=key, client_ca_file=ours.ca_file)
    shown = grpc.ssl_server_credentials(
        [(hub.read("key_file"), hub.read("cert_file"))],
        root_certificates=hub.read("client_ca_file"),
        require_client_auth=True,
    )
    credentials = Credentials(
        token=TOKEN, ca_file=ours.ca_file, client_cert_file=own_cert, client_key_file=own_key
    )
    came = asyncio.Event()
    async with (
        google_server(tcp_address, shown) as server,
        stream_to(tcp_address, credentials) as stream,
    ):
        listening = asyncio.create_task(stream.listen(lambda batch: came.set()))
        await stream.send(b"hello")
        await soon(came.wait())
        assert server.metadata["authorization"] == f"Bearer {TOKEN}"
        await stream.send(b"end")
        await soon(listening)


# Where sockets fail.


async def test_cancelled_while_connecting(tcp_address, tmp_path, monkeypatch):
    """Wherever it is cancelled, nothing stays open, nor in the way of who gets the same number."""
    ours = Authority(tmp_path, "ours")
    cert, key = ours.sign("hub")
    hub = Credentials(cert_file=cert, key_file=key, token=TOKEN)
    own = Credentials(ca_file=ours.ca_file, token=TOKEN)
    async with serving(tcp_address, hub):
        async with stream_to(tcp_address, own):  # also has what is imported first
            pass
        await until(lambda: not _open_sockets(tcp_address))
        address = Address.parse(tcp_address)

        def begin():
            return HubStream.open(address, own)

        await cancel_as_it_is_made(begin, monkeypatch, HubStream)
        async for opening in attempts(begin, monkeypatch, stream):
            if not opening.cancelled():  # it was through: all of its turns have been tried
                await soon(opening.result().aclose())
                break
        await until(lambda: not _open_sockets(tcp_address))


def _open_sockets(address):
    """The connections of this process to or from an address."""
    port = int(address.rpartition(":")[2])
    ends = [(each.laddr, each.raddr) for each in psutil.Process().net_connections("tcp")]
    return [end for end in ends if end[1] and port in (end[0].port, end[1].port)]


async def test_fault_in_a_receiver(address, caplog):
    """What fails while a process takes a message is logged; it goes on with the next one."""
    async with serving(address), joined(address) as receiver, joined(address) as sender:
        await receiver.transport.subscribe("g:room")
        client = receiver.transport._link._client
        deliver = client._deliver

        def fail(topic, payload):
            client._deliver = deliver
            raise ValueError("a fault")

        client._deliver = fail
        await soon(sender.transport.ask("g:room", b"what fails"))
        await soon(sender.transport.ask("g:room", b"hello"))
        assert receiver.payloads == [b"hello"]
    (line,) = [record for record in caplog.records if record.exc_info]
    assert line.levelno == logging.ERROR and str(line.exc_info[1]) == "a fault"


async def test_writing_to_who_has_gone(address, caplog):
    """What is still written before the end is noticed doesn't fill the log."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address.removeprefix("unix:"))
        server.listen()
        async with stream_to(address) as stream:
            server.accept()[0].close()
            for _ in range(20):
                stream.write(b"batch")
            with pytest.raises(StreamBroken):
                await soon(stream.listen(lambda batch: None))
    assert not caplog.records


def _has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="there is no IPv6 here")
@pytest.mark.parametrize(
    ("everywhere", "hosts"),
    [("[::]", {"127.0.0.1", "[::1]"}), ("0.0.0.0", {"127.0.0.1"})],
)
async def test_every_interface(tcp_address, everywhere, hosts):
    """A hub at [::] is reached by IPv4 and IPv6, one at 0.0.0.0 by IPv4."""
    port = tcp_address.rpartition(":")[2]
    async with serving(f"{everywhere}:{port}", PLAIN_TCP):
        for host in hosts:
            async with joined(f"{host}:{port}", PLAIN_TCP) as peer:
                await soon(peer.transport.ask("g:room", b"hello"))
        if "[::1]" not in hosts:  # it is left to others
            socket.create_server(("::1", int(port)), family=socket.AF_INET6).close()


async def test_full_backlog(address):
    """A hub that accepts nobody is too busy, which is said at once."""
    path = address.removeprefix("unix:")
    with socket.socket(socket.AF_UNIX) as busy, contextlib.ExitStack() as waiting:
        busy.bind(path)
        busy.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                client = waiting.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(path)
        with pytest.raises(StreamBroken, match="too busy"):
            await HubStream.open(Address.parse(address), NONE)


async def test_no_descriptor_is_left(address, monkeypatch, caplog):
    """Who comes while the hub has none left waits, and gets in; the log doesn't fill."""
    accept, refused = socket.socket.accept, []

    def refuse(self):
        if len(refused) == 3:
            return accept(self)
        refused.append(self)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket.socket, "accept", refuse)
    async with serving(address), joined(address) as peer:
        await soon(peer.transport.ask("g:room", b"hello"))
    assert len(refused) == 3
    (line,) = [record for record in caplog.records if "can't accept" in record.getMessage()]
    assert line.levelno == logging.WARNING and line.exc_info is None


async def test_full_hub(address, monkeypatch, caplog):
    """More processes than it takes wait until others leave."""
    monkeypatch.setattr(listener, "MAX_CONNECTIONS", 1)
    async with serving(address), contextlib.AsyncExitStack() as stack:
        async with joined(address) as first:
            await soon(first.transport.ask("g:room", b"hello"))
            second = await stack.enter_async_context(joined(address))
            await until(lambda: "no more" in caplog.text)
        await soon(second.transport.ask("g:room", b"hello"))


@pytest.mark.parametrize("module", ["asyncio", "uvloop"])
def test_lost_at_once(address, module, monkeypatch):
    """A connection that is gone before it is used leaves no descriptor that isn't its own."""
    made: list[socket.socket] = []
    connect = stream._connect_unix

    async def lose() -> None:
        lost = await HubStream.open(Address.parse(address), NONE)
        with pytest.raises(StreamBroken):
            await soon(lost.listen(lambda batch: None))
        await soon(lost.aclose())

    with socket.socket(socket.AF_UNIX) as hub:
        hub.bind(address.removeprefix("unix:"))
        hub.listen()

        def connect_and_lose(path: str) -> socket.socket:
            made.append(connect(path))
            hub.accept()[0].close()
            return made[-1]

        monkeypatch.setattr(stream, "_connect_unix", connect_and_lose)
        loop = pytest.importorskip(module).new_event_loop()
        loop.run_until_complete(lose())
        loop.close()
    assert [sock.fileno() for sock in made] == [-1]


@contextlib.asynccontextmanager
async def raw(address, call):
    """A socket on which a test writes what it likes, after the beginning of a call."""
    if address.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
    else:
        reader, writer = await asyncio.open_connection(*address.split(":"))
    call.send(hello(topics=["g:room"]))
    writer.write(call.take_output())
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_acknowledgements_that_nobody_reads(address):
    """Who asks for answers and reads none of them is cut off, and takes no memory till then."""
    asked = (frame(6, bytes(8), stream=0) * 500) + frame(0, b"\0\0\0\0\0")
    async with serving(address), joined(address) as friend:
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(address.removeprefix("unix:"))
            stranger.settimeout(20)
            call = ClientCall(PATH)
            call.send(hello())
            stranger.sendall(call.take_output())
            with pytest.raises(ConnectionError):
                await asyncio.to_thread(_ask_forever, stranger, asked)
        await soon(friend.transport.ask("g:room", b"hello"))


def _ask_forever(stranger, asked):
    while True:
        stranger.sendall(asked)


async def test_hub_ends_beside_who_does_not_read(address):
    """The hub's end doesn't wait for a process that reads nothing."""
    async with serving(address):
        async with raw(address, ClientCall(PATH)) as (reader, _):
            reader._transport.pause_reading()
            sender = Peer(GrpcTransport(address, timeout=20))
            sending = asyncio.create_task(_send_all(sender, [MIB] * 100))
            await until(lambda: sender.transport.is_full)
            assert not sending.done()
            sending.cancel()
            await asyncio.wait([sending])
            # Alone, so that it doesn't wait for what nobody takes.
            sender.transport._link._task.cancel()
            await asyncio.wait([sender.transport._link._task])


async def test_end_of_the_hub_is_told(address):
    """A process is told why its stream ends."""
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(serving(address))
        stream = await HubStream.open(Address.parse(address), NONE)
        welcomed = asyncio.Event()
        listening = asyncio.create_task(stream.listen(lambda batch: welcomed.set()))
        await stream.send(hello())
        await soon(welcomed.wait())
        await stack.aclose()
        with pytest.raises(StreamBroken, match="the hub has ended"):
            await soon(listening)
        await soon(stream.aclose())


# Those who vanish.

# A filter of packets that lets none pass (struct sock_filter and sock_fprog): no system answers.
_NOTHING = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0))
_NO_PACKET = struct.pack("HP", 1, ctypes.addressof(_NOTHING))
SO_ATTACH_FILTER = 26


def vanish(sock):
    """Let it be as if the machine of this socket were gone."""
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, _NO_PACKET)


@pytest.fixture
def quick_beats(monkeypatch):
    """Who is silent is asked soon."""
    monkeypatch.setattr(call_protocol, "KEEPALIVE", 0.1)


async def test_hub_that_has_vanished(tcp_address, quick_beats):
    """A hub on TCP whose machine is gone is noticed."""
    port = int(tcp_address.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)) as server:
        async with stream_to(tcp_address, PLAIN_TCP) as stream:
            with server.accept()[0] as accepted:
                vanish(accepted)
                with pytest.raises(StreamBroken, match="closed the connection"):
                    await soon(stream.listen(lambda batch: None))


async def test_process_that_has_vanished(tcp_address, quick_beats):
    """So is a process; one that only has nothing to say stays."""
    async with serving(tcp_address, PLAIN_TCP), joined(tcp_address, PLAIN_TCP) as silent:
        await soon(silent.transport.subscribe("g:other"))
        async with raw(tcp_address, ClientCall(PATH)) as (_, writer):
            await until(lambda: len(_sessions()) == 2)
            vanish(writer.get_extra_info("socket"))
            await until(lambda: len(_sessions()) == 1)
        assert silent.transport.statistics().connected


def _sessions():
    """The conversations at the hubs of this process."""
    names = [each.get_coro().__qualname__ for each in asyncio.all_tasks()]
    return [name for name in names if name == "_Conversation._write"]


async def test_process_that_is_busy(tcp_address, quick_beats, monkeypatch):
    """A process that doesn't run for a while is still there, but not for ever."""
    asked, ping = [], ServerCall.ping
    monkeypatch.setattr(ServerCall, "ping", lambda call: (asked.append(call), ping(call)))
    async with serving(tcp_address, PLAIN_TCP):
        async with raw(tcp_address, ClientCall(PATH)) as (reader, _):
            with contextlib.suppress(ConnectionError):
                await soon(reader.read(-1))
    assert len(asked) == call_protocol.MAX_UNANSWERED


async def test_who_never_calls(address, monkeypatch):
    """Whoever says something again and again, but calls nothing, is sent away in time."""
    monkeypatch.setattr(hub_connection, "IDLE_TIMEOUT", 0.5)
    async with serving(address):
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
        writer.write(PREFACE + GREETING)
        reading = asyncio.create_task(reader.read(-1))
        deadline = time.monotonic() + DEADLINE
        while not reading.done() and time.monotonic() < deadline:
            writer.write(frame(6, bytes(8), stream=0))
            await asyncio.wait([reading], timeout=0.1)
        assert GOAWAY in {kind for kind, *_ in frames(reading.result())}
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_who_is_turned_away_is_not_heard(address):
    """Whoever is turned away may stay for a moment, and makes the hub do nothing meanwhile."""
    async with serving(address), raw(address, ClientCall("/other")) as (reader, writer):
        said = b""
        while b"grpc-status" not in said:
            said += await soon(reader.read(65_536))
        writer.write(frame(PING, bytes(8), stream=0) * 10)
        with contextlib.suppress(ConnectionError):
            while more := await soon(reader.read(65_536)):
                said += more
    assert PING not in {kind for kind, *_ in frames(said)}


@pytest.mark.parametrize(
    "said",
    [
        frame(0, b"\0\xff\xff\xff\xff"),
        frame(0, b"\1\0\0\0\0"),
        frame(6, b"short", stream=0),
        frame(0, b"\0\0\0\0\2\xff\xff"),
        frame(0, b"", flags=1),
    ],
    ids=["giant", "compressed", "violation", "garbage", "end"],
)
async def test_who_stays_after_the_end(address, said):
    """Whoever doesn't go once its call has ended is sent away."""
    async with serving(address), raw(address, ClientCall(PATH)) as (reader, writer):
        writer.write(said)
        with contextlib.suppress(ConnectionError):
            await soon(reader.read(-1))
