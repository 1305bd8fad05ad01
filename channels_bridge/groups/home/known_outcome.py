"""Known outcomes: told to ``async_to_sync()`` without the event loop that it would start for them.

``async_to_sync(method)(...)`` calls the method in the caller's thread. What that returns it has
awaited on a new event loop, in a thread made for this one call, which takes a quarter of a
millisecond of CPU time: for nothing, where the method has done all there was to do.

asgiref looks for an executor to take in place of that thread: the one of an
``AsyncSingleThreadContext``. For such a call it finds one of ours, which awaits the coroutine where
it is handed over, in the caller's thread.

Only that one call finds it: it is found by the call's own frame, in the ``AsyncToSync`` that is
called, and asgiref's context variable stays as it is. So nothing is left behind where a signal
handler interrupts the call, by an exception or by a call of its own.

Older releases of asgiref have no such context, and all goes the long way. So it does where what is
named here is not there, or the call is somebody else's code.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType
from typing import Any, cast

from asgiref import sync
from asgiref.sync import AsyncToSync, SyncToAsync

#: The code of a call of ``async_to_sync()``; None where it is no Python function.
CALL = getattr(AsyncToSync.__call__, "__code__", None)


class _Expected(threading.local):
    """The call whose coroutine is the next to come, in each thread."""

    caller: FrameType | None = None


_expected = _Expected()


def tell(caller: FrameType) -> None:
    """Have what is returned to the caller awaited in this thread, if it is ``async_to_sync()``.

    For a coroutine that awaits nothing, which the caller gets at once.

    Args:
        caller: the frame that it is returned to.
    """
    if caller.f_code is CALL and _makes_a_loop():
        _expected.caller = caller
        caller.f_locals["self"].async_single_thread_context = _choice


def _makes_a_loop() -> bool:
    """Whether ``async_to_sync()`` would make a thread with a loop, and may take another."""
    if _context is None or _has_a_loop():
        return False
    return AsyncToSync.async_single_thread_context.get(None) is None


def _has_a_loop() -> bool:
    """Whether this thread belongs to an event loop, by what ``sync_to_async()`` has noted in it.

    A note is never removed: a view that has called ``async_to_sync()`` for something that calls
    ``sync_to_async()`` leaves one behind in its thread, of a loop that is closed by then.
    """
    noted = SyncToAsync.threadlocal
    loop = getattr(noted, "main_event_loop", None)
    if loop is None or getattr(noted, "main_event_loop_pid", None) != os.getpid():
        return False
    return not loop.is_closed()


class _Choice:
    """What one ``AsyncToSync`` takes for asgiref's context variable.

    For all calls but the expected one it says what that says.
    """

    def get(self, *default: Any) -> Any:
        """Return the context whose executor is to be used."""
        if _expected.caller is sys._getframe(1):
            return _context
        # asgiref asks without a default where it had an answer before. A signal handler that sends,
        # too, may have come in between: then this executor makes a thread.
        return AsyncToSync.async_single_thread_context.get(*default or (_context,))


class _CallersThread(ThreadPoolExecutor):
    """Runs the one coroutine that is expected, at once.

    Any other has a thread as asgiref would make it.
    """

    def submit(self, run: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if run is not asyncio.run or _expected.caller is not sys._getframe(1):
            return ThreadPoolExecutor(max_workers=1).submit(run, *args, **kwargs)
        _expected.caller = None
        return _finish(*args)


def _finish(coroutine: Coroutine[Any, Any, None]) -> Future[None]:
    """Run a coroutine that awaits nothing, but wants to know which event loop it is on."""
    finished: Future[None] = Future()
    try:
        # Within: a signal handler that raises must not leave this thread with such a loop.
        asyncio._set_running_loop(cast("asyncio.AbstractEventLoop", object()))  # it has no task
        coroutine.send(None)
        raise RuntimeError(f"{coroutine!r} waits, though nothing in it does: who has changed it?")
    except StopIteration:
        finished.set_result(None)
    except BaseException as error:
        finished.set_exception(error)
    finally:
        asyncio._set_running_loop(None)
    return finished


def _make_context() -> Any:
    """Make asgiref's context for our executor; None where this asgiref has no such thing."""
    needed = ("async_single_thread_context", "context_to_thread_executor")
    make: Any = getattr(sync, "AsyncSingleThreadContext", None)
    if make is None or not all(hasattr(AsyncToSync, name) for name in needed):
        return None
    context = make()
    AsyncToSync.context_to_thread_executor[context] = _CallersThread()
    return context


_context: Any = _make_context()

#: Whether ``async_to_sync()`` can be told anything, by its release.
IS_POSSIBLE = _context is not None and CALL is not None
_choice = _Choice()
