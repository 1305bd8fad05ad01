"""Credentials: who may join a hub on TCP, and what strangers get: nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from django.core.exceptions import ImproperlyConfigured

from channels_bridge.exceptions import HubAddressError, TransportUnavailable
from channels_bridge.groups.credentials import TOKEN_VARIABLE, Credentials
from channels_bridge.groups.grpc import frame_codec
from channels_bridge.groups.grpc.hub import hub, hub_connection, listener
from channels_bridge.groups.grpc.process.grpc_transport import GrpcTransport
from channels_bridge.groups.grpc.stream import METHOD, SERVICE, authorization
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from channels_bridge.layers import GrpcChannelLayer
from channels_bridge.project import hubs as hubs
from compat_tests.groups.authority import Authority
from compat_tests.groups.hubs import DEADLINE, ENVIRONMENT, ROOT, HubProcess, refusal, serving, soon
from compat_tests.groups.transport_peer import Peer

TOKEN = "0123456789abcdef" * 4
OTHER_TOKEN = "fedcba9876543210" * 4


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Options of a hub and of processes, by what they are for."""
    directory = tmp_path_factory.mktemp("certificates")
    ours, others = Authority(directory, "ours"), Authority(directory, "others")
    hub_cert, process_cert, stranger_cert = (
        ours.sign("hub"),
        ours.sign("process"),
        others.sign("stranger"),
    )
    return {
        "hub": {"cert_file": hub_cert[0], "key_file": hub_cert[1]},
        "process": {"ca_file": ours.ca_file},
        "mutual hub": {"client_ca_file": ours.ca_file},
        "mutual process": dict(
            zip(("client_cert_file", "client_key_file"), process_cert, strict=True)
        ),
        "stranger": dict(zip(("client_cert_file", "client_key_file"), stranger_cert, strict=True)),
        "wrong authority": {"ca_file": others.ca_file},
    }


@pytest.fixture
def tcp_address() -> str:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"localhost:{free.getsockname()[1]}"


@pytest.fixture
def make_credentials(files: dict[str, dict[str, str]]) -> Callable[..., Credentials]:
    """Makes credentials of several of ``files``."""

    def make_credentials(*names: str, **options: Any) -> Credentials:
        for name in names:
            options |= files[name]
        return Credentials(**options)

    return make_credentials


@pytest.fixture
async def connect(tcp_address: str) -> AsyncIterator[Callable[..., Peer]]:
    """Makes peers."""
    peers = []

    def connect(credentials: Credentials, timeout: float = 10) -> Peer:
        peers.append(Peer(GrpcTransport(tcp_address, credentials, timeout=timeout)))
        return peers[-1]

    yield connect
    for peer in peers:
        await peer.transport.aclose()


# Those who may.


@pytest.mark.parametrize("kind", ["token", "mutual", "both"])
async def test_friends(tcp_address, connect, make_credentials, kind):
    """Processes join by a token, by a certificate, or by both."""
    token = {} if kind == "mutual" else {"token": TOKEN}
    certificates = {} if kind == "token" else {"mutual"}
    theirs = make_credentials("hub", *(f"{c} hub" for c in certificates), **token)
    own = make_credentials("process", *(f"{c} process" for c in certificates), **token)
    async with serving(tcp_address, theirs):
        one, two = connect(own), connect(own)
        await one.transport.subscribe("g:room")
        await soon(two.transport.ask("g:room", b"hello"))
        assert one.payloads == [b"hello"]


async def test_plain_certificates(tcp_address, connect, tmp_path):
    """Certificates as openssl makes them when nobody asks for more do, whatever the Python."""
    ours = Authority(tmp_path, "ours", is_strict=False)
    (cert, key), (own_cert, own_key) = ours.sign("hub"), ours.sign("process")
    hub = Credentials(cert_file=cert, key_file=key, client_ca_file=ours.ca_file)
    own = Credentials(ca_file=ours.ca_file, client_cert_file=own_cert, client_key_file=own_key)
    async with serving(tcp_address, hub):
        await soon(connect(own).transport.ask("g:room", b"hello"))


