"""Refusal to work on greenlets, in processes that gevent or eventlet has patched.

Spec deviation: layers don't work there. asyncio keeps the running loop for each thread of the
operating system, but any number of greenlets share one: while a loop of one greenlet waits, all
others seem to be called from it, and ``async_to_sync()`` and ``asyncio.run()`` refuse to work,
whatever they call. And gRPC waits in threads that must not be greenlets: the first would stop the
whole process.
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


def require_threads() -> None:
    """Refuse to work where threads are greenlets.

    Raises:
        ImproperlyConfigured: they are. It says what to do.
    """
    for patcher, (module, function, needed) in PATCHERS.items():
        is_patched = getattr(sys.modules.get(module), function, None)
        if is_patched is not None and any(map(is_patched, needed)):
            raise ImproperlyConfigured(
                f"channels_bridge's channel layers can't be used in a process that {patcher} has "
                f"patched: asyncio and gRPC need real threads. Run it with those: Celery with "
                f"`--pool threads` or `--pool prefork`, gunicorn with `--worker-class gthread`"
            )
