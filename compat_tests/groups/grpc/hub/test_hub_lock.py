"""A hub whose files are cleaned away, as /tmp is, and hubs that find each other nevertheless."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from channels_bridge.common import unix_sockets
from channels_bridge.exceptions import HubAddressError
from channels_bridge.groups.credentials import Credentials
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.hub_holder import Seat, find_holder
from channels_bridge.groups.grpc.hub import hub
from channels_bridge.groups.grpc.hub.hub import serve
from channels_bridge.layers import GrpcChannelLayer
from compat_tests.groups.hubs import serving, soon, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hubs look all the time."""
    monkeypatch.setattr(hub, "UPKEEP_INTERVAL", 0.01)


@pytest.fixture
def path(address: str) -> Path:
    """The path of the socket."""
    return Path(address.removeprefix("unix:"))


def lock_of(path: Path) -> Path:
    return Path(f"{path}.lock")


@contextlib.asynccontextmanager
async def standing_by(
    address: str, credentials: Credentials | None = None
) -> AsyncIterator[Callable[[], bool]]:
    """Another hub at an address; ``serves()`` says whether it is the one that serves."""
    stop, ready = asyncio.Event(), asyncio.Event()
    options = {} if credentials is None else {"credentials": credentials}
    seat = Seat.of(Address.parse(address))
    seat = replace(seat, holder=replace(seat.holder, pid=4711))
    running = asyncio.create_task(serve(address, ready=ready.set, stop=stop, seat=seat, **options))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if running.done():
        running.result()
    try:
        yield lambda: (holder := find_holder(address)) is not None and holder.pid == 4711
    finally:
        stop.set()
        await soon(running)


async def exchange_a_message(address: str) -> None:
    """A process that comes now reaches another one."""
    layers = [GrpcChannelLayer(address=address) for _ in range(2)]
    try:
        channel = await soon(layers[0].new_channel())
        await soon(layers[0].group_add("room", channel))
        await soon(layers[1].group_send("room", {"type": "hello"}))
        assert await soon(layers[0].receive(channel)) == {"type": "hello"}
    finally:
        for layer in layers:
            await layer.close()


async def test_removed_lock(address, path):
    """The lock that is cleaned away comes back: the next hub stands by, and takes over in time."""
    async with serving(address):
        lock_of(path).unlink()
        await until(lambda: find_holder(address) is not None)
        async with contextlib.AsyncExitStack() as stack:
            serves = await stack.enter_async_context(standing_by(address))
            assert not serves()
            lock_of(path).unlink()  # that the other one waits for
            await until(lambda: find_holder(address) is not None)
            assert not serves()


async def test_takeover(address, path):
    """A hub that ends takes its lock away, and the one that waited for it makes its own."""
    async with contextlib.AsyncExitStack() as stack:
        async with serving(address):
            serves = await stack.enter_async_context(standing_by(address))
            assert find_holder(address).pid == os.getpid()
        await until(serves)
        await exchange_a_message(address)
    assert not list(path.parent.iterdir())


async def test_removed_socket(address, path, make_grpc_layer_at):
    """A socket that is cleaned away comes back, and who was connected has missed nothing."""
    async with serving(address):
        member, sender = make_grpc_layer_at(address), make_grpc_layer_at(address)
        channel = await soon(member.new_channel())
        await soon(member.group_add("room", channel))
        for number in range(20):
            if number % 5 == 0:
                path.unlink(missing_ok=True)
                await until(path.exists)
            await soon(sender.group_send("room", {"type": "hello", "number": number}))
        for number in range(20):
            assert (await soon(member.receive(channel)))["number"] == number
        await exchange_a_message(address)
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.fixture
async def make_grpc_layer_at() -> AsyncIterator[Callable[[str], GrpcChannelLayer]]:
    """Makes layers, each a process of its own as far as the hub can tell."""
    layers = []

    def make(address: str) -> GrpcChannelLayer:
        layers.append(GrpcChannelLayer(address=address))
        return layers[-1]

    yield make
    for layer in layers:
        await layer.close()


async def test_removed_directory(settings, socket_dir):
    """The project's directory is made again with all that belongs there."""
    settings.WEBSOCKET_RUNTIME_DIR = str(socket_dir)
    address = GrpcChannelLayer().hub_address
    path = Path(address.removeprefix("unix:"))
    async with serving(address):
        names = {file.name for file in path.parent.iterdir()}
        assert names == {"groups.sock", "groups.sock.lock", "groups.sock.roster"}
        shutil.rmtree(path.parent)
        await until(lambda: path.exists() and {f.name for f in path.parent.iterdir()} == names)
        assert path.parent.stat().st_mode & 0o777 == 0o700
        await exchange_a_message(address)
    assert not path.parent.exists()


