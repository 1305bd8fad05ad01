"""Absence of a hub: proof that nobody but this process can be in a group.

It is proved where nobody listens and no hub of this machine holds the lock of the address, as one
that starts or ends does. Where it can't be told from outside, because a name isn't found or a
machine doesn't answer, there may be a hub.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
from pathlib import Path
from typing import Any

from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.hub_holder import (
    hub_path,
    is_held,
    lock_path,
    open_at_once,
    open_own,
)
from channels_bridge.groups.discovery.process_liveness import (
    UNKNOWN,
    is_gone,
    is_of_earlier_boot,
    own_presence,
)

#: How long a TCP connection may take, in seconds.
CONNECT_TIMEOUT = 1

#: What says that nobody listens at a TCP address: the last two where IPv6 is turned off.
NOBODY = (errno.ECONNREFUSED, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


async def is_absent(address: Address) -> bool:
    """Whether there certainly is no hub."""
    try:
        if address.path is not None:
            return not _accepts(address.path) and not _is_locked(address)
        if not await asyncio.to_thread(address.is_of_this_machine):
            return False  # a machine elsewhere may be about to start one, for members that wait
        return await _is_refused(address.host, address.port) and not _is_locked(address)
    except OSError:  # such as too many open files
        return False


def has_left_members(address: Address) -> bool:
    """Whether a hub that has ended may have left processes with members, which wait for another."""
    left = _left_members(address)
    return left is None or bool(left)


def has_living_members(address: Address) -> bool:
    """Whether some of them certainly live."""
    return any(presence != UNKNOWN for presence in _left_members(address) or ())


def _left_members(address: Address) -> list[str] | None:
    """The presences of those that may live; None where they can't be read."""
    try:
        with open_own(Path(f"{hub_path(address)}.roster")) as file:
            presences = [presence for _, presence in json.load(file)]
        own = own_presence()
        return [each for each in presences if each != own and not _has_ended(address, each)]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _has_ended(address: Address, presence: str) -> bool:
    # Over TCP, another machine's.
    is_of_this_machine = address.path is not None
    return is_gone(presence) or (is_of_this_machine and is_of_earlier_boot(presence))


def _accepts(path: Path) -> bool:
    """Whether somebody listens, for all that is known."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        return probe.connect_ex(os.fspath(path)) not in (errno.ENOENT, errno.ECONNREFUSED)


def _is_locked(address: Address) -> bool:
    """Whether a hub of this machine has taken the place, for all that is known."""
    try:
        lock = open_at_once(lock_path(hub_path(address)))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    try:
        return is_held(lock)
    except OSError:
        return True
    finally:
        os.close(lock)


async def _is_refused(host: str, port: int) -> bool:
    """Whether nobody listens at any of the addresses that a name stands for."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for family, _, _, _, place in found:
        if not await _refuses(family, place):
            return False
    return bool(found)


async def _refuses(family: int, place: Any) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            connecting = asyncio.get_running_loop().sock_connect(probe, place)
            await asyncio.wait_for(connecting, CONNECT_TIMEOUT)
    except asyncio.TimeoutError:
        return False
    except OSError as error:
        return error.errno in NOBODY
    return False
