"""A TCP connection to a host that may have several addresses, within a deadline."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from channels_bridge.common.forks import keep_from_children


async def connect_tcp(host: str, port: int, patience: float) -> socket.socket:
    """Return a socket that is connected to the first of the host's addresses that lets it.

    A name may stand for several machines. One of them that has vanished says nothing: it must leave
    time for the others. The socket writes without delay, and is kept from forked children.

    Args:
        patience: seconds that all addresses have together.

    Raises:
        OSError: none of them lets it; of the last one.
    """
    loop = asyncio.get_running_loop()
    failure: OSError = OSError(f"{host} has no address")
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            # Else the other side would believe that this process lives as long as a child of it.
            keep_from_children(sock)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await _connect_within(patience / len(found), sock, address)
            return sock
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    raise failure


async def _connect_within(seconds: float, sock: socket.socket, address: Any) -> None:
    loop = asyncio.get_running_loop()
    connecting = loop.create_task(loop.sock_connect(sock, address))
    try:
        # Not wait_for(), which may forget before Python 3.12 that it was cancelled.
        await asyncio.wait([connecting], timeout=seconds)
    finally:
        connecting.cancel()
        await asyncio.wait([connecting])
        error = None if connecting.cancelled() else connecting.exception()
    if error is not None:
        raise error
    if connecting.cancelled():
        raise TimeoutError(f"{address[0]} has not answered within {seconds:g} seconds")
