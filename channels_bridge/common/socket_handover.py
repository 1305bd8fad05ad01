"""Giving a connected socket to an event loop for good: only one of the two may close it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from typing import Any, TypeVar

Made = TypeVar("Made", bound=asyncio.Protocol)


async def hand_over(sock: socket.socket, make: Callable[[], Made], **options: Any) -> Made:
    """Make a transport of a socket, and return its protocol.

    The socket is the loop's from now on, whatever comes of it. Who closed it because this was
    cancelled would leave a transport of asyncio's that waits for the number of the descriptor,
    which is another one's soon. And a socket doesn't know that uvloop has closed it: in the end it
    would close another one.

    Args:
        make: makes the protocol.
        options: of the loop's ``create_connection``, such as ``ssl``.

    Raises:
        OSError: the handshake has failed; ``ssl.SSLError`` is one, too.
    """
    loop = asyncio.get_running_loop()
    is_local = sock.family == socket.AF_UNIX
    create: Any = loop.create_unix_connection if is_local else loop.create_connection
    inode = _inode(sock)
    try:
        _, protocol = await create(make, sock=sock, **options)
    except BaseException:
        if _inode(sock) == inode:
            with contextlib.suppress(OSError):  # it has ended already
                sock.shutdown(socket.SHUT_RDWR)  # so that its transport hears of the end
        raise
    finally:
        if _inode(sock) != inode:
            sock.detach()
    made: Made = protocol
    return made


def _inode(sock: socket.socket) -> int | None:
    """What the descriptor stands for, by a number that no other open one has; None if closed."""
    try:
        return os.fstat(sock.fileno()).st_ino
    except OSError:
        return None
