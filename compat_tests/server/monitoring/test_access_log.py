"""Access log lines of pages and connections, in each format."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from channels_bridge.logs import JsonFormatter, configure_logging
from channels_bridge.server.access_format import parse_format
from channels_bridge.server.errors import StartupError
from compat_tests.servers import wait_for

ACCESS = "channels_bridge.access"


async def echo(scope, receive, send):
    """Answer every page, and deny one path to WebSockets."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})
    elif scope["path"] == "/no/":
        await send({"type": "websocket.close"})
    else:
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass


@pytest.fixture
def visit(serve, caplog):
    """Opens and closes a WebSocket, has one rejected and gets a page; returns the lines."""

    async def visit(**options):
        caplog.set_level(logging.INFO, ACCESS)
        engine = await serve(echo, **options)
        async with engine.connect("/room/?token=secret", user_agent_header="Browser"):
            pass
        await engine.idle()
        await engine.request(
            b"GET /page?token=secret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        with pytest.raises(Exception, match="403"):
            await engine.connect("/no/", user_agent_header=None).__aenter__()
        await engine.idle()
        return [record for record in caplog.records if record.name == ACCESS]

    return visit


async def test_json(visit):
    """A line is an object that has what there is to say, and no query."""
    lines = [json.loads(record.getMessage()) for record in await visit(access_log_format="json")]
    opened, closed, page, rejected = lines
    assert opened.items() >= {"event": "connect", "path": "/room/", "agent": "Browser"}.items()
    assert closed.items() >= {"event": "disconnect", "path": "/room/", "code": 1000}.items()
    assert closed["seconds"] >= 0
    assert closed["client"].startswith("127.0.0.1:")
    assert page.items() >= {"event": "http", "path": "/page", "status": 200}.items()
    assert page["method"] == "GET"
    assert rejected.items() >= {"event": "reject", "path": "/no/", "status": 403}.items()
    assert "agent" not in rejected
    assert "secret" not in json.dumps(lines)


async def test_text(visit):
    """By default a line is for people."""
    opened, closed, page, rejected = [record.getMessage() for record in await visit()]
    assert opened.startswith("WebSocket CONNECT /room/ [127.0.0.1:")
    assert "] 1000 after 0." in closed
    assert page.startswith("HTTP GET /page 200 [0.")
    assert rejected.endswith("] 403")


async def test_template(visit):
    """A template says what a line has, and what it has not is a hyphen."""
    records = await visit(access_log_format="{path} {status} {code:d} {seconds:.0f} {agent!s}")
    assert [record.getMessage() for record in records] == [
        "/room/ - - - Browser",
        "/room/ - 1000 0 Browser",
        "/page 200 - 0 -",
        "/no/ 403 - - -",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("combined", "write text, json"),
        ("{path} {cookie}", "'cookie'; its fields"),
        ("{", "{"),
        ("{path[0]}", "its fields"),
        ("{path.upper}", "its fields"),
    ],
)
def test_formats_that_are_none(text, words):
    """A format that can't be used is an error at the start, which says what can."""
    with pytest.raises(StartupError, match=words):
        parse_format(text)


async def test_user_agents_cannot_forge_lines(serve, caplog):
    """What a client says it is begins no other line, and has an end."""
    caplog.set_level(logging.INFO, ACCESS)
    engine = await serve(echo, access_log_format="{agent}")
    agent = b"\x85" + b"x" * 1000  # a new line to some
    await engine.request(
        b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: " + agent + b"\r\nConnection: close\r\n\r\n"
    )
    assert caplog.messages == ["\\x85" + "x" * 199]


async def test_formatter_for_logging(visit):
    """JsonFormatter makes lines of all records; access lines have their fields."""
    formatter = JsonFormatter()
    line = json.loads(formatter.format((await visit())[0]))
    assert (line["logger"], line["level"], line["event"]) == (ACCESS, "INFO", "connect")
    assert "message" not in line
    try:
        raise LookupError("no such room")
    except LookupError:
        record = logging.LogRecord("n", logging.ERROR, "", 1, "failed: %s", ("x",), sys.exc_info())
    line = json.loads(formatter.format(record))
    assert line["message"] == "failed: x"
    assert line["exception"].endswith("LookupError: no such room")


def test_console(site):
    """In the console, lines of JSON stand alone; no token of a client is in any line."""
    with site.connect("/echo/?token=secret", Cookie="sessionid=secret", Authorization="secret"):
        pass
    assert wait_for(lambda: '"event": "disconnect"' in site.server.log(), 20)
    lines = [line for line in site.server.log().splitlines() if line.startswith("{")]
    assert json.loads(lines[-1])["event"]
    assert "secret" not in site.server.log()


def test_a_handler_of_the_projects_own(monkeypatch):
    """Where LOGGING has a handler for the lines, they go there only."""
    package, access = logging.getLogger("channels_bridge"), logging.getLogger(ACCESS)
    for logger in (package, access):
        monkeypatch.setattr(logger, "handlers", [])
        monkeypatch.setattr(logger, "propagate", logger is access)
        monkeypatch.setattr(logger, "level", logger.level)
    handler = logging.NullHandler()
    access.addHandler(handler)
    configure_logging("json")
    assert access.handlers == [handler]
    assert len(package.handlers) == 1
