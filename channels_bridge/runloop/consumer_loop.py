"""The run loop of consumers: one inbox, one handler at a time, in order of arrival.

Channels' own loop (``channels.utils.await_many_dispatch``) waits on two tasks for each connection,
makes a new one for each event and hops to a thread before each handler. Here the consumer awaits
one inbox that socket events and layer messages share, and hops only when there is a database
connection to look after (``db_housekeeping``).

``install()`` gives this loop to every Channels consumer of the process, unmodified ones too. It
is taken only where the server offered an inbox in ``scope["extensions"]``; elsewhere, as in
``WebsocketCommunicator``, consumers run as Channels runs them.

What it promises beyond Channels (Spec deviation): whatever ends the consumer, an exception in any
handler included, its ``websocket.disconnect`` handler runs once and its channel leaves all groups.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from bdb import BdbQuit
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, cast

from asgiref.sync import async_to_sync
from channels import consumer as upstream
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from channels.sessions import InstanceSessionWrapper
from channels.utils import await_many_dispatch
from django.db import Error as DatabaseError

from channels_bridge.common import handler_hints
from channels_bridge.common.trace_context import TraceContext
from channels_bridge.groups.history.feed import Feed
from channels_bridge.groups.history.member_listener import Listener
from channels_bridge.groups.history.plain_listener import PlainListener
from channels_bridge.groups.message import handler_name
from channels_bridge.groups.shared_frames import Sharing
from channels_bridge.resume.attribution import Attribution
from channels_bridge.resume.opening import give_channel, open_session
from channels_bridge.resume.refused_handshake import guard_handshake
from channels_bridge.resume.resume_session import ResumeSession
from channels_bridge.resume.tagged_sharing import TaggedSharing
from channels_bridge.runloop import proven_handlers
from channels_bridge.runloop.context_variables import adopt
from channels_bridge.runloop.db_housekeeping import housekeeping
from channels_bridge.runloop.fed_inbox import FedInbox
from channels_bridge.runloop.registry import Entry
from channels_bridge.runloop.sync_dispatch import SyncDispatch, has_channels_dispatch
from channels_bridge.runloop.sync_send import SyncSend
from channels_bridge.server.asgi_types import Event, Receive, Send
from channels_bridge.server.calls_from_threads import Crossing
from channels_bridge.server.debugging import without_exit
from channels_bridge.server.websocket.asgi_scope import EXTENSION
from channels_bridge.server.websocket.connection import WebSocketConnection
from channels_bridge.server.websocket.inbox import Inbox
from channels_bridge.tracing.traced_handlers import TracedDispatch, traced_find, traced_make

# Not a logger of this room's own: users filter by the four names that the guide lists.
logger = logging.getLogger("channels_bridge.server")

Dispatch = Callable[[Event], Awaitable[None]]
Find = Callable[[Event], Callable[[Event], object]]

HTTP_ONLY = ["http.response.start"]

_channels_call = AsyncConsumer.__call__


def install(*, shares_handlers: bool = True) -> None:
    """Run all Channels consumers of this process as described above.

    Args:
        shares_handlers: whether handlers that are proved to be the same for every member run once.
    """
    proven_handlers.is_on = shares_handlers
    # Projects' consumers are subclasses of Channels': there is nothing else to take hold of.
    AsyncConsumer.__call__ = _call  # type: ignore[assignment, method-assign]


async def _call(
    consumer: AsyncConsumer, scope: dict[str, Any], receive: Receive, send: Send
) -> None:
    extension = scope.get("extensions", {}).get(EXTENSION)
    if extension is None:
        await _channels_call(consumer, scope, receive, send)  # type: ignore[arg-type]
    else:
        connection = extension["connection"]
        with Entry(connection, consumer):
            run = _Run(consumer, receive, connection)
            try:
                await run.run(scope, send)
            finally:
                if run.variables is not None:
                    adopt(run.variables)


class _Run:
    """One consumer from its first event to its last."""

    __slots__ = (
        "connection",
        "consumer",
        "current",
        "dispatch",
        "inbox",
        "receive",
        "session",
        "variables",
    )

    def __init__(self, consumer: Any, receive: Receive, connection: WebSocketConnection) -> None:
        self.consumer = consumer
        self.receive = receive
        self.connection = connection
        self.inbox = connection.inbox
        self.dispatch = _dispatcher(consumer, connection.context.crossing)
        self.session: ResumeSession | None = None  # where its client speaks the protocol of resume
        self.current: Event | None = None  # the event that is being handled, or was last
        self.variables: Context | None = None  # what its handlers have bound, at its end

    async def run(self, scope: dict[str, Any], send: Send) -> None:
        """Set the consumer up as ``AsyncConsumer.__call__`` does, and run it to its end."""
        consumer = self.consumer
        consumer.scope = scope
        send = _past_sessions(send)
        self._open_session(scope)  # before whatever takes the connection's sender, which changes
        base_send = self._sync_send(send) if consumer._sync else send
        consumer.base_send = base_send
        if self.session is not None:
            guard_handshake(self.session, consumer)
        # Looked up where Channels' consumers do: projects' tests patch it there.
        layer = cast(Any, upstream).get_channel_layer(consumer.channel_layer_alias)
        consumer.channel_layer = layer
        # Not so where a middleware wants to see each socket event.
        direct = self.receive == self.inbox.get
        if layer is None:
            await self._start(self._serve_inbox if direct else self._serve)
            return
        consumer.channel_name = name = await layer.new_channel()
        if self.session is not None:
            give_channel(self.session, layer, name)
        consumer.channel_receive = functools.partial(layer.receive, name)
        # A layer of another package, such as channels_redis, can only be asked to receive.
        if not hasattr(layer, "attach"):
            await self._start(self._serve_both)
            return
        if layer.tracer is not None:
            self._trace(layer.tracer)
        try:
            if direct:
                self.inbox.sharing = self._sharing(send, base_send, layer.tracer)
            if layer.follows:
                await self._start(self._attach_followed(layer, scope, direct))
                return
            if direct:
                layer.attach(name, self.inbox)
            await self._start(self._serve_inbox if direct else self._serve_both)
        finally:
            layer.detach(name)
            if direct:
                self.inbox.sharing = None  # it leads back here

    def _attach_followed(
        self, layer: Any, scope: dict[str, Any], direct: bool
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        """Attach the consumer where groups have history; return what serves it."""
        listener = self._listener(scope)
        inbox = self.inbox if direct else Inbox()
        feed: Feed = layer.attach(self.consumer.channel_name, inbox, listener)
        fed = FedInbox(inbox, feed)
        if direct:
            return functools.partial(self._serve_followed, fed, feed)
        self.consumer.channel_receive = fed.get
        return self._serve_both

    def _listener(self, scope: dict[str, Any]) -> Listener:
        """Return the connection, as groups with history see it."""
        hears_presence = hasattr(self.consumer, "presence_changed")
        return self.session or PlainListener(scope, hears_presence=hears_presence)

    def _open_session(self, scope: dict[str, Any]) -> None:
        """Have messages of groups attributed, where the client wants to know their positions."""
        self.session = session = open_session(self.consumer, scope, self.connection)
        if session is not None:
            crossing = self.connection.context.crossing
            attribution = Attribution(session)
            attribution.dispatch = _dispatcher(self.consumer, crossing, attribution.in_thread)
            self.dispatch = attribution

    def _trace(self, tracer: TraceContext) -> None:
        """Have handlers of messages run in the traces that those were sent in."""
        holder: Any = self if self.session is None else self.dispatch  # an Attribution
        dispatch = holder.dispatch
        if isinstance(dispatch, SyncDispatch):
            dispatch.stand_around(functools.partial(traced_find, tracer, self.consumer))
        else:
            holder.dispatch = TracedDispatch(tracer, self.consumer, dispatch)

    def _sync_send(self, send: Send) -> Callable[[Event], None]:
        """Return ``send()`` for a synchronous consumer; it passes over no middleware."""
        if send != self.connection.send:
            return cast("Callable[[Event], None]", async_to_sync(cast(Any, send)))
        return SyncSend(self.connection)

    def _sharing(self, send: Send, base_send: Any, tracer: TraceContext | None) -> Sharing | None:
        """Return what shares frames; None if there are none, or a middleware wants to see them."""
        middleware = None if send == self.connection.send else send
        make = proven_handlers.make_for(type(self.consumer), middleware)
        if make is None:
            return None
        if tracer is not None:
            runs_once = functools.partial(proven_handlers.runs_once, make)
            make = functools.partial(traced_make, tracer, runs_once, make)
        if self.session is not None:
            return TaggedSharing(self.consumer, base_send, self.inbox, self.session, make)
        return Sharing(self.consumer, base_send, self.inbox, self.connection.sender, make)

    def _start(self, serve: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Serve in a task of its own.

        To wake a task up costs as much as the coroutines in it are deep, and the middlewares around
        a consumer are deep.
        """
        return asyncio.get_running_loop().create_task(serve(), name="consumer")

    # Each of the next four handles the consumer's end by itself: a coroutine around them that did
    # it for all would take 181 bytes in each idle connection (Python 3.11, tracemalloc).

    async def _serve_inbox(self) -> None:
        """The hot path of the server: no step here is one that could be left out."""
        inbox, dispatch = self.inbox, self.dispatch
        try:
            while True:
                # Not inbox.get(): a coroutine less for each message, and in each idle connection.
                event = inbox.pop()
                if event is None:
                    await inbox.wait()
                else:
                    self.current = event
                    await dispatch(event)
        except BaseException as error:
            if not await self._finish(error):
                raise

    async def _serve_followed(self, fed: FedInbox, feed: Feed) -> None:
        """Do the same where groups have history: a member may be behind, and is fed then."""
        inbox, dispatch = self.inbox, self.dispatch
        try:
            while True:
                event = fed.pop_behind() if feed.is_behind else inbox.pop()
                if event is None:
                    await inbox.wait()
                else:
                    self.current = event
                    await dispatch(event)
        except BaseException as error:
            if not await self._finish(error):
                raise

    async def _serve(self) -> None:
        receive, dispatch = self.receive, self.dispatch
        try:
            while True:
                self.current = await receive()
                await dispatch(self.current)
        except BaseException as error:
            if not await self._finish(error):
                raise

    async def _serve_both(self) -> None:
        """Take layer messages through ``receive()``, as Channels does."""

        async def dispatch(event: Event) -> None:
            self.current = event
            await self.dispatch(event)

        receivers: list[Any] = [self.receive, self.consumer.channel_receive]
        try:
            await await_many_dispatch(receivers, dispatch)
        except BaseException as error:
            if not await self._finish(error):
                raise

    async def _finish(self, error: BaseException) -> bool:
        """Say goodbye if need be. Returns whether the end is orderly: then nothing is raised."""
        error = without_exit(error)
        try:
            if isinstance(error, StopConsumer):
                return True
            if isinstance(error, DatabaseError):
                housekeeping.force()
            if isinstance(error, TypeError):
                self._explain(error)
            if isinstance(error, (Exception, asyncio.CancelledError)):
                await self._say_goodbye()
            if isinstance(error, BdbQuit):
                raise error
            return False
        finally:
            self.variables = copy_context()

    def _explain(self, error: TypeError) -> None:
        """Name the handler that was awaited and is not async, which the error does not."""
        if self.consumer._sync or self.current is None:
            return
        handler = str(self.current.get("type")).replace(".", "_")
        if (text := handler_hints.not_async(self.consumer, handler, error)) is not None:
            logger.error("%s; the error is logged next", text)

    async def _say_goodbye(self) -> None:
        """After a failure: close the connection and run the disconnect handler, unless it ran."""
        code = self.connection.fail()
        ran = self.current is not None and self.current.get("type") == "websocket.disconnect"
        if ran or not hasattr(self.consumer, "websocket_disconnect"):
            return
        try:
            await self.dispatch({"type": "websocket.disconnect", "code": code, "reason": ""})
        except StopConsumer:
            pass
        except Exception:
            logger.exception(
                "Exception in the disconnect handler, which ran after the one that is logged next"
            )


