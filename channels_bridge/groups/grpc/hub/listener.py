"""The hub's listener: address, limits, TLS and token.

Whoever has no token, or the wrong one, is turned away before anything that it says is read; whoever
has no certificate where one is asked for doesn't get through the handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hmac
import logging
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple

from channels_bridge.common.forks import keep_from_children
from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.common.unix_sockets import BACKLOG, open_unix
from channels_bridge.exceptions import HubAddressError
from channels_bridge.groups.credentials import Credentials
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.grpc.hub import hub_connection
from channels_bridge.groups.grpc.hub.hub_connection import HubConnection
from channels_bridge.groups.grpc.stream import AUTHORIZATION, authorization
from channels_bridge.groups.grpc.stream_tls import hub_context

logger = logging.getLogger("channels_bridge.groups")

#: Each process has one, and a second one if its threads publish by themselves.
MAX_CONNECTIONS = 4096

#: Those with TLS that haven't said yet who they are, at a time; others wait. Each takes a third of
#: a MiB, which asyncio has for each of them, so that strangers could fill the memory.
MAX_STRANGERS = 256

#: Connections that are accepted at a time, so that they don't keep the others waiting.
AT_ONCE = 64

#: Seconds until the next try when no descriptor is left. Meanwhile connections wait in the backlog.
PAUSE = 0.1

#: What says that an address of a host's isn't one here, such as IPv6 where that is turned off.
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class TokenCheck:
    """The check of the token by which a process shows that it is one of the project's.

    Args:
        credentials: what the hub asks for.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._expected = [value.encode() for _, value in authorization(credentials)]
        self._notices = Notices(logger)

    def admits(self, connection: HubConnection) -> bool:
        """Whether the process at the other end has shown the token, if there is one."""
        shown = connection.call.metadata(AUTHORIZATION.encode())
        if not self._expected or (len(shown) == 1 and self._is_expected(shown[0])):
            return True
        problem = "a wrong token" if shown else "no token"
        self._notices.warn(problem, "%s is refused: it showed %s", connection.peer, problem)
        return False

    def _is_expected(self, shown: bytes) -> bool:
        return hmac.compare_digest(shown, self._expected[0])


class _Accepted(NamedTuple):
    """One that is connected, or shaking hands."""

    connection: HubConnection
    sock: socket.socket


class HubListener:
    """Listens at the hub's address.

    Args:
        address: where.
        credentials: the certificate that it shows, and those that it asks for.
        welcome: called with each connection, before anything is read from it.
    """

    def __init__(
        self, address: Address, credentials: Credentials, welcome: Callable[[HubConnection], None]
    ) -> None:
        self._address = address
        self._credentials = credentials
        self._welcome = welcome
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._accepted: dict[asyncio.Task[None], _Accepted] = {}
        self._pause: asyncio.TimerHandle | None = None
        self._strangers = asyncio.Semaphore(MAX_STRANGERS)
        self._notices = Notices(logger)

    async def open(self) -> None:
        """Listen.

        Raises:
            HubAddressError: that can't be done.
        """
        try:
            self._tls = hub_context(self._credentials)
            self._sockets = await _open(self._address)
        except OSError as error:
            raise HubAddressError(str(self._address), _explain(error)) from None
        except ValueError as error:
            raise HubAddressError(str(self._address), str(error)) from None
        keep_from_children(*self._sockets)
        self._listen()

    async def aclose(self, status: int, reason: str, timeout: float) -> None:
        """Listen no more, and end all calls: it may take ``timeout`` seconds to tell them."""
        self._stop()
        for sock in self._sockets:
            sock.close()
        for accepted in self._accepted.values():
            if accepted.connection.is_open:
                accepted.connection.close(status, reason)
            else:  # Cancelled while it is shaking hands, asyncio might leave it open.
                with contextlib.suppress(OSError):
                    accepted.sock.shutdown(socket.SHUT_RDWR)
        if self._accepted:
            await asyncio.wait(list(self._accepted), timeout=timeout)

    def _listen(self) -> None:
        self._pause = None
        for sock in self._sockets:
            self._loop.add_reader(sock, self._accept, sock)

    def _stop(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        for sock in self._sockets:
            self._loop.remove_reader(sock)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, peer = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # such as too many open files
                self._notices.warn("accept", "the groups hub can't accept: %s", error.strerror)
                self._stop()
                self._pause = self._loop.call_later(PAUSE, self._listen)
                return
            self._let_in(sock, peer)

    def _let_in(self, sock: socket.socket, peer: Any) -> None:
        if len(self._accepted) >= MAX_CONNECTIONS:
            self._notices.warn("full", "%d connections are open: no more", MAX_CONNECTIONS)
            sock.close()
            return
        # Else a process would believe that the hub lives as long as any child of it does.
        keep_from_children(sock)
        is_local = self._address.path is not None
        name = "a process" if is_local else f"{peer[0]}:{peer[1]}"
        connection = HubConnection(name, is_local=is_local)
        self._welcome(connection)
        serving = self._loop.create_task(self._serve(sock, connection))
        self._accepted[serving] = _Accepted(connection, sock)
        serving.add_done_callback(self._accepted.pop)

    async def _serve(self, sock: socket.socket, connection: HubConnection) -> None:
        """Let it in, and wait for its end."""
        if self._tls is None:
            await self._connect(sock, connection)
        else:
            async with self._strangers:
                await self._connect(sock, connection, self._tls, hub_connection.HANDSHAKE_TIMEOUT)
                if connection.is_open:
                    await connection.introduced.wait()
        if connection.is_open:
            await connection.closed.wait()

    async def _connect(
        self,
        sock: socket.socket,
        connection: HubConnection,
        tls: ssl.SSLContext | None = None,
        patience: float | None = None,
    ) -> None:
        """Shake hands; the connection isn't open if that fails."""
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection, sock, ssl=tls, ssl_handshake_timeout=patience
            )
        except OSError:  # ssl.SSLError is one: a stranger, who could fill the log
            sock.close()


async def _open(address: Address) -> list[socket.socket]:
    """Return the sockets of an address. Raises OSError."""
    if address.path is not None:
        sock = open_unix(os.fspath(address.path), 0o600)
        sock.setblocking(False)
        return [sock]
    found = await asyncio.get_running_loop().getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    places = list(dict.fromkeys((family, place) for family, _, _, _, place in found))
    with contextlib.ExitStack() as opened:
        sockets = []
        for family, place in places:
            try:
                sock = _open_tcp(family, place, is_alone=len(places) == 1)
                sockets.append(opened.enter_context(sock))
            except OSError as error:
                if error.errno not in _NOT_HERE or len(places) == 1:
                    raise
        opened.pop_all()
    return sockets


def _open_tcp(family: int, place: Any, *, is_alone: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port whose last connections are in TIME_WAIT is free, for a restart.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # [::] is for IPv4, too, as gRPC has it; but a socket of IPv4's own couldn't have the port.
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not is_alone)
        sock.setblocking(False)
        sock.bind(place)
        sock.listen(BACKLOG)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # for all that it accepts
    except OSError:
        sock.close()
        raise
    return sock


def _explain(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno in (errno.EADDRINUSE, *_NOT_HERE):
        return (
            "the address is in use, or is not an address of this machine: stop what listens there, "
            "or choose another one"
        )
    return error.strerror or str(error)
