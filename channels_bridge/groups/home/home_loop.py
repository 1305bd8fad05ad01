"""The home loop: the one event loop per process on which layers keep their state and their link.

- A server's worker claims its own loop before the first connection; layers that the application has
  used by then begin anew. Consumers then use the layer directly, without a lock or a thread in
  between.
- Anywhere else (a view under WSGI, Celery, a management command, another ASGI server) home is a
  daemon thread with a loop of its own, started when it is first needed and closed at exit. Only the
  link lives there; the state is in whatever thread calls (``threadsafe_node``).
- A forked child starts afresh, with none of its parent's loops, connections and channels.

Calls from other loops and threads hop over: see ``run()`` and ``fetch()``.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import threading
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Protocol, TypeVar
from weakref import WeakSet

from channels_bridge.exceptions import LoopBlocked
from channels_bridge.groups.home.green_threads import require_threads

T = TypeVar("T")

#: How long a thread waits until the home loop takes a call, in seconds: a consumer may block it
#: until the thread is done.
BLOCKED_TIMEOUT = 10

#: What a coroutine yields that can't go on without the home loop.
GO_HOME = object()

#: How long an exiting process waits for what is queued, in seconds. A little more than transports
#: take for it themselves.
EXIT_TIMEOUT = 6


class Resident(Protocol):
    """Something that lives on the home loop: a channel layer."""

    async def close(self) -> None: ...

    def after_fork(self) -> None: ...


#: Reentrant: a signal handler may ask for the home loop while it is being started.
_lock = threading.RLock()
_claimed: asyncio.AbstractEventLoop | None = None
_background: asyncio.AbstractEventLoop | None = None
_residents: WeakSet[Any] = WeakSet()


def claim() -> None:
    """Make the running loop this process' home, for all layers that haven't been used yet."""
    global _claimed
    _claimed = asyncio.get_running_loop()


def release() -> None:
    """Give up the claim; layers that live on the loop have to be closed before."""
    global _claimed
    _claimed = None


def is_claimed() -> bool:
    """Whether home is a server's own loop."""
    return _claimed is not None and not _claimed.is_closed()


def loop() -> asyncio.AbstractEventLoop:
    """Return the home loop. Starts a thread for it, unless it is claimed or runs already.

    Raises:
        ImproperlyConfigured: threads are greenlets here.
    """
    global _background
    require_threads()
    if _claimed is not None and not _claimed.is_closed():
        return _claimed
    with _lock:
        if _background is None:
            # A signal handler that comes in between starts a loop of its own, and uses that.
            _background = _start_thread()
        return _background


def register(resident: Resident) -> None:
    """Let ``aclose_all()`` close ``resident``, and tell it about forks."""
    _residents.add(resident)


async def aclose_all() -> None:
    """Close every layer of this process.

    What is queued is sent first, and its arrival waited for, for at most 5 seconds.
    """
    await asyncio.gather(*(resident.close() for resident in list(_residents)))


def run(home: asyncio.AbstractEventLoop | None, coroutine: Coroutine[Any, Any, T]) -> Awaitable[T]:
    """Run ``coroutine`` on the home loop: directly when called there, else from wherever this is.

    None is for what may run anywhere.

    Raises:
        LoopBlocked: something blocks that loop.
    """
    running = asyncio._get_running_loop()
    if home is None or home is running:
        return coroutine
    return _go_home_and(coroutine) if running is None else _run_there(home, coroutine)


@types.coroutine
def go_home() -> Generator[object, None, None]:
    """Go on on the home loop, where there is none here; for what ``sync_calls`` runs."""
    if asyncio._get_running_loop() is None:
        yield GO_HOME


async def _go_home_and(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        await go_home()
    except BaseException:
        coroutine.close()
        raise
    return await coroutine


async def _run_there(home: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run ``coroutine`` on another thread's loop.

    Raises:
        LoopBlocked: that loop doesn't come to it. It will not be run.
    """
    unbegun = [coroutine]  # whoever takes it out, here or there, has decided about it

    async def begin() -> T:
        try:
            coroutine = unbegun.pop()
        except IndexError:
            raise asyncio.CancelledError from None
        return await coroutine

    running = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(begin(), home))
    try:
        # In steps: a process that was stopped for a while has been so in one of them.
        for _ in range(BLOCKED_TIMEOUT):
            await asyncio.wait([running], timeout=1)
            if running.done() or not unbegun:
                break
        else:
            if give_up(unbegun):
                raise LoopBlocked(BLOCKED_TIMEOUT)
        return await running
    finally:
        running.cancel()
        give_up(unbegun)


def give_up(unbegun: list[Coroutine[Any, Any, T]]) -> bool:
    """Close a coroutine. False when it runs already, or has run."""
    try:
        unbegun.pop().close()
    except IndexError:
        return False
    return True


def spawn(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run ``coroutine`` on the home loop, without waiting for it."""
    asyncio.run_coroutine_threadsafe(coroutine, loop())


async def fetch(
    home: asyncio.AbstractEventLoop | None,
    coroutine: Coroutine[Any, Any, T],
    give_back: Callable[[T], None],
) -> T:
    """Do the same as ``run()``, but never lose the result when the caller is cancelled.

    Args:
        give_back: called on the home loop with a result that the caller didn't get any more.
    """
    if home is None or home is asyncio.get_running_loop():
        return await coroutine
    handover: concurrent.futures.Future[T] = concurrent.futures.Future()

    def begin() -> None:
        if handover.cancelled():  # else it would be in the way of the caller's next one
            coroutine.close()
            return
        task = home.create_task(coroutine)
        task.add_done_callback(finish)
        handover.add_done_callback(lambda _: home.call_soon_threadsafe(task.cancel))

    def finish(task: asyncio.Task[T]) -> None:
        if task.cancelled():
            handover.cancel()
        elif not handover.set_running_or_notify_cancel():
            if task.exception() is None:
                give_back(task.result())
        elif (error := task.exception()) is not None:
            handover.set_exception(error)
        else:
            handover.set_result(task.result())

    home.call_soon_threadsafe(begin)
    try:
        return await asyncio.wrap_future(handover)
    except asyncio.CancelledError:
        if not handover.cancel() and handover.exception() is None:
            home.call_soon_threadsafe(give_back, handover.result())
        raise


def _start_thread() -> asyncio.AbstractEventLoop:
    started = asyncio.new_event_loop()
    thread = threading.Thread(
        target=started.run_forever, name="channels_bridge.groups", daemon=True
    )
    thread.start()
    atexit.register(_close_at_exit, started, thread, os.getpid())
    return started


def _close_at_exit(started: asyncio.AbstractEventLoop, thread: threading.Thread, pid: int) -> None:
    if pid != os.getpid():
        return  # a forked child: the thread exists in its parent only
    closing = asyncio.run_coroutine_threadsafe(aclose_all(), started)
    concurrent.futures.wait([closing], timeout=EXIT_TIMEOUT)
    started.call_soon_threadsafe(started.stop)
    thread.join(timeout=1)
    if not thread.is_alive():
        started.close()


def _after_fork_in_child() -> None:
    global _lock, _claimed, _background
    _lock = threading.RLock()
    _claimed = None
    _background = None
    for resident in list(_residents):
        resident.after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
