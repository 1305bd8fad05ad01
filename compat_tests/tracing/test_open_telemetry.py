"""The tracer for OpenTelemetry, with its SDK: spans, links and baggage as its conventions say."""

from __future__ import annotations

import asyncio
import json

import pytest
from asgiref.sync import async_to_sync
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import get_channel_layer
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from channels_bridge.common.trace_context import Handling
from channels_bridge.resume.negotiation import Negotiation
from channels_bridge.tracing.open_telemetry import OpenTelemetry, OpenTelemetryOneTrace
from compat_tests.engine import DEADLINE
from compat_tests.fuzz.profile import PROFILE
from compat_tests.resume.speaking import Speaker

pytestmark = pytest.mark.usefixtures("worker", "recorded")

ONE_TRACE = "channels_bridge.tracing.open_telemetry.OpenTelemetryOneTrace"

exporter = InMemorySpanExporter()
tracer = trace.get_tracer("of a project")


@pytest.fixture(scope="module")
def provider():
    """The one of this process, which can be set once."""
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(made)


@pytest.fixture
def recorded(provider):
    exporter.clear()


class Room(AsyncWebsocketConsumer):
    """Does something that is traced, as queries and requests are."""

    groups = ["room"]

    async def receive(self, text_data=None, bytes_data=None):
        await self.send("")

    async def room_said(self, event):
        with tracer.start_as_current_span("a query"):
            await asyncio.sleep(0)
        await self.send(f"{baggage.get_baggage('tenant')}")

    async def room_fail(self, event):
        raise RuntimeError("as told")

    async def room_stop(self, event):
        raise StopConsumer


class SyncRoom(WebsocketConsumer):
    """The same in a thread."""

    groups = ["room"]

    def receive(self, text_data=None, bytes_data=None):
        self.send("")

    def room_said(self, event):
        with tracer.start_as_current_span("a query"):
            self.send(f"{baggage.get_baggage('tenant')}")


class Proven(Room):
    """One whose handler runs for no member."""

    async def room_said(self, event):
        await self.send(text_data=json.dumps({"text": event["text"]}))


def within_a_span(application):
    """What the instrumentation of ASGI does: a span as long as the connection."""

    async def traced(scope, receive, send):
        with tracer.start_as_current_span("connection"):
            await application(scope, receive, send)

    return traced


async def send(type="room.said", **message):
    await get_channel_layer().group_send("room", {"type": type, "text": "", **message})


async def begun(websocket):
    await websocket.send("")
    await asyncio.wait_for(websocket.recv(), DEADLINE)
    return websocket


async def answer(websocket):
    return await asyncio.wait_for(websocket.recv(), DEADLINE)


async def closed(engine, *websockets):
    for websocket in websockets:
        await asyncio.wait_for(websocket.close(), DEADLINE)
    await engine.idle()


def spans(name):
    return [span for span in exporter.get_finished_spans() if span.name == name]


def span(name):
    (found,) = spans(name)
    return found


def links(of):
    return {link.context.span_id for link in of.links}


def is_child(one, of):
    return one.parent is not None and one.parent.span_id == of.context.span_id


@pytest.mark.parametrize("room", [Room, SyncRoom])
async def test_handlers_link_to_the_sender(serve, use, room):
    """The view's span has one of sending, to which those of handlers link: each in a trace of its
    own, with what happens in it.
    """
    use("opentelemetry")
    engine = await serve(room.as_asgi())
    async with engine.connect() as one, engine.connect() as two:
        await begun(one), await begun(two)
        with tracer.start_as_current_span("view"):
            await send()
        await answer(one), await answer(two)
        await closed(engine, one, two)
    sent = span("group_send room.said")
    assert sent.kind is SpanKind.PRODUCER and is_child(sent, span("view"))
    assert dict(sent.attributes) == {
        "messaging.system": "channels",
        "messaging.destination.name": "room",
        "messaging.operation.name": "group_send",
        "messaging.operation.type": "send",
    }
    handled = spans("process room.said")
    assert len({each.context.trace_id for each in [sent, *handled]}) == 3
    for each in handled:
        assert each.kind is SpanKind.CONSUMER and each.parent is None
        assert links(each) == {sent.context.span_id}
        assert sum(is_child(query, each) for query in spans("a query")) == 1
        assert dict(each.attributes) == {
            "messaging.system": "channels",
            "messaging.destination.name": "room",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.channels.shared": False,
            "messaging.channels.replay": False,
            "code.function.name": f"{__name__}.{room.__name__}.room_said",
        }


async def test_connections_with_a_span(serve, use):
    """A handler is a part of its connection's trace, where that has one."""
    use("opentelemetry")
    engine = await serve(within_a_span(Room.as_asgi()))
    async with engine.connect() as websocket:
        await begun(websocket)
        await send()
        await answer(websocket)
        await closed(engine, websocket)
    handled = span("process room.said")
    assert is_child(handled, span("connection"))
    assert links(handled) == {span("group_send room.said").context.span_id}


