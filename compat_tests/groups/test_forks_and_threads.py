"""The layer is called from anywhere: real processes do it in every way that users do."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from compat_tests.groups.actors import Layer, connect
from compat_tests.groups.hubs import DEADLINE, ENVIRONMENT, ROOT, soon

ONE = [{"type": "hello"}]

CALLERS = {
    "plain": ONE,
    "running_loop": ONE,
    "thread": ONE,
    "threads": [{"type": "hello", "number": number} for number in range(20)],
    "thousand": [{"type": "hello", "number": number} for number in range(1000)],
    "signal_handler": ONE,
    "fork_before_use": ONE,
    "fork_after_use": [
        {"type": "hello", "who": who} for who in ("parent before", "child", "parent after")
    ],
    "fork_twice": ONE,
    "fork_with_members": ONE,
    "fork_clean_exit": ONE,
    "multiprocessing_fork": ONE,
    "nothing": [],
}


@pytest.fixture(params=["grpc", "nats"])
def config(request: pytest.FixtureRequest, prefix: str) -> dict[str, Any]:
    """CONFIG of a layer, for this process and for others."""
    if request.param == "grpc":
        return {"address": request.getfixturevalue("shared_hub").address, "prefix": prefix}
    return {"servers": request.getfixturevalue("nats_server").url, "prefix": prefix}


@pytest.fixture
async def layer(config: dict[str, Any]) -> AsyncIterator[Layer]:
    """This process' layer."""
    layer = connect({"capacity": 2000, **config})
    yield layer
    await layer.close()


async def act(name: str, config: dict[str, Any], *arguments: str) -> str:
    """Run an actor to its end; it must succeed and have nothing to complain about."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "compat_tests.groups.actors",
        name,
        json.dumps(config),
        *arguments,
        cwd=ROOT,
        # Python 3.12 and later warn of any fork that has threads around it.
        env={**ENVIRONMENT, "PYTHONWARNINGS": "default,ignore:This process:DeprecationWarning"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(), 2 * DEADLINE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, stderr.decode()
    assert stderr == b"", stderr.decode()
    return stdout.decode()


@pytest.mark.parametrize("caller", CALLERS)
async def test_caller(config, layer, caller):
    """A message sent from there arrives, once, and the sender ends cleanly."""
    await _call(caller, config, layer)


@pytest.mark.parametrize("config", ["grpc"], indirect=True)
@pytest.mark.parametrize("caller", ["fork_after_use", "signal_handler"])
async def test_caller_with_history(config, caller):
    """It does so, too, where the group's messages are kept."""
    kept = {**config, "history": {"room": {}}}
    layer = connect(kept)
    await _call(caller, kept, layer)
    assert [item.message for item in await layer.history("room")][:-1] == CALLERS[caller]
    await layer.close()


async def _call(caller, config, layer):
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await act(caller, config, "room")
    expected = CALLERS[caller]
    got = [await soon(layer.receive(channel)) for _ in expected]
    if caller == "threads":
        got.sort(key=lambda message: message["number"])
    assert got == expected
    await layer.group_send("room", {"type": "last"})
    assert await soon(layer.receive(channel)) == {"type": "last"}


async def test_named_channel_between_processes(config, layer):
    """Messages for a named channel wait for a worker that starts later, in order."""
    for number in range(5):
        await layer.send("thumbnails", {"type": "make", "number": number})
    assert await act("receive", config, "thumbnails", "5") == "0\n1\n2\n3\n4\n"