async def test_unprotected(tcp_address, connect):
    """TCP works without all that for those who say so."""
    credentials = Credentials(allow_unprotected_tcp=True)
    async with serving(tcp_address, credentials):
        await soon(connect(credentials).transport.ask("g:room", b"hello"))


@pytest.mark.parametrize("source", ["token_file", "environment"])
async def test_where_tokens_come_from(tcp_address, connect, tmp_path, monkeypatch, source):
    """A token may be in a file, or in the environment."""
    if source == "environment":
        monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
        credentials = Credentials(allow_unprotected_tcp=True)
    else:
        (tmp_path / "token").write_text(f"{TOKEN}\n")
        credentials = Credentials(token_file=str(tmp_path / "token"), allow_unprotected_tcp=True)
    explicit = Credentials(token=TOKEN, allow_unprotected_tcp=True)
    async with serving(tcp_address, explicit):
        await soon(connect(credentials).transport.ask("g:room", b"hello"))


async def test_hub_is_killed(tcp_address, connect, monkeypatch):
    """A hub on TCP, too, leaves word of its processes for the next one."""
    credentials = Credentials(token=TOKEN, allow_unprotected_tcp=True)
    sender, receiver = connect(credentials), connect(credentials)
    async with serving(tcp_address, credentials):
        await soon(receiver.transport.subscribe("g:room"))
    async with serving(tcp_address, credentials):
        await soon(sender.transport.ask("g:room", b"hello"))
        assert receiver.payloads == [b"hello"]


# Those who may not.


@pytest.mark.parametrize("stranger", ["no token", "wrong token", "almost"])
async def test_wrong_token(tcp_address, connect, make_credentials, caplog, stranger):
    """Who doesn't show the token is told why, is named in the log, and gets nothing."""
    token = {"no token": "", "wrong token": OTHER_TOKEN, "almost": TOKEN[:-1] + "0"}[stranger]
    theirs = make_credentials("hub", token=TOKEN)
    with caplog.at_level(logging.INFO):
        async with serving(tcp_address, theirs):
            own = make_credentials("process", token=token)
            peer = connect(own, timeout=1)
            said = await refusal(peer.transport, "it refuses the token")
    assert "is refused: it showed" in caplog.text
    for secret in {TOKEN, token} - {""}:
        assert secret not in caplog.text
        assert secret not in said


@pytest.mark.parametrize("stranger", ["no certificate", "stranger"])
async def test_wrong_certificate(tcp_address, connect, make_credentials, stranger):
    """Where a certificate is asked for, nobody gets in without one, or with another's."""
    theirs = make_credentials("hub", "mutual hub")
    shown = () if stranger == "no certificate" else ("stranger",)
    own = make_credentials("process", *shown, token=TOKEN)
    async with serving(tcp_address, theirs):
        with pytest.raises(TransportUnavailable):
            await connect(own, timeout=1).transport.ask("g:room", b"hello")


async def test_wrong_hub(tcp_address, connect, make_credentials):
    """A process shows its token to no hub whose certificate it doesn't know."""
    async with serving(tcp_address, make_credentials("hub", token=TOKEN)):
        own = make_credentials("wrong authority", token=TOKEN)
        with pytest.raises(TransportUnavailable):
            await connect(own, timeout=1).transport.ask("g:room", b"hello")


async def test_no_tls(tcp_address, connect, make_credentials):
    """A hub with TLS doesn't talk without, nor a process with TLS to a hub without."""
    plain = Credentials(token=TOKEN, allow_unprotected_tcp=True)
    secure = make_credentials("process", token=TOKEN)
    for theirs, own in ((make_credentials("hub", token=TOKEN), plain), (plain, secure)):
        async with serving(tcp_address, theirs):
            with pytest.raises(TransportUnavailable):
                await connect(own, timeout=1).transport.ask("g:room", b"hello")


async def read_all(reader: asyncio.StreamReader) -> bytes | None:
    """What comes until the other side ends the connection; None if it is reset."""
    with contextlib.suppress(ConnectionError):
        return await reader.read()
    return None


