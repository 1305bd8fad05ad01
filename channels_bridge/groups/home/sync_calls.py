"""Calls from threads that have no event loop: from ``async_to_sync()``, mostly.

``async_to_sync(layer.group_send)(...)`` calls the method in the caller's thread, which waits until
what it returned was awaited on an event loop, made in another thread for that one call. Since the
caller waits in any case, the method may as well run in its thread. Where it can't go on without a
loop it goes home, and the thread waits for that. The other loop then has nothing to wait for, and
isn't made (``known_outcome``).

Where asgiref calls the method on that loop (before 3.9), all goes that way, as before.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import sys
import threading
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import markcoroutinefunction

from channels_bridge.exceptions import LoopBlocked
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
        outcome = _outcome(_drive(method(*args, **kwargs)))
        tell(sys._getframe(1))
        return outcome

    return markcoroutinefunction(call)


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of a layer, in a thread that has no event loop, and return its result.

    Raises:
        LoopBlocked: it needs a worker's event loop, which is blocked.
    """
    return _drive(coroutine).result()


def _is_inside() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return home_loop.is_claimed()
    return True


def _drive(coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
    """Run a coroutine in this thread, until it is done or needs the home loop."""
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
    try:
        while coroutine.send(None) is not home_loop.GO_HOME:
            pass  # all else that it does is to let others run
        return _finish_at_home(home_loop.loop(), coroutine)
    except StopIteration as end:
        outcome.set_result(end.value)
    except Exception as error:
        outcome.set_exception(error)
    return outcome


def _finish_at_home(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]
) -> concurrent.futures.Future[T]:
    """Run the rest of a coroutine on the home loop, and wait for that.

    Raises:
        LoopBlocked: that loop doesn't come to it. It will not be run.
    """
    # Of its own: where a signal handler raises meanwhile, that is how it went for the caller.
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
    unbegun = [coroutine]  # whoever takes it out, here or there, has decided about it
    tasks: list[asyncio.Task[None]] = []
    over = threading.Lock()
    over.acquire()

    async def run(begun: Coroutine[Any, Any, T]) -> None:
        try:
            outcome.set_result(await _rest(begun))
        except BaseException as error:
            outcome.set_exception(error)
        finally:
            over.release()

    def begin() -> None:
        if unbegun:
            tasks.append(loop.create_task(run(unbegun.pop())))

    loop.call_soon_threadsafe(begin)
    # In steps: a process that was stopped for a while has been so in one of them.
    for _ in range(home_loop.BLOCKED_TIMEOUT):
        if over.acquire(timeout=1):  # takes less than to wait for the outcome itself
            return outcome
        if not unbegun:
            break
    if home_loop.give_up(unbegun):
        raise LoopBlocked(home_loop.BLOCKED_TIMEOUT)
    over.acquire()
    return outcome


@types.coroutine
def _rest(coroutine: Coroutine[Any, Any, T]) -> Generator[Any, None, T]:
    """What is left of a coroutine that has been begun elsewhere."""
    result: T = yield from coroutine
    return result


async def _outcome(outcome: concurrent.futures.Future[T]) -> T:
    return outcome.result()
