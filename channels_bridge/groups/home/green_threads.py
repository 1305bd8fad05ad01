"""Greenlets in place of threads, where gevent or eventlet has patched the process.

Spec deviation: layers don't work there, but for what needs no event loop: publishing to a hub on a
unix socket. asyncio keeps the running loop for each thread of the operating system, but any number
of greenlets share one: while a loop of one greenlet waits, all others seem to be called from it,
and ``async_to_sync()`` and ``asyncio.run()`` refuse to work, whatever they call.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured


class Patcher(NamedTuple):
    """What makes greenlets of threads.

    Attributes:
        module: which knows what is patched.
        function: of that module, which tells.
        refused: what must not be patched, for an event loop.
        waiting: what has to be, or a greenlet that waits would stop all others.
    """

    module: str
    function: str
    refused: tuple[str, ...]
    waiting: tuple[str, ...]

    def has_any(self) -> bool:
        """Whether anything is patched that must not be."""
        is_patched = getattr(sys.modules.get(self.module), self.function, None)
        return is_patched is not None and any(map(is_patched, self.refused))

    def has_all(self) -> bool:
        """Whether all is patched that has to be; for one that is there."""
        return all(map(getattr(sys.modules[self.module], self.function), self.waiting))


#: By the names of their packages. In gevent's selectors a loop ends in any thread but the main one;
#: with eventlet, what goes with threads is patched with them.
PATCHERS = {
    "gevent": Patcher(
        "gevent.monkey",
        "is_module_patched",
        refused=("threading", "select"),
        waiting=("threading", "queue", "socket"),
    ),
    "eventlet": Patcher(
        "eventlet.patcher",
        "is_monkey_patched",
        refused=("thread",),
        waiting=("thread", "socket"),
    ),
}


def are_greenlets() -> bool:
    """Whether threads are greenlets here, in part at least."""
    return _find_patcher() is not None


def can_wait() -> bool:
    """Whether greenlets wait for each other, and for sockets, as threads do."""
    patcher = _find_patcher()
    return patcher is not None and PATCHERS[patcher].has_all()


def require_threads() -> None:
    """Refuse to work where threads are greenlets.

    Raises:
        ImproperlyConfigured: they are. It says what to do.
    """
    patcher = _find_patcher()
    if patcher is not None:
        raise ImproperlyConfigured(
            f"channels_bridge's channel layers can't be used in a process that {patcher} has "
            f"patched, but to send to groups over a hub on a unix socket: asyncio needs real "
            f"threads. Run it with those: Celery with `--pool threads` or `--pool prefork`, "
            f"gunicorn with `--worker-class gthread`"
        )


def _find_patcher() -> str | None:
    return next((name for name, patcher in PATCHERS.items() if patcher.has_any()), None)
