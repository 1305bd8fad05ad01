"""HTTP/2 between processes and hubs: anything may come, and be cut anywhere."""

from __future__ import annotations

import asyncio

import grpc.aio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels_bridge.groups.grpc.http2.client_call import ClientCall
from channels_bridge.groups.grpc.http2.http2_call import Http2Call
from channels_bridge.groups.grpc.http2.http2_frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    PREFACE,
    Violation,
)
from channels_bridge.groups.grpc.http2.server_call import ServerCall
from compat_tests.fuzz.profile import PROFILE
from compat_tests.groups.grpc.http2.spoken import (
    GREETING,
    METHOD,
    REQUEST,
    RESPONSE,
    contents,
    frame,
    headers,
    message,
)
from compat_tests.groups.hubs import soon

MAX_MESSAGE = 100_000

MESSAGES = st.lists(
    st.tuples(st.integers(0, 255), st.sampled_from([0, 1, 100, 16_380, 65_530, 90_000])).map(
        lambda drawn: bytes([drawn[0]]) * drawn[1]
    ),
    max_size=6,
)
CUTS = st.lists(st.integers(1, 40_000), min_size=1, max_size=10)

FLAGS = st.sampled_from([0, END_STREAM, END_HEADERS, END_HEADERS | END_STREAM, PADDED, 0xFF])
CONTENTS = st.one_of(
    st.binary(max_size=40),
    st.binary(max_size=20).map(message),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2**32 - 1)), max_size=3).map(
        lambda values: b"".join(n.to_bytes(2, "big") + v.to_bytes(4, "big") for n, v in values)
    ),
    st.integers(0, 2**32 - 1).map(lambda value: value.to_bytes(4, "big")),
)
FRAMES = st.one_of(
    st.builds(
        lambda kind, flags, stream, content: frame(kind, content, flags=flags, stream=stream),
        st.integers(0, 11),
        FLAGS,
        st.sampled_from([0, 1, 1, 1, 2, 3, 2**31 + 1]),
        CONTENTS,
    ),
    st.builds(
        lambda fields, flags: headers(fields, flags=flags),
        st.sampled_from([REQUEST, RESPONSE, [(b"grpc-status", b"0")]]),
        FLAGS,
    ),
    st.sampled_from([GREETING, PREFACE]),
)
#: Where something is changed, how much is taken away there, and what comes in its place.
MUTATIONS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.binary(max_size=12)), min_size=1, max_size=4
)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """The pieces of it, which have these sizes in turn."""
    pieces = []
    while data:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[:size])
        data = data[size:]
    return pieces


@PROFILE
@given(MESSAGES, MESSAGES, CUTS)
@example([b"x" * 90_000] * 6, [b"y" * 90_000] * 6, [1, 40_000])
def test_conversation(asked, answered, sizes):
    """What each side says arrives at the other, in order, however it is cut."""
    process, hub = ClientCall(METHOD, max_message=MAX_MESSAGE), ServerCall(MAX_MESSAGE)
    for said in asked:
        process.send(said)
    came: dict[Http2Call, list[bytes]] = {process: [], hub: []}
    is_called = False
    while True:
        written = {hub: process.take_output(), process: hub.take_output()}
        if not any(written.values()):
            break
        for side, data in written.items():
            for piece in cut(data, sizes):
                came[side] += side.receive(piece)
        if hub.request is not None and not is_called:
            is_called = True
            for said in answered:
                hub.send(said)
        if is_called and len(came[hub]) == len(asked):
            hub.end(0, "goodbye")
    assert [outline(came[hub]), outline(came[process])] == [outline(asked), outline(answered)]
    assert process.is_over and (process.status, process.reason) == (0, "goodbye")


def outline(messages: list[bytes]) -> list[tuple[bytes, int]]:
    """What a message is like, in few words: each is one byte again and again."""
    return [(b"".join(sorted({said[:1], said[-1:]})), len(said)) for said in messages]


def hear(call: Http2Call, said: bytes, sizes: list[int]) -> None:
    """Have a call hear anything: at most it ends the connection, with one code."""
    call.take_output()
    taken = 0
    try:
        for piece in cut(said, sizes):
            taken += sum(map(len, call.receive(piece)))
    except Violation as violation:
        assert call.is_over
        (goodbye,) = contents(call.take_output(), 7)[-1:]
        assert int.from_bytes(goodbye[4:8], "big") == violation.code
    else:
        call.send(b"more")
    assert len(call.take_output()) < 10 * len(said) + 1000
    assert taken <= len(said)