def _past_sessions(send: Send) -> Send:
    """Return what is behind Channels' session middleware, where that is all that it wraps.

    It looks into the session with each message that is sent, but saves it with
    ``http.response.start`` only: a consumer's messages needn't pass through.
    """
    wrapper: Any = getattr(send, "__self__", None)
    if type(wrapper) is InstanceSessionWrapper and wrapper.save_message_types == HTTP_ONLY:
        return _past_sessions(cast(Send, wrapper.real_send))
    return send


def _dispatcher(
    consumer: Any, crossing: Crossing, in_thread: Callable[[Find], Find] = lambda find: find
) -> Dispatch:
    """Return the consumer's own ``dispatch``, or ours where it has Channels'.

    Args:
        in_thread: stands around what finds the handlers that run in a thread.
    """
    if type(consumer).dispatch is AsyncConsumer.dispatch:
        return functools.partial(_dispatch, consumer)
    if has_channels_dispatch(type(consumer)):
        return SyncDispatch(in_thread(functools.partial(_handler, consumer)), crossing)
    dispatch: Dispatch = consumer.dispatch
    return dispatch


def _dispatch(consumer: Any, message: Event) -> Awaitable[None]:
    """Dispatch as ``AsyncConsumer`` does, but hop to a thread only when there is need.

    Returns:
        What the handler returned, itself: no coroutine of ours stands around the handler's.
    """
    handler = _handler(consumer, message)
    if housekeeping.is_due():
        return _dispatch_after_housekeeping(handler, message)
    return cast("Awaitable[None]", handler(message))


def _handler(consumer: Any, message: Event) -> Any:
    handler = getattr(consumer, handler_name(message.get("type")), None)
    if handler is None:
        kind = message["type"]
        raise ValueError(handler_hints.no_handler(consumer, kind, handler_name(kind)))
    return handler


async def _dispatch_after_housekeeping(handler: Dispatch, message: Event) -> None:
    await housekeeping.close_old_connections()
    await handler(message)
