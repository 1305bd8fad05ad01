"""Addresses where a hub can listen, and those where it can't."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from channels_bridge.exceptions import HubAddressError
from channels_bridge.groups.credentials import NONE, Credentials
from channels_bridge.groups.grpc.hub.hub import serve
from compat_tests.groups.hubs import ENVIRONMENT, ROOT, soon


async def run_until_ready(address: str, credentials: Credentials = NONE) -> None:
    """Run a hub and stop it as soon as it serves."""
    stop = asyncio.Event()
    await soon(serve(address, credentials, ready=stop.set, stop=stop))


@pytest.fixture
def path(address) -> Path:
    """The path of the socket."""
    return Path(address.removeprefix("unix:"))


async def test_stale_socket(address, path):
    """The socket of a killed program is replaced."""
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    await run_until_ready(address)
    assert not path.exists()


async def test_live_socket(address, path):
    """The socket of another program is left alone."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(HubAddressError, match="another program listens there"):
            await run_until_ready(address)
    assert path.exists()


async def test_busy_socket(address, path):
    """So is that of a program which is too busy to accept."""
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(socket.socket(socket.AF_UNIX))
        other.bind(str(path))
        other.listen(0)
        # Whoever is beyond the backlog waits.
        waiting = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(3)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(str(path))
        with pytest.raises(HubAddressError, match="another program listens there"):
            await run_until_ready(address)
    assert path.exists()


async def test_no_socket(address, path):
    """A file that isn't a socket is left alone."""
    path.write_text("precious")
    with pytest.raises(HubAddressError, match="something else than a socket"):
        await run_until_ready(address)
    assert path.read_text() == "precious"


async def test_no_directory(address):
    """A missing directory is named."""
    with pytest.raises(HubAddressError, match="there is no directory .*: make it"):
        await run_until_ready(address.replace("groups.sock", "missing/groups.sock"))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
async def test_foreign_socket(address, path):
    """A socket of another user is left alone."""
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    os.chown(path, 12345, -1)
    with pytest.raises(HubAddressError, match="owned by another user .*: remove it, or choose"):
        await run_until_ready(address)


async def test_symlinked_lock(address, path):
    """The lock file isn't followed to where somebody else has put it."""
    os.symlink(path.parent / "elsewhere", f"{path}.lock")
    with pytest.raises(HubAddressError, match="lock can't be opened"):
        await run_until_ready(address)


async def test_tcp_port_in_use():
    """A TCP port that is in use is an error."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(HubAddressError, match=f"{address}: the address is in use"):
            await run_until_ready(address, Credentials(allow_unprotected_tcp=True))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--layer", "default"], "channel layer 'default' doesn't need a hub"),
        (["--layer", "other"], "channel layer 'other' isn't configured"),
    ],
)
def test_command_errors(arguments, error):
    """``websockets_hub`` says what is wrong."""
    with pytest.raises(CommandError, match=error):
        call_command("websockets_hub", *arguments)


def test_command_over_nats(settings):
    """``websockets_hub`` says that processes meet elsewhere."""
    backend = "channels_bridge.layers.NatsChannelLayer"
    config = {"servers": "tls://n1", "prefix": "mysite"}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": config}}
    with pytest.raises(CommandError, match="needs no hub: its processes meet at tls://n1:4222"):
        call_command("websockets_hub")


def test_command_error():
    """It says so in one line."""
    done = subprocess.run(
        [sys.executable, "-m", "django", "websockets_hub", "--address", "no address"],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    error = "CommandError: .*'no address' isn't valid: write unix:/path.*\n"
    assert re.fullmatch(error, done.stderr), done.stderr
