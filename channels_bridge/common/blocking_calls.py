"""Calls that wait, refused where waiting would block an event loop."""

from __future__ import annotations

import asyncio


def require_no_event_loop(name: str, instead: str, where: str = "here") -> None:
    """Raise RuntimeError in a thread whose event loop is running.

    Args:
        name: of the function that was called.
        instead: of the one to await.
        where: to do so.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"{name}() would block the event loop: write await {instead}() {where}")
