"""Opening the sockets of all addresses that a server listens on, or none."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterable
from typing import Any

from channels_bridge.common.unix_sockets import BACKLOG, open_unix
from channels_bridge.server.bind import Bind, FdBind, TcpBind, UnixBind
from channels_bridge.server.errors import BindError
from channels_bridge.server.listening_socket import NOT_HERE, PUBLIC, Listener, explain


def listen(binds: Iterable[Bind]) -> list[Listener]:
    """Open every address, or none.

    Raises:
        BindError: one is taken, forbidden, unknown or not a listening socket.
    """
    listeners: list[Listener] = []
    try:
        for bind in binds:
            listeners.extend(_listen(bind))
    except BindError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _listen(bind: Bind) -> list[Listener]:
    match bind:
        case TcpBind():
            return _listen_tcp(bind)
        case UnixBind():
            return [_listen_unix(bind)]
        case FdBind():
            return [_listen_fd(bind)]


def _listen_tcp(bind: TcpBind) -> list[Listener]:
    """Listen on all addresses of the host name, as asyncio's ``create_server()`` does."""
    infos = _resolve(bind)
    listeners: list[Listener] = []
    port = bind.port
    for family, address in infos:
        try:
            sock = _open_tcp(family, (address[0], port, *address[2:]))
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and len(infos) > 1:
                continue  # a name for IPv4 and IPv6 on a machine without one of them
            for listener in listeners:
                listener.close()
            raise BindError(bind.text, explain(error, tcp=True)) from None
        port = sock.getsockname()[1]  # port 0 became a number: the same for each address
        listeners.append(Listener(sock))
    if not listeners:
        raise BindError(bind.text, NOT_HERE)
    return listeners


def _resolve(bind: TcpBind) -> list[tuple[int, tuple[Any, ...]]]:
    """Return each address of the host name once, of every interface where there is none."""
    try:
        infos = socket.getaddrinfo(
            bind.host or "0.0.0.0", bind.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError):
        raise BindError(
            bind.text,
            f"the host name {bind.host!r} is unknown here; correct it, or write :{bind.port} for "
            "every interface",
        ) from None
    return list(dict.fromkeys((family, address) for family, *_, address in infos))


def _open_tcp(family: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port whose last connections are in TIME_WAIT is free, for a restart.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # IPv4 has a socket of its own, which could not have the port otherwise.
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _is_listening_stream(sock: socket.socket) -> bool:
    is_stream = sock.type == socket.SOCK_STREAM
    return is_stream and bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _listen_unix(bind: UnixBind) -> Listener:
    _remove_stale(bind)
    try:
        sock = open_unix(bind.path, PUBLIC)
    except OSError as error:
        raise BindError(bind.text, explain(error)) from None
    return Listener(sock, bind.path, PUBLIC)


def _remove_stale(bind: UnixBind) -> None:
    """Remove the socket file of a server that is gone, and nothing else."""
    try:
        mode = os.stat(bind.path).st_mode
    except OSError:
        return  # nothing there; what else is wrong, bind() tells
    if stat.S_ISDIR(mode):
        raise BindError(bind.text, f"it is a directory; write {bind.text.rstrip('/')}/server.sock")
    if not stat.S_ISSOCK(mode):
        raise BindError(
            bind.text, "there is a file that is not a socket; remove it or choose another path"
        )
    _unlink_abandoned(bind)


def _unlink_abandoned(bind: UnixBind) -> None:
    """Remove a socket file that nobody listens on.

    Raises:
        BindError: somebody does, or nobody can tell.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(bind.path)
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(bind.path)
        except (TimeoutError, BlockingIOError):  # its backlog is full
            raise BindError(bind.text, "a busy server listens there; choose another path") from None
        except OSError as error:
            raise BindError(bind.text, explain(error)) from None
        else:
            raise BindError(
                bind.text, "another server listens there; stop it or choose another path"
            )


def _listen_fd(bind: FdBind) -> Listener:
    try:
        sock = socket.socket(fileno=bind.fd)
    except OSError as error:
        raise BindError(
            bind.text,
            f"it is not an open socket ({os.strerror(error.errno or 0)}); let what starts the "
            "server pass one, or write HOST:PORT",
        ) from None
    if not _is_listening_stream(sock):
        sock.detach()  # it isn't ours to close
        raise BindError(bind.text, "it is not a listening stream socket; pass one that listens")
    return Listener(sock)
