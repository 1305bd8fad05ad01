"""Known outcomes: told to ``async_to_sync()`` without the event loop that it would start for them.

``async_to_sync(method)(...)`` calls the method in the caller's thread. What that returns it has
awaited on a new event loop, in a thread made for this one call, which takes a quarter of a
millisecond of CPU time: for nothing, where the method has done all there was to do.

asgiref looks for an executor to take in place of that thread: the one of an
``AsyncSingleThreadContext``. For such a call it finds one of ours, which awaits the coroutine where
it is handed over, in the caller's thread. Whoever else comes upon it has a thread as ever.

Older releases of asgiref have no such context, and all goes the long way.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Token
from types import FrameType
from typing import Any, cast

from asgiref import sync
from asgiref.sync import AsyncToSync, SyncToAsync

#: The code of a call of ``async_to_sync()``.
CALL = getattr(AsyncToSync.__call__, "__code__", None)  # others may have replaced it


class _Expected(threading.local):
    """The call whose coroutine is the next to come, in each thread."""

    caller: FrameType | None = None
    token: Token[Any] | None = None


_expected = _Expected()


def tell(caller: FrameType) -> None:
    """Have what is returned to the caller awaited in this thread, if it is ``async_to_sync()``.

    For a coroutine that awaits nothing, which the caller gets at once.

    Args:
        caller: the frame that it is returned to.
    """
    if caller.f_code is CALL and _makes_a_loop():
        _expected.caller = caller
        _expected.token = AsyncToSync.async_single_thread_context.set(_context)


def _makes_a_loop() -> bool:
    """Whether ``async_to_sync()`` would make a thread with a loop, and may take another."""
    if _context is None or getattr(SyncToAsync.threadlocal, "main_event_loop", None) is not None:
        return False
    return AsyncToSync.async_single_thread_context.get(None) in (None, _context)


class _CallersThread(ThreadPoolExecutor):
    """Runs the one coroutine that is expected, at once.

    Any other comes from a signal handler that has interrupted ``async_to_sync()`` just there. It
    has a thread as asgiref would make it, and its call is not the one that is expected.
    """

    def submit(self, run: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if _expected.token is None or _expected.caller is not sys._getframe(1):
            return ThreadPoolExecutor(max_workers=1).submit(run, *args, **kwargs)
        AsyncToSync.async_single_thread_context.reset(_expected.token)
        _expected.caller = _expected.token = None
        return _finish(*args)


def _finish(coroutine: Coroutine[Any, Any, None]) -> Future[None]:
    """Run a coroutine that awaits nothing, but wants to know which event loop it is on."""
    finished: Future[None] = Future()
    asyncio._set_running_loop(cast("asyncio.AbstractEventLoop", object()))  # it has no task here
    try:
        coroutine.send(None)
    except StopIteration:
        finished.set_result(None)
    except BaseException as error:
        finished.set_exception(error)
    finally:
        asyncio._set_running_loop(None)
    return finished


def _offer() -> Any:
    """Give asgiref the executor. Returns the context for which it finds it; None if it can't."""
    with suppress(AttributeError):
        make_context: Any = sync.AsyncSingleThreadContext  # it has no annotations
        context = make_context()
        AsyncToSync.context_to_thread_executor[context] = _CallersThread()
        return context
    return None


_context = _offer()
