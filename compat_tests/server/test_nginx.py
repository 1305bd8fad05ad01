"""Behind nginx, as it is most often set up, and as it is most often set up wrongly."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil

import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import InvalidStatus

from channels_bridge.server.proxy import Proxy
from compat_tests.clients.raw_connection import RawConnection, open_socket
from compat_tests.engine import DEADLINE, until
from compat_tests.guide.pages import block
from compat_tests.server.http.test_protocol import H2C, LENGTH, mirror
from compat_tests.server.websocket.small_applications import echo

RECOMMENDED = block("nginx.md", "nginx", "# /etc/nginx/conf.d/")

CONF = """
daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  large_client_header_buffers 4 32k;
  {recommended}
  server {{
    listen unix:{directory}/others.sock;
    location /old {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }}
    location /bare {{ proxy_pass http://127.0.0.1:{upstream}; }}
  }}
}}
"""


async def application(scope, receive, send):
    await (echo if scope["type"] == "websocket" else mirror)(scope, receive, send)


@pytest.fixture
async def nginx(serve, socket_dir):
    """An engine, and two sockets of an nginx in front of it: set up as the guide says, and not."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("nginx is not installed")
    engine = await serve(application, proxy=Proxy(trusted=("127.0.0.1",)))
    conf, good, others = (socket_dir / name for name in ("conf", "good.sock", "others.sock"))
    recommended = RECOMMENDED.replace("127.0.0.1:8000", f"127.0.0.1:{engine.port}")
    recommended = recommended.replace("listen 80;", f"listen unix:{good};")
    conf.write_text(
        CONF.format(directory=socket_dir, upstream=engine.port, recommended=recommended)
    )
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(conf), "-e", str(socket_dir / "error.log")
    )
    await until(lambda: is_served(others) or process.returncode is not None)
    assert process.returncode is None, (socket_dir / "error.log").read_text()
    yield engine, good, others
    process.terminate()
    await asyncio.wait_for(process.wait(), DEADLINE)


def is_served(path):
    """Whether somebody listens on a unix socket."""
    with contextlib.suppress(OSError), open_socket(f"unix:{path}"):
        return True
    return False


def open_websocket(path, uri, **options):
    return unix_connect(str(path), "ws://localhost" + uri, **options)


async def post(path, uri, headers=b""):
    """Send a body through nginx; returns the head of the answer, which has the body again."""
    async with RawConnection(f"unix:{path}") as client:
        lines = b"POST %b HTTP/1.1\r\nHost: a\r\n%b" % (uri, headers + LENGTH)
        answer = await client.request(lines + b"\r\nhello", until=b"\r\n\r\n")
        assert await client.read_exactly(5) == b"hello"
    return answer


async def test_nginx(nginx, caplog):
    """WebSockets pass as the guide says, and in HTTP/1.0; requests keep their bodies; idle
    connections are used again; and what nginx lacks is in the log.
    """
    engine, good, others = nginx
    for path, uri in ((good, "/"), (others, "/old")):
        async with open_websocket(path, uri) as websocket:
            await websocket.send("hello")
            assert await websocket.recv() == "hello"
    cookies = {"Cookie": "a=" + "y" * 15_000}
    async with open_websocket(good, "/", additional_headers=cookies):
        pass
    for path, uri in ((good, b"/"), (others, b"/old"), (others, b"/bare")):
        assert (await post(path, uri, H2C)).startswith(b"HTTP/1.1 200 ")
    await post(good, b"/")
    await until(lambda: len(engine.context.idle) == len(engine.context.connections) == 1)
    (kept,) = engine.context.idle
    await post(good, b"/")
    await until(lambda: engine.context.idle == {kept: None})
    assert not caplog.records
    with pytest.raises(InvalidStatus):
        async with open_websocket(others, "/bare"):
            pass
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("GET /bare [127.0.0.1:")
    assert "'proxy_set_header Upgrade $http_upgrade;'" in line
