"""The end of a connection whose request is not served."""

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
    """Answers with a status, and then reads to the end what it doesn't want to know.

    Closing with bytes unread would reset the connection, and take the answer with it (RFC 9112,
    9.6). The protocol that refuses must have left the context.

    Args:
        why: for :func:`note_refusal`; empty: the log has a word for it already.
    """

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
        transport.write(plain_response(status, text or status.phrase))
        if transport.can_write_eof():
            transport.write_eof()
        else:
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._context.refusals -= 1
        self._context.lost(self)

    def shutdown(self) -> None:
        self._transport.abort()


def note_refusal(
    context: Context, transport: asyncio.Transport, status: HTTPStatus, why: str
) -> None:
    """Say in the log whose request is not served, and why: one line in a while for each status."""
    client = client_name(peer_address(transport))
    message = "a request from [%s] is refused with %d %s: %s"
    context.notices.warn(f"refused {status}", message, client, status, status.phrase, why)
