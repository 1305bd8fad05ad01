"""Nothing that a client sends is in any log, whatever the levels are."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from functools import partial

import pytest
from websockets.exceptions import WebSocketException

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.server.websocket.protocol_logger import quiet_logger
from compat_tests.clients import raw_bytes
from compat_tests.clients.raw_connection import open_socket

QUERY, COOKIE, TOKEN, PROTOCOL, TEXT, BODY = (
    f"planted-{name}" for name in ("query", "cookie", "token", "protocol", "text", "body")
)
HEADERS = f"Host: localhost\r\nCookie: sessionid={COOKIE}\r\nAuthorization: Bearer {TOKEN}\r\n"
UPGRADE = "\r\n".join([*raw_bytes.UPGRADE, f"Sec-WebSocket-Protocol: {PROTOCOL}", ""])
frame = partial(raw_bytes.frame, mask=bytes(4))  # which leaves texts as they are


def request(line=f"GET /page?token={QUERY} HTTP/1.1", *, headers="", body=""):
    return f"{line}\r\n{HEADERS}{headers}\r\n{body}".encode()


POST = request(f"POST /page?token={QUERY} HTTP/1.1", headers="Content-Length: 12\r\n", body=BODY)
HANDSHAKE = request(headers=UPGRADE)

#: What clients send on a connection of their own: pages, handshakes, frames, and mistakes.
SENT = {
    "page": request(headers="Connection: close\r\n"),
    "body": POST.replace(b"Host", b"Connection: close\r\nHost"),
    "a page that fails": request(f"GET /fail?token={QUERY} HTTP/1.1"),
    "another protocol": POST.replace(b"Host", b"Connection: Upgrade\r\nUpgrade: h2c\r\nHost"),
    "no version": request(f"GET /?{QUERY} HTTP/9.9"),
    "no HTTP": f"{TEXT}\r\n\r\n".encode(),
    "no header": request(headers=f"{TOKEN}\r\n"),
    "a long head": request(headers=f"X: {TOKEN * 9000}\r\n"),
    "a wrong method": request(f"POST /?{QUERY} HTTP/1.1", headers=UPGRADE),
    "a wrong key": request(headers=UPGRADE.replace(raw_bytes.KEY[:4], "")),
    "a wrong origin": request(headers=UPGRADE + f"Origin: http://[{TOKEN}\r\n"),
    "a wrong version": request(headers=UPGRADE.replace("Version: 13", f"Version: {TOKEN}")),
    "a wrong extension": request(headers=f"{UPGRADE}Sec-WebSocket-Extensions: ={TOKEN}\r\n"),
    "a secret key": request(headers=UPGRADE.replace("Key: ", f"Key: {TOKEN}")),
    "a secret upgrade": request(headers=UPGRADE.replace("Upgrade: websocket", f"Upgrade: {TOKEN}")),
    "a secret connection": request(headers=UPGRADE.replace(": Upgrade", f": {TOKEN}")),
    "no upgrade": request(headers=UPGRADE.replace("Upgrade: websocket\r\n", "")),
    "an unknown coding": request(headers=f"Transfer-Encoding: {TOKEN}\r\n"),
    "a wrong length": request(headers=f"Content-Length: {TOKEN}\r\n"),
    "a secret method": request(f"{TOKEN.upper()} /?{QUERY} HTTP/1.1"),
    "a secret version": request(f"GET /?{QUERY} {TOKEN}"),
    "a wrong target": request(f"GET http://localhost:{TOKEN}/?{QUERY} HTTP/1.1"),
    "a wrong chunk": request(headers="Transfer-Encoding: chunked\r\n", body=f"{TOKEN}\r\n"),
    "a wrong host": request(headers=f"Host: {TOKEN}\r\n"),
    "a wrong protocol": request(headers=UPGRADE.replace("Protocol: ", "Protocol: =,")),
    "a handshake with a wrong header": request(headers=UPGRADE + f"{TOKEN}\r\n"),
    "a rejected handshake": request(f"GET /no?{QUERY} HTTP/1.1", headers=UPGRADE),
    "a consumer that fails": request(f"GET /fail?{QUERY} HTTP/1.1", headers=UPGRADE),
    "a ping": HANDSHAKE + frame(9, TEXT.encode()) + frame(8, b""),
    "a reason": HANDSHAKE + frame(8, b"\x03\xe8" + TEXT.encode()),
    "fragments": HANDSHAKE
    + frame(1, TEXT.encode(), fin=False)
    + frame(0, BODY.encode())
    + frame(8, b""),
    "no text": HANDSHAKE + frame(1, TEXT.encode() + b"\xff"),
    "no frame": HANDSHAKE + frame(7, TEXT.encode()),
    "a wrong close code": HANDSHAKE + frame(8, b"\x00\x01" + TEXT.encode()),
    "an unfinished message": HANDSHAKE + frame(1, TEXT.encode(), fin=False),
}


async def application(scope, receive, send):
    """Do everything that log lines are written about: fail, answer, deny, accept, echo."""
    if scope["path"] == "/fail":
        raise LookupError("a mistake of the application's own")
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})
    elif scope["path"] == "/no":
        await send({"type": "websocket.close"})
    else:
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        while (event := await receive())["type"] != "websocket.disconnect":
            if event["type"] == "websocket.receive":
                await send({**event, "type": "websocket.send"})


async def test_no_secret_is_logged(serve, caplog, monkeypatch):
    """Queries, cookies, tokens and messages are in no line, at the lowest levels and in asyncio's
    debug mode, whatever goes wrong; nor does another line say that a connection is open.
    """
    caplog.set_level(1)
    monkeypatch.setattr(Notices, "due", lambda *_: 0)  # so that each mistake has its line
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0  # each callback is too slow
    engine = await serve(application, max_message_size=100)
    for data in SENT.values():
        await asyncio.to_thread(converse, engine.port, data)
    await exchange(engine)
    await engine.idle()
    assert {record.name for record in caplog.records} >= {"channels_bridge.access", "asyncio"}
    assert "/page" in caplog.text and "/fail" in caplog.text
    planted = [line for line in caplog.text.splitlines() if "planted" in line.lower()]
    assert planted == []
    assert not [record for record in caplog.records if record.name.startswith("websockets")]
    assert "connection open" not in caplog.text


def converse(port, data):
    """Send bytes, and hear what comes until the server closes. In a thread: what asyncio says of
    the client's own part would have its bytes.
    """
    with suppress(OSError), open_socket(f"127.0.0.1:{port}") as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass


async def exchange(engine):
    """A client that behaves, compresses, and says too much in the end."""
    options = {"subprotocols": [PROTOCOL], "additional_headers": {"Cookie": COOKIE}}
    logger = logging.Logger("the client's own", logging.CRITICAL)
    async with engine.connect(f"/?{QUERY}", **options, logger=logger) as client:
        await client.send(TEXT)
        assert await client.recv() == TEXT
        await client.send(BODY.encode())
        assert await client.recv() == BODY.encode()
        await client.send(TEXT * 100)
        with pytest.raises(WebSocketException, match="1009"):
            await client.recv()


def test_an_error_of_the_engine(caplog):
    """An error in the engine itself is told with its place, not in words that quote a client."""
    try:
        raise ValueError(f"cannot parse {TOKEN}")
    except ValueError:
        quiet_logger().error("parser failed", exc_info=True)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("channels_bridge.server", "ERROR")
    assert "parser failed: ValueError" in caplog.text
    assert "test_an_error_of_the_engine" in caplog.text
    assert TOKEN not in caplog.text
