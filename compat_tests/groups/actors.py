"""Other processes of these tests: ``python -m compat_tests.groups.actors NAME CONFIG ...``.

Each calls the layer from a place that users call it from. CONFIG is that of the layer, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import django
from asgiref.sync import async_to_sync

from channels_bridge.layers import GrpcChannelLayer, NatsChannelLayer

Layer = GrpcChannelLayer | NatsChannelLayer


def connect(config: dict[str, Any]) -> Layer:
    """The layer that a CONFIG is for."""
    return NatsChannelLayer(**config) if "servers" in config else GrpcChannelLayer(**config)


def send(layer: Layer, group: str, **message: object) -> None:
    """Send as a view does."""
    async_to_sync(layer.group_send)(group, {"type": "hello", **message})


def plain(layer: Layer, group: str) -> None:
    """Send, and exit at once."""
    send(layer, group)


def running_loop(layer: Layer, group: str) -> None:
    """Send from a loop that ends right afterwards."""
    asyncio.run(layer.group_send(group, {"type": "hello"}))


def thread(layer: Layer, group: str) -> None:
    """Send from a thread."""
    sender = threading.Thread(target=send, args=[layer, group])
    sender.start()
    sender.join()


def threads(layer: Layer, group: str) -> None:
    """Send from many threads at a time, each message once."""
    senders = [
        threading.Thread(target=send, args=[layer, group], kwargs={"number": number})
        for number in range(20)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


def thousand(layer: Layer, group: str) -> None:
    """Send 1,000 times, and grow by nothing."""

    def use() -> tuple[int, int]:
        # asgiref makes a thread for each call, and doesn't wait for its end.
        for thread in threading.enumerate():
            if thread.name.startswith("ThreadPoolExecutor"):
                thread.join(10)
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    for number in range(10):
        send(layer, group, number=number)
    before = use()
    for number in range(10, 1000):
        send(layer, group, number=number)
    assert use() == before, (before, use())


def signal_handler(layer: Layer, group: str) -> None:
    """Send from a signal handler."""
    handled = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        send(layer, group)
        handled.set()

    signal.signal(signal.SIGUSR1, handle)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert handled.wait(10)


def fork_before_use(layer: Layer, group: str) -> None:
    """Send from a child that was forked before the layer was used."""
    _in_fork(send, layer, group)


def fork_after_use(layer: Layer, group: str) -> None:
    """Send from a child whose parent had used the layer, and then from the parent."""
    send(layer, group, who="parent before")
    _in_fork(send, layer, group, who="child")
    send(layer, group, who="parent after")


def fork_twice(layer: Layer, group: str) -> None:
    """Send from a grandchild."""
    send(layer, "nobody")
    _in_fork(_in_fork, send, layer, group)


def fork_with_members(layer: Layer, group: str) -> None:
    """A child has channels of its own, and leaves its parent's alone."""

    async def member() -> str:
        channel = await layer.new_channel()
        await layer.group_add("inner", channel)
        return channel

    async def check(channel: str, **expected: object) -> None:
        assert await layer.receive(channel) == {"type": "hello", **expected}

    def child() -> None:
        channel = async_to_sync(member)()
        send(layer, "inner", who="child")
        async_to_sync(check)(channel, who="child")
        send(layer, group)

    channel = async_to_sync(member)()
    _in_fork(child)
    async_to_sync(check)(channel, who="child")


def fork_clean_exit(layer: Layer, group: str) -> None:
    """A child that ends as Python programs do, not by os._exit()."""
    send(layer, "nobody")
    pid = os.fork()
    if not pid:
        send(layer, group)
        sys.exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def multiprocessing_fork(layer: Layer, group: str) -> None:
    """Send from a multiprocessing child, which exits by os._exit()."""
    send(layer, "nobody")
    process = multiprocessing.get_context("fork").Process(target=send, args=[layer, group])
    process.start()
    process.join(20)
    assert process.exitcode == 0


def nothing(layer: Layer, group: str) -> None:
    """Only make the layer."""


def subscribe(layer: GrpcChannelLayer, topic: str) -> None:
    """Subscribe to a topic, and say so on stdout when asked to."""
    from channels_bridge.groups.grpc.process.grpc_transport import GrpcTransport

    def deliver(topic: str, payload: bytes) -> bool:
        if payload == b"say so":
            print("asked", flush=True)
        return True

    async def main() -> None:
        transport = GrpcTransport(layer.hub_address, timeout=60)
        transport.start(deliver)
        await transport.subscribe(topic)
        print("subscribed", flush=True)
        await asyncio.sleep(60)

    asyncio.run(main())


def receive(layer: Layer, channel: str, count: str) -> None:
    """Take messages from a named channel, as ``runworker`` does."""

    async def main() -> None:
        for _ in range(int(count)):
            print((await layer.receive(channel))["number"], flush=True)

    asyncio.run(main())


def _in_fork(function: Callable[..., None], *args: object, **kwargs: object) -> None:
    pid = os.fork()
    if not pid:
        code = 1
        try:
            function(*args, **kwargs)
            code = 0
        finally:
            os._exit(code)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            assert status == 0, status
            return
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise AssertionError("the child hangs")


if __name__ == "__main__":
    django.setup()
    name, config, *arguments = sys.argv[1:]
    globals()[name](connect(json.loads(config)), *arguments)
