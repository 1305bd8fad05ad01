"""Hosts on a switch: network namespaces with one interface each, whose cable can be pulled."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Where ``ip netns`` has its namespaces, and where this thread's is.
NAMESPACES = Path("/run/netns")
OWN = "/proc/thread-self/ns/net"

#: Of setns(2).
CLONE_NEWNET = 0x40000000

LIBC = ctypes.CDLL(None, use_errno=True)


def require_namespaces() -> None:
    """Skip the test where there can be none; fail in CI where root runs it."""
    if os.getuid():
        pytest.skip("hosts are network namespaces, which only root can make")
    if reason := what_is_missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def what_is_missing() -> str:
    """Why root can't make network namespaces here; empty if it can."""
    if shutil.which("ip") is None:
        return "hosts need `ip`, of the package iproute2"
    name = f"cb-{uuid.uuid4().hex[:8]}"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if tried.returncode:
        return f"no network namespaces here: {tried.stderr.strip()}"
    ip("netns", "del", name)
    return ""


class Host:
    """A network namespace.

    Args:
        namespace: its name.
        address: of its interface.
        port: the name of its cable's other end, on the switch.
        switch: the namespace of that.
    """

    def __init__(self, namespace: str, address: str, port: str, switch: str) -> None:
        self.address = address
        self._namespace = namespace
        self._port = port
        self._switch = switch

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """What this thread starts, and which sockets it opens, is on this host meanwhile."""
        own = os.open(OWN, os.O_RDONLY)
        try:
            enter(NAMESPACES / self._namespace)
            try:
                yield
            finally:
                enter_descriptor(own)
        finally:
            os.close(own)

    def unplug(self) -> None:
        """Pull its cable: nobody's connections end by that."""
        ip("-n", self._switch, "link", "set", "dev", self._port, "down")

    def plug_in(self) -> None:
        ip("-n", self._switch, "link", "set", "dev", self._port, "up")


@contextlib.contextmanager
def switched(count: int) -> Iterator[list[Host]]:
    """So many hosts on one switch, until the end of the block. No way leads elsewhere."""
    name = f"cb-{uuid.uuid4().hex[:8]}"
    with contextlib.ExitStack() as stack:
        stack.enter_context(namespace(name))
        ip("-n", name, "link", "add", "switch", "type", "bridge")
        ip("-n", name, "link", "set", "switch", "up")
        hosts = []
        for number in range(1, count + 1):
            host = Host(f"{name}-{number}", f"10.77.0.{number}", f"port{number}", name)
            stack.enter_context(namespace(f"{name}-{number}"))
            connect(f"{name}-{number}", host.address, f"port{number}", name)
            hosts.append(host)
        yield hosts


def connect(namespace: str, address: str, port: str, switch: str) -> None:
    """Lay a cable from a host to a port of the switch."""
    host_end, switch_end = ["name", "eth0", "netns", namespace], ["name", port, "netns", switch]
    ip("link", "add", *host_end, "type", "veth", "peer", *switch_end)
    ip("-n", switch, "link", "set", "dev", port, "master", "switch")
    ip("-n", switch, "link", "set", "dev", port, "up")
    ip("-n", namespace, "addr", "add", f"{address}/24", "dev", "eth0")
    for interface in ("lo", "eth0"):
        ip("-n", namespace, "link", "set", "dev", interface, "up")


@contextlib.contextmanager
def namespace(name: str) -> Iterator[None]:
    ip("netns", "add", name)
    try:
        yield
    finally:
        ip("netns", "del", name)


def enter(path: Path) -> None:
    """Let this thread, and no other one, be in a namespace."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        enter_descriptor(descriptor)
    finally:
        os.close(descriptor)


def enter_descriptor(descriptor: int) -> None:
    if LIBC.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def ip(*arguments: str) -> None:
    """Run ``ip``."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
