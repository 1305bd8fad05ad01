"""Refusals: a consumer that refuses a handshake, where the client speaks the protocol.

A page cannot tell HTTP 403 from a server that is down, and would try again for ever. So the
handshake is accepted, without a greeting, and closed with ``REFUSED``. Refusals by middlewares, as
for a wrong ``Origin``, come from before the consumer and stay what they are.
"""

from __future__ import annotations

from typing import Any

from channels_bridge.resume.resume_session import ResumeSession
from channels_bridge.server.asgi_types import Event

#: 4403: 403 among the codes that applications may use.
REFUSED = 4403
#: Denials that a client should try again after: too early, too many.
TEMPORARY = (408, 425, 429)


def guard_handshake(session: ResumeSession, consumer: Any) -> None:
    """Look at what a consumer sends first, which decides on the handshake, by its ``base_send``."""
    send = consumer.base_send

    async def send_first(message: Event) -> None:
        consumer.base_send = send
        for instead in decide(session, message):
            await send(instead)

    def send_first_sync(message: Event) -> None:
        consumer.base_send = send
        for instead in decide(session, message):
            send(instead)

    consumer.base_send = send_first_sync if consumer._sync else send_first


def decide(session: ResumeSession, message: Event) -> list[Event]:
    """Return what is to be sent for what a consumer sends."""
    if session.sender.is_open or not _is_refusal(message):
        return [message]
    session.mute()
    return [{"type": "websocket.accept"}, {"type": "websocket.close", "code": REFUSED}]


def _is_refusal(message: Event) -> bool:
    if message["type"] == "websocket.http.response.start":
        status = int(message["status"])
        return 400 <= status < 500 and status not in TEMPORARY
    return bool(message["type"] == "websocket.close")
