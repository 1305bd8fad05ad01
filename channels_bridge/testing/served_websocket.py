"""Clients of the engine in a test's own event loop, with the methods of Channels' communicator.

Consumers run as in a server's worker, on its run loop, behind a real connection: with handshakes,
close codes, limits and backpressure. There is no port: client and engine share a pair of sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import string
from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from channels_bridge import conf
from channels_bridge.groups import aclose_all
from channels_bridge.groups.home import home_loop
from channels_bridge.resume.negotiation import Negotiation
from channels_bridge.runloop import consumer_loop
from channels_bridge.server.asgi_types import Application, Event, Receive, Send
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.http.first_request import make_protocol_factory
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.worker.serving import shutdown

#: Seconds to wait for what a test expects.
DEADLINE = 10.0

#: The close code of a connection whose application failed (RFC 6455, 7.4.1).
FAILURE = 1011

#: Nothing that a test would only wait for, or find in its logs.
_CONFIG = ServerConfig(
    application="",
    http=False,
    access_log=False,
    ping_interval=0,
    shutdown_timeout=2,
    close_timeout=2,
)


class ServedWebsockets:
    """Makes clients in one test, and cleans up after them.

    The first one makes the running loop the home of groups, as a worker does: channel layers begin
    anew, so what the test itself puts into groups comes after it.
    """

    def __init__(self) -> None:
        self._made: list[ServedWebsocket] = []
        self._guard: asyncio.Task[None] | None = None

    def __call__(
        self,
        application: Application,
        path: str,
        headers: Iterable[tuple[bytes, bytes]] = (),
        subprotocols: Iterable[str] = (),
    ) -> ServedWebsocket:
        """Make a client of an application; it is connected by its ``connect()``.

        Args:
            application: a consumer's ``as_asgi()``, or whatever stands around it.
            path: with the query, if any.
            headers: of the handshake.
            subprotocols: those that the client offers.

        Raises:
            RuntimeError: no event loop of asyncio runs here.
        """
        if self._guard is None:
            self._guard = _claim_loop().create_task(self._clean_up_at_the_end())
            consumer_loop.install(shares_handlers=conf.shared_handlers())
        made = ServedWebsocket(application, path, headers, subprotocols)
        self._made.append(made)
        return made

    def end(self) -> None:
        """Cut off whoever is connected, and give up the loop; called when it doesn't run."""
        if self._guard is None:
            return
        loop = self._guard.get_loop()
        if not loop.is_closed():
            self._guard.cancel()
            loop.run_until_complete(self._guard)
        home_loop.release()

    async def _clean_up_at_the_end(self) -> None:
        """Wait to be cancelled: by ``end()``, or with all tasks where the loop ends before."""
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()
        for made in self._made:
            await made.abandon()
        await aclose_all()


def _claim_loop() -> asyncio.AbstractEventLoop:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "channels_communicator is for tests that run on an event loop of asyncio: write an "
            "async test, with pytest-asyncio or anyio's asyncio backend"
        ) from None
    home_loop.claim()
    return loop


