"""Behind nginx, as it is most often set up, and as it is most often set up wrongly."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket

import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import InvalidStatus

from channels_bridge.server.proxy import Proxy

from ..engine import DEADLINE, until
from .test_connection import echo
from .test_http import H2C, LENGTH, mirror

CONF = """
daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  large_client_header_buffers 4 32k;
  upstream pool {{ server 127.0.0.1:{upstream}; keepalive 1; }}
  server {{
    listen unix:{directory}/nginx.sock;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    location /good {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }}
    location /old {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }}
    location /bare {{ proxy_pass http://127.0.0.1:{upstream}; }}
    location /kept {{
      proxy_pass http://pool;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""


async def application(scope, receive, send):
    await (echo if scope["type"] == "websocket" else mirror)(scope, receive, send)


@pytest.fixture
async def nginx(serve, socket_dir):
    """An engine, and the socket of an nginx in front of it."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("nginx is not installed")
    engine = await serve(application, proxy=Proxy(trusted=("127.0.0.1",)))
    conf, path = socket_dir / "nginx.conf", socket_dir / "nginx.sock"
    conf.write_text(CONF.format(directory=socket_dir, upstream=engine.port))
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(conf), "-e", str(socket_dir / "error.log")
    )
    await until(lambda: is_served(path) or process.returncode is not None)
    assert process.returncode is None, (socket_dir / "error.log").read_text()
    yield engine, path
    process.terminate()
    await asyncio.wait_for(process.wait(), DEADLINE)


def is_served(path):
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        return True
    return False


def open_websocket(path, uri, **options):
    return unix_connect(str(path), "ws://localhost" + uri, **options)


async def post(path, uri, headers=b""):
    reader, writer = await asyncio.open_unix_connection(str(path))
    lines = b"POST %b HTTP/1.1\r\nHost: a\r\n%b" % (uri, headers + LENGTH)
    writer.write(lines + b"\r\nhello")
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE)
    assert await asyncio.wait_for(reader.readexactly(5), DEADLINE) == b"hello"
    writer.close()
    await writer.wait_closed()
    return answer


async def test_nginx(nginx, caplog):
    """WebSockets pass with HTTP/1.1 and, as by default, 1.0; requests keep their bodies; idle
    connections are used again; and what nginx lacks is in the log."""
    engine, path = nginx
    for uri in ("/good", "/old"):
        async with open_websocket(path, uri) as websocket:
            await websocket.send("hello")
            assert await websocket.recv() == "hello"
    cookies = {"Cookie": "a=" + "y" * 15_000}
    async with open_websocket(path, "/good", additional_headers=cookies):
        pass
    for uri in (b"/good", b"/old", b"/bare", b"/kept"):
        assert (await post(path, uri, H2C)).startswith(b"HTTP/1.1 200 ")
    await until(lambda: len(engine.context.idle) == len(engine.context.connections) == 1)
    (kept,) = engine.context.idle
    await post(path, b"/kept")
    await until(lambda: engine.context.idle == {kept: None})
    assert not caplog.records
    with pytest.raises(InvalidStatus):
        async with open_websocket(path, "/bare"):
            pass
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("GET /bare [127.0.0.1:")
    assert "'proxy_set_header Upgrade $http_upgrade;'" in line
