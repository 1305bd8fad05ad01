"""Processes that gevent or eventlet has patched: what works there, and that all else is refused."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import textwrap

import pytest

from channels_bridge.layers import GrpcChannelLayer
from compat_tests.groups.hubs import ENVIRONMENT, ROOT, serving, soon

for name in ("gevent", "eventlet"):
    if importlib.util.find_spec(name) is None:  # not imported: eventlet warns of itself then
        pytest.skip(f"there is no {name}", allow_module_level=True)

PATCH = {
    "gevent": """
        import gevent.monkey
        gevent.monkey.patch_all()
        def together(*functions):
            gevent.joinall([gevent.spawn(f) for f in functions], raise_error=True)
    """,
    "gevent without threads": """
        import gevent.monkey
        gevent.monkey.patch_all(thread=False)
        def together(*functions):
            gevent.joinall([gevent.spawn(f) for f in functions], raise_error=True)
    """,
    "eventlet": """
        import eventlet
        eventlet.monkey_patch()
        def together(*functions):
            for thread in [eventlet.spawn(f) for f in functions]:
                thread.wait()
    """,
}

IMPORT = """
import django
django.setup()
from asgiref.sync import async_to_sync
from channels_bridge.layers import GrpcChannelLayer, LocalChannelLayer, NatsChannelLayer
layer = GrpcChannelLayer(address="unix:/nobody/there")
on_tcp = GrpcChannelLayer(address="127.0.0.1:1", allow_unprotected_tcp=True)
over_nats = NatsChannelLayer(servers="127.0.0.1:1", prefix="mysite")
"""

SEND = """
import asyncio, os
from django.core.exceptions import ImproperlyConfigured

def refused(call, *arguments):
    try:
        call(*arguments)
    except ImproperlyConfigured as error:
        assert f"a process that {PATCHER} has patched" in str(error), error
        assert "--pool threads" in str(error), error
    else:
        raise AssertionError("it isn't refused")

def use():
    refused(async_to_sync(on_tcp.group_send), "room", {"type": "hello"})
    refused(async_to_sync(on_tcp.group_send_many), ["room"], {"type": "hello"})
    refused(async_to_sync(over_nats.group_send), "room", {"type": "hello"})
    refused(async_to_sync(layer.send), "worker", {"type": "hello"})
    refused(async_to_sync(layer.new_channel))
    refused(async_to_sync(LocalChannelLayer().group_send), "room", {"type": "hello"})

use()
together(*[lambda: refused(async_to_sync(layer.send), "worker", {"type": "hello"})] * 5)
pid = os.fork()
if not pid:
    use()
    os._exit(7)
assert os.waitpid(pid, 0)[1] == 7 << 8
print("refused")
"""


def run(source):
    """Run a program that has nothing to complain about. Returns what it printed."""
    result = subprocess.run(
        [sys.executable, "-c", source],
        cwd=ROOT,
        env={**ENVIRONMENT, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert "never awaited" not in result.stderr
    return result.stdout


@pytest.mark.parametrize(
    ("patcher", "order"),
    [
        ("gevent", "before"),
        ("gevent", "after"),
        ("gevent without threads", "before"),
        ("eventlet", "before"),
        ("eventlet", "after"),
    ],
)
def test_refused(patcher, order):
    """Whenever it was patched, a call that needs a loop fails with a sentence, and never blocks."""
    name = f"PATCHER = {patcher.split()[0]!r}\n"
    parts = [textwrap.dedent(PATCH[patcher]), IMPORT]
    if order == "after":
        parts.reverse()
    assert run("".join([name, *parts, SEND])) == "refused\n"


USE = """
import os
from channels.layers import channel_layers
from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.sending import group_send, group_send_many
channel_layers.set("default", GrpcChannelLayer(address=ADDRESS))

def use(number):
    for _ in range(10):
        group_send("room", {"type": "x", "number": number})
        async_to_sync(channel_layers["default"].group_send)("room", {"type": "x", "number": number})

together(*[lambda number=number: use(number) for number in range(5)])
pid = os.fork()
if not pid:
    together(lambda: use(5), lambda: use(6))
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
group_send_many(["room", "other"], {"type": "x", "number": 7})
channel_layers.set("default", layer)
try:
    group_send("room", {"type": "x"})
except TransportUnavailable as error:
    assert "there is no such socket" in str(error), error
    print("sent")
"""


@pytest.mark.parametrize(
    ("patcher", "order"),
    [("gevent", "before"), ("gevent", "after"), ("eventlet", "before"), ("eventlet", "after")],
)
async def test_sending_to_groups(patcher, order, socket_dir):
    """Greenlets may send at the same time, and forked processes; without a hub it is an error."""
    address = f"unix:{socket_dir}/groups.sock"
    parts = [textwrap.dedent(PATCH[patcher]), IMPORT]
    if order == "after":
        parts.reverse()
    async with serving(address):
        receiver = GrpcChannelLayer(address=address, capacity=1000)
        channel = await receiver.new_channel()
        await receiver.group_add("room", channel)
        program = "".join([f"ADDRESS = {address!r}\n", *parts, USE])
        assert await asyncio.to_thread(run, program) == "sent\n"
        numbers = [(await soon(receiver.receive(channel)))["number"] for _ in range(141)]
        assert sorted(numbers) == sorted([*range(7)] * 20 + [7])
        await receiver.close()


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ("gevent.monkey.patch_all()", True),
        ("gevent.monkey.patch_all(queue=False)", False),
        ("gevent.monkey.patch_all(socket=False)", False),
        ("gevent.monkey.patch_all(thread=False)", False),
        ("eventlet.monkey_patch()", True),
        ("eventlet.monkey_patch(socket=False)", False),
    ],
)
def test_patched_in_part(patch, expected):
    """Nobody waits where that would stop all other greenlets."""
    source = f"""
        import {patch.rpartition(".")[0]}
        {patch}
        from channels_bridge.groups.home.green_threads import can_wait
        print(can_wait())
    """
    assert run(textwrap.dedent(source)) == f"{expected}\n"


async def test_unpatched(socket_dir):
    """Where they are only imported, layers work."""
    address = f"unix:{socket_dir}/groups.sock"
    source = f"""
        import eventlet, gevent, gevent.monkey, os
        import django
        django.setup()
        from asgiref.sync import async_to_sync
        from channels_bridge.layers import GrpcChannelLayer
        layer = GrpcChannelLayer(address={address!r})
        async_to_sync(layer.group_send)("room", {{"type": "hello"}})
        print("sent")
    """
    async with serving(address):
        assert await asyncio.to_thread(run, textwrap.dedent(source)) == "sent\n"
