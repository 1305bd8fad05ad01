"""Signals to processes that may have ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal


def send_signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


async def stop(pid: int, seconds: float) -> None:
    """Let a process do nothing for a while."""
    send_signal(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        send_signal(pid, signal.SIGCONT)
