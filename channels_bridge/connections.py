"""Close connections from anywhere in a project: a view, a signal handler, Celery, a shell.

::

    from channels_bridge.connections import close

    close(user=request.user, code=4001, reason="logged out")

The request goes over the default channel layer to all workers of all servers that share it.
Consumers need no code for it: their ``disconnect(code)`` runs as after any close.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from websockets.exceptions import ProtocolError
from websockets.frames import Close

from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.runloop import registry
from channels_bridge.transport import get_channel_layer, require_own_layer

__all__ = ["aclose", "close"]

#: Bytes: a control frame has 125, of which the code takes two (RFC 6455, 5.5).
MAX_REASON = 123

_SUBJECT = "close"


async def aclose(
    *,
    user: Any = None,
    channel: str | None = None,
    path: str | None = None,
    code: int = 1000,
    reason: str = "",
) -> int:
    """Close the connections that match all given arguments; return once that is done.

    A connection whose handshake isn't decided yet is denied, with 403. One that opens while this
    runs may stay: end the user's session first.

    Args:
        user: whose connections, a user or a primary key. The user of a connection is
            ``scope["user"]``, which ``AuthMiddlewareStack`` and ``AuthMiddleware`` set.
        channel: the one with this channel name.
        path: those to this path, without the query, as in ``scope["path"]``.
        code: the close code for client and consumer: 1000, another one that RFC 6455 lets a
            server send, or one from 3000 to 4999.
        reason: text for the client, at most 123 bytes.

    Returns:
        The number of connections closed, in all workers that answered. A worker that is being
        restarted does not answer.

    Raises:
        ValueError: no user, channel or path is given, or the code or reason can't be sent.
        ImproperlyConfigured: the default channel layer isn't one of this package.
        TransportUnavailable: no server can be reached. In a process that runs tests, which has
            no connections, 0 is returned instead.
    """
    if user is None and channel is None and path is None:
        raise ValueError("say which connections: by user, channel or path")
    require_sendable(code, reason)
    question = {
        "user": None if user is None else _key(user),
        "channel": channel,
        "path": path,
        "code": code,
        "reason": reason,
    }
    return sum(await require_own_layer("closing connections").ask(_SUBJECT, question))


def close(**arguments: Any) -> int:
    """Close connections from synchronous code; see ``aclose()``."""
    return async_to_sync(aclose)(**arguments)


async def obey() -> None:
    """Close this worker's connections on request, where the default layer can carry requests."""
    layer = get_channel_layer()
    if isinstance(layer, BridgeChannelLayer):
        await layer.answer(_SUBJECT, registry.close)


def _key(user: Any) -> str:
    key = getattr(user, "pk", user)
    if key is None:
        raise ValueError(f"{user!r} has no primary key: pass a user that is saved")
    return str(key)


def require_sendable(code: int, reason: str) -> None:
    """Raise ValueError where a client can't be sent a close code or reason."""
    try:
        Close(code, reason).check()
    except ProtocolError as error:
        raise ValueError(f"cannot close with code {code}: {error}") from None
    if len(reason.encode()) > MAX_REASON:
        raise ValueError(f"the reason is longer than {MAX_REASON} bytes: {reason!r}")
