"""CONFIG, and the addresses in it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from channels_bridge.exceptions import HubAddressError
from channels_bridge.groups import hub_address
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.runtime_directory import leave, private_directory
from channels_bridge.groups.grpc.hub.hub import serve
from channels_bridge.layers import GrpcChannelLayer, InMemoryChannelLayer, LocalChannelLayer


@pytest.fixture
def temporary(socket_dir, settings) -> Path:
    """Where default addresses are made."""
    settings.WEBSOCKET_RUNTIME_DIR = str(socket_dir)
    return socket_dir


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("unix:/run/app/groups.sock", "unix:/run/app/groups.sock"),
        ("unix:///run/app/groups.sock", "unix:/run/app/groups.sock"),
        ("unix:/" + "x" * 106, "unix:/" + "x" * 106),
    ],
)
def test_address(given, normal):
    """An address may be a unix socket's."""
    assert str(Address.parse(given)) == normal
    assert GrpcChannelLayer(address=given).hub_address == normal


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("127.0.0.1:8765", "127.0.0.1:8765"),
        ("localhost:8765", "localhost:8765"),
        ("hub_1.example.org:8765", "hub_1.example.org:8765"),
        ("[::1]:8765", "[::1]:8765"),
        ("::1:8765", "[::1]:8765"),
    ],
)
def test_tcp_address(given, normal):
    """An address may be a host and a port."""
    assert str(Address.parse(given)) == normal
    assert GrpcChannelLayer(address=given, token="x" * 32).hub_address == normal


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (8765, "write unix:/path or host:port"),
        ("localhost:", "write unix:/path or host:port"),
        ("localhost:http", "write unix:/path or host:port"),
        ("localhost:0", "write unix:/path or host:port"),
        ("localhost:65536", "write unix:/path or host:port"),
        (f"{'x' * 64}.example:8765", "write unix:/path or host:port"),
        (":8765", "the host is missing, write 127.0.0.1:8765$"),
        ("8765", "the host is missing, write 127.0.0.1:8765$"),
        ("localhost", "the port is missing, write localhost:8765$"),
        ("::1", r"the port is missing, write \[::1\]:8765$"),
        ("http://localhost:8765", "an address has no scheme, write localhost:8765$"),
        ("grpc://hub.example.org:50051/", "write hub.example.org:50051$"),
        ("/run/app/groups.sock", "has unix: before its path, write unix:/run/app/groups.sock$"),
        ("redis://localhost:6379", "is a URL of redis, which the hub does not use: remove it"),
        ("NATS://localhost", "set BACKEND to NatsChannelLayer and write 'servers'"),
        ("fd:3:", "write unix:/path or host:port"),
        ("groups.sock", "write unix:/path or host:port"),
        ("unix:", "absolute path"),
        ("unix:groups.sock", "absolute path"),
        ("unix:/run/", "absolute path"),
        ("unix:/" + "x" * 107, "at most 107 bytes, this one has 108"),
        ("unix:/" + "é" * 60, "at most 107 bytes, this one has 121"),
        ("a host:8765", "write unix:/path or host:port"),
        ("host..name:8765", "write unix:/path or host:port"),
        ("-host:8765", "write unix:/path or host:port"),
        ("[localhost:8765", "write unix:/path or host:port"),
        ("localhost:٣٣", "write unix:/path or host:port"),
    ],
)
async def test_bad_address(given, error):
    """A bad address is refused in CONFIG and by the hub, with what to write instead."""
    with pytest.raises(ImproperlyConfigured, match=f"'address'.*{error}"):
        GrpcChannelLayer(address=given)
    with pytest.raises(HubAddressError, match=error):
        await serve(given, ready=lambda: None, stop=None)


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"capasity": 10}, "unknown CONFIG key 'capasity'.*did you mean 'capacity'"),
        ({"hosts": []}, "unknown CONFIG key 'hosts'.*an option of channels_redis$"),
        ({"xyzzy": []}, "unknown CONFIG key 'xyzzy'.*its keys are .*address"),
        ({"expiry": 0}, "'expiry' must be a number of seconds above 0, not 0"),
        ({"expiry": "60"}, "'expiry' must be a number of seconds above 0, not '60'"),
        ({"group_expiry": -1}, "'group_expiry' must be"),
        ({"capacity": 1.5}, "'capacity' must be a whole number above 0, not 1.5"),
        ({"capacity": True}, "'capacity' must be a whole number above 0, not True"),
        ({"max_message_size": 0}, "'max_message_size' must be"),
        ({"max_message_size": 2**30}, "'max_message_size' must be at most 33554432"),
        ({"timeout": 0}, "'timeout' must be"),
        ({"prefix": "a/b"}, "'prefix' must be text of at most 100 letters.*not 'a/b'"),
        ({"prefix": "x" * 101}, "'prefix' must be text of at most 100 letters"),
        ({"prefix": b"app"}, "'prefix' must be text of at most 100 letters.*not b'app'"),
        ({"confirm": 1}, "'confirm' must be True or False, not 1"),
        ({"channel_capacity": [("x", 1)]}, "'channel_capacity' must be a dict"),
        ({"channel_capacity": {"x*": None}}, "must be a whole number above 0"),
        ({"overflow": "newest"}, "'overflow' must be one of 'drop_newest', .*, not 'newest'"),
    ],
)
def test_bad_config(config, error):
    """Each mistake in CONFIG is named, with what to write instead."""
    with pytest.raises(ImproperlyConfigured, match=error):
        GrpcChannelLayer(address="unix:/tmp/groups.sock", **config)


