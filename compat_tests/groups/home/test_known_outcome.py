"""What is known needs no event loop, and whoever else calls ``async_to_sync()`` has one as ever."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import warnings

import pytest
from asgiref import sync
from asgiref.sync import AsyncToSync, async_to_sync, sync_to_async

from channels_bridge.exceptions import ChannelFull

HELLO = {"type": "hello"}

pytestmark = pytest.mark.skipif(
    not hasattr(sync, "AsyncSingleThreadContext"), reason="this asgiref always makes a loop"
)


async def say_thread() -> str:
    """Where a coroutine function runs, after it has waited on its event loop."""
    await asyncio.sleep(0)
    return threading.current_thread().name


@pytest.fixture
def layer(make_layer):
    """One that has its home loop already."""
    layer = make_layer(capacity=1)
    async_to_sync(layer.group_send)("room", HELLO)
    return layer


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is run on an event loop of its own."""
    runs: list[object] = []
    run = asyncio.run
    monkeypatch.setattr(asyncio, "run", lambda coroutine: runs.append(coroutine) or run(coroutine))
    return runs


def test_sending_makes_no_loop(layer, runs) -> None:
    """Neither for one message nor for several."""
    async_to_sync(layer.send)("worker", HELLO)
    async_to_sync(layer.group_send)("room", HELLO)
    async_to_sync(layer.group_send_many)(["room"], HELLO)
    assert runs == []
    assert async_to_sync(layer.receive)("worker") == HELLO
    assert len(runs) == 1


def test_errors_are_raised(layer, runs) -> None:
    """An outcome may be an error."""
    async_to_sync(layer.send)("worker", HELLO)
    with pytest.raises(ChannelFull):
        async_to_sync(layer.send)("worker", HELLO)
    with pytest.raises(TypeError, match="is a set"):
        async_to_sync(layer.group_send)("room", {"type": "x", "who": set()})
    assert runs == []


def test_others_have_a_thread(layer) -> None:
    """What is called next, in the same thread, awaits on a loop in another one."""
    async_to_sync(layer.group_send)("room", HELLO)
    assert async_to_sync(say_thread)() != threading.current_thread().name
    assert AsyncToSync.async_single_thread_context.get(None) is None


async def ask_thread() -> str:
    """What a coroutine function does that uses Django's models."""
    return await sync_to_async(lambda: threading.current_thread().name)()


def test_a_thread_that_had_a_loop(layer, runs) -> None:
    """What was called before, in the same thread, may have noted its loop there, now closed."""
    assert async_to_sync(ask_thread)() == threading.current_thread().name
    before = len(runs)
    async_to_sync(layer.group_send)("room", HELLO)
    assert len(runs) == before


def test_a_context_of_the_users_is_kept(layer, runs) -> None:
    """Whoever has said which thread to use has it used."""
    with sync.AsyncSingleThreadContext():
        first = async_to_sync(say_thread)()
        async_to_sync(layer.group_send)("room", HELLO)
        assert async_to_sync(say_thread)() == first
    assert len(runs) == 3


def test_interrupted_by_another_call(layer, runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler may call ``async_to_sync()`` just before the outcome is asked for."""
    told = []
    main_wrap = AsyncToSync.main_wrap

    def interrupted(self, *args):
        monkeypatch.setattr(AsyncToSync, "main_wrap", main_wrap)
        told.append(async_to_sync(say_thread)())
        return main_wrap(self, *args)

    monkeypatch.setattr(AsyncToSync, "main_wrap", interrupted)
    async_to_sync(layer.group_send)("room", HELLO)
    assert told != [threading.current_thread().name]
    assert len(runs) == 1
    assert AsyncToSync.async_single_thread_context.get(None) is None


def test_without_async_to_sync(layer) -> None:
    """A coroutine that is kept is awaited by whoever wants to, and nobody else is concerned."""
    sending = layer.group_send("room", HELLO)
    assert async_to_sync(say_thread)() != threading.current_thread().name
    assert asyncio.run(sending) is None


async def test_threads_of_an_event_loop(layer, runs) -> None:
    """In a thread that belongs to a loop, that loop is used."""

    def send() -> None:
        async_to_sync(layer.group_send)("room", HELLO)
        assert AsyncToSync.async_single_thread_context.get(None) is None

    await sync_to_async(send)()
    assert runs == []


def test_interrupted_by_a_message(layer, runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler may send a message just before the outcome of another one is asked for."""
    main_wrap = AsyncToSync.main_wrap

    def interrupted(self, *args):
        monkeypatch.setattr(AsyncToSync, "main_wrap", main_wrap)
        async_to_sync(layer.group_send)("room", HELLO)
        return main_wrap(self, *args)

    monkeypatch.setattr(AsyncToSync, "main_wrap", interrupted)
    async_to_sync(layer.group_send)("room", HELLO)
    assert AsyncToSync.async_single_thread_context.get(None) is None
    assert len(runs) == 1  # the one that was interrupted has a loop


@pytest.mark.parametrize("where", [(AsyncToSync, "main_wrap"), (asyncio, "_set_running_loop")])
def test_a_signal_handler_raises(layer, runs, monkeypatch: pytest.MonkeyPatch, where) -> None:
    """As Celery's time limit does: what comes next finds nothing of the call that it has ended."""
    owner, name = where
    original = getattr(owner, name)

    def interrupted(*args):
        if owner is asyncio and args == (None,):
            return original(None)
        if owner is asyncio:
            original(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what was to be awaited is not
        patch.setattr(owner, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            async_to_sync(layer.group_send)("room", HELLO)
        gc.collect()
    with sync.AsyncSingleThreadContext():
        assert async_to_sync(say_thread)() == async_to_sync(say_thread)()
    before = len(runs)
    async_to_sync(layer.group_send)("room", HELLO)
    assert len(runs) == before


def test_one_object_for_many_threads(layer, runs) -> None:
    """What ``async_to_sync()`` has made may be kept, and called in any thread and context."""
    send = async_to_sync(layer.group_send)
    send("room", HELLO)
    assert runs == []
    with sync.AsyncSingleThreadContext():
        send("room", HELLO)
    assert len(runs) == 1


def test_instrumented_to_wait(layer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody has made the call wait, it fails: it does not hang."""
    main_wrap = AsyncToSync.main_wrap

    async def waits(self, *args):
        await main_wrap(self, *args)
        await asyncio.sleep(0)

    monkeypatch.setattr(AsyncToSync, "main_wrap", waits)
    with pytest.raises(RuntimeError, match="who has changed it"):
        async_to_sync(layer.group_send)("room", HELLO)


def test_instrumented_call() -> None:
    """Where the call isn't asgiref's own function when this is imported, it has its loop."""
    program = (
        "import functools\n"
        "from asgiref.sync import AsyncToSync, async_to_sync\n"
        "call = AsyncToSync.__call__\n"
        "AsyncToSync.__call__ = functools.partialmethod(call)\n"
        "from django.conf import settings\n"
        "settings.configure()\n"
        "from channels_bridge.layers import LocalChannelLayer\n"
        "async_to_sync(LocalChannelLayer().group_send)('room', {'type': 'hello'})\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)
