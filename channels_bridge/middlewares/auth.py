"""Authentication: the user of the connection's session."""

from __future__ import annotations

from django.apps import apps

from channels_bridge.native.native_application import CallNext
from channels_bridge.native.websocket import WebSocket


class AuthMiddleware:
    """Puts the user of the connection's session, or an ``AnonymousUser``, into ``scope["user"]``.

    It is the user at the time of the handshake: a later logout doesn't change it, as in Channels.
    Without ``django.contrib.auth`` in ``INSTALLED_APPS`` there are no users, and no such key.
    Needs ``ScopeMiddleware`` before it.
    """

    async def __call__(self, websocket: WebSocket, call_next: CallNext) -> None:
        if apps.is_installed("django.contrib.auth"):
            # Importable only once Django knows its models.
            from channels_bridge.runloop.user_lookup import find_user

            websocket.scope["user"] = await find_user(websocket.scope)
        await call_next(websocket)
