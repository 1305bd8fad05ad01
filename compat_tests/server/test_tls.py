"""TLS on the server's own port."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import pickle
import shutil
import ssl
import subprocess

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage
from websockets.sync.client import connect as sync_connect

from channels_bridge.server import tls
from channels_bridge.server.errors import StartupError
from channels_bridge.server.tls import Certificate, RenewedCertificate
from compat_tests.engine import DEADLINE, Script
from compat_tests.parity.site import PROJECT as SAMPLE
from compat_tests.server.websocket.small_applications import echo
from compat_tests.servers import wait_for, websockets_server


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A certificate for localhost and its key; a key with a password; a key of another."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("mine", "other"):
        subject = ["-x509", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        out = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
        openssl(folder, "req", *subject, "-newkey", "rsa:2048", "-nodes", "-days", "2", *out)
    openssl(folder, "rsa", "-aes256", "-in", "mine.key", "-out", "locked.key", "-passout", "pass:x")
    (folder / "text.pem").write_text("no certificate")
    return folder


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def certificate(files, certfile="mine.pem", keyfile="mine.key", password=None):
    return Certificate(str(files / certfile), str(files / keyfile), password)


# Python 3.10 takes a TLS transport that its peer has closed for one that nobody has.
@pytest.mark.filterwarnings("ignore:unclosed transport <asyncio.sslproto:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in.*SSLProtocolTransport")
@pytest.mark.parametrize(("keyfile", "password"), [("mine.key", None), ("locked.key", "x")])
async def test_wss(serve, files, keyfile, password):
    """A WebSocket over TLS; the scope says wss."""
    app = Script(echo)
    context = certificate(files, keyfile=keyfile, password=password).load()
    engine = await serve(app, ssl=context)
    await exchange(engine.port, ssl.create_default_context(cafile=files / "mine.pem"))
    assert (await app.finished())[-1]["code"] == 1000
    assert app.scope["scheme"] == "wss"
    gc.collect()  # so that the transport's warning comes here, and not in a later test


async def exchange(port, context):
    """Send a large message over TLS, and get it back."""
    options = {"host": "127.0.0.1", "ssl": context, "proxy": None}
    async with connect(f"wss://localhost:{port}/", **options) as websocket:
        await websocket.send("a" * 100_000)
        assert await asyncio.wait_for(websocket.recv(), DEADLINE) == "a" * 100_000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"certfile": "missing.pem"}, "missing.pem: No such file .*; name a PEM file"),
        ({"keyfile": "missing.key"}, "missing.key: No such file .*; name a PEM file"),
        ({"keyfile": "."}, "Is a directory; name a PEM file that this user may read"),
        ({"certfile": "text.pem"}, "give a PEM chain"),
        ({"keyfile": "other.key"}, "KEY_VALUES_MISMATCH"),
        ({"keyfile": "locked.key"}, "the key's password"),
        ({"keyfile": "locked.key", "password": "y"}, "the key's password"),
    ],
)
def test_mistakes(files, options, words):
    """A certificate that can't be used is named, with what to give instead."""
    with pytest.raises(StartupError, match=words) as raised:
        certificate(files, **options).load()
    assert "\n" not in str(raised.value)


def test_a_certificate_can_be_passed_to_a_worker(files):
    """What a worker is spawned with can be pickled."""
    assert pickle.loads(pickle.dumps(certificate(files))) == certificate(files)


@pytest.fixture
def server(files, tmp_path):
    """A server with TLS, whose files the test may replace; nothing else is in their folder."""
    replace(tmp_path, files, "mine")
    arguments = ["--ssl-certfile", f"{tmp_path}/site.pem", "--ssl-keyfile", f"{tmp_path}/site.key"]
    env = {"SAMPLE_APPS": "channels_bridge", "SAMPLE_EVENTS": str(tmp_path / "events")}
    with websockets_server(SAMPLE, arguments=arguments, env=env) as running:
        yield running


def replace(folder, files, name):
    """Put a certificate and its key in the place of what is there, as certbot does."""
    for ending in ("key", "pem"):
        shutil.copy(files / f"{name}.{ending}", folder / "new")
        os.replace(folder / "new", folder / f"site.{ending}")


def served(server):
    """The certificate that a handshake gets, as in its file."""
    return ssl.get_server_certificate(("127.0.0.1", server.port), timeout=DEADLINE)


def test_a_certificate_is_renewed_without_a_restart(server, files, tmp_path):
    """New files hold for new handshakes, connections stay; unusable files change nothing."""
    mine, other = (files / "mine.pem").read_text(), (files / "other.pem").read_text()
    url = f"wss://localhost:{server.port}/echo/"
    trusting = ssl.create_default_context(cafile=files / "mine.pem")
    options = {"ssl": trusting, "proxy": None, "origin": "https://localhost"}
    with sync_connect(url, **options) as websocket:
        assert served(server) == mine
        (tmp_path / "site.pem").write_text("no certificate")
        assert wait_for(lambda: served(server) == mine and "stays in use" in server.log(), 30)
        replace(tmp_path, files, "other")
        assert wait_for(lambda: served(server) == other, 30)
        websocket.send("still here")
        assert websocket.recv(DEADLINE) == "still here"
    assert "Traceback" not in server.log()
    assert server.log().count("the previous certificate stays in use") == 1


def test_a_client_without_tls(server):
    """Who writes ws:// is dropped, and the log says what to write."""
    with pytest.raises((OSError, InvalidMessage)):
        sync_connect(f"ws://localhost:{server.port}/echo/", proxy=None)
    server.wait_for_log("a request came without TLS, which this server asks for")


def test_a_renewal_that_is_seen_halfway(files, tmp_path, monkeypatch, caplog):
    """A new chain whose key is not there yet does no harm; both are used once they fit."""
    caplog.set_level(logging.INFO, "channels_bridge.server")
    monkeypatch.setattr(tls, "INTERVAL", 0)
    replace(tmp_path, files, "mine")
    renewed = RenewedCertificate(certificate(tmp_path, "site.pem", "site.key"))
    first = renewed.context()
    assert renewed.context() is first
    shutil.copy(files / "other.pem", tmp_path / "site.pem")
    assert renewed.context() is first and renewed.context() is first
    shutil.copy(files / "other.key", tmp_path / "site.key")
    second = renewed.context()
    assert second is not first
    (tmp_path / "site.key").unlink()
    assert renewed.context() is second
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO", "ERROR"]
