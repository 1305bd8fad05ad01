"""The guide's configuration of proxies passes WebSockets, pages and static files on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from websockets.asyncio.client import connect

from channels_bridge.bench.stacks.processes import free_port
from channels_bridge.server.asgi_types import Receive, Send
from channels_bridge.server.proxy import Proxy
from channels_bridge.server.websocket.asgi_scope import Scope
from compat_tests.clients.raw_connection import RawConnection, open_socket
from compat_tests.engine import DEADLINE, until
from compat_tests.guide.pages import block
from compat_tests.guide.programs import HOME, require_program

#: Whom the server is to trust, as the guide says.
PROXY = Proxy(trusted=("127.0.0.1",))
#: Of the site, in the guide.
NAME = "mysite.example.com"
#: Where a WebSocket comes from: not where the proxy is.
CLIENT = "127.0.0.2"

NGINX = """
daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  {servers}
}}
"""
#: No certificates, and nothing outside of the test's directory.
CADDY = "{{\n\tadmin off\n\tauto_https off\n\tstorage file_system {directory}\n}}\n{sites}"


def telling(name: str):
    """An application that tells each client which one it is, and what it knows of them."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        told = json.dumps([name, scope["path"], scope["client"][0], scope["scheme"]])
        await receive()
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": told})
            await receive()
            return
        headers = [(b"content-length", b"%d" % len(told))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": told.encode()})

    return application


def site(port: int) -> str:
    """What the guide recommends for nginx, in front of that port."""
    recommended = block("nginx.md", "nginx", "# /etc/nginx/conf.d/")
    return recommended.replace("127.0.0.1:8000", f"127.0.0.1:{port}")


def put_static_file(directory: Path) -> None:
    (directory / "static").mkdir()
    (directory / "static" / "site.css").write_text("body {}")


@contextlib.asynccontextmanager
async def running(command: Sequence[str], port: int, **env: str) -> AsyncIterator[None]:
    """A proxy, from when it listens on."""
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **env})
    try:
        await until(lambda: listens(port) or process.returncode is not None)
        assert process.returncode is None
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), DEADLINE)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), open_socket(f"127.0.0.1:{port}"):
        return True
    return False


def nginx(directory: Path, servers: str, port: int) -> contextlib.AbstractAsyncContextManager[None]:
    """nginx with these servers, on that port in place of 80."""
    path = directory / "nginx.conf"
    text = servers.replace("listen 80;", f"listen 127.0.0.1:{port};").replace(HOME, str(directory))
    path.write_text(NGINX.format(directory=directory, servers=text))
    error_log = str(directory / "error.log")
    return running([require_program("nginx"), "-c", str(path), "-e", error_log], port)


async def page(port: int, path: str) -> str:
    """The body of a page."""
    async with RawConnection(f"127.0.0.1:{port}") as client:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        answer = (await client.request(head.encode())).decode()
    assert answer.startswith("HTTP/1.1 200 "), answer
    return answer.partition("\r\n\r\n")[2]


async def first_message(port: int, path: str, tls: ssl.SSLContext | None = None) -> list[str]:
    """What a WebSocket is told."""
    site = f"wss://{NAME}" if tls else "ws://127.0.0.1"
    options = {"host": "127.0.0.1", "local_addr": (CLIENT, 0), "proxy": None, "ssl": tls}
    async with connect(f"{site}:{port}{path}", **options) as websocket:
        return json.loads(await asyncio.wait_for(websocket.recv(), DEADLINE))


def make_certificate(directory: Path) -> ssl.SSLContext:
    """Make the site's certificate and key, under certbot's names; returns who trusts it."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    command += ["-keyout", "privkey.pem", "-out", "fullchain.pem"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    return ssl.create_default_context(cafile=directory / "fullchain.pem")


async def test_static_files(serve, socket_dir: Path) -> None:
    """nginx serves them, and the server all else; it is told who the clients are."""
    engine, port = await serve(telling("server"), proxy=PROXY), free_port()
    put_static_file(socket_dir)
    async with nginx(socket_dir, site(engine.port), port):
        assert await page(port, "/static/site.css") == "body {}"
        assert json.loads(await page(port, "/a/")) == ["server", "/a/", "127.0.0.1", "http"]
        assert await first_message(port, "/b/") == ["server", "/b/", CLIENT, "ws"]


async def test_tls(serve, socket_dir: Path) -> None:
    """With the lines for TLS the server knows of it, and whoever comes without is sent there."""
    engine, port, secure = await serve(telling("server"), proxy=PROXY), free_port(), free_port()
    lines, redirect = block("nginx.md", "nginx", "    listen"), block("nginx.md", "nginx", "server")
    servers = site(engine.port).replace("    listen 80;\n", lines) + redirect
    servers = servers.replace("listen 443", f"listen 127.0.0.1:{secure}")
    servers = servers.replace(f"/etc/letsencrypt/live/{NAME}", str(socket_dir))
    trusting = make_certificate(socket_dir)
    async with nginx(socket_dir, servers, port):
        assert await first_message(secure, "/b/", trusting) == ["server", "/b/", CLIENT, "wss"]
        async with RawConnection(f"127.0.0.1:{port}") as client:
            head = f"GET /a/ HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n"
            answer = await client.request(head.encode())
        assert f"\r\nLocation: https://{NAME}/a/\r\n".encode() in answer


async def test_beside_gunicorn(serve, socket_dir: Path) -> None:
    """Pages go to one server, WebSockets to the other."""
    pages, websockets = await serve(telling("pages")), await serve(telling("ws"), proxy=PROXY)
    port, servers = free_port(), block("beside_gunicorn.md", "nginx")
    for theirs, engine in ((8000, pages), (8001, websockets)):
        servers = servers.replace(f"127.0.0.1:{theirs}", f"127.0.0.1:{engine.port}")
    async with nginx(socket_dir, servers, port):
        assert json.loads(await page(port, "/a/"))[:2] == ["pages", "/a/"]
        assert await first_message(port, "/ws/b/") == ["ws", "/ws/b/", CLIENT, "ws"]


async def test_caddy(serve, socket_dir: Path) -> None:
    """Caddy does the same with its own file."""
    engine, port = await serve(telling("server"), proxy=PROXY), free_port()
    put_static_file(socket_dir)
    sites = block("nginx.md", "caddy").replace("127.0.0.1:8000", f"127.0.0.1:{engine.port}")
    sites = sites.replace("mysite.example.com", f"http://127.0.0.1:{port}")
    path = socket_dir / "Caddyfile"
    path.write_text(CADDY.format(directory=socket_dir, sites=sites.replace(HOME, str(socket_dir))))
    command = [require_program("caddy"), "run", "--adapter", "caddyfile", "--config", str(path)]
    home = str(socket_dir)
    async with running(command, port, HOME=home, XDG_CONFIG_HOME=home, XDG_DATA_HOME=home):
        assert await page(port, "/static/site.css") == "body {}"
        assert json.loads(await page(port, "/a/")) == ["server", "/a/", "127.0.0.1", "http"]
        assert await first_message(port, "/b/") == ["server", "/b/", CLIENT, "ws"]
