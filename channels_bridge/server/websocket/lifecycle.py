"""The states of a connection, and the application that runs through them.

::

    REQUEST -> DECIDING -> OPEN -> CLOSING -> CLOSED
                       \\-> DENYING ---------/

The application runs in one task from the request on. It is told of the disconnect exactly once,
whoever ended the connection, and then has ``close_timeout`` seconds to return.

Guarantees to the application:

- events arrive in the order of the wire, ``websocket.connect`` first, ``websocket.disconnect`` last
  and once, always with ``code`` and ``reason``;
- ``send`` waits while the write buffer is full (backpressure), and returns once the frame is in it:
  no more than ``WRITE_HIGH_WATER``, one message, an outbox of other threads' messages and the
  answers to what was read last wait there; after the end of the connection it does nothing, whoever
  ended it (Daphne, hypercorn and granian are silent there too: an application can't know better
  than its network).

What an application does wrong is its error: logged with its traceback, 500 before the handshake is
decided, 1011 afterwards. What a client does wrong is answered with a status or a close code.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from bdb import BdbQuit
from collections.abc import Iterable
from typing import Any, Protocol

from channels_bridge.server.asgi_types import Event
from channels_bridge.server.debugging import why_debugger_was_left, without_exit
from channels_bridge.server.websocket.asgi_scope import Scope
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.inbox import Inbox

logger = logging.getLogger("channels_bridge.server")


class State(enum.Enum):
    """How far a connection has come; the values are for error messages."""

    REQUEST = "waiting for the request"
    DECIDING = "waiting for the application to accept or deny"
    DENYING = "sending a denial response"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


def nothing_known() -> dict[str, Any]:
    """What is known of a connection whose application tells nothing."""
    return {}


def unexpected(message: Event, state: State, expected: Iterable[str]) -> RuntimeError:
    """The error of an application that sends what can't be sent in this state."""
    return RuntimeError(
        f"{message['type']!r} while {state.value}; expected one of {', '.join(expected)}"
    )


class Served(Protocol):
    """A connection as the task of its application sees it.

    Attributes:
        context: has the application.
        inbox: what the application receives from.
        path: of the request, for log lines.
        peer: the client's address, for log lines.
    """

    context: Context
    inbox: Inbox
    path: str
    peer: str

    async def send(self, message: Event) -> None:
        """The ASGI ``send``."""

    def application_returned(self) -> None:
        """The application has returned without an error."""

    def fail(self) -> int:
        """The application has failed, which is logged."""


class ApplicationTask:
    """The application's task on one connection: one task, and no other.

    Args:
        connection: what it runs on, which ends with it.
        scope: the application's.
    """

    # Not the connection: each method is given that, for the memory of idle ones.
    __slots__ = ("_return_timer", "_task")

    def __init__(self, connection: Served, scope: Scope) -> None:
        self._return_timer: asyncio.TimerHandle | None = None
        connection.inbox.put_event({"type": "websocket.connect"})
        running = self._run(connection, scope)
        self._task = connection.context.run(running, f"websocket {connection.path}")

    async def _run(self, connection: Served, scope: Scope) -> None:
        # Nothing is bound here that stays for as long as the application runs.
        try:
            await connection.context.application(scope, connection.inbox.get, connection.send)
        except (BdbQuit, SystemExit) as error:
            if not isinstance(without_exit(error), BdbQuit):
                raise
            _log_debugger_quit(connection)
            connection.fail()
        except Exception:
            logger.exception(
                "Exception in ASGI application: WebSocket %s [%s]", connection.path, connection.peer
            )
            connection.fail()
        else:
            connection.application_returned()
        finally:
            if self._return_timer is not None:
                self._return_timer.cancel()

    def disconnect(self, connection: Served, code: int, reason: str) -> None:
        """Tell the application, unless it has returned; then it has ``close_timeout`` to return."""
        if not self._task.done():
            connection.inbox.put_event(
                {"type": "websocket.disconnect", "code": code, "reason": reason}
            )
            timeout = connection.context.config.close_timeout
            loop = asyncio.get_running_loop()
            self._return_timer = loop.call_later(timeout, self._overdue, connection)

    def _overdue(self, connection: Served) -> None:
        logger.warning(
            "WebSocket %s [%s]: the application did not return within %g s of the disconnect "
            "(--close-timeout); it is cancelled",
            connection.path,
            connection.peer,
            connection.context.config.close_timeout,
        )
        self._task.cancel()


def _log_debugger_quit(connection: Served) -> None:
    why = why_debugger_was_left()
    logger.error("WebSocket %s [%s]: %s", connection.path, connection.peer, why)