@contextlib.asynccontextmanager
async def stranger(address, data=b"", **options):
    """A socket that is connected to the hub."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), **options)
    writer.write(data)
    try:
        yield reader
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@pytest.fixture
def impatient(monkeypatch):
    """Have hubs soon end connections that nobody uses."""
    for timeout in ("HANDSHAKE_TIMEOUT", "IDLE_TIMEOUT"):
        monkeypatch.setattr(hub_connection, timeout, 0.5)


@pytest.fixture
async def guarded(tcp_address, make_credentials, monkeypatch):
    """A hub that waits for no hello, and a check that it still serves its friends."""
    monkeypatch.setattr(hub, "HELLO_TIMEOUT", 0.3)
    own = make_credentials("process", token=TOKEN)
    friend = Peer(GrpcTransport(tcp_address, own, timeout=DEADLINE))
    async with serving(tcp_address, make_credentials("hub", token=TOKEN)):
        yield tcp_address
        await soon(friend.transport.ask("g:room", b"hello"))
        await friend.transport.aclose()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("data", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 100_000])
async def test_no_handshake(guarded, data):
    """Who connects and says nothing, half of something, or nonsense is soon alone."""
    async with stranger(guarded, data) as reader:
        await soon(read_all(reader))


@pytest.mark.usefixtures("impatient")
async def test_handshake_only(guarded, files):
    """Who has done nothing but a TLS handshake is soon alone, too."""
    context = ssl.create_default_context(cafile=files["process"]["ca_file"])
    context.set_alpn_protocols(["h2"])
    async with stranger(guarded, ssl=context, server_hostname="localhost") as reader:
        await soon(read_all(reader))


@pytest.fixture
def suspicious(monkeypatch):
    """Have hubs take few strangers at a time."""
    monkeypatch.setattr(listener, "MAX_STRANGERS", 3)


@pytest.mark.usefixtures("impatient", "suspicious")
@pytest.mark.parametrize("shakes_hands", [False, True])
async def test_strangers_at_a_time(guarded, files, monkeypatch, shakes_hands):
    """Few strangers have memory for TLS at a time; the others wait, and so does a friend."""
    loop, accepted, at_once = asyncio.get_running_loop(), [], []
    accept = loop.connect_accepted_socket

    async def count(factory, sock, **options):
        accepted.append((sock, factory()))
        # The friend is none any more, once it has said who it is.
        strangers = [each for each, connection in accepted if not connection.introduced.is_set()]
        at_once.append(sum(each.fileno() >= 0 for each in strangers))
        return await accept(factory, sock, **options)

    monkeypatch.setattr(loop, "connect_accepted_socket", count)
    context = ssl.create_default_context(cafile=files["process"]["ca_file"])
    context.set_alpn_protocols(["h2"])
    options = {"ssl": context, "server_hostname": "localhost"} if shakes_hands else {}

    async def come_and_stay():
        async with stranger(guarded, **options) as reader:
            await read_all(reader)

    await soon(asyncio.gather(*(come_and_stay() for _ in range(7))))
    assert len(at_once) >= 7 and max(at_once) == 3


@pytest.mark.usefixtures("impatient")
async def test_flood(guarded):
    """Many who connect at once, and stay, cost others nothing; all are sent away in the end."""
    async with contextlib.AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(stranger(guarded)) for _ in range(200)]
        await soon(asyncio.gather(*map(read_all, readers)))


async def test_friend_without_hello(guarded, make_credentials):
    """Who has shown the token and says nothing more is cut off."""
    own = make_credentials("process", token=TOKEN)
    stream = await open_raw(guarded, own)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await soon(stream.call.read())
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    await stream.channel.close()


async def test_giant_batch(guarded, make_credentials):
    """A batch that no process writes isn't read."""
    own = make_credentials("process", token=TOKEN)
    stream = await open_raw(guarded, own)
    await stream.call.write(frame_codec.encode(wire.Hello(version=1, process=b"giant")))
    await soon(stream.call.read())
    with pytest.raises(grpc.aio.AioRpcError):
        await soon(send_giant(stream.call))
    # What is raised may be that a write came too late, instead of why.
    assert await stream.call.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    await stream.channel.close()