@pytest.mark.parametrize("is_within", [False, True])
async def test_one_trace(serve, use, is_within):
    """The other way round, for who wants that: links to the sender and to the connection."""
    use(ONE_TRACE)
    application = Room.as_asgi()
    engine = await serve(within_a_span(application) if is_within else application)
    async with engine.connect() as websocket:
        await begun(websocket)
        await send()
        await answer(websocket)
        await closed(engine, websocket)
    sent, handled = span("group_send room.said"), span("process room.said")
    assert is_child(handled, sent) and handled.context.trace_id == sent.context.trace_id
    connections = {each.context.span_id for each in spans("connection")}
    assert links(handled) == {sent.context.span_id, *connections}
    assert len(connections) == is_within


async def test_replays_are_traces_of_their_own(serve, use):
    """What is replayed may be old: also in one trace it only links to the sender."""
    use(ONE_TRACE, history={"room": {}})
    engine = await serve(Negotiation(Room.as_asgi()))
    speaker = await Speaker(engine).connect()
    await speaker.hear_of("hello")
    await speaker.hear_of("at")
    await send()
    await speaker.frames(1)
    speaker.websocket.transport.abort()
    await speaker.websocket.wait_closed()
    await engine.idle()
    await send()
    await speaker.connect()
    await speaker.frames(1)
    await speaker.websocket.close()
    await engine.idle()
    live, replayed = spans("process room.said")
    first, second = spans("group_send room.said")
    assert is_child(live, first)
    assert replayed.parent is None and links(replayed) == {second.context.span_id}
    assert replayed.attributes["messaging.channels.replay"] is True


async def test_shared_handlers(serve, use):
    """A handler that runs once for all has one span."""
    use("opentelemetry")
    engine = await serve(Proven.as_asgi())
    async with engine.connect() as one, engine.connect() as two:
        await begun(one), await begun(two)
        await asyncio.sleep(0)
        await send()
        await answer(one), await answer(two)
        await closed(engine, one, two)
    shared = [s for s in spans("process room.said") if s.attributes["messaging.channels.shared"]]
    assert len(shared) == 1


async def test_errors(serve, use):
    """A handler that fails is an error of its span; one that stops its consumer isn't."""
    layer = use("opentelemetry")
    engine = await serve(Room.as_asgi())
    for type in ("room.fail", "room.stop"):
        async with engine.connect() as websocket:
            await begun(websocket)
            await send(type)
            await asyncio.wait_for(websocket.wait_closed(), DEADLINE)
        await engine.idle()
    failed = span("process room.fail")
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.status.description == "RuntimeError: as told"
    assert failed.attributes["error.type"] == "RuntimeError"
    assert [event.name for event in failed.events] == ["exception"]
    stopped = span("process room.stop")
    assert stopped.status.status_code is StatusCode.UNSET and not stopped.events
    with pytest.raises(TypeError):
        await layer.group_send("room", {"type": "room.said", "when": set()})
    assert span("group_send room.said").attributes["error.type"] == "TypeError"


@pytest.mark.parametrize("room", [Room, SyncRoom])
async def test_baggage(serve, use, room):
    """Handlers find the sender's, unless somebody has made it too long."""
    use("opentelemetry")
    engine = await serve(room.as_asgi())
    async with engine.connect() as websocket:
        await begun(websocket)
        for more, heard in [("", "acme"), ("x" * 4050, "None"), (None, "None")]:
            with_baggage = baggage.set_baggage("tenant", "acme")
            if more:
                with_baggage = baggage.set_baggage("more", more, with_baggage)
            token = context.attach(with_baggage if more is not None else context.Context())
            await send()
            context.detach(token)
            assert await answer(websocket) == heard
        await closed(engine, websocket)
    sent = [each.context.span_id for each in spans("group_send room.said")]
    assert [links(each) for each in spans("process room.said")] == [{each} for each in sent]


async def test_nothing_stays_bound(use):
    """Whoever sends is in the same span afterwards, on an event loop, and in a worker's thread."""
    layer = use("opentelemetry")

    def send_in_thread():
        with tracer.start_as_current_span("task") as task:
            async_to_sync(layer.group_send)("room", {"type": "room.said"})
            return trace.get_current_span() is task

    with tracer.start_as_current_span("view") as view:
        await send()
        assert trace.get_current_span() is view
    assert await asyncio.to_thread(send_in_thread)
    assert [is_child(each, span("task")) for each in spans("group_send room.said")] == [False, True]


@PROFILE
@given(st.dictionaries(st.sampled_from(["traceparent", "tracestate", "baggage", "b3"]), st.text()))
@pytest.mark.parametrize("kind", [OpenTelemetry, OpenTelemetryOneTrace])
def test_any_headers(kind, headers):
    """What another process has made a mess of costs a link, and no message."""
    before = context.get_current()
    with kind().handling(Handling("handler", "room", "room.said"), headers):
        assert trace.get_current_span().get_span_context().is_valid
    assert context.get_current() is before