class ServedWebsocket:
    """A client of an application that the engine serves.

    Its methods are those of ``channels.testing.WebsocketCommunicator``, from the other end of a
    connection: a refusal is an HTTP status.

    Attributes:
        scope: what is put into the connection's scope before the application sees it, such as
            ``scope["user"]``; once connected, the scope.
        response_headers: of the handshake's answer; None before.
    """

    def __init__(
        self,
        application: Application,
        path: str,
        headers: Iterable[tuple[bytes, bytes]],
        subprotocols: Iterable[str],
    ) -> None:
        self.scope: dict[str, Any] = {}
        self.response_headers: list[tuple[bytes, bytes]] | None = None
        self._application = application
        self._path = quote("/" + path.removeprefix("/"), safe=string.punctuation)
        self._headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers
        ]
        self._subprotocols = [Subprotocol(name) for name in subprotocols]
        self._context = Context(Negotiation(self._run), _CONFIG, {}, lambda: None)
        self._client: ClientConnection | None = None
        self._reading: asyncio.Task[Event] | None = None
        self._error: Exception | None = None

    async def connect(self, timeout: float = DEADLINE) -> tuple[bool, str | int | None]:
        """Shake hands.

        Returns:
            True and the subprotocol, or False and the HTTP status that the client was refused with.

        Raises:
            TimeoutError: the application doesn't decide within ``timeout`` seconds.
            Exception: what the application raised instead.
        """
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(make_protocol_factory(self._context), theirs)
        try:
            self._client = await self._shake_hands(ours, timeout)
        except InvalidStatus as refused:
            if refused.response.status_code >= 500:
                await self._see_error(timeout)
            self._keep_headers(refused.response.headers)
            return False, refused.response.status_code
        response = self._client.response
        assert response is not None
        self._keep_headers(response.headers)
        return True, self._client.subprotocol

    async def send_to(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Send a message: either text or bytes."""
        assert (text_data is None) != (bytes_data is None), "send either text_data or bytes_data"
        await self._connected.send(
            cast("str | bytes", bytes_data if text_data is None else text_data)
        )

    async def send_json_to(self, data: Any) -> None:
        """Send text with JSON."""
        await self.send_to(text_data=json.dumps(data))

    async def receive_output(self, timeout: float = DEADLINE) -> Event:
        """Wait for a message or the connection's end.

        Returns:
            ``websocket.send`` with ``text`` or ``bytes``, or ``websocket.close`` with ``code`` and
            ``reason``, as applications send them.

        Raises:
            TimeoutError: nothing came within ``timeout`` seconds.
            Exception: what the application raised.
        """
        reading = self._read_ahead()
        done, _ = await asyncio.wait([reading], timeout=timeout)
        if not done:
            raise asyncio.TimeoutError(f"nothing came within {timeout} seconds")
        self._reading = None
        event = reading.result()
        if event["type"] == "websocket.close" and event["code"] == FAILURE:
            await self._see_error(timeout)
        return event

    async def receive_from(self, timeout: float = DEADLINE) -> str | bytes:
        """Wait for a message; a connection that is closed instead is a failure."""
        event = await self.receive_output(timeout)
        kind = event["type"]
        assert kind == "websocket.send", f"Expected type 'websocket.send', but was {event}"
        return cast("str | bytes", event["text"] if "text" in event else event["bytes"])

    async def receive_json_from(self, timeout: float = DEADLINE) -> Any:
        """Wait for a text message, and read it as JSON."""
        text = await self.receive_from(timeout)
        assert isinstance(text, str), f"JSON data is not a text frame, it is {type(text)}"
        return json.loads(text)

    async def receive_nothing(self, timeout: float = 0.1, interval: float = 0.01) -> bool:
        """Whether nothing comes within ``timeout`` seconds; what comes can still be received."""
        done, _ = await asyncio.wait([self._read_ahead()], timeout=timeout)
        return not done

    async def disconnect(self, code: int = 1000, timeout: float = DEADLINE) -> None:
        """Close the connection, and wait until the application has returned.

        Raises:
            TimeoutError: it doesn't within ``timeout`` seconds.
            Exception: what it raised, unless that was raised before.
        """
        if self._client is not None:
            await self._client.close(code)
        await self.wait(timeout)

    async def wait(self, timeout: float = DEADLINE) -> None:
        """Wait until the application has returned; see ``disconnect()``."""
        if self._context.tasks:
            _, running = await asyncio.wait(self._context.tasks, timeout=timeout)
            if running:
                raise asyncio.TimeoutError(f"the application runs after {timeout} seconds")
        self._raise_error()

    async def _see_error(self, timeout: float) -> None:
        """Raise what the application raised; the client hears of it before it has come that far."""
        if self._context.tasks:
            await asyncio.wait(self._context.tasks, timeout=timeout)
        self._raise_error()

    async def abandon(self) -> None:
        """Cut the connection off, if there is one, and end the application."""
        if self._reading is not None:
            self._reading.cancel()
        if self._client is not None:
            self._client.transport.abort()
        await shutdown(self._context)

    async def _run(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        scope.update(self.scope)
        self.scope = scope
        try:
            await self._application(scope, receive, send)
        except Exception as error:
            self._error = error
            raise

    async def _shake_hands(self, sock: socket.socket, timeout: float) -> ClientConnection:
        headers = [header for header in self._headers if header[0].lower() != "host"]
        hosts = [value for name, value in self._headers if name.lower() == "host"]
        return await connect(
            f"ws://{hosts[-1] if hosts else 'testserver'}{self._path}",
            sock=sock,
            additional_headers=headers,
            subprotocols=self._subprotocols or None,
            open_timeout=timeout,
            close_timeout=DEADLINE,
            ping_interval=None,
            max_size=None,
            proxy=None,
            user_agent_header=None,
        )

    @property
    def _connected(self) -> ClientConnection:
        assert self._client is not None, "call connect() first"
        return self._client

    def _keep_headers(self, headers: Any) -> None:
        self.response_headers = [
            (name.lower().encode(), value.encode()) for name, value in headers.raw_items()
        ]

    def _read_ahead(self) -> asyncio.Task[Event]:
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read())
        return self._reading

    async def _read(self) -> Event:
        try:
            data = await self._connected.recv()
        except ConnectionClosed:
            closed = self._connected
            return {
                "type": "websocket.close",
                "code": closed.close_code,
                "reason": closed.close_reason,
            }
        return {"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data}

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error
