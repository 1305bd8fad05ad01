"""Refusals: an error response, and the lingering close that lets the client read it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from channels_bridge.server.access_log import client_name
from channels_bridge.server.websocket.asgi_scope import peer_address
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.responses import plain_response

#: Seconds for the client to read the answer and close.
LINGER = 2.0


class Refusal(asyncio.Protocol):
    """Answers with a status, then drains the request so that the answer is not lost to a reset.

    Closing with bytes unread would reset the connection, and the client's system would throw away
    what it has not read of the answer (RFC 9112, 9.6). So only the sending side is closed at first,
    and what still comes is dropped, for ``LINGER`` seconds at most.

    The protocol that refuses must have left the context before.

    Args:
        context: of the worker, which counts the refusal.
        transport: the connection; it belongs to this protocol from now on.
        status: of the answer.
        text: its body; by default the status in words.
        why: the reason, for the log; empty where the log has a line about it already.
    """

    # It ends by itself, soon: a draining worker does not wait for its turn.
    lasting = False

    def __init__(
        self,
        context: Context,
        transport: asyncio.Transport,
        status: HTTPStatus,
        text: str = "",
        *,
        why: str = "",
    ) -> None:
        self._context = context
        self._transport = transport
        self._timer = asyncio.get_running_loop().call_later(LINGER, transport.abort)
        context.counters.refused[status.value] += 1
        if why:
            note_refusal(context, transport, status, why)
        context.refusals += 1
        context.entered(self)
        transport.set_protocol(self)
        self._answer(plain_response(status, text or status.phrase))

    def _answer(self, response: bytes) -> None:
        self._transport.write(response)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:  # TLS has no half-closed connections
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._context.refusals -= 1
        self._context.lost(self)

    def shutdown(self) -> None:
        self._transport.abort()


def note_refusal(
    context: Context, transport: asyncio.Transport, status: HTTPStatus, why: str
) -> None:
    """Log whose request is not served, and why: rate-limited, for each status."""
    client = client_name(peer_address(transport))
    message = "a request from [%s] is refused with %d %s: %s"
    context.notices.warn(f"refused {status}", message, client, status, status.phrase, why)
