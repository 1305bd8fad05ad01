"""Processes that gevent or eventlet has patched: layers refuse to work there, at once."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import textwrap

import pytest

from compat_tests.groups.hubs import ENVIRONMENT, ROOT, serving

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
from channels_bridge.layers import GrpcChannelLayer, LocalChannelLayer
layer = GrpcChannelLayer(address="unix:/nobody/there")
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
    refused(async_to_sync(layer.group_send), "room", {"type": "hello"})
    refused(async_to_sync(layer.group_send_many), ["room"], {"type": "hello"})
    refused(async_to_sync(layer.send), "worker", {"type": "hello"})
    refused(async_to_sync(layer.new_channel))
    refused(async_to_sync(LocalChannelLayer().group_send), "room", {"type": "hello"})

use()
together(*[lambda: refused(layer.group_send, "room", {"type": "hello"})] * 5)
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
    """Whenever it was patched, a call fails with a sentence instead of blocking for ever."""
    name = f"PATCHER = {patcher.split()[0]!r}\n"
    parts = [textwrap.dedent(PATCH[patcher]), IMPORT]
    if order == "after":
        parts.reverse()
    assert run("".join([name, *parts, SEND])) == "refused\n"


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