async def send_giant(call: grpc.aio.StreamStreamCall) -> None:
    """Send more than the hub takes, and read until it ends the stream."""
    with contextlib.suppress(asyncio.InvalidStateError):
        await call.write(bytes(hub_connection.MAX_BATCH + 1))
    while await call.read() is not grpc.aio.EOF:
        pass


async def test_streams_without_token(guarded, make_credentials):
    """A stranger who opens stream after stream gets an error for each."""
    shown = grpc.ssl_channel_credentials(make_credentials("process").read("ca_file"))
    async with grpc.aio.secure_channel(guarded, shown) as channel:
        for _ in range(50):
            call = channel.stream_stream(f"/{SERVICE}/{METHOD}")()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await soon(call.read())
            assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


class RawStream:
    """A stream of gRPC's own, on which a test says what it likes."""

    def __init__(self, address: str, credentials: Credentials) -> None:
        shown = grpc.ssl_channel_credentials(credentials.read("ca_file"))
        self.channel = grpc.aio.secure_channel(address, shown)
        method = self.channel.stream_stream(f"/{SERVICE}/{METHOD}")
        self.call = method(metadata=authorization(credentials))


async def open_raw(address: str, credentials: Credentials) -> RawStream:
    return RawStream(address, credentials)


# What nobody sees.


def test_token_is_not_printed():
    """Options can be printed, as debuggers and error reports do."""
    layer = GrpcChannelLayer(address="localhost:8765", token=TOKEN)
    for printed in (layer.config, layer.config.credentials, layer.hub_credentials, vars(layer)):
        assert TOKEN not in repr(printed)


# Mistakes.


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({}, "a process needs a 'token' or a 'client_cert_file': anyone who reaches"),
        ({"token": "short"}, "'token' must have at least 32 characters"),
        ({"token": " " * 32}, "'token' must have at least 32 characters.*no space"),
        ({"token": "é" * 32}, "'token' must have .*ASCII"),
        ({"token": 7}, "'token' must be a str"),
        ({"token": TOKEN, "token_file": "/x"}, "'token' and 'token_file' are both set"),
        ({"token_file": "/no/such"}, "'token_file' can't be read: /no/such \\(No such file"),
        ({"token_file": os.devnull}, "the content of 'token_file' .* must have at least"),
        ({"token": TOKEN, "ca_file": "/no/such"}, "'ca_file' can't be read: /no/such"),
        ({"cert_file": "/x"}, "'cert_file' and 'key_file' must be set together"),
        ({"client_key_file": "/x"}, "'client_cert_file' and 'client_key_file' must be set"),
        ({"allow_unprotected_tcp": 1}, "'allow_unprotected_tcp' must be a bool"),
        ({"address": "unix:/run/x", "token": TOKEN}, "'token' is for TCP"),
        ({"address": "unix:/run/x", "allow_unprotected_tcp": True}, "is for TCP"),
    ],
)
def test_bad_config(config, error):
    """Each mistake in CONFIG is named, without the token."""
    with pytest.raises(ImproperlyConfigured, match=error) as caught:
        GrpcChannelLayer(**{"address": "localhost:8765", **config})
    assert TOKEN not in str(caught.value)


def test_bad_token_of_the_environment(monkeypatch):
    """So is one in the environment."""
    monkeypatch.setenv(TOKEN_VARIABLE, "short")
    with pytest.raises(ImproperlyConfigured, match=f"variable {TOKEN_VARIABLE} must have"):
        GrpcChannelLayer(address="localhost:8765")


