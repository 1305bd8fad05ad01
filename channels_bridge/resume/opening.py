"""Opening a session: where a client asks for one, and its consumer is about to run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels.security.websocket import WebsocketDenier

from channels_bridge.resume.negotiation import KEY
from channels_bridge.resume.pulse import pulse_of
from channels_bridge.resume.resume_session import ResumeSession
from channels_bridge.server.websocket.asgi_scope import EXTENSION
from channels_bridge.server.websocket.connection import WebSocketConnection
from channels_bridge.server.websocket.lifecycle import State


def open_session(
    consumer: Any, scope: Mapping[str, Any], connection: WebSocketConnection
) -> ResumeSession | None:
    """Return a session, once for a connection; None where its client is a plain one.

    From now on all that is sent on the connection has headers.
    """
    # Whoever else runs in this connection, as consumers behind a demultiplexer do, is not asked.
    asked = scope["extensions"][EXTENSION].pop(KEY, None)
    # What denies for a middleware is a consumer, too, and no answer of the project's own.
    if asked is None or isinstance(consumer, WebsocketDenier):
        return None
    if connection.state is not State.DECIDING:  # a middleware has accepted it
        return None
    session = ResumeSession(connection, scope, asked, pulse_of(connection.context))
    session.hears_presence = hasattr(consumer, "presence_changed")
    if hasattr(consumer, "name_for_page"):
        session.name_of = consumer.name_for_page
    return session


def give_channel(session: ResumeSession, layer: Any, channel_name: str) -> None:
    """Tell a session of the channel that its consumer has got."""
    session.channel_name = channel_name
    session.layer = layer
