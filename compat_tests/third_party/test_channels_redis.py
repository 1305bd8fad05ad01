"""channels_redis as the layer under our server: it goes on working as it is."""

from __future__ import annotations

import inspect
from contextlib import ExitStack, closing
from dataclasses import fields

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from websockets.exceptions import ConnectionClosed

from channels_bridge.bench.stacks.brokers import redis_server
from channels_bridge.common.other_layers import REDIS_OPTIONS, explain_attribute
from channels_bridge.layers import GrpcChannelLayer, LocalChannelLayer
from compat_tests.peer_faults.brokers import Redis
from compat_tests.third_party.project import Project, open_all

pytest.importorskip("channels_redis")


LAYERS = [
    "channels_redis.core.RedisChannelLayer",
    "channels_redis.pubsub.RedisPubSubChannelLayer",
]


@pytest.mark.parametrize("path", LAYERS)
def test_attributes_of_their_layers(path):
    """Code that reaches into theirs is told by ours which attribute is missing, and why."""
    theirs, ours = import_string(path)(hosts=[]), LocalChannelLayer()
    inner = set(vars(theirs) | vars(type(theirs)))
    inner = {name for name in inner if not name.startswith("__") and not hasattr(ours, name)}
    assert inner
    known = {name for name in inner if "channels_redis" in explain_attribute("X", name)}
    assert not [name for name in inner - known if not name.startswith("_")]
    for name in known:
        with pytest.raises(AttributeError, match=f"no attribute '{name}'.*no Redis server"):
            getattr(ours, name)


@pytest.mark.parametrize("path", LAYERS)
@pytest.mark.parametrize("ours", [LocalChannelLayer, GrpcChannelLayer])
def test_options_of_their_layers(path, ours):
    """What is left in CONFIG of theirs is named as theirs."""
    named = set(inspect.signature(import_string(path).__init__).parameters)
    for option in {*named, "hosts", "on_disconnect"} & set(REDIS_OPTIONS):
        if option not in {field.name for field in fields(ours.config_class)}:
            with pytest.raises(
                ImproperlyConfigured,
                match=f"'{option}'.*remove it, as it is an option of channels_redis",
            ):
                ours(**{option: []})


@pytest.fixture(scope="module")
def redis(directory):
    """A Redis server of these tests' own, on a unix socket."""
    if redis_server() is None:
        pytest.skip("there is no redis-server here")
    with closing(Redis(directory)) as redis:
        yield f"unix://{redis.socket}"


@pytest.fixture(scope="module", params=LAYERS)
def server(request, directory, redis):
    """Our server on a project whose groups are in Redis, by either of its layers."""
    layer = {"BACKEND": request.param, "CONFIG": {"hosts": [redis]}}
    with Project(directory, "rooms", layer=layer).serve() as server:
        yield server


@pytest.mark.parametrize("path", ["/room/", "/sync-room/"])
def test_room(server, path):
    """Each member on each worker gets each message once, in order."""
    with ExitStack() as stack:
        members = open_all(stack, server, path, 6)
        for number in range(10):
            members[0].send(str(number))
            assert [member.recv(10) for member in members] == [str(number)] * 6


def test_failing_member(server):
    """A member that fails gets its disconnect, leaves the group, and no one else notices."""
    with ExitStack() as stack:
        failing, *others = open_all(stack, server, "/other-room/", 6)
        failing.send("fail")
        with pytest.raises(ConnectionClosed) as caught:
            failing.recv(10)
        assert caught.value.rcvd.code == 1011
        assert [member.recv(10) for member in others] == ["left 1011"] * 5
        others[0].send("still here")
        assert [member.recv(10) for member in others] == ["still here"] * 5