@pytest.mark.parametrize(
    ("names", "options", "error"),
    [
        ((), {}, "needs a 'cert_file'"),
        ((), {"token": TOKEN}, "needs a 'cert_file'"),
        (("hub",), {}, "needs a 'token' or a 'client_ca_file'"),
        (("mutual hub",), {"token": TOKEN}, "'client_ca_file' needs a 'cert_file'"),
        ((), {"cert_file": "/no/such", "key_file": "/no/such"}, "'cert_file' can't be read"),
    ],
)
async def test_hub_refuses_to_start(tcp_address, make_credentials, names, options, error):
    """On TCP a hub doesn't start unprotected, unless it is told to."""
    with pytest.raises(HubAddressError, match=error) as caught:
        async with serving(tcp_address, make_credentials(*names, **options)):
            pass
    assert TOKEN not in str(caught.value)


def run_hub(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``websockets_hub``, which can't start."""
    return subprocess.run(
        [sys.executable, "-m", "django", "websockets_hub", *arguments],
        cwd=ROOT,
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_command_refuses_to_start(tcp_address):
    """So says the command, in one line."""
    done = run_hub("--address", tcp_address, **{TOKEN_VARIABLE: TOKEN})
    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: the groups hub can't listen at localhost:")
    assert "needs a 'cert_file'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert TOKEN not in done.stderr


async def test_command(tcp_address, files, connect, make_credentials, tmp_path):
    """The command takes files as options, and strangers don't fill its log.

    It has what to write instead of a hub on TCP, in one line.
    """
    (tmp_path / "token").write_text(TOKEN)
    arguments = ["--token-file", str(tmp_path / "token")]
    for name, file in {**files["hub"], **files["mutual hub"]}.items():
        arguments += ["--" + name.replace("_", "-"), file]
    process = HubProcess(tcp_address, *arguments)
    try:
        own = make_credentials("process", "mutual process", token=TOKEN)
        await soon(connect(own).transport.ask("g:room", b"hello"))
        async with stranger(tcp_address, b"GET / HTTP/1.1\r\n\r\n") as reader:
            await soon(read_all(reader))
        (line,) = process.read_log().splitlines()
        assert f"a hub on TCP, as at {tcp_address}, is deprecated" in line
        assert '"BACKEND": "channels_bridge.layers.NatsChannelLayer"' in line
    finally:
        process.close()


def test_places(settings, tcp_address):
    """The server starts the hubs of its machine only."""
    backend = "channels_bridge.layers.GrpcChannelLayer"
    settings.CHANNEL_LAYERS = {
        "here": {"BACKEND": backend, "CONFIG": {"address": tcp_address, "token": TOKEN}},
        "again": {"BACKEND": backend, "CONFIG": {"address": tcp_address, "token": TOKEN}},
        # Of a network that is for examples (RFC 5737).
        "elsewhere": {"BACKEND": backend, "CONFIG": {"address": "192.0.2.1:1", "token": TOKEN}},
    }
    (place,) = hubs.places()
    assert place.address == tcp_address
    assert place.credentials.read_token() == TOKEN


# Other users of this machine.


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("what", ["socket", "directory"])
async def test_socket_of_another_user(socket_dir, what):
    """Nobody talks to a socket that another user has made, or could have."""
    with socket.socket(socket.AF_UNIX) as squatter:
        squatter.bind(f"{socket_dir}/groups.sock")
        squatter.listen()
        squatter.setblocking(False)
        os.chown(f"{socket_dir}/groups.sock" if what == "socket" else socket_dir, 12345, -1)
        peer = Peer(GrpcTransport(f"unix:{socket_dir}/groups.sock", timeout=2))
        advice = {"socket": "run this as that user", "directory": "choose one of this user's"}
        words = f"{what}.* is owned by another user .uid 12345.*{advice[what]}"
        with pytest.raises(TransportUnavailable, match=words):
            await peer.transport.ask("g:room", b"hello")
        with pytest.raises(BlockingIOError):
            squatter.accept()
        await peer.transport.aclose()


@pytest.mark.parametrize("mode", [0o777, 0o1777])
async def test_directory_of_everybody(socket_dir, mode):
    """A socket isn't made where others could replace it."""
    socket_dir.chmod(mode)
    address = f"unix:{socket_dir}/groups.sock"
    if mode == 0o1777:
        async with serving(address):
            pass
    else:
        with pytest.raises(HubAddressError, match="every user can write to the directory"):
            async with serving(address):
                pass
