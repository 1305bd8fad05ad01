"""Two releases, as in the middle of a rolling upgrade: a hub of one, processes of another."""

from __future__ import annotations

import asyncio
import logging

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message

from channels_bridge.groups.grpc import frame_codec
from channels_bridge.groups.grpc.hub.exchange import Exchange
from channels_bridge.groups.grpc.process.client import Client
from channels_bridge.groups.grpc.process.grpc_transport import GrpcTransport
from channels_bridge.groups.grpc.stream import METHOD, SERVICE
from channels_bridge.groups.wire.v1 import groups_pb2 as wire
from compat_tests.groups.hubs import DEADLINE, refusal, serving, soon
from compat_tests.groups.sessions import Process, exchange_all
from compat_tests.groups.transport_peer import Peer

# What a later release may add. Protobuf joins fields that are written one after the other, so these
# bytes add field 99, of some type, to whatever precedes them.
NEW_FIELD = bytes([0x9A, 0x06, 5]) + b"later"
NEW_NUMBER = bytes([0x98, 0x06, 7])

# A batch of one frame, whose kind is field 63: a request with a number, say.
NEW_FRAME = bytes([0x0A, 7, 0xFA, 0x03, 4]) + b"\x08\x01\x12\x00"


def add_fields(batch: bytes) -> bytes:
    """What a later release would write: each frame has more fields, and so has what is in it."""
    later = b""
    for frame in wire.Batch.FromString(batch).frames:
        name = frame.WhichOneof("kind")
        number = frame.DESCRIPTOR.fields_by_name[name].number
        content = getattr(frame, name).SerializeToString() + NEW_FIELD + NEW_NUMBER
        later += field(1, field(number, content) + NEW_NUMBER)
    return later + NEW_FIELD


def field(number: int, content: bytes) -> bytes:
    """A field of protobuf that has a length."""
    return frame_codec._key(number) + frame_codec.varint(len(content)) + content


async def connect(address: str) -> tuple[grpc.aio.Channel, grpc.aio.StreamStreamCall]:
    """A stream on which a test says what it likes."""
    channel = grpc.aio.insecure_channel(address)
    return channel, channel.stream_stream(f"/{SERVICE}/{METHOD}")()


async def read_until(call: grpc.aio.StreamStreamCall, name: str) -> Message:
    """The content of the next frame of that name."""
    while True:
        batch = await soon(call.read())
        assert batch is not grpc.aio.EOF
        for field, kind in frame_codec.parse(batch):
            if field == name:
                return kind


async def test_later_release(hub):
    """A process of a later release, whose frames have more fields, gets on with this hub."""
    receiver = Peer(GrpcTransport(hub.address, timeout=DEADLINE))
    await receiver.transport.subscribe("g:room")
    channel, call = await connect(hub.address)
    hello = frame_codec.encode(wire.Hello(version=1, process=b"later", topics=["g:room"]))
    await call.write(add_fields(hello))
    assert (await read_until(call, "welcome")).epoch
    publish = wire.Publish(seq=1, topic="g:room", payload=b"hello", confirm=True)
    await call.write(add_fields(frame_codec.encode(publish)))
    assert (await read_until(call, "settled")).seqs == [1]
    assert receiver.payloads == [b"hello"]
    await receiver.transport.publish("g:room", b"and back")
    assert (await read_until(call, "delivery")).payload == b"and back"
    await call.write(add_fields(frame_codec.encode(wire.Handled(count=1))))
    await receiver.transport.aclose()
    await channel.close()


async def test_unknown_frame(hub):
    """A frame that this hub doesn't know is answered, and what follows it is heard."""
    channel, call = await connect(hub.address)
    await call.write(frame_codec.encode(wire.Hello(version=1, process=b"later")) + NEW_FRAME)
    assert (await read_until(call, "unknown")).number == 63
    await call.write(
        NEW_FRAME + frame_codec.encode(wire.Publish(seq=1, topic="g:room", confirm=True))
    )
    assert (await read_until(call, "settled")).seqs == [1]
    await channel.close()


@pytest.mark.parametrize("frame", [b"", NEW_NUMBER])
async def test_frame_of_nothing(hub, frame):
    """So is a frame that has no kind at all."""
    channel, call = await connect(hub.address)
    hello = frame_codec.encode(wire.Hello(version=1, process=b"later"))
    await call.write(hello + field(1, frame))
    assert (await read_until(call, "unknown")).number == (99 if frame else 0)
    await channel.close()


async def test_earlier_hub_is_named(caplog):
    """A process that is told that its hub is of an earlier release says so, once."""
    hub, process = Exchange(is_first=True), Process()
    process.connect(hub)
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            process.client.outbox.put(NEW_FRAME)
            exchange_all(process)
    (record,) = caplog.records
    assert "earlier release and doesn't know frame 63: restart it" in record.getMessage()


async def test_later_hub(caplog):
    """A process gets on with a hub of a later release, and says once what it doesn't know."""
    client = Client(lambda topic, payload: True)
    client.connected()
    request = client.request(wire.Publish(topic="g:room"))
    welcome = frame_codec.encode(wire.Welcome(epoch=b"later"))
    settled = frame_codec.encode(wire.Settled(seqs=[request.seq]))
    with caplog.at_level(logging.ERROR):
        client.receive(add_fields(welcome) + NEW_FRAME + NEW_FRAME + add_fields(settled))
    assert request.answer.done()
    (record,) = caplog.records
    assert "later release and has sent frame 63: restart this process" in record.getMessage()


@pytest.mark.parametrize("version", [0, 2, 2**32 - 1])
async def test_other_version(hub, version):
    """A process of another version is refused, and told both versions."""
    channel, call = await connect(hub.address)
    await call.write(add_fields(frame_codec.encode(wire.Hello(version=version, process=b"other"))))
    reason = (await read_until(call, "refused")).reason
    assert f"it speaks version {version} of the protocol and the hub version 1" in reason
    assert await soon(call.read()) is grpc.aio.EOF
    await channel.close()


async def test_other_service(address):
    """So is one whose hub doesn't know its version of the service."""
    server = grpc.aio.server()
    server.add_insecure_port(address)
    await server.start()
    transport = GrpcTransport(address, timeout=2)
    transport.start(lambda topic, payload: True)
    await refusal(transport, "it speaks another version of the protocol")
    await transport.aclose()
    await server.stop(None)


class OtherHub(grpc.GenericRpcHandler):
    """A hub that refuses everybody."""

    def __init__(self) -> None:
        self.refused = asyncio.Event()

    def service(self, details):
        return grpc.stream_stream_rpc_method_handler(self._connect)

    async def _connect(self, _, context):
        await context.write(frame_codec.encode(wire.Refused(reason="it speaks version 2")))
        self.refused.set()


async def test_hub_is_upgraded(address):
    """A process that was refused goes on when a hub of its version comes."""
    server, other = grpc.aio.server(), OtherHub()
    server.add_generic_rpc_handlers([other])
    server.add_insecure_port(address)
    await server.start()
    transport = GrpcTransport(address, timeout=DEADLINE)
    transport.start(lambda topic, payload: True)
    publishing = asyncio.create_task(transport.ask("g:room", b"hello"))
    await soon(other.refused.wait())
    await server.stop(None)
    async with serving(address):
        await soon(publishing)
        await transport.aclose()
