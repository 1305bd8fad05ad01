"""The time limit on responses of ``runserver --http_timeout``, which is Daphne's.

``websockets_server`` has no such limit: it belongs to the proxy in front, or to the view.
"""

from __future__ import annotations

import asyncio
from typing import Any

from channels_bridge.server.asgi_types import Application, Event, Receive, Send


def limited(application: Application, seconds: float) -> Application:
    """An application whose pages take ``seconds`` at most. WebSockets are left alone.

    Then the client gets 503, or a response that ends early where it had begun, and the application
    is cancelled; what it still sends, as from a thread that can't be cancelled, is dropped.
    """

    async def wrapper(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _Page(send).run(application, scope, receive, seconds)
        else:
            await application(scope, receive, send)

    return wrapper


class _Page:
    """One response, and how far it has come."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._started = False
        self._overdue = False

    async def run(
        self, application: Application, scope: dict[str, Any], receive: Receive, seconds: float
    ) -> None:
        task = asyncio.ensure_future(application(scope, receive, self.send))
        try:
            await asyncio.wait([task], timeout=seconds)
            if not task.done():
                self._overdue = True
                if not self._started:
                    await _unavailable(self._send)
        finally:
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    async def send(self, message: Event) -> None:
        if not self._overdue:  # else the response has had its end
            self._started = True
            await self._send(message)


async def _unavailable(send: Send) -> None:
    body = b"Application failed to respond within time limit."
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
