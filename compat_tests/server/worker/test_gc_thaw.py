"""What consumers leave in cycles is freed without a look at everything, though it was frozen."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils.functional import SimpleLazyObject

from channels_bridge.runloop.registry import Entry
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.websocket.asgi_scope import EXTENSION
from channels_bridge.server.websocket.context import MOST_LEAVERS, Context
from channels_bridge.server.worker import gc_thaw
from channels_bridge.server.worker.gc_freeze import sparing
from channels_bridge.server.worker.gc_thaw import MOST, make_young, objects_of
from compat_tests.engine import until


class Consumer:
    """One that may refer to itself."""

    kept: Any

    def say(self) -> None:
        """A handler."""

    async def fail(self) -> None:
        raise LookupError


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Collections are made where a test makes one."""
    thresholds = gc.get_threshold()
    gc.set_threshold(10**9, 10**9, 10**9)
    yield
    gc.set_threshold(*thresholds)
    gc.enable()
    gc.unfreeze()


def by_method(consumer: Consumer) -> None:
    consumer.kept = {"say": consumer.say}


def by_traceback(consumer: Consumer) -> None:
    try:
        raise LookupError
    except LookupError as error:
        consumer.kept = error  # whose frame has the consumer


def by_closure(consumer: Consumer) -> None:
    consumer.kept = lambda: consumer


def by_generator(consumer: Consumer) -> None:
    consumer.kept = (each for each in [consumer])


def by_task(consumer: Consumer) -> None:
    async def run() -> None:
        consumer.kept = asyncio.ensure_future(consumer.fail())
        await asyncio.wait([consumer.kept])
        consumer.kept.exception()

    asyncio.run(run())


def by_scope(consumer: Consumer) -> None:
    consumer.kept = {"state": {"consumer": consumer}, "path": "/"}


def by_many(consumer: Consumer) -> None:
    consumer.kept = [{"consumer": consumer} for _ in range(MOST // 2)]


@pytest.mark.parametrize(
    "close_cycle",
    [by_method, by_traceback, by_closure, by_generator, by_task, by_scope, by_many],
)
def test_frozen_cycles(close_cycle: Callable[[Consumer], None]) -> None:
    """A cycle that was frozen is found by a collection of the youngest generation."""
    consumer = Consumer()
    close_cycle(consumer)
    left = weakref.ref(consumer)
    gc.freeze()
    del consumer
    gc.collect()
    assert left() is not None
    make_young(objects_of(left()))
    gc.collect(0)
    assert left() is None


def test_what_is_in_use_stays() -> None:
    """Objects that something still refers to are as they were."""
    consumer = Consumer()
    by_scope(consumer)
    kept = consumer.kept
    gc.freeze()
    make_young(objects_of(consumer))
    gc.collect()
    assert consumer.kept is kept
    assert kept == {"state": {"consumer": consumer}, "path": "/"}
    assert gc.is_tracked(consumer) and gc.is_tracked(kept)


async def test_what_others_share_is_left_alone() -> None:
    """Modules, types and the server's own objects are not looked at, nor what is behind them."""
    consumer = Consumer()
    context = Context(None, ServerConfig(application=""), {}, on_lost=lambda: None)  # type: ignore[arg-type]
    consumer.kept = [json, json.dumps, Consumer, context, threading.RLock, lambda: consumer]
    found = objects_of(consumer)
    assert any(each is consumer.kept for each in found)
    for shared in (json, vars(json), Consumer, context, vars(context), globals()):
        assert not any(each is shared for each in found)
    assert len(found) < 15


def test_lazy_objects_are_not_asked() -> None:
    """What is found out only when it is used, as a user is, is not found out here."""
    asked: list[int] = []
    consumer = Consumer()
    consumer.kept = [SimpleLazyObject(lambda: asked.append(1))]
    objects_of(consumer)
    assert asked == []


def test_no_more_than_so_many() -> None:
    """However much hangs on a consumer, it takes no longer."""
    consumer = Consumer()
    consumer.kept = [[] for _ in range(10 * MOST)]
    assert len(objects_of(consumer)) == MOST


def test_beside_other_threads() -> None:
    """Others may change what is being thawed, at any time."""
    shared: list[Any] = []
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            made: dict[Any, Any] = {}
            shared.append(made)
            made["itself"] = [made]
            for each in shared[-20:]:
                each[len(each)] = [each]
            del shared[:-100]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=change) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(50):
            consumer = Consumer()
            consumer.kept = {"say": consumer.say, "shared": shared}
            gc.freeze()
            make_young(objects_of(consumer))
            gc.collect(0)
            assert consumer.kept["shared"] is shared
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)


class Slim:
    """It allows no weak references."""

    __slots__ = ()


async def test_who_was_there_at_a_freeze() -> None:
    """Those consumers are noted, and no more of them than may wait."""
    context = Context(None, ServerConfig(application=""), {}, on_lost=lambda: None)  # type: ignore[arg-type]
    began = context.freezes
    kept = [Consumer() for _ in range(3)]
    context.note_end(kept[0], began)
    assert not context.leavers
    context.freeze()
    context.note_end(kept[1], began)
    context.note_end(kept[2], context.freezes)
    context.note_end(Slim(), began)
    assert [leaver() for leaver in context.leavers] == [kept[1]]
    for _ in range(MOST_LEAVERS + 1):
        context.note_end(kept[1], began)
    assert len(context.leavers) == MOST_LEAVERS


async def test_one_that_cannot_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever hangs on a consumer, those behind it are looked after."""
    monkeypatch.setattr(gc_thaw, "EVERY", 0.01)
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: told.append(about))
    gc.set_threshold(10**6, 10**6, 10**6)

    class Kind(type):
        @property
        def __module__(cls) -> str:  # type: ignore[override]
            raise LookupError

    context = Context(None, ServerConfig(application=""), {}, on_lost=lambda: None)  # type: ignore[arg-type]
    odd, plain = Consumer(), Consumer()
    odd.kept = Kind("Odd", (), {})()
    leavers = gc_thaw.Leavers(context)
    leavers.start()
    try:
        context.freeze()
        for consumer in (odd, plain):
            context.note_end(consumer, 0)
        await until(lambda: not context.leavers)
    finally:
        leavers.stop()
    assert [type(about["exception"]) for about in told] == [LookupError]


@pytest.mark.parametrize("enabled", [True, False])
async def test_consumers_of_a_server(
    serve: Any, monkeypatch: pytest.MonkeyPatch, enabled: bool
) -> None:
    """What is left when a connection ends that was open at a freeze is freed soon, and without a
    full collection; not where the project has disabled the collector.
    """
    monkeypatch.setattr(gc_thaw, "EVERY", 0.01)
    consumers: weakref.WeakSet[Consumer] = weakref.WeakSet()
    full: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        consumer = Consumer()
        by_method(consumer)
        consumers.add(consumer)
        with Entry(scope["extensions"][EXTENSION]["connection"], consumer):
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                pass

    def note(phase: str, info: dict[str, int]) -> None:
        full.append(info["generation"] == 2)

    engine = await serve(app)
    gc.set_threshold(10**6, 10**6, 10**6)
    with sparing(engine.context):
        clients = [await engine.connect() for _ in range(3)]
        gc.freeze()
        engine.context.freeze()
        if not enabled:
            gc.disable()
        gc.callbacks.append(note)
        for client in clients:
            await client.close()
        if enabled:
            await until(lambda: not consumers)
        else:
            await until(lambda: not engine.context.tasks and not engine.context.leavers)
        gc.callbacks.remove(note)
    assert len(consumers) == (0 if enabled else 3)
    assert full == [False] * len(full)
