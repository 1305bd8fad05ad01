"""The hub's stream, as a process has it: whatever comes on it, the hub serves on."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_bridge.groups.credentials import NONE
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.grpc import frame_codec
from channels_bridge.groups.grpc.process.grpc_transport import GrpcTransport
from channels_bridge.groups.grpc.stream import HubStream, StreamBroken
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from compat_tests.fuzz.envelopes import batches, hellos
from compat_tests.fuzz.profile import PROFILE
from compat_tests.groups.hubs import DEADLINE, serving, soon
from compat_tests.groups.transport_peer import Peer

STREAMS = st.lists(st.lists(batches() | st.binary(max_size=300), max_size=4), max_size=8)


@settings(PROFILE, max_examples=PROFILE.max_examples // 4)
@given(hellos(b"hostile"), STREAMS)
def test_real_hub(hub, hello, streams):
    """A real hub serves on, whatever its streams bring."""
    run, address, friend = hub
    for said in streams:
        run(_say(address, [frame_codec.encode(hello), *said]))
    # Not to a topic that the hostile process listens to: it would be waited for.
    assert run(friend.transport.tell("g:friends", b"hello"))


async def _say(address, said):
    """Write batches and read what comes, as processes do, until the hub ends the stream."""
    stream = await HubStream.open(Address.parse(address), NONE)
    writing = asyncio.create_task(_write(stream, [*said, frame_codec.encode(wire.Bye())]))
    try:
        await soon(stream.listen(lambda batch: None))
    except StreamBroken:
        pass
    finally:
        writing.cancel()
        await asyncio.wait([writing])
        await stream.aclose()


async def _write(stream, said):
    with contextlib.suppress(StreamBroken):
        for batch in said:
            await stream.send(batch)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """How to run something beside a hub, its address, and a process on it."""
    address = f"unix:{tmp_path_factory.mktemp('hub')}/groups.sock"
    loop = asyncio.new_event_loop()
    serve = serving(address)
    loop.run_until_complete(serve.__aenter__())
    friend = loop.run_until_complete(_join(address))
    yield loop.run_until_complete, address, friend
    loop.run_until_complete(friend.transport.aclose())
    loop.run_until_complete(serve.__aexit__(None, None, None))
    loop.close()


async def _join(address):
    return Peer(GrpcTransport(address, timeout=DEADLINE))