async def test_removed_directory_of_others(address, path, caplog):
    """A directory that isn't the hub's own is missed, in one line, until somebody makes it."""
    address, path = address.replace("groups", "its/groups"), path.parent / "its" / path.name
    path.parent.mkdir()
    async with serving(address):
        shutil.rmtree(path.parent)
        await until(lambda: "there is no directory" in caplog.text)
        path.parent.mkdir()
        await until(path.exists)
        await exchange_a_message(address)
    assert caplog.text.count("there is no directory") == 1


async def test_displaced(address, path, monkeypatch, caplog):
    """A hub whose place was taken before it could look gives way, and takes over afterwards."""
    monkeypatch.setattr(hub, "UPKEEP_INTERVAL", 0.5)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(serving(address))
        path.unlink()
        lock_of(path).unlink()
        async with standing_by(address) as serves:
            assert serves()
            await until(lambda: "another groups hub serves" in caplog.text)
            await until(path.exists)
            await exchange_a_message(address)
        await until(lambda: find_holder(address) is not None and path.exists())
        await exchange_a_message(address)


async def test_files_look_new(address, path, monkeypatch):
    """What a hub needs for weeks never looks old."""
    monkeypatch.setattr(unix_sockets, "TOUCH_INTERVAL", 0)
    async with serving(address):
        files = [path, lock_of(path), Path(f"{path}.roster")]
        for file in files:
            os.utime(file, (0, 0))
        await until(lambda: all(time.time() - file.stat().st_mtime < 60 for file in files))


@pytest.mark.skipif(
    not (shutil.which("systemd-tmpfiles") or os.environ.get("CI")),
    reason="systemd-tmpfiles is not installed",
)
async def test_systemd_tmpfiles(settings, socket_dir, tmp_path):
    """What cleans /tmp on most machines leaves the directory of a running hub alone."""
    settings.WEBSOCKET_RUNTIME_DIR = str(socket_dir)
    address = GrpcChannelLayer().hub_address
    (tmp_path / "clean.conf").write_text(f"d {socket_dir} - - - 0\n")
    async with serving(address):
        before = set(socket_dir.glob("*/*"))
        (socket_dir / "old").touch()
        command = ["systemd-tmpfiles", "--clean", tmp_path / "clean.conf"]
        done = await asyncio.create_subprocess_exec(*command)
        assert await soon(done.wait()) == 0
        assert not (socket_dir / "old").exists()
        assert set(socket_dir.glob("*/*")) == before != set()


async def test_releases_at_one_tcp_port(settings, socket_dir, monkeypatch):
    """On TCP, too, a hub of another release stands by instead of failing."""
    settings.WEBSOCKET_RUNTIME_DIR = str(socket_dir)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    credentials = Credentials(allow_unprotected_tcp=True)
    async with contextlib.AsyncExitStack() as stack:
        async with serving(address, credentials):
            module = ModuleType("other_settings")
            module.__file__ = "/srv/app/releases/2/other_settings.py"
            monkeypatch.setitem(sys.modules, "other_settings", module)
            settings.SETTINGS_MODULE = "other_settings"
            serves = await stack.enter_async_context(standing_by(address, credentials))
            assert not serves()
        await until(serves)
    assert not list(socket_dir.iterdir())


@pytest.mark.parametrize("address", ["unix", "127.0.0.1:1"])
async def test_no_place(address, settings):
    """Where a hub can have no directory, the error is one sentence that says what moves it."""
    settings.WEBSOCKET_RUNTIME_DIR = "/proc"
    address = GrpcChannelLayer().hub_address if address == "unix" else address
    credentials = Credentials(allow_unprotected_tcp=address.startswith("127"))
    with pytest.raises(HubAddressError, match="can't be made .*set WEBSOCKET_RUNTIME_DIR") as error:
        await serve(address, credentials, ready=lambda: None, stop=asyncio.Event())
    assert "\n" not in str(error.value)


async def test_those_who_only_look(address):
    """Processes that look all the time whether a hub is there don't keep one from serving."""
    looking = asyncio.Event()
    lookers = [asyncio.create_task(_look(address, looking)) for _ in range(3)]
    for _ in range(30):
        async with serving(address):
            await until(lambda: (holder := find_holder(address)) and holder.pid == os.getpid())
    looking.set()
    await asyncio.gather(*lookers)


async def _look(address: str, looking: asyncio.Event) -> None:
    while not looking.is_set():
        await asyncio.to_thread(find_holder, address)
