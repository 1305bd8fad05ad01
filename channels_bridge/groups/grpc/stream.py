"""A bidirectional stream of batches between a process and the hub: the process' end of it."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

from channels_bridge.common.forks import keep_from_children
from channels_bridge.common.socket_handover import hand_over
from channels_bridge.common.tcp_connect import connect_tcp
from channels_bridge.groups.credentials import Credentials
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.grpc.call_protocol import CallProtocol
from channels_bridge.groups.grpc.frame_codec import METHOD as METHOD
from channels_bridge.groups.grpc.frame_codec import SERVICE as SERVICE
from channels_bridge.groups.grpc.http2.client_call import ClientCall
from channels_bridge.groups.grpc.http2.http2_frames import Violation
from channels_bridge.groups.grpc.stream_tls import process_context

#: How a process shows its token.
AUTHORIZATION = "authorization"

#: What it is told when the hub doesn't know it.
REFUSED = "it refuses the token: `token` must be the same in all processes' CONFIG and at the hub"

#: What it is told by a hub that doesn't know the method.
OTHER_VERSION = "it speaks another version of the protocol: use the same release for both"

#: How long all addresses of a hub on TCP may take to answer, in seconds.
CONNECT_TIMEOUT = 10.0


class StreamBroken(Exception):
    """The stream can't be opened, or has broken. The message says what happened."""


class Stream(Protocol):
    """A connection to the hub."""

    async def send(self, batch: bytes) -> None:
        """Write a batch, waiting while the hub doesn't read. Raises StreamBroken."""

    async def listen(self, take: Callable[[bytes], None]) -> None:
        """Hand on each batch as it comes; return when the hub has ended the stream.

        Raises:
            StreamBroken: it has ended otherwise.
            Exception: what ``take`` has raised, which is called for no more then.
        """

    async def aclose(self) -> None:
        """Disconnect."""


class HubStream(CallProtocol):
    """A Stream as gRPC has it, over a socket of asyncio's.

    Args:
        call: of the hub.
        has_keepalive: whether the hub may vanish without a word.
    """

    def __init__(self, call: ClientCall, *, has_keepalive: bool) -> None:
        super().__init__(call, has_keepalive=has_keepalive)
        self._call = call
        self._early: list[bytes] = []  # what came before anybody listened
        self._take: Callable[[bytes], None] = self._early.append
        self._trouble: Exception | None = None
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._closed = asyncio.Event()

    @classmethod
    async def open(cls, address: Address, credentials: Credentials) -> HubStream:
        """Connect.

        Raises:
            StreamBroken: that doesn't work.
        """
        # Also: whoever has made this socket, if not this user, isn't the hub.
        if (trouble := address.find_trouble()) is not None:
            raise StreamBroken(trouble)
        try:
            if address.path is not None:
                return await cls._open_unix(address)
            return await cls._open_tcp(address, credentials)
        except (OSError, ValueError) as error:
            raise StreamBroken(_words(error)) from error

    @classmethod
    async def _open_unix(cls, address: Address) -> HubStream:
        assert address.path is not None
        call = ClientCall(f"/{SERVICE}/{METHOD}")
        sock = _connect_unix(os.fspath(address.path))
        return await hand_over(sock, lambda: cls(call, has_keepalive=False))

    @classmethod
    async def _open_tcp(cls, address: Address, credentials: Credentials) -> HubStream:
        tls = process_context(credentials) if credentials.uses_tls else None
        call = ClientCall(
            f"/{SERVICE}/{METHOD}",
            [(key.encode(), value.encode()) for key, value in authorization(credentials)],
            scheme="https" if tls else "http",
            authority=str(address),
        )
        return await hand_over(
            await connect_tcp(address.host, address.port, CONNECT_TIMEOUT),
            lambda: cls(call, has_keepalive=True),
            ssl=tls,
            server_hostname=address.host if tls else None,
            ssl_handshake_timeout=CONNECT_TIMEOUT if tls else None,
        )

    async def send(self, batch: bytes) -> None:
        if self._ended.done():
            raise self._trouble or StreamBroken("the hub has ended the connection")
        self.write(batch)
        if self.is_blocked:
            await self.room()

    async def listen(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        for batch in self._early:
            self.took(batch)
        self._early.clear()
        await self._ended
        if self._trouble is not None:
            raise self._trouble

    async def aclose(self) -> None:
        if self.is_open:
            self._call.cancel()
            self.flush()
            self.abort()
            await self._closed.wait()

    # What has come.

    def took(self, message: bytes) -> None:
        if self._ended.done():
            return
        try:
            self._take(message)
        except Exception as error:
            self._end(error)

    def over(self) -> None:
        if not self._call.has_failed:
            self._end(None)
        elif self._call.is_unknown:
            self._end(StreamBroken(OTHER_VERSION))
        else:
            said = self._call.reason or f"gRPC's status {self._call.status}"
            self._end(StreamBroken(said))

    def violated(self, violation: Violation) -> None:
        self._end(StreamBroken(str(violation)))

    def lost(self, error: BaseException | None) -> None:
        said = _words(error) if error is not None else "the hub has closed the connection"
        self._end(StreamBroken(said))
        self._closed.set()

    def _end(self, trouble: Exception | None) -> None:
        if not self._ended.done():
            self._trouble = trouble
            self._ended.set_result(None)


def authorization(credentials: Credentials) -> list[tuple[str, str]]:
    """Return the metadata by which a process shows its token. Raises ValueError."""
    token = credentials.read_token()
    return [(AUTHORIZATION, f"Bearer {token}")] if token else []


def _connect_unix(path: str) -> socket.socket:
    """Return a socket that is connected. Raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        keep_from_children(sock)
        sock.setblocking(False)
        sock.connect(path)  # at once, or never
    except BlockingIOError:
        sock.close()
        raise ConnectionRefusedError("the hub is too busy to take another connection") from None
    except BaseException:
        sock.close()
        raise
    return sock


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate isn't trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {str(error.reason or error).replace('_', ' ').lower()}"
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or str(error) or type(error).__name__
