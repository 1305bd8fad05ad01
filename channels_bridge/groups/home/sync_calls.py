"""Calls from threads that have no event loop: from ``async_to_sync()``, mostly.

``async_to_sync(layer.group_send)(...)`` calls the method in the caller's thread, which waits until
what it returned was awaited on an event loop, made in another thread for that one call. Since the
caller waits in any case, it may as well wait for the home loop at once: that spares the way to it
through a third thread, a quarter of what such a message costs. That other loop then has nothing to
wait for, and isn't made (``known_outcome``).

Where asgiref calls the method on that loop (before 3.9), all goes that way, as before. Where
nothing leaves the process, there is no loop to wait for: all is done in the caller's thread.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import markcoroutinefunction

from channels_bridge.groups.home import home_loop
from channels_bridge.groups.home.known_outcome import tell

P = ParamSpec("P")
T = TypeVar("T")


def waits_outside(
    method: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Have a coroutine function of a layer run before it returns, where there is no event loop.

    Awaiting what it returns then says how that went. On an event loop, and in the threads of a
    server's worker, whose loop is home, it is like any other coroutine function.
    """

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        if _is_inside():
            return method(*args, **kwargs)
        layer: Any = args[0]
        if layer.needs_no_loop:
            outcome = _outcome(_drive(method(*args, **kwargs)))
        else:
            loop = home_loop.loop()
            outcome = _outcome(_finish(loop, method(*args, **kwargs)))
        tell(sys._getframe(1))
        return outcome

    return markcoroutinefunction(call)


def _is_inside() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return home_loop.is_claimed()
    return True


def _finish(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]
) -> concurrent.futures.Future[T]:
    """Run it on the home loop, and wait for that."""
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
    tasks: list[asyncio.Task[None]] = []
    over = threading.Lock()
    over.acquire()

    async def run() -> None:
        try:
            outcome.set_result(await coroutine)
        except BaseException as error:
            outcome.set_exception(error)
        finally:
            over.release()

    def begin() -> None:
        tasks.append(loop.create_task(run()))

    loop.call_soon_threadsafe(begin)
    over.acquire()  # takes less than to wait for the outcome itself
    return outcome


def _drive(coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
    """Run what needs no event loop: all that it ever does is to let others run."""
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        outcome.set_result(end.value)
    except Exception as error:
        outcome.set_exception(error)
    return outcome


async def _outcome(outcome: concurrent.futures.Future[T]) -> T:
    return outcome.result()
