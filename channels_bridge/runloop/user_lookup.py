"""The lookup of a session's user, without what costs as much as its two queries.

Channels' ``AuthMiddleware`` hops to a thread for each handshake; Django opens a database connection
there and closes it again, unless ``CONN_MAX_AGE`` says otherwise. Here

- a client that shows no session is nobody, which is found without a thread;
- look-ups that wait for their thread share one hop, and the database connection that the first has
  opened. It is closed when no other follows, or after a second (Spec deviation: under Channels it
  is closed after each).

What is called is Channels' own function. Where a project has put another one into its place, that
is called as Channels does. ``install()`` gives this to all middlewares of the process, unmodified
ones too; it is taken only where the server has offered itself in ``scope["extensions"]``.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import Context, copy_context
from functools import partial
from typing import Any, cast

from asgiref.sync import AsyncToSync, _restore_context
from channels import auth
from channels.auth import AuthMiddleware
from django.contrib.sessions.backends.base import SessionBase

from channels_bridge.runloop.context_variables import adopt
from channels_bridge.runloop.db_housekeeping import housekeeping
from channels_bridge.runloop.sync_dispatch import Call, lane_of
from channels_bridge.server.calls_from_threads import Crossing
from channels_bridge.server.websocket.asgi_scope import EXTENSION

_channels_resolve_scope: Any = AuthMiddleware.resolve_scope
_channels_get_user: Any = auth.get_user

#: What a session without a key must not have changed: then it is empty, and no query is made.
_OF_SESSIONS = ("session_key", "_session", "__getitem__", "get")


def install() -> None:
    """Have all middlewares of this process look users up as described above."""
    if _is_channels_own(_channels_resolve_scope):
        AuthMiddleware.resolve_scope = _resolve_scope  # type: ignore[method-assign, assignment]


async def _resolve_scope(middleware: AuthMiddleware, scope: Any) -> None:
    scope["user"]._wrapped = await find_user(scope)


async def find_user(scope: Any) -> Any:
    """Return the user of a scope's session, as ``channels.auth.get_user`` does."""
    extension = scope.get("extensions", {}).get(EXTENSION)
    # Looked up where Channels does: projects' tests, and others, patch it there.
    get_user = cast(Any, auth).get_user
    if extension is None or get_user is not _channels_get_user or not _is_channels_own(_function()):
        return await get_user(scope)
    if _is_empty(scope.get("session")):
        return _function()(scope)
    if getattr(AsyncToSync.executors, "current", None) is not None:
        # The thread waits for this in async_to_sync(), and is the one that has to look: whoever
        # stood in the lane behind the handler there would wait for ever.
        return await get_user(scope)
    return await _look_up(scope, extension["connection"].context.crossing)


def _is_channels_own(function: Any) -> bool:
    """Whether Channels has defined it, and nobody has wrapped it since."""
    return getattr(function, "__globals__", None) is vars(auth)


def _function() -> Any:
    """Return Channels' synchronous function."""
    return getattr(_channels_get_user, "func", None)


def _is_empty(session: Any) -> bool:
    """Whether a session has nothing in it, and no key, so that it asks no database and no cache."""
    store = getattr(session, "_wrapped", session)  # Channels' session is lazy
    return (
        isinstance(store, SessionBase)
        and all(getattr(type(store), name) is getattr(SessionBase, name) for name in _OF_SESSIONS)
        and store.session_key is None
        # A middleware may have logged somebody in whom the client has shown no session of.
        and not vars(store).get("_session_cache")
    )


async def _look_up(scope: dict[str, Any], crossing: Crossing) -> Any:
    """Find the user in the thread, where context variables are as asgiref takes them there."""
    context = copy_context()
    before = context.copy()
    call = _LookUp(partial(_get_user, context), scope, context, crossing)
    try:
        return await lane_of(crossing).make(call)
    finally:
        adopt(context, before)


def _get_user(context: Context, scope: dict[str, Any]) -> Any:
    _restore_context(context)  # which makes asgiref's own Locals those of this thread
    return _function()(scope)


class _LookUp(Call):
    """A look-up on its way to the thread and back."""

    __slots__ = ()

    def guard(self) -> AbstractContextManager[None]:
        """Leave database connections open for the look-up behind this one."""
        return housekeeping.around_look_up()
