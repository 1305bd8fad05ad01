"""Greenlets in place of threads, where gevent or eventlet has patched the process.

Spec deviation: layers don't work there, but for what needs no event loop: publishing to a hub on a
unix socket. asyncio keeps the running loop for each thread of the operating system, but any number
of greenlets share one: while a loop of one greenlet waits, all others seem to be called from it,
and ``async_to_sync()`` and ``asyncio.run()`` refuse to work, whatever they call.
"""

from __future__ import annotations

import sys

from django.core.exceptions import ImproperlyConfigured

#: By who patches: the module that knows what is patched, its function that tells, and what must not
#: be. In gevent's selectors a loop ends in any thread but the main one.
PATCHERS = {
    "gevent": ("gevent.monkey", "is_module_patched", ("threading", "select")),
    "eventlet": ("eventlet.patcher", "is_monkey_patched", ("thread",)),
}

#: What has to be patched, or a greenlet that waits would stop all others. With eventlet, what goes
#: with threads is.
WAITING = {"gevent": ("threading", "queue", "socket"), "eventlet": ("thread", "socket")}


def are_greenlets() -> bool:
    """Whether threads are greenlets here, in part at least."""
    return _find_patcher() is not None


def can_wait() -> bool:
    """Whether greenlets wait for each other, and for sockets, as threads do."""
    patcher = _find_patcher()
    if patcher is None:
        return False
    module, function, _ = PATCHERS[patcher]
    return all(map(getattr(sys.modules[module], function), WAITING[patcher]))


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
    for patcher, (module, function, needed) in PATCHERS.items():
        is_patched = getattr(sys.modules.get(module), function, None)
        if is_patched is not None and any(map(is_patched, needed)):
            return patcher
    return None
