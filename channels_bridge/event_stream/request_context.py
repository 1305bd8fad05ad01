"""A request's user, and the thread and database connections that a stream has no use for."""

from __future__ import annotations

from typing import Any

from asgiref.sync import SyncToAsync, sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connections


async def user_of(request: ASGIRequest) -> Any:
    """Return the request's user; None where no middleware knows one."""
    for name in ("_cached_user", "_acached_user"):  # the view may have asked for it, either way
        if hasattr(request, name):
            return getattr(request, name)
    return await request.auser() if hasattr(request, "auser") else None


async def release_thread() -> None:
    """Close the request's database connections, and end its thread.

    A request has a thread of its own for what is synchronous, until it is answered: with each
    stream one would stay, and a connection to the database with it. What needs one later gets one.
    """
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is None or context not in SyncToAsync.context_to_thread_executor:
        return
    await sync_to_async(_close_connections)()
    executor = SyncToAsync.context_to_thread_executor.pop(context, None)
    if executor is not None:
        executor.shutdown(wait=False)


def _close_connections() -> None:
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:  # that of a test
            connection.close()
