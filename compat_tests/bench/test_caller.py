"""The process that sends from outside: each way that it knows brings a message to its group."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager, suppress

import pytest
from asgiref.sync import async_to_sync

from channels_bridge.bench.stacks import caller
from channels_bridge.layers import get_channel_layer
from compat_tests.groups.hubs import DEADLINE


@pytest.fixture
def layer(settings):
    """The layer of this process."""
    settings.ROOT_URLCONF = "channels_bridge.bench.project.urls"
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels_bridge.layers.LocalChannelLayer"}}
    return get_channel_layer()


@contextmanager
def serving(how):
    """A thread that serves so; gives its address."""

    def serve() -> None:
        with suppress(OSError):  # it serves for ever
            caller.serve(listener, caller.HOWS[how]())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(DEADLINE)


@pytest.mark.parametrize("how", caller.HOWS)
def test_lines(layer, how):
    """A line is a message for one room, or one for many."""
    channel = async_to_sync(layer.new_channel)()
    async_to_sync(layer.group_add)("chat_1", channel)
    with serving(how) as place, socket.create_connection(place, DEADLINE) as client:
        for fields in ({"room": 1, "message": "one"}, {"rooms": 3, "message": "many"}):
            client.sendall(json.dumps(fields).encode() + b"\n")
            message = async_to_sync(layer.receive)(channel)
            assert message == {"type": "chat.message", "message": fields["message"]}