@PROFILE
@given(st.lists(FRAMES, max_size=12), CUTS)
def test_hostile_process(said, sizes):
    """A hub takes any frames, and any bytes, for what they are."""
    hear(ServerCall(MAX_MESSAGE), PREFACE + GREETING + b"".join(said), sizes)
    hear(ServerCall(MAX_MESSAGE), b"".join(said), sizes)


@PROFILE
@given(st.lists(FRAMES, max_size=12), CUTS)
@example([frame(HEADERS, b"\x3f" + b"\xff" * 30, flags=END_HEADERS)], [1])
@example([frame(DATA, message(b"")[:4]), frame(DATA, b"\0", flags=END_STREAM)], [1])
def test_hostile_hub(said, sizes):
    """So does a process."""
    hear(ClientCall(METHOD, max_message=MAX_MESSAGE), GREETING + b"".join(said), sizes)
    hear(ClientCall(METHOD, max_message=MAX_MESSAGE), b"".join(said), sizes)


@PROFILE
@given(st.binary(max_size=60))
def test_header_blocks(block):
    """Any bytes are headers, or give one error."""
    opening = PREFACE + GREETING
    hear(ServerCall(MAX_MESSAGE), opening + frame(HEADERS, block, flags=END_HEADERS), [1000])


@PROFILE
@given(MUTATIONS, CUTS)
def test_mutations(conversations, mutations, sizes):
    """What gRPC's own ends say, with a few bytes changed, does no harm either."""
    of_process, of_hub = (mutated(said, mutations) for said in conversations)
    hear(ServerCall(MAX_MESSAGE), of_process, sizes)
    hear(ClientCall(METHOD, max_message=MAX_MESSAGE), of_hub, sizes)


def mutated(said: bytes, mutations: list[tuple[float, int, bytes]]) -> bytes:
    for where, removed, added in mutations:
        at = int(where * len(said))
        said = said[:at] + added + said[at + removed :]
    return said


@pytest.fixture(scope="module")
def conversations(tmp_path_factory) -> tuple[bytes, bytes]:
    """What a client and a server of gRPC's say to each other, each as a whole."""
    directory = tmp_path_factory.mktemp("between")
    return asyncio.run(_overhear(f"{directory}/server", f"{directory}/between"))


async def _overhear(server_path: str, path: str) -> tuple[bytes, bytes]:
    """Have them talk over two sockets, and copy what comes from one to the other."""
    said: tuple[list[bytes], list[bytes]] = ([], [])
    copying: list[asyncio.Task[None]] = []
    writers: list[asyncio.StreamWriter] = []

    async def connect(reader, writer):
        other_reader, other_writer = await asyncio.open_unix_connection(server_path)
        writers.extend((writer, other_writer))
        copying.append(asyncio.create_task(_copy(reader, other_writer, said[0])))
        copying.append(asyncio.create_task(_copy(other_reader, writer, said[1])))

    server = grpc.aio.server()
    server.add_generic_rpc_handlers([_Echo()])
    server.add_insecure_port(f"unix:{server_path}")
    await server.start()
    between = await asyncio.start_unix_server(connect, path)
    async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
        call = channel.stream_stream(METHOD)()
        for _ in range(3):
            await call.write(b"hello")
            assert await soon(call.read()) == b"hello"
        await call.done_writing()
        assert await soon(call.read()) is grpc.aio.EOF
    for copier in copying:
        copier.cancel()
    await asyncio.wait(copying)
    for writer in writers:
        writer.close()
    between.close()
    await server.stop(None)
    return b"".join(said[0]), b"".join(said[1])


async def _copy(reader, writer, said):
    while data := await reader.read(65_536):
        said.append(data)
        writer.write(data)


class _Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.stream_stream_rpc_method_handler(self._answer)

    async def _answer(self, requests, context):
        async for request in requests:
            yield request


def test_overheard(conversations):
    """They can be read as they are: what is changed in them isn't nonsense from the start."""
    process, hub = conversations
    server, client = ServerCall(MAX_MESSAGE), ClientCall(METHOD)
    assert server.receive(process) == [b"hello"] * 3
    assert server.path == METHOD and server.is_over
    assert client.receive(hub) == [b"hello"] * 3
    assert client.status == 0