def test_local_layer_has_no_address():
    """The local layer doesn't take options that mean nothing to it."""
    with pytest.raises(ImproperlyConfigured, match="unknown CONFIG key 'address'"):
        LocalChannelLayer(address="unix:/tmp/groups.sock")


def test_hub_address(address):
    """The server finds out which hub a layer needs, if any."""
    assert hub_address(GrpcChannelLayer(address=address)) == address
    assert hub_address(LocalChannelLayer()) is None
    assert hub_address(InMemoryChannelLayer()) is None
    assert hub_address(None) is None


# The default address.


def test_default_address(temporary):
    """By default the hub's socket is in a directory that only its user can enter."""
    path = Path(GrpcChannelLayer().hub_address.removeprefix("unix:"))
    assert path.parent.parent == temporary
    assert path.parent.name.startswith(f"channels_bridge-{os.getuid()}-")
    assert not path.parent.exists()  # nobody serves yet
    assert private_directory() == path.parent
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert GrpcChannelLayer().hub_address == f"unix:{path}"
    leave(path.parent)


def test_default_address_is_the_projects_own(temporary, settings, monkeypatch):
    """Two projects of a user don't meet at one address."""
    first = GrpcChannelLayer().hub_address
    module = type(sys)("other_settings")
    module.__file__ = "/srv/other/other_settings.py"
    monkeypatch.setitem(sys.modules, "other_settings", module)
    settings.SETTINGS_MODULE = "other_settings"
    assert GrpcChannelLayer().hub_address != first


@pytest.mark.parametrize("squat", ["symlink", "file", "open", "owner"])
def test_squatted_default_address(temporary, squat, monkeypatch):
    """A directory that somebody else may have made isn't used."""
    directory = Path(GrpcChannelLayer().hub_address.removeprefix("unix:")).parent
    if squat == "symlink":
        (temporary / "elsewhere").mkdir(0o700)
        directory.symlink_to(temporary / "elsewhere")
    elif squat == "file":
        directory.touch()
    elif squat == "open":
        directory.mkdir()
        directory.chmod(0o755)
    else:
        directory.mkdir(0o700)
        if os.getuid() != 0:
            pytest.skip("only root can give a directory away")
        os.chown(directory, 12345, -1)
    with pytest.raises(ImproperlyConfigured, match="set `address`"):
        GrpcChannelLayer()
