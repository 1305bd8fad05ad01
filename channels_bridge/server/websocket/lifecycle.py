"""The states of a connection, and the application that runs on it.

::

    REQUEST -> DECIDING -> OPEN -> CLOSING -> CLOSED
                       \\-> DENYING ---------/

The application runs in one task from the request on. It is told of the disconnect exactly once,
whoever ended the connection, and then has ``close_timeout`` seconds to return.

What an application does wrong is its error: logged with its traceback, 500 before the handshake is
decided, 1011 afterwards. What a client does wrong is answered with a status or a close code.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from abc import abstractmethod
from bdb import BdbQuit
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from websockets.frames import CloseCode

from channels_bridge.server.access_log import CLIENT_LEFT, Visitor, agent_name
from channels_bridge.server.asgi_types import Event
from channels_bridge.server.debugging import why_debugger_was_left
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.inbox import Inbox
from channels_bridge.server.websocket.wire import Wire

logger = logging.getLogger("channels_bridge.server")

#: What an application may send in one state, and what does it.
Actions = Mapping[str, Callable[[Any, Event], None]]


class State(enum.Enum):
    REQUEST = "waiting for the request"
    DECIDING = "waiting for the application to accept or deny"
    DENYING = "sending a denial response"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class Lifecycle(Wire):
    """A connection's state, its application, and the inbox that the application receives from.

    Guarantees to the application:

    - events arrive in the order of the wire, ``websocket.connect`` first, ``websocket.disconnect``
      last and once, always with ``code`` and ``reason``;
    - ``send`` waits while the write buffer is full, and returns once the frame is in it: no more
      than ``WRITE_HIGH_WATER``, one message, an outbox of other threads' messages and the answers
      to what was read last wait there; after the end of the connection it does nothing, whoever
      ended it (Daphne, hypercorn and granian are silent there too: an application can't know better
      than its network).
    """

    lasting = True

    #: What an application may send, by state; nothing in the others.
    ACTIONS: ClassVar[Mapping[State, Actions]]

    __slots__ = (
        "_actions",
        "_close_code",
        "_return_timer",
        "_scope",
        "_task",
        "context",
        "counters",
        "inbox",
        "opened",
        "path",
        "peer",
        "state",
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context.config, context.next_round)
        self.context = context
        self.counters = context.counters
        self.inbox = Inbox(resume=self._inbox_drained, overflow=self._inbox_overflown)
        self.state = State.REQUEST
        self._actions: Actions = {}
        #: Known once the request is there; for log lines.
        self.path = ""
        self.peer = "-"
        self.opened = 0.0  # when it was accepted, in the loop's time
        self._scope: dict[str, Any] = {}
        self._task: asyncio.Task[None] | None = None
        self._close_code = int(CloseCode.ABNORMAL_CLOSURE)  # that the application was told
        self._return_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.context.entered(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disconnect(CloseCode.ABNORMAL_CLOSURE)
        self._enter(State.CLOSED)
        super().connection_lost(exc)
        self.inbox.end()
        self._scope = {}  # which refers to the connection
        self.context.lost(self)

    # What the states do

    @abstractmethod
    def shutdown(self) -> None:
        """The worker ends."""

    @abstractmethod
    def fail(self) -> int:
        """The application failed: 500 before the handshake is decided, 1011 once it is open.

        Returns:
            The close code that the application was told, now or before.
        """

    @abstractmethod
    def close(self, message: Event) -> None:
        """``websocket.close`` after acceptance."""

    @abstractmethod
    def _inbox_drained(self) -> None:
        """The application has caught up with what was read."""

    @abstractmethod
    def _inbox_overflown(self) -> None:
        """Messages for the application would be lost."""

    # The application

    def _start_application(self) -> None:
        self.inbox.put_event({"type": "websocket.connect"})
        self._task = self.context.run(self._run_application(self._scope), f"websocket {self.path}")

    async def _run_application(self, scope: dict[str, Any]) -> None:
        try:
            await self.context.application(scope, self.inbox.get, self.send)
        except BdbQuit:
            logger.error("WebSocket %s [%s]: %s", self.path, self.peer, why_debugger_was_left())
            self.fail()
        except Exception:
            logger.exception(
                "Exception in ASGI application: WebSocket %s [%s]", self.path, self.peer
            )
            self.fail()
        else:
            self._application_returned()
        finally:
            if self._return_timer is not None:
                self._return_timer.cancel()

    def _application_returned(self) -> None:
        """A connection ends with its application, normally as in ``websockets.serve``."""
        if self.state is State.OPEN:
            self.close({"type": "websocket.close"})
        elif self.state in (State.DECIDING, State.DENYING):
            logger.error(
                "WebSocket %s [%s]: the application returned while %s",
                self.path,
                self.peer,
                self.state.value,
            )
            self.fail()

    async def send(self, message: Event) -> None:
        """The ASGI ``send``.

        Raises:
            RuntimeError: the message isn't one for the connection's state.
            ValueError: a close code, subprotocol, header or payload that can't be sent.
        """
        if self.writer.is_full and message["type"] != "websocket.close":
            await self.writer.room()
        if self._disconnected:
            return
        action = self._actions.get(message["type"])
        if action is None:
            raise self._unexpected(message)
        action(self, message)

    def _unexpected(self, message: Event) -> RuntimeError:
        return RuntimeError(
            f"{message['type']!r} while {self.state.value}; "
            f"expected one of {', '.join(self._actions)}"
        )

    # The end

    def _disconnect(self, code: int, reason: str = "") -> None:
        """Tell the application, once; from now on it has ``close_timeout`` to return."""
        if self._disconnected:
            return
        self._disconnected = True
        self._close_code = int(code)
        self.writer.release()  # into nothing; but what waits there has to hear of the end
        if self.state is State.OPEN:
            self.counters.open -= 1
            self.counters.closed[self._close_code] += 1
            self._log_access("DISCONNECT", code)
        elif self.state is State.DECIDING:
            self.counters.handshakes[CLIENT_LEFT] += 1
        if self._task is not None and not self._task.done():
            self.inbox.put_event(
                {"type": "websocket.disconnect", "code": int(code), "reason": reason}
            )
            self._return_timer = self.loop.call_later(
                self.config.close_timeout, self._return_overdue
            )

    def _return_overdue(self) -> None:
        assert self._task is not None
        logger.warning(
            "WebSocket %s [%s]: the application did not return within %g s of the disconnect; "
            "it is cancelled",
            self.path,
            self.peer,
            self.config.close_timeout,
        )
        self._task.cancel()

    def _start_closing(self) -> None:
        """Wait for the client's side of the end, at most ``close_timeout``."""
        if self.state in (State.CLOSING, State.CLOSED):
            return
        self._enter(State.CLOSING)
        self._set_timer(self.config.close_timeout, self.transport.abort)
        self.writer.stop_watch()
        self.reading.release_all()

    def _enter(self, state: State) -> None:
        self.state = state
        self._actions = self.ACTIONS.get(state, {})
        self._cancel_timer()

    # Access lines

    def _log_access(self, action: str, code: int | None = None) -> None:
        if self.config.access_log:
            seconds = self.loop.time() - self.opened if action == "DISCONNECT" else None
            self.context.access.websocket(action, self._visitor(), code, seconds)

    def _visitor(self) -> Visitor:
        return Visitor(self.path, self.peer, agent_name(self._scope.get("headers", ())))
