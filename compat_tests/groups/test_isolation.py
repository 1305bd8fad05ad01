"""In a process that runs tests, a project's layers keep to it."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from asgiref.sync import async_to_sync
from channels.layers import channel_layers
from django.core import mail
from django.test import override_settings
from django.test.utils import teardown_test_environment

from channels_bridge.groups.linked import isolation
from channels_bridge.layers import GrpcChannelLayer, get_channel_layer
from channels_bridge.testing import using_hub
from compat_tests.groups.hubs import ENVIRONMENT, ROOT, serving, soon

HELLO = {"type": "hello"}


@pytest.fixture
async def hub(address):
    """A hub at ``address``, in this process."""
    async with serving(address):
        yield


@pytest.fixture
async def client(hub, address):
    """A layer made by hand: a process of a server, for the project's."""
    layer = GrpcChannelLayer(address=address)
    layer.channel = await layer.new_channel()
    await layer.group_add("room", layer.channel)
    yield layer
    await layer.close()


@pytest.fixture
async def project(hub, address):
    """The settings of a project whose server runs."""
    backend = "channels_bridge.layers.GrpcChannelLayer"
    backends = {"default": {"BACKEND": backend, "CONFIG": {"address": address}}}
    with override_settings(CHANNEL_LAYERS=backends):
        yield
        await get_channel_layer().close()


async def test_tests_reach_no_server(client, project, caplog):
    """A test reaches its own members and no server's, unless it asks for that, without a word."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await layer.group_send("room", {"type": "isolated"})
    await layer.send(client.channel, {"type": "isolated"})
    assert await soon(layer.receive(channel)) == {"type": "isolated"}
    with using_hub():
        await layer.group_send("room", {"type": "asked for"})
    await layer.group_send("room", {"type": "isolated again"})
    await client.group_send("room", {"type": "last"})
    assert [(await soon(client.receive(client.channel)))["type"] for _ in range(2)] == [
        "asked for",
        "last",
    ]
    assert caplog.messages == []


async def test_forgotten_layer_stays_isolated(client, project):
    """A layer that overridden settings have forgotten reaches no server either."""
    layer = get_channel_layer()
    await layer.group_send("room", HELLO)
    with override_settings(CHANNEL_LAYERS={}):
        await layer.group_send("room", HELLO)
    await client.group_send("room", {"type": "last"})
    assert await soon(client.receive(client.channel)) == {"type": "last"}


async def test_layer_of_settings_without_address():
    """A second layer made from settings that give no address is isolated as well."""
    backend = {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}
    with override_settings(CHANNEL_LAYERS={"default": backend}):
        layer = channel_layers.make_backend("default")
        await soon(layer.new_channel())
        assert layer.statistics().link is None


def test_synchronous_tests():
    """A synchronous test needs no thread of ours, nor does Celery's eager task in it."""
    code = """
import threading, django
from asgiref.sync import async_to_sync
from django.test.utils import setup_test_environment
from channels.layers import get_channel_layer
django.setup()
setup_test_environment()
layer = get_channel_layer()
channel = async_to_sync(layer.new_channel)()
async_to_sync(layer.group_add)("room", channel)
async_to_sync(layer.group_send)("room", {"type": "hello"})
layer.group_send("room", {"type": "hello"})
print([async_to_sync(layer.receive)(channel)["type"] for _ in range(2)])
assert not [thread for thread in threading.enumerate() if "channels_bridge" in thread.name]
"""
    arguments = [sys.executable, "-W", "ignore:coroutine:RuntimeWarning", "-c", code]
    assert subprocess.check_output(arguments, cwd=ROOT, env=ENVIRONMENT) == b"['hello', 'hello']\n"


def test_django_says_that_it_tests(monkeypatch):
    """A process is isolated in Django's test environment, and in a test of pytest without it."""
    assert isolation.is_isolated()
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert isolation.is_isolated()
    teardown_test_environment()
    try:
        assert not isolation.is_isolated()
        monkeypatch.setenv("PYTEST_CURRENT_TEST", "a test")
        assert isolation.is_isolated()
        monkeypatch.delitem(sys.modules, "pytest")
        assert not isolation.is_isolated()
        # As the e-mail backend for tests makes it, which a site may use for real.
        monkeypatch.setattr(mail, "outbox", [], raising=False)
        assert not isolation.is_isolated()
    finally:
        monkeypatch.undo()
        from django.test.utils import setup_test_environment

        setup_test_environment()


def test_loops_share_nothing_but_the_layer():
    """What waits in a channel outlives the loop of a test, as in memory, and flush() ends it."""
    backend = {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}
    with override_settings(CHANNEL_LAYERS={"default": backend}):
        layer = get_channel_layer()
        channel = asyncio.run(layer.new_channel())
        asyncio.run(layer.group_add("room", channel))
        async_to_sync(layer.group_send)("room", HELLO)
        asyncio.run(layer.flush())
        async_to_sync(layer.group_send)("room", {"type": "nobody"})
        asyncio.run(layer.send(channel, {"type": "last"}))
        assert asyncio.run(layer.receive(channel)) == {"type": "last"}
    with override_settings(CHANNEL_LAYERS={"default": backend}):
        assert get_channel_layer() is not layer
