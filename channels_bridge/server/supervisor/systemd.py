"""systemd's protocols: socket activation, readiness notification, and the watchdog.

They are a datagram and two variables (``sd_notify(3)``, ``sd_listen_fds(3)``,
``sd_watchdog_enabled(3)``), and work under whatever else speaks them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

logger = logging.getLogger("channels_bridge.server")

#: The first descriptor that is passed: ``SD_LISTEN_FDS_START``.
FIRST_FD = 3


def listen_fds(environ: Mapping[str, str] = os.environ) -> list[int]:
    """The descriptors of the listening sockets that were passed to this process, if any were."""
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return []  # none, or they are meant for the process that started this one
    return list(range(FIRST_FD, FIRST_FD + _number(environ, "LISTEN_FDS")))


def _number(environ: Mapping[str, str], name: str) -> int:
    text = environ.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() else 0


class Notifier:
    """Tells systemd how the server is; does nothing where nobody wants to know.

    Args:
        healthy: asked several times within the service's ``WatchdogSec``; a server that is not
            healthy for that long is restarted by systemd.
    """

    def __init__(
        self, healthy: Callable[[], bool], environ: Mapping[str, str] = os.environ
    ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._healthy = healthy
        self._interval = self._watchdog_interval(environ)
        self._timer: asyncio.TimerHandle | None = None

    def _watchdog_interval(self, environ: Mapping[str, str]) -> float:
        """Seconds between two signs of life: a third of what systemd waits for; 0: none."""
        if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
            return 0
        return _number(environ, "WATCHDOG_USEC") / 1e6 / 3

    def ready(self, status: str) -> None:
        """The server serves: now, or again after ``reloading()``."""
        self._send("READY=1", f"STATUS={status}")
        if self._interval and self._timer is None:
            self._watch()

    def reloading(self) -> None:
        # Type=notify-reload wants to know which reload is meant.
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now}", "STATUS=Starting new workers")

    def stopping(self) -> None:
        self._send("STOPPING=1", "STATUS=Closing connections")

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _watch(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._watch)
        if self._healthy():
            self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # "@" stands for the zero byte of an abstract address.
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.setblocking(False)
            try:
                sock.sendto("\n".join(lines).encode(), address)
            except OSError as error:
                logger.warning("cannot notify systemd at %s: %s", self._address, error)
